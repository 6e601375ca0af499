"""A unit: its results, trends, events, baselines and tests."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from mammoqa.core import Level, LimitKind
from mammoqa.phantoms import PHANTOMS
from mammoqa.report import words
from mammoqa.service.access import Physicist, ServiceDep, Technologist, Viewer
from mammoqa.service.charts import trend_chart
from mammoqa.service.rendering import page
from mammoqa.service.watching import events_of, limits_of, series_of
from mammoqa.store import alerts, audit, course, fleet, pages, programme
from mammoqa.store.records import HistoryPoint
from mammoqa.store.store import Store

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
        phantoms=PHANTOMS,
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
    service: ServiceDep,
    _who: Viewer,
    unit_id: int,
    phantom: Annotated[str, Query(max_length=64)],
    metric: Annotated[str, Query(max_length=100)],
    period: Annotated[str, Query(max_length=4)] = "1y",
) -> Response:
    """The chart of one metric, as a Vega-Lite specification."""
    return JSONResponse(chart_of(service.store, unit_id, phantom, metric, period))


def chart_of(store: Store, unit_id: int, phantom: str, metric: str, period: str) -> dict[str, Any]:
    """Values with intervals, limits, baselines and events of one metric."""
    points = fleet.history(store, unit_id, phantom, metric)
    days = PERIODS.get(period, 366)
    if points and days:
        newest = points[-1].at
        points = tuple(p for p in points if p.at >= newest - timedelta(days=days))
    lines = [b for b in course.baselines(store, unit_id) if b.phantom == phantom and b.metric == metric]
    events = course.events(store, unit_id)
    signals, baselines = watched(store, unit_id, phantom, metric, points) if len(points) > 3 else ([], [])
    level = [(lines[0].starts_at, lines[0].value)] if lines else baselines
    return trend_chart(
        points, words.metric_title(metric), events, level, signals, _levels(store, unit_id, phantom, metric)
    )


def _levels(store: Store, unit_id: int, phantom: str, metric: str) -> list[float]:
    """The absolute action levels of a metric."""
    own = (limit for limit in limits_of(store, unit_id) if limit.metric == metric and limit.test in ("", phantom))
    chosen = [limit for limit in own if limit.kind is LimitKind.ABSOLUTE and limit.level is Level.ACTION]
    return sorted({value for limit in chosen for value in (limit.low, limit.high) if value is not None})


def watched(store: Store, unit_id: int, phantom: str, metric: str, points: Sequence[HistoryPoint]) -> Any:
    """Where the charts of a metric spoke, as {"at", "value", "text"}, and the baselines that they used."""
    from mammoqa.trends import chart as control_chart

    unit = fleet.unit(store, unit_id)
    series = series_of(unit, phantom, metric, "", points)
    drawn = control_chart(series, limits_of(store, unit_id), events_of(store, unit_id))
    spoken = [
        {"at": s.at.isoformat(), "value": s.value, "text": f"{s.rule}, since {s.since:%Y-%m-%d}"} for s in drawn.signals
    ]
    return spoken, [(b.start, b.mean) for b in drawn.baselines]


@ROUTER.get("/units/{unit_id}/month.pdf")
def month(service: ServiceDep, who: Viewer, unit_id: int) -> Response:
    """The report of the unit's last 31 days of results, as PDF."""
    from mammoqa.report import pdf_month
    from mammoqa.report.trends import unit_label

    unit = fleet.unit(service.store, unit_id)
    found = pages.lines(service.store, pages.latest_page(service.store, unit_id=unit_id, limit=100))
    dated = [line for line in found if line.acquired_at is not None]
    newest = max((line.acquired_at for line in dated if line.acquired_at), default=None)
    kept = [line for line in dated if newest and line.acquired_at and newest - line.acquired_at <= timedelta(days=31)]
    analyses = [service.store.load(line.id) for line in kept]
    audit.add(service.store, who.account.label, "report", f"unit {unit_id}", kind="month")
    label = unit_label(analyses[0]) if analyses else unit.label
    return Response(pdf_month(label, analyses), media_type="application/pdf")


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
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Take the mean of the last values of a metric as its baseline."""
    points = fleet.history(service.store, unit_id, phantom, metric)[-last:]
    made = baseline_of(service.store, unit_id, phantom, metric, points, who.account.label, note)
    audit.add(service.store, who.account.label, "baseline", f"unit {unit_id}", metric=metric, value=made.value)
    return RedirectResponse(f"/units/{unit_id}#baselines", 303)


def baseline_of(
    store: Any, unit_id: int, phantom: str, metric: str, points: Any, person: str, note: str
) -> course.Baseline:
    """The mean and standard deviation of these values, from the first of them on; StoreError where there are none."""
    from statistics import fmean, stdev

    from mammoqa.core import StoreError

    if not points:
        raise StoreError(f"there are no values of {metric} yet")
    values = [p.value for p in points]
    return course.set_baseline(
        store,
        unit_id,
        phantom,
        metric,
        fmean(values),
        deviation=stdev(values) if len(values) > 1 else None,
        count=len(values),
        starts_at=points[0].at,
        person=person,
        note=note,
    )
