"""REST: tests, limits, what is due, alerts."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response

from mammoqa.service.access import Physicist, ServiceDep, Technologist, Viewer
from mammoqa.service.rest.shapes import (
    ANSWERS,
    AlertActIn,
    Before,
    LimitIn,
    Number,
    Page,
    PageSize,
    TestIn,
    UnitsIn,
    paged,
)
from mammoqa.store import alerts, audit, programme

ROUTER = APIRouter(tags=["programme"], responses=ANSWERS)


@ROUTER.get("/tests")
def qc_tests(service: ServiceDep, _who: Viewer) -> Page:
    """Every test with its limits and units."""
    return Page(items=list(programme.qc_tests(service.store)))


@ROUTER.get("/tests/{test_id}")
def qc_test(service: ServiceDep, _who: Viewer, test_id: Number) -> programme.QcTest:
    """One test."""
    return programme.qc_test(service.store, test_id)


@ROUTER.post("/tests", status_code=201)
def add_test(service: ServiceDep, who: Physicist, given: TestIn) -> programme.QcTest:
    """Add a test."""
    number = programme.put_test(service.store, None, **given.model_dump())
    audit.add(service.store, who.account.label, "test", f"test {number}", **given.model_dump())
    return programme.qc_test(service.store, number)


@ROUTER.put("/tests/{test_id}")
def change_test(service: ServiceDep, who: Physicist, test_id: Number, given: TestIn) -> programme.QcTest:
    """Change a test."""
    programme.put_test(service.store, test_id, **given.model_dump())
    audit.add(service.store, who.account.label, "test", f"test {test_id}", **given.model_dump())
    return programme.qc_test(service.store, test_id)


@ROUTER.post("/tests/{test_id}/limits", status_code=201)
def put_limit(service: ServiceDep, who: Physicist, test_id: Number, given: LimitIn) -> programme.QcTest:
    """Set the levels of a metric."""
    programme.put_limit(service.store, test_id, programme.Limit(0, **given.model_dump()))
    audit.add(service.store, who.account.label, "limit", f"test {test_id}", **given.model_dump())
    return programme.qc_test(service.store, test_id)


@ROUTER.delete("/tests/{test_id}/limits/{limit_id}", status_code=204)
def remove_limit(service: ServiceDep, who: Physicist, test_id: Number, limit_id: Number) -> Response:
    """Take a limit away."""
    programme.remove_limit(service.store, test_id, limit_id)
    audit.add(service.store, who.account.label, "limit removed", f"test {test_id}", limit=limit_id)
    return Response(status_code=204)


@ROUTER.put("/tests/{test_id}/units")
def assign(service: ServiceDep, who: Physicist, test_id: Number, given: UnitsIn) -> programme.QcTest:
    """Choose the units that have to do a test."""
    programme.assign(service.store, test_id, given.units, given.starts_on or date.today())
    audit.add(service.store, who.account.label, "units assigned", f"test {test_id}", units=given.units)
    return programme.qc_test(service.store, test_id)


@ROUTER.get("/due")
def due(service: ServiceDep, _who: Viewer) -> Page:
    """What is due in the whole fleet, the most urgent first."""
    return Page(items=list(programme.due(service.store, date.today())))


@ROUTER.get("/alerts")
def all_alerts(
    service: ServiceDep,
    _who: Viewer,
    state: Annotated[str, Query(pattern="^(open|acknowledged|resolved|)$")] = "",
    before: Before = None,
    limit: PageSize = 50,
) -> Page:
    """Alerts, newest first."""
    states = [state] if state else []
    return paged(alerts.alerts(service.store, *states, limit=limit + 1, before=before), limit)


@ROUTER.get("/alerts/{alert_id}")
def one_alert(service: ServiceDep, _who: Viewer, alert_id: Number) -> dict[str, object]:
    """One alert with what was done about it."""
    found, notes = alerts.alert(service.store, alert_id)
    return {"alert": found, "notes": notes}


@ROUTER.post("/alerts/{alert_id}/acts", status_code=201)
def act(service: ServiceDep, who: Technologist, alert_id: Number, given: AlertActIn) -> alerts.Alert:
    """Acknowledge, comment, assign, resolve or reopen an alert."""
    return alerts.act(service.store, alert_id, given.kind, given.text, who.account.label)
