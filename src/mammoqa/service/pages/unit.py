"""A unit: its results, trends, events, baselines and tests."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from statistics import fmean, stdev
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from mammoqa.core import StoreError
from mammoqa.report.trend_content import places, state_in
from mammoqa.service import spoken
from mammoqa.service.access import Physicist, ServiceDep, Technologist, Viewer
from mammoqa.service.charts import trend_chart
from mammoqa.service.rendering import page, tongue_of
from mammoqa.service.tongue import Tongue
from mammoqa.service.unit_trends import UnitTrends, trends_of
from mammoqa.store import alerts, audit, course, fleet, pages, programme
from mammoqa.store.store import Store
from mammoqa.trends import Chart

ROUTER = APIRouter()
PERIODS = {"3m": 92, "1y": 366, "2y": 731, "all": 0}


@ROUTER.get("/units/{unit_id}")
def unit_page(
    request: Request, service: ServiceDep, who: Viewer, unit_id: int, period: Annotated[str, Query(max_length=4)] = "1y"
) -> Response:
    """One unit."""
    store = service.store
    numbers = pages.latest_page(store, unit_id=unit_id, limit=25)
    return page(
        request,
        "unit.html",
        who,
        unit=fleet.unit(store, unit_id),
        metrics=_charted(fleet.metrics_of(store, unit_id)),
        results=fleet.last_results(store, unit_id),
        due=programme.due(store, date.today(), unit_id),
        events=course.events(store, unit_id),
        baselines=course.baselines(store, unit_id),
        alerts=alerts.alerts(store, "open", "acknowledged", unit_id=unit_id),
        lines=pages.lines(store, numbers),
        sites=fleet.sites(store),
        months=fleet.months(store, unit_id),
        period=period if period in PERIODS else "1y",
        periods=PERIODS,
        kinds=course.EVENT_KINDS,
        today=date.today(),
    )


def _charted(metrics: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The metrics that have a chart: not what is seen of single test objects, whose totals have one."""
    return {phantom: tuple(n for n in names if "_visible_" not in n) for phantom, names in metrics.items()}


@ROUTER.get("/units/{unit_id}/chart.json")
def chart(
    request: Request,
    service: ServiceDep,
    who: Viewer,
    unit_id: int,
    phantom: Annotated[str, Query(max_length=64)],
    metric: Annotated[str, Query(max_length=100)],
    period: Annotated[str, Query(max_length=4)] = "1y",
) -> Response:
    """The chart of one metric, as a Vega-Lite specification."""
    return JSONResponse(chart_of(service.store, tongue_of(request, who), unit_id, phantom, metric, period))


def chart_of(store: Store, own: Tongue, unit_id: int, phantom: str, metric: str, period: str) -> dict[str, Any]:
    """Values with intervals, limits, baselines, events and what is foreseen of one metric."""
    points = fleet.history(store, unit_id, phantom, metric)
    days = PERIODS.get(period, 366)
    if points and days:
        newest = points[-1].at
        points = tuple(p for p in points if p.at >= newest - timedelta(days=days))
    known = trends_of(store, unit_id)
    drawn, made = known.charts.get((phantom, metric)), known.prospects.get((phantom, metric))
    return trend_chart(points, spoken.metric(own, metric), own, drawn, made, course.events(store, unit_id))


@ROUTER.get("/units/{unit_id}/trends")
def trends(request: Request, service: ServiceDep, who: Viewer, unit_id: int) -> Response:
    """The part of the page that takes longer: what each metric is compared with, and when a limit will be breached."""
    found = trends_of(service.store, unit_id)
    rows = [_row(found, key, drawn) for key, drawn in found.charts.items() if drawn.series.readings]
    order = {"fail": 0, "refused": 1, "pass": 2}
    return page(request, "unit_trends.html", who, rows=sorted(rows, key=lambda row: order[row["state"]]))


def _row(found: UnitTrends, key: tuple[str, str], drawn: Chart) -> dict[str, Any]:
    """One metric: its state, the baseline that it is compared with now, and its prospect."""
    return {
        "phantom": key[0],
        "metric": key[1],
        "state": state_in(found.watched, drawn),
        "last": drawn.series.readings[-1],
        "baseline": drawn.baselines[-1] if drawn.baselines else None,
        "places": places(drawn.baselines[-1].sigma) if drawn.baselines else 2,
        "prospect": found.prospects[key],
    }


@ROUTER.post("/units/{unit_id}")
def describe(
    service: ServiceDep,
    who: Physicist,
    unit_id: int,
    name: Annotated[str, Form(max_length=200)] = "",
    site: Annotated[str, Form(max_length=200)] = "",
    ae_title: Annotated[str, Form(max_length=16)] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
    retired: Annotated[bool, Form()] = False,
) -> Response:
    """Name the unit, and say where it stands."""
    fleet.describe_unit(service.store, unit_id, name=name, site=site, ae_title=ae_title, note=note, retired=retired)
    audit.add(service.store, who.account.label, "unit described", f"unit {unit_id}", name=name, site=site)
    return RedirectResponse(f"/units/{unit_id}", 303)


@ROUTER.post("/units/{unit_id}/events")
def add_event(
    service: ServiceDep,
    who: Technologist,
    unit_id: int,
    at: Annotated[datetime, Form()],
    kind: Annotated[str, Form(max_length=64)],
    note: Annotated[str, Form(max_length=2000)] = "",
    new_baseline: Annotated[bool, Form()] = False,
) -> Response:
    """Enter a service event."""
    event = course.add_event(service.store, unit_id, at, kind, note, new_baseline, who.account.label)
    audit.add(service.store, who.account.label, "event", f"unit {unit_id}", kind=kind, at=event.at, note=event.note)
    return RedirectResponse(f"/units/{unit_id}#events", 303)


@ROUTER.post("/units/{unit_id}/baselines")
def set_baseline(
    service: ServiceDep,
    who: Physicist,
    unit_id: int,
    phantom: Annotated[str, Form(max_length=64)],
    metric: Annotated[str, Form(max_length=100)],
    last: Annotated[int, Form(ge=1, le=200)] = 5,
    since: Annotated[str, Form(max_length=32)] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Take the mean of the last values of a metric, or of the first after a date, as its baseline."""
    rebase(service.store, unit_id, phantom, metric, last, _date(since), who.account.label, note)
    return RedirectResponse(f"/units/{unit_id}#baselines", 303)


def _date(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        raise StoreError(f"{text!r} is no date") from error


def rebase(
    store: Store, unit_id: int, phantom: str, metric: str, count: int, since: datetime | None, person: str, note: str
) -> course.Baseline:
    """Set a baseline: the mean of the last `count` readings, or of the first `count` since a date; with its reason.

    StoreError where there are no such readings or no reason is given. It stands in the audit log.
    """
    fleet.unit(store, unit_id)
    if not note.strip():
        raise StoreError("a baseline needs the reason")
    known = fleet.history(store, unit_id, phantom, metric)
    points = known[-count:] if since is None else [p for p in known if p.at.replace(tzinfo=None) >= since][:count]
    if not points:
        raise StoreError("there are no readings of this metric in that time")
    values = [p.value for p in points]
    made = course.set_baseline(
        store,
        unit_id,
        phantom,
        metric,
        fmean(values),
        deviation=stdev(values) if len(values) > 1 else None,
        count=len(values),
        starts_at=since or points[0].at.replace(tzinfo=None),
        person=person,
        note=note.replace("\0", ""),
    )
    details = {"phantom": phantom, "metric": metric, "value": made.value, "count": made.count, "reason": made.note}
    audit.add(store, person, "baseline", f"unit {unit_id}", starts_at=made.starts_at, **details)
    return made
