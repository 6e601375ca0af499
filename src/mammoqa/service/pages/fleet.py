"""The fleet: every unit with what is due, failing or drifting; and the list of analyses."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from mammoqa.phantoms import PHANTOMS
from mammoqa.service.access import ServiceDep, Viewer
from mammoqa.service.rendering import page
from mammoqa.store import alerts, fleet, intake, pages, programme

ROUTER = APIRouter()
_PAGE = 50


@ROUTER.get("/")
def overview(request: Request, service: ServiceDep, who: Viewer) -> Response:
    """Every unit in use, by site."""
    store = service.store
    units = fleet.fleet(store)
    results: dict[int, list[fleet.LastResult]] = {}
    for result in fleet.last_results(store):
        results.setdefault(result.unit_id, []).append(result)
    due: dict[int, list[programme.Due]] = {}
    for one in programme.due(store, date.today()):
        due.setdefault(one.unit_id, []).append(one)
    by_site: dict[str, list[fleet.FleetUnit]] = {}
    for unit in units:
        by_site.setdefault(unit.site, []).append(unit)
    latest = pages.lines(store, pages.latest_page(store, limit=8))
    return page(
        request,
        "fleet.html",
        who,
        by_site=by_site,
        results=results,
        due=due,
        open_alerts=alerts.open_counts(store),
        alerts=alerts.alerts(store, "open", limit=6),
        names={unit.id: unit.label for unit in units},
        latest=latest,
        busy=len(intake.jobs_in(store, *intake.OPEN_STATES)),
        failed=len(intake.jobs_in(store, "failed")),
        months=fleet.months(store),
    )


@ROUTER.get("/analyses")
def analyses(
    request: Request,
    service: ServiceDep,
    who: Viewer,
    unit: Annotated[str, Query(max_length=20)] = "",
    phantom: Annotated[str, Query(max_length=64)] = "",
    outcome: Annotated[str, Query(max_length=16)] = "",
    signed: Annotated[str, Query(max_length=3)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """All analyses, newest first, a page at a time."""
    numbers = pages.latest_page(
        service.store,
        unit_id=int(unit) if unit.isdecimal() else None,
        phantom=phantom,
        outcome=outcome,
        signed={"yes": True, "no": False}.get(signed),
        before=before,
        limit=_PAGE + 1,
    )
    chosen = {"unit": unit, "phantom": phantom, "outcome": outcome, "signed": signed}
    return page(
        request,
        "analyses.html",
        who,
        lines=pages.lines(service.store, numbers[:_PAGE]),
        more=numbers[_PAGE - 1] if len(numbers) > _PAGE else None,
        units=fleet.fleet(service.store, retired=True),
        phantoms=PHANTOMS,
        chosen=chosen,
        filters="&".join(f"{name}={value}" for name, value in chosen.items() if value),
    )
