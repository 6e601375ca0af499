"""The protocol editor: tests, their limits with sources, and the units that have to do them."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from mammoqa.phantoms import PHANTOMS
from mammoqa.service import spoken
from mammoqa.service.access import Physicist, ServiceDep, Viewer
from mammoqa.service.rendering import page
from mammoqa.store import audit, fleet, people, programme

ROUTER = APIRouter()


@ROUTER.get("/protocols")
def protocols(request: Request, service: ServiceDep, who: Viewer) -> Response:
    """Every test, and what is due."""
    units = {u.id: u for u in fleet.fleet(service.store, retired=True)}
    return page(
        request,
        "protocols.html",
        who,
        tests=programme.qc_tests(service.store),
        due=[d for d in programme.due(service.store, date.today()) if d.state != "ok"],
        units=units,
        phantoms=PHANTOMS,
        roles=people.ROLES,
    )


@ROUTER.get("/protocols/{test_id}")
def protocol(request: Request, service: ServiceDep, who: Viewer, test_id: int) -> Response:
    """One test with its limits and units."""
    test = programme.qc_test(service.store, test_id)
    units = fleet.fleet(service.store)
    known = {m for unit in units for m in fleet.metrics_of(service.store, unit.id).get(test.phantom, ())}
    phantom = PHANTOMS.get(test.phantom)
    criteria = [c.name for c in phantom.criteria] if phantom else []
    return page(
        request,
        "protocol.html",
        who,
        test=test,
        units=units,
        phantoms=PHANTOMS,
        roles=people.ROLES,
        kinds=spoken.LIMIT_KINDS,
        metrics=sorted({*known, *criteria}),
    )


@ROUTER.post("/protocols")
def put(
    service: ServiceDep,
    who: Physicist,
    name: Annotated[str, Form(max_length=200)],
    phantom: Annotated[str, Form(max_length=64)],
    every_days: Annotated[int, Form()],
    grace_days: Annotated[int, Form()] = 0,
    performer: Annotated[str, Form(max_length=32)] = "technologist",
    source: Annotated[str, Form(max_length=2000)] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
    active: Annotated[bool, Form()] = False,
    test_id: Annotated[int | None, Form()] = None,
) -> Response:
    """Add a test, or change one."""
    number = programme.put_test(
        service.store,
        test_id,
        name=name,
        phantom=phantom,
        every_days=every_days,
        grace_days=grace_days,
        performer=performer,
        source=source,
        note=note,
        active=active or test_id is None,
    )
    details = {"name": name, "phantom": phantom, "every_days": every_days, "grace_days": grace_days}
    audit.add(service.store, who.account.label, "test", f"test {number}", **details)
    return RedirectResponse(f"/protocols/{number}", 303)


@ROUTER.post("/protocols/{test_id}/limits")
def put_limit(
    service: ServiceDep,
    who: Physicist,
    test_id: int,
    metric: Annotated[str, Form(max_length=100)],
    kind: Annotated[str, Form(max_length=16)],
    source: Annotated[str, Form(max_length=2000)],
    tolerance_low: Annotated[str, Form(max_length=30)] = "",
    tolerance_high: Annotated[str, Form(max_length=30)] = "",
    action_low: Annotated[str, Form(max_length=30)] = "",
    action_high: Annotated[str, Form(max_length=30)] = "",
) -> Response:
    """Set the levels of a metric."""
    low, high, least, most = (_number(text) for text in (tolerance_low, tolerance_high, action_low, action_high))
    programme.put_limit(service.store, test_id, programme.Limit(0, metric, kind, low, high, least, most, source))
    levels = (least, low, high, most)
    audit.add(service.store, who.account.label, "limit", f"test {test_id}", metric=metric, kind=kind, levels=levels)
    return RedirectResponse(f"/protocols/{test_id}", 303)


def _number(text: str) -> float | None:
    """A level; empty for none. StoreError for what is no finite number."""
    import math

    from mammoqa.core import StoreError

    if not text.strip():
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise StoreError(f"{text!r} is no number")
    return value


@ROUTER.post("/protocols/{test_id}/limits/{limit_id}/remove")
def remove_limit(service: ServiceDep, who: Physicist, test_id: int, limit_id: int) -> Response:
    """Take a limit away."""
    programme.remove_limit(service.store, test_id, limit_id)
    audit.add(service.store, who.account.label, "limit removed", f"test {test_id}", limit=limit_id)
    return RedirectResponse(f"/protocols/{test_id}", 303)


@ROUTER.post("/protocols/{test_id}/units")
def assign(
    service: ServiceDep, who: Physicist, test_id: int, units: Annotated[list[int] | None, Form()] = None
) -> Response:
    """Choose the units that have to do the test."""
    programme.assign(service.store, test_id, units or [], date.today())
    audit.add(service.store, who.account.label, "units assigned", f"test {test_id}", units=units or [])
    return RedirectResponse(f"/protocols/{test_id}", 303)
