"""Charts of the pages as Vega-Lite specifications; colours and fonts come from the page's style when drawn."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mammoqa.store.course import ServiceEvent
from mammoqa.store.records import HistoryPoint

_AXIS = {"type": "temporal", "title": None, "axis": {"tickCount": 6, "grid": False}}


def trend_chart(
    points: Sequence[HistoryPoint],
    title: str,
    events: Sequence[ServiceEvent] = (),
    baselines: Sequence[tuple[datetime, float]] = (),
    signals: Sequence[dict[str, Any]] = (),
    limits: Sequence[float] = (),
) -> dict[str, Any]:
    """One metric over time: values with intervals, limits as lines, events as rules. Marks have the roles of `style`.

    `signals` are further layers as {"at", "value", "text"}: points where a control chart has spoken.
    """
    values = [
        {
            "at": p.at.isoformat(),
            "value": p.value,
            "low": p.low,
            "high": p.high,
            "outcome": p.outcome.value,
            "id": p.analysis_id,
        }
        for p in points
    ]
    layers: list[dict[str, Any]] = []
    if any(p.low is not None for p in points):
        layers.append(_layer(values, {"type": "rule", "style": "interval"}, "low", y2="high"))
    layers.append(_layer(values, {"type": "line", "style": "trend"}, "value"))
    layers.append(_points(values))
    layers += _limits(points) or ([_level(limits, "limit")] if limits else [])
    if baselines and points:
        layers.append(_steps(baselines, points))
    if events and points:
        layers.append(_events(events, points))
    if signals:
        layers.append(_signals(signals))
    return {
        "width": "container",
        "height": 150,
        "title": title,
        "data": {"values": []},
        "layer": layers,
        "usermeta": {"count": len(points)},
    }


def _layer(values: list[Any], mark: dict[str, Any], field: str, y2: str | None = None) -> dict[str, Any]:
    encoding: dict[str, Any] = {
        "x": {"field": "at", **_AXIS},
        "y": {"field": field, "type": "quantitative", "title": None, "scale": {"zero": False}},
    }
    if y2:
        encoding["y2"] = {"field": y2}
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}


def _points(values: list[Any]) -> dict[str, Any]:
    layer = _layer(values, {"type": "point", "style": "reading", "filled": True, "size": 38}, "value")
    layer["encoding"]["shape"] = {
        "condition": {"test": "datum.outcome === 'fail'", "value": "triangle-up"},
        "value": "circle",
    }
    layer["encoding"]["color"] = {"condition": {"test": "datum.outcome === 'fail'", "value": "@fail"}, "value": "@ink"}
    layer["encoding"]["tooltip"] = [
        {"field": "at", "type": "temporal", "title": "Date", "format": "%Y-%m-%d %H:%M"},
        {"field": "value", "type": "quantitative", "title": "Value", "format": ".4~g"},
        {"field": "outcome", "title": "Outcome"},
    ]
    return layer


def _limits(points: Sequence[HistoryPoint]) -> list[dict[str, Any]]:
    """The newest limits, as lines over the whole period."""
    with_limits = [p for p in points if p.limit_low is not None or p.limit_high is not None]
    if not with_limits:
        return []
    newest = with_limits[-1]
    return [_level([v for v in (newest.limit_low, newest.limit_high) if v is not None], "limit")]


def _level(levels: Sequence[float], style: str) -> dict[str, Any]:
    return {
        "data": {"values": [{"level": level} for level in levels]},
        "mark": {"type": "rule", "style": style},
        "encoding": {"y": {"field": "level", "type": "quantitative"}},
    }


def _steps(baselines: Sequence[tuple[datetime, float]], points: Sequence[HistoryPoint]) -> dict[str, Any]:
    """Each baseline from its start to the next one's."""
    first, last = points[0].at, points[-1].at
    starts = [max(at, first) for at, _ in baselines]
    ends = [*starts[1:], last]
    values = [
        {"at": start.isoformat(), "to": end.isoformat(), "value": value}
        for start, end, (_, value) in zip(starts, ends, baselines, strict=True)
        if end > first
    ]
    layer = _layer(values, {"type": "rule", "style": "baseline"}, "value")
    layer["encoding"]["x2"] = {"field": "to"}
    return layer


def _events(events: Sequence[ServiceEvent], points: Sequence[HistoryPoint]) -> dict[str, Any]:
    first, last = points[0].at, points[-1].at
    shown = [{"at": e.at.isoformat(), "kind": e.kind, "note": e.note} for e in events if first <= e.at <= last]
    return {
        "data": {"values": shown},
        "mark": {"type": "rule", "style": "event"},
        "encoding": {
            "x": {"field": "at", **_AXIS},
            "tooltip": [{"field": "kind", "title": "Event"}, {"field": "note", "title": "Note"}],
        },
    }


def _signals(signals: Sequence[dict[str, Any]]) -> dict[str, Any]:
    layer = _layer(list(signals), {"type": "point", "style": "signal", "size": 140}, "value")
    layer["encoding"]["tooltip"] = [{"field": "text", "title": "Signal"}]
    return layer
