"""Alarms, forecasts and states of a trend in words."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from mammoqa.core import Alarm, EventKind, Forecast, Level, ServiceEvent, Signal
from mammoqa.report.words import in_unit, metric_title, number
from mammoqa.trends import ChangePoint, Chart

_LEVELS = {Level.TOLERANCE: "look into it", Level.ACTION: "action needed"}
_SHOWN = 4  # metrics named in a title


def day(at: datetime) -> str:
    """A date as people write it."""
    return f"{at.day} {at:%b %Y}"


def days(start: datetime, end: datetime) -> str:
    """From one date to another, the shorter where they share a year."""
    if start.date() == end.date():
        return day(start)
    return f"{start.day} {start:%b} to {day(end)}" if start.year == end.year else f"{day(start)} to {day(end)}"


def chart_of(alarm: Alarm, signal: Signal, charts: Sequence[Chart]) -> Chart | None:
    """The chart that a signal came from."""
    own = [c for c in charts if c.series.unit == alarm.unit and c.series.metric == signal.metric]
    return next((c for c in own if any(r.at == signal.at and r.value == signal.value for r in c.series.readings)), None)


def change_words(drawn: Chart, signal: Signal, until: datetime) -> str:
    """How the readings since the onset differ from their baseline: "up 12 %", "down 1.5"."""
    dates = [r.at for r in drawn.series.readings]
    at = dates.index(signal.at)
    baseline = next((b for b in reversed(drawn.baselines) if b.start <= signal.at), None)
    since = [r.value for r in drawn.series.readings if signal.since <= r.at <= max(until, signal.at)]
    if baseline is None or not drawn.against.judged[at]:
        return "up" if signal.up else "down"
    level = float(np.median(since[-3:]))
    way = "up" if level >= baseline.mean else "down"
    if drawn.series.unit_of_measure in ("objects", "%") or baseline.mean == 0:
        size = number(abs(level - baseline.mean), 2)
        return f"{way} {size}{' points' if drawn.series.unit_of_measure == '%' else ''}"
    return f"{way} {number(abs(100.0 * (level / baseline.mean - 1.0)), 2)}\u00a0%"


def alarm_title(alarm: Alarm, charts: Sequence[Chart]) -> str:
    """One line: what changed, how far, and since when."""
    first = {signal.metric: signal for signal in reversed(alarm.signals)}
    parts: list[str] = []
    for metric in alarm.metrics[:_SHOWN]:
        drawn = chart_of(alarm, first[metric], charts)
        moved = change_words(drawn, first[metric], alarm.last_at) if drawn else ("up" if first[metric].up else "down")
        parts.append(f"{metric_title(metric) if not parts else lower(metric)} {moved}")
    more = len(alarm.metrics) - _SHOWN
    also = f" and {more} more" if more > 0 else ""
    return f"{', '.join(parts)}{also}, since about {day(alarm.since)}"


def lower(metric: str) -> str:
    """A metric's title inside a sentence; abbreviations keep their capitals."""
    title = metric_title(metric)
    return title if title[:2].isupper() or title.startswith("mAs") else title[0].lower() + title[1:]


def alarm_state(alarm: Alarm) -> str:
    """Whether it still stands, and how urgent it is."""
    return _LEVELS[alarm.level] if alarm.active else f"over since {day(alarm.last_at)}"


def alarm_rules(alarm: Alarm) -> str:
    """Which rules spoke."""
    return ", ".join(dict.fromkeys(signal.rule for signal in alarm.signals))


def forecast_words(made: Forecast | None) -> str:
    """When a limit will be breached; empty where none is foreseen."""
    if made is None or made.likely is None:
        return ""
    earliest = made.earliest or made.made_at
    if made.latest is None:
        return f"{day(made.likely)} ({day(earliest)} or later)"
    return f"{day(made.likely)} ({days(earliest, made.latest)})"


def event_words(event: ServiceEvent) -> str:
    """An event on one line."""
    if event.kind is EventKind.BASELINE:
        return f"{day(event.at)}: baseline of {', '.join(lower(m) for m in event.metrics)} {event.note}"
    return f"{day(event.at)}: {event.note or event.kind.value}"


def change_point_words(found: ChangePoint, unit: str) -> str:
    """A change of level on one line."""
    before, after = (in_unit(number(v), unit) for v in (found.before, found.after))
    return f"{day(found.at)}: {before} to {after}"
