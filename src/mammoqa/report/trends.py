"""Series of one number of one unit over time, taken from analyses, for charts and overviews."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mammoqa.core import Analysis, Outcome
from mammoqa.phantoms import PHANTOMS
from mammoqa.report.words import metric_title


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One value; `low` and `high` are its 95 % interval, where there is one."""

    at: datetime
    value: float
    outcome: Outcome
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Trend:
    """One number of one unit over time, with its limits."""

    unit: str
    metric: str
    title: str
    unit_of_measure: str
    points: tuple[TrendPoint, ...]
    limit_low: float | None = None
    limit_high: float | None = None


def unit_label(analysis: Analysis) -> str:
    """The name of the imaging unit for people: its station, else model and serial number."""
    facts = analysis.acquisition
    named = " ".join(part for part in (facts.model or facts.manufacturer, facts.device_serial) if part)
    return facts.station or named or "unknown unit"


def moment(analysis: Analysis) -> datetime:
    """When the image was taken, in the unit's local time; else when it was analysed, without zone."""
    return (analysis.acquisition.acquired_at or analysis.provenance.analysed_at).replace(tzinfo=None)


def trends_of(analyses: Iterable[Analysis]) -> tuple[Trend, ...]:
    """Every total, probability of passing and measurement of every unit, in the order of first appearance.

    What is measured of a scored object stands beside its score in the report; the totals have the trend.
    """
    values: dict[tuple[str, str, str], list[tuple[TrendPoint, str, float | None, float | None]]] = {}
    for analysis in sorted(analyses, key=moment):
        for name, unit, point, low, high in _values(analysis):
            values.setdefault((unit_label(analysis), analysis.phantom or "", name), []).append((point, unit, low, high))
    return tuple(_trend(unit, metric, found) for (unit, _, metric), found in values.items())


def _trend(unit: str, metric: str, found: Sequence[tuple[TrendPoint, str, float | None, float | None]]) -> Trend:
    _, of_measure, low, high = found[-1]
    points = tuple(point for point, *_ in found)
    return Trend(unit, metric, metric_title(metric), of_measure, points, low, high)


def _values(analysis: Analysis) -> Iterable[tuple[str, str, TrendPoint, float | None, float | None]]:
    phantom = PHANTOMS.get(analysis.phantom or "")
    criteria = {c.name: c for c in phantom.criteria} if phantom else {}
    at, outcome = moment(analysis), analysis.verdict.outcome
    for name, value in analysis.verdict.totals:
        limit = criteria.get(name)
        ends = (limit.low, limit.high) if limit else (None, None)
        yield name, "objects", TrendPoint(at, value, outcome), *ends
    if analysis.verdict.p_pass is not None:
        yield "p_pass", "1", TrendPoint(at, analysis.verdict.p_pass, outcome), None, None
    of_objects = tuple(f"{found.name.replace('-', '_')}_visible_" for found in analysis.objects)
    for m in analysis.measurements:
        if not m.name.startswith(of_objects):
            yield m.name, m.unit, TrendPoint(at, m.value, m.outcome, m.low, m.high), m.limit_low, m.limit_high
