"""REST: units, their histories, events and baselines."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from mammoqa.service.access import Physicist, ServiceDep, Technologist, Viewer
from mammoqa.service.pages.unit import rebase
from mammoqa.service.rest.shapes import ANSWERS, BaselineIn, EventIn, Number, Page, UnitIn
from mammoqa.service.unit_trends import prospects_of
from mammoqa.store import audit, course, fleet, programme

ROUTER = APIRouter(tags=["units"], responses=ANSWERS)
_Name = Annotated[str, Query(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]


@ROUTER.get("/units")
def units(service: ServiceDep, _who: Viewer, retired: bool = False) -> Page:
    """Every unit; those out of use too, with `retired`."""
    return Page(items=list(fleet.fleet(service.store, retired=retired)))


@ROUTER.get("/units/{unit_id}")
def unit(service: ServiceDep, _who: Viewer, unit_id: Number) -> fleet.FleetUnit:
    """One unit."""
    return fleet.unit(service.store, unit_id)


@ROUTER.put("/units/{unit_id}")
def describe(service: ServiceDep, who: Physicist, unit_id: Number, given: UnitIn) -> fleet.FleetUnit:
    """Name a unit, and say where it stands."""
    changed = fleet.describe_unit(service.store, unit_id, **given.model_dump())
    audit.add(service.store, who.account.label, "unit described", f"unit {unit_id}", **given.model_dump())
    return changed


@ROUTER.get("/units/{unit_id}/metrics")
def metrics(service: ServiceDep, _who: Viewer, unit_id: Number) -> dict[str, list[str]]:
    """The metrics of a unit by phantom."""
    fleet.unit(service.store, unit_id)
    return {phantom: list(names) for phantom, names in fleet.metrics_of(service.store, unit_id).items()}


@ROUTER.get("/units/{unit_id}/history")
def history(
    service: ServiceDep,
    _who: Viewer,
    unit_id: Number,
    phantom: _Name,
    metric: _Name,
    since: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> Page:
    """One metric over time, oldest first."""
    fleet.unit(service.store, unit_id)
    start = since.replace(tzinfo=None) if since else None
    return Page(items=list(fleet.history(service.store, unit_id, phantom, metric, start, limit)))


@ROUTER.get("/units/{unit_id}/due")
def due(service: ServiceDep, _who: Viewer, unit_id: Number) -> Page:
    """The tests of a unit, and when they are due."""
    fleet.unit(service.store, unit_id)
    return Page(items=list(programme.due(service.store, date.today(), unit_id)))


@ROUTER.get("/units/{unit_id}/events")
def events(service: ServiceDep, _who: Viewer, unit_id: Number) -> Page:
    """Service events, newest first."""
    fleet.unit(service.store, unit_id)
    return Page(items=list(course.events(service.store, unit_id)))


@ROUTER.post("/units/{unit_id}/events", status_code=201)
def add_event(service: ServiceDep, who: Technologist, unit_id: Number, given: EventIn) -> course.ServiceEvent:
    """Enter a service event."""
    person, words = who.account.label, given.model_dump()
    made = course.add_event(service.store, unit_id, **words, person=person)
    audit.add(service.store, person, "event", f"unit {unit_id}", **words)
    return made


@ROUTER.get("/units/{unit_id}/baselines")
def baselines(service: ServiceDep, _who: Viewer, unit_id: Number) -> Page:
    """Baselines, the newest of a metric first."""
    fleet.unit(service.store, unit_id)
    return Page(items=list(course.baselines(service.store, unit_id)))


@ROUTER.post("/units/{unit_id}/baselines", status_code=201)
def set_baseline(service: ServiceDep, who: Physicist, unit_id: Number, given: BaselineIn) -> course.Baseline:
    """Take the mean of the last values of a metric, or of the first after a date, as its baseline."""
    since = given.since.replace(tzinfo=None) if given.since else None
    person = who.account.label
    return rebase(service.store, unit_id, given.phantom, given.metric, given.last, since, person, given.note)


@ROUTER.get("/units/{unit_id}/prospects")
def prospects(service: ServiceDep, _who: Viewer, unit_id: Number) -> Page:
    """For every metric the date on which a limit will be breached with its interval, or why none is given."""
    return Page(items=prospects_of(service.store, unit_id))


@ROUTER.get("/fleet/last-results")
def last_results(service: ServiceDep, _who: Viewer) -> Page:
    """The newest result of every unit and phantom."""
    found: list[Any] = list(fleet.last_results(service.store))
    return Page(items=found)
