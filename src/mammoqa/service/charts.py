"""Charts of the pages as Vega-Lite specifications; colours and fonts come from the page's style when drawn."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from mammoqa.core import Forecast, Level
from mammoqa.service import spoken
from mammoqa.service.tongue import N_, Tongue
from mammoqa.store.course import ServiceEvent
from mammoqa.store.records import HistoryPoint
from mammoqa.trends import Chart, NoForecast
from mammoqa.trends.chart import resolved

_AXIS = {"type": "temporal", "title": None, "axis": {"tickCount": 6, "grid": False}}
_AHEAD = timedelta(days=120)  # of a forecast that is drawn, at most
Layer = dict[str, Any]


def trend_chart(
    points: Sequence[HistoryPoint],
    title: str,
    own: Tongue,
    drawn: Chart | None = None,
    made: Forecast | NoForecast | None = None,
    events: Sequence[ServiceEvent] = (),
) -> Layer:
    """One metric over time: values with intervals, limits as lines, events as rules. Marks have the roles of `style`.

    `drawn` gives baselines, limits and the points where a control chart spoke; `made` the band and date of a breach.
    `usermeta` says the prospect in words.
    """
    layers = _readings(points, own)
    if drawn is not None and points:
        layers += [_steps(drawn, points), *_limits(drawn), _signals(drawn, points, own)]
    if isinstance(made, Forecast) and made.likely is not None:
        layers += _foreseen(made, own)
    if events and points:
        layers.append(_events(events, points, own))
    return {
        "width": "container",
        "height": 150,
        "title": title,
        "data": {"values": []},
        "layer": layers,
        "usermeta": {"count": len(points), "prospect": "" if made is None else spoken.prospect(own, made)},
    }


def _readings(points: Sequence[HistoryPoint], own: Tongue) -> list[Layer]:
    values = [
        {
            "at": p.at.isoformat(),
            "value": p.value,
            "low": p.low,
            "high": p.high,
            "outcome": p.outcome.value,
            "said": spoken.outcome(own, p.outcome.value),
            "id": p.analysis_id,
        }
        for p in points
    ]
    layers = []
    if any(p.low is not None for p in points):
        layers.append(_layer(values, {"type": "rule", "style": "interval"}, "low", y2="high"))
    return [*layers, _layer(values, {"type": "line", "style": "trend"}, "value"), _points(values, own)]


def _layer(values: list[Any], mark: Layer, field: str, y2: str | None = None) -> Layer:
    encoding: Layer = {
        "x": {"field": "at", **_AXIS},
        "y": {"field": field, "type": "quantitative", "title": None, "scale": {"zero": False}},
    }
    if y2:
        encoding["y2"] = {"field": y2}
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}


def _points(values: list[Any], own: Tongue) -> Layer:
    layer = _layer(values, {"type": "point", "style": "reading", "filled": True, "size": 38}, "value")
    layer["encoding"]["shape"] = {
        "condition": {"test": "datum.outcome === 'fail'", "value": "triangle-up"},
        "value": "circle",
    }
    layer["encoding"]["color"] = {"condition": {"test": "datum.outcome === 'fail'", "value": "@fail"}, "value": "@ink"}
    layer["encoding"]["tooltip"] = [
        {"field": "at", "type": "temporal", "title": own.say(N_("Date")), "format": "%Y-%m-%d %H:%M"},
        {"field": "value", "type": "quantitative", "title": own.say(N_("Value")), "format": ".4~g"},
        {"field": "said", "title": own.say(N_("Outcome"))},
    ]
    return layer


def _limits(drawn: Chart) -> list[Layer]:
    """The ends of each limit for the newest baseline, as lines over the whole period."""
    baseline = drawn.baselines[-1] if drawn.baselines else None
    layers = []
    for level, style in ((Level.TOLERANCE, "tolerance"), (Level.ACTION, "limit")):
        ends = [
            end
            for limit in drawn.limits
            if limit.level is level
            for end in (resolved(limit, baseline.mean, baseline.sigma) if baseline else (limit.low, limit.high))
            if end is not None
        ]
        layers += [_level(sorted(set(ends)), style)] if ends else []
    return layers


def _level(levels: Sequence[float], style: str) -> Layer:
    return {
        "data": {"values": [{"level": level} for level in levels]},
        "mark": {"type": "rule", "style": style},
        "encoding": {"y": {"field": "level", "type": "quantitative"}},
    }


def _steps(drawn: Chart, points: Sequence[HistoryPoint]) -> Layer:
    """Each baseline over its own time."""
    first, last = points[0].at.replace(tzinfo=None), points[-1].at.replace(tzinfo=None)
    spans = [(max(b.start, first), min(b.end or last, last), b.mean) for b in drawn.baselines if b.readings]
    values = [{"at": a.isoformat(), "to": b.isoformat(), "value": mean} for a, b, mean in spans if b > a]
    layer = _layer(values, {"type": "rule", "style": "baseline"}, "value")
    layer["encoding"]["x2"] = {"field": "to"}
    return layer


def _foreseen(made: Forecast, own: Tongue) -> list[Layer]:
    """The band of the readings to come, its middle, and the interval of the date on the limit."""
    last = min(made.latest or made.horizon, made.made_at + _AHEAD)
    ahead = zip(made.band_at, made.band_low, made.band_middle, made.band_high, strict=True)
    band = [
        {"at": at.isoformat(), "low": low, "value": middle, "high": high}
        for at, low, middle, high in ahead
        if at <= last
    ]
    first = made.earliest or made.made_at
    span = [{"at": first.isoformat(), "to": max(last, first).isoformat(), "value": made.limit}]
    interval = _layer(span, {"type": "rule", "style": "breach"}, "value")
    interval["encoding"]["x2"] = {"field": "to"}
    span[0]["text"] = spoken.prospect(own, made)
    interval["encoding"]["tooltip"] = [{"field": "text", "title": own.say(N_("Forecast"))}]
    return [
        _layer(band, {"type": "area", "style": "band"}, "low", y2="high"),
        _layer(band, {"type": "line", "style": "foreseen"}, "value"),
        interval,
    ]


def _events(events: Sequence[ServiceEvent], points: Sequence[HistoryPoint], own: Tongue) -> Layer:
    first, last = points[0].at, points[-1].at
    shown = [{"at": e.at.isoformat(), "kind": own.say(e.kind), "note": e.note} for e in events if first <= e.at <= last]
    return {
        "data": {"values": shown},
        "mark": {"type": "rule", "style": "event"},
        "encoding": {
            "x": {"field": "at", **_AXIS},
            "tooltip": [
                {"field": "kind", "title": own.say(N_("Event"))},
                {"field": "note", "title": own.say(N_("Note"))},
            ],
        },
    }


def _signals(drawn: Chart, points: Sequence[HistoryPoint], own: Tongue) -> Layer:
    """The points of the period at which a chart spoke."""
    first: datetime = points[0].at.replace(tzinfo=None)
    spoke = [s for s in drawn.signals if s.at >= first]
    said = own.say(N_("since"))
    values = [
        {"at": s.at.isoformat(), "value": s.value, "text": f"{own.say(s.rule)}, {said} {own.day(s.since)}"}
        for s in spoke
    ]
    layer = _layer(values, {"type": "point", "style": "signal", "size": 140}, "value")
    layer["encoding"]["tooltip"] = [{"field": "text", "title": own.say(N_("Signal"))}]
    return layer
