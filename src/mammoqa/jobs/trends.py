"""Trends of what a store holds: histories, limits and events in, charts and alarms out, alerts kept."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from mammoqa.core import Alarm, EventKind, Level, Limit, LimitKind, Reading, Series, ServiceEvent
from mammoqa.phantoms import PHANTOMS
from mammoqa.trends import Priors, Watched, sigma_priors, watch

if TYPE_CHECKING:
    from mammoqa.store import HistoryPoint, Store
    from mammoqa.store.alerts import Alert
    from mammoqa.store.fleet import FleetUnit

_KINDS: Mapping[str, EventKind] = MappingProxyType(
    {
        "service": EventKind.SERVICE,
        "repair": EventKind.REPAIR,
        "tube replaced": EventKind.PART,
        "detector replaced": EventKind.PART,
        "moved": EventKind.PART,
        "detector calibrated": EventKind.CALIBRATION,
        "software update": EventKind.SOFTWARE,
    }
)
_LEVELS: Mapping[Level, str] = MappingProxyType({Level.TOLERANCE: "warning", Level.ACTION: "action"})
_PASSED_OVER = frozenset({"contrast_cavities"})  # what is there to be counted, not watched


def fleet_labels(store: "Store") -> dict[int, str]:
    """A name for each unit in use that no other has."""
    from mammoqa.store.fleet import fleet

    units = fleet(store)
    names = [unit.label for unit in units]
    return {u.id: u.label if names.count(u.label) == 1 else f"{u.label} ({u.id})" for u in units}


def unit_series(store: "Store", unit: "FleetUnit", label: str, since: datetime | None = None) -> tuple[Series, ...]:
    """Every total and measurement of a unit by phantom, oldest reading first; those with a single reading too.

    What is measured of a single test object is left out: its total has a trend.
    """
    from mammoqa.store.readings import readings_of

    group = unit.identity.model or unit.identity.manufacturer
    return tuple(
        Series(label, group, phantom, metric, measure, tuple(_reading(point) for point in points))
        for (phantom, metric, measure), points in readings_of(store, unit.id, since).items()
        if metric not in _PASSED_OVER and "_visible_" not in metric
    )


def cut(series: Series, until: datetime) -> Series:
    """A series without the readings after a time."""
    return replace(series, readings=tuple(r for r in series.readings if r.at <= until))


def _reading(point: "HistoryPoint") -> Reading:
    at = point.at.replace(tzinfo=None)
    return Reading(at, point.value, point.low, point.high, point.analysis_id)


def criteria_limits() -> tuple[Limit, ...]:
    """What the phantoms' own criteria ask for, as action levels."""
    return tuple(
        Limit(c.name, LimitKind.ABSOLUTE, Level.ACTION, c.low, c.high, c.source, test=name)
        for name, phantom in PHANTOMS.items()
        for c in phantom.criteria
    )


def programme_limits(store: "Store", labels: Mapping[int, str]) -> tuple[Limit, ...]:
    """The limits of the tests in use, for the units that have to do them; they replace a phantom's criteria there."""
    found = _own_limits(store, labels)
    replaced = {(limit.test, limit.metric, limit.unit) for limit in found}
    somewhere = {(test, metric) for test, metric, _ in replaced}
    whole = [limit for limit in criteria_limits() if (limit.test, limit.metric) not in somewhere]
    others = [
        replace(limit, unit=label)
        for limit in criteria_limits()
        if (limit.test, limit.metric) in somewhere
        for label in labels.values()
        if (limit.test, limit.metric, label) not in replaced
    ]
    return (*found, *whole, *others)


def _own_limits(store: "Store", labels: Mapping[int, str]) -> list[Limit]:
    from mammoqa.store.programme import qc_tests

    found: list[Limit] = []
    for test in qc_tests(store, active=True):
        for unit_id in test.units:
            for own in test.limits:
                share = 100.0 if own.kind == "relative" else 1.0
                for level, low, high in (
                    (Level.TOLERANCE, own.tolerance_low, own.tolerance_high),
                    (Level.ACTION, own.action_low, own.action_high),
                ):
                    if (low, high) != (None, None) and unit_id in labels:
                        ends = [None if end is None else end * share for end in (low, high)]
                        kind, unit = LimitKind(own.kind), labels[unit_id]
                        found.append(Limit(own.metric, kind, level, ends[0], ends[1], own.source, test.phantom, unit))
    return found


def unit_events(store: "Store", unit_id: int, label: str) -> tuple[ServiceEvent, ...]:
    """The events of a unit, oldest first, and with them the baselines that people set for single metrics."""
    from mammoqa.store.course import baselines, events

    found = [
        ServiceEvent(label, e.at, _KINDS.get(e.kind, EventKind.SERVICE) if e.new_baseline else EventKind.NOTE, e.note)
        for e in events(store, unit_id)
    ]
    for b in sorted(baselines(store, unit_id), key=lambda one: one.id):
        note = f"set by {b.set_by}" + (f": {b.note}" if b.note else "")
        at, metrics = b.starts_at, (b.metric,)
        found.append(ServiceEvent(label, at, EventKind.BASELINE, note, metrics, b.phantom, b.value, b.count))
    return tuple(sorted(found, key=lambda event: event.at))


def watch_unit(store: "Store", unit_id: int, now: datetime | None = None, priors: Priors | None = None) -> Watched:
    """The charts and alarms of one unit."""
    from mammoqa.store.fleet import unit as found_unit

    label = fleet_labels(store).get(unit_id) or found_unit(store, unit_id).label
    series = unit_series(store, found_unit(store, unit_id), label)
    limits = programme_limits(store, {unit_id: label})
    return watch(series, limits, unit_events(store, unit_id, label), priors=priors, now=now)


def watch_fleet(store: "Store", now: datetime | None = None, until: datetime | None = None) -> Watched:
    """The charts and alarms of every unit in use; like units teach each other how much readings spread.

    Readings after `until` are left out.
    """
    from mammoqa.store.fleet import fleet

    labels = fleet_labels(store)
    found = [s for unit in fleet(store) for s in unit_series(store, unit, labels[unit.id])]
    series = found if until is None else [s for s in (cut(s, until) for s in found) if s.readings]
    events = [event for unit_id, label in labels.items() for event in unit_events(store, unit_id, label)]
    return watch(series, programme_limits(store, labels), events, priors=sigma_priors(series), now=now)


def fleet_events(store: "Store") -> tuple[ServiceEvent, ...]:
    """The events of every unit in use."""
    return tuple(e for unit_id, label in fleet_labels(store).items() for e in unit_events(store, unit_id, label))


def sound_alarms(store: "Store", unit_id: int, watched: Watched) -> tuple[tuple["Alert", bool], ...]:
    """Open an alert for every active alarm of a unit, or add to the one that is open; and whether each is new."""
    from mammoqa.report.trend_words import alarm_title
    from mammoqa.store.alerts import sound

    return tuple(
        sound(
            store,
            unit_id,
            f"trend-{alarm.key}",
            _LEVELS[alarm.level],
            alarm_title(alarm, watched.charts),
            detail(alarm),
        )
        for alarm in watched.alarms
        if alarm.active
    )


def detail(alarm: Alarm) -> dict[str, object]:
    """What an alert keeps of an alarm, as plain data."""
    signals = [
        {
            "metric": s.metric,
            "rule": s.rule,
            "at": s.at.isoformat(),
            "value": s.value,
            "up": s.up,
            "level": s.level.value,
        }
        for s in alarm.signals
    ]
    return {
        "raised_at": alarm.raised_at.isoformat(),
        "since": alarm.since.isoformat(),
        "metrics": list(alarm.metrics),
        "signals": signals,
    }


def of_unit(watched: Watched, label: str) -> Watched:
    """The part of a watch that one unit has."""
    charts = tuple(c for c in watched.charts if c.series.unit == label)
    return Watched(charts, tuple(a for a in watched.alarms if a.unit == label))


def labels_of(watched: Watched) -> Sequence[str]:
    """The units of a watch, in its order."""
    return list(dict.fromkeys(c.series.unit for c in watched.charts))
