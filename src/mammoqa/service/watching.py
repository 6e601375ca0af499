"""After every study: the unit's trends are looked at again, and what speaks becomes one alert for each fault."""

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from mammoqa.core import EventKind, Level, Limit, LimitKind, Outcome, Reading, Series, ServiceEvent
from mammoqa.phantoms import PHANTOMS
from mammoqa.report import words
from mammoqa.service.notify import tell
from mammoqa.service.options import Service
from mammoqa.store import alerts, course, fleet, programme
from mammoqa.store.readings import readings_of
from mammoqa.store.records import HistoryPoint
from mammoqa.store.store import Store

LOG = logging.getLogger("mammoqa.watch")
_LOOK_BACK = timedelta(days=731)
# Events as people enter them, and as the charts take them.
_KINDS = {
    "service": EventKind.SERVICE,
    "repair": EventKind.REPAIR,
    "tube replaced": EventKind.PART,
    "detector replaced": EventKind.PART,
    "detector calibrated": EventKind.CALIBRATION,
    "software update": EventKind.SOFTWARE,
    "moved": EventKind.REPAIR,
    "note": EventKind.NOTE,
}


def limits_of(store: Store, unit_id: int) -> tuple[Limit, ...]:
    """The limits that hold for a unit: those of its tests, and the phantoms' own criteria for scores."""
    found = [
        Limit(c.name, LimitKind.ABSOLUTE, Level.ACTION, c.low, c.high, phantom.source, test=phantom.name)
        for phantom in PHANTOMS.values()
        for c in phantom.criteria
    ]
    for test in programme.qc_tests(store, active=True):
        if unit_id in test.units:
            found += [one for limit in test.limits for one in _levels(limit, test.phantom)]
    return tuple(found)


def _levels(limit: programme.Limit, phantom: str) -> list[Limit]:
    kind = LimitKind(limit.kind)
    pairs = (
        (Level.TOLERANCE, limit.tolerance_low, limit.tolerance_high),
        (Level.ACTION, limit.action_low, limit.action_high),
    )
    return [
        Limit(limit.metric, kind, level, low, high, limit.source, test=phantom)
        for level, low, high in pairs
        if low is not None or high is not None
    ]


def events_of(store: Store, unit_id: int) -> tuple[ServiceEvent, ...]:
    """The events of a unit as the charts take them; those that start no baseline are notes."""
    return tuple(
        ServiceEvent(str(unit_id), e.at, _KINDS[e.kind] if e.new_baseline else EventKind.NOTE, e.note)
        for e in course.events(store, unit_id)
    )


def series_of(unit: fleet.FleetUnit, phantom: str, metric: str, measure: str, points: Sequence[HistoryPoint]) -> Series:
    """A history as the charts take it."""
    readings = tuple(Reading(p.at, p.value, p.low, p.high, p.analysis_id) for p in points)
    group = " ".join(part for part in (unit.identity.manufacturer, unit.identity.model) if part)
    return Series(str(unit.id), group, phantom, metric, measure, readings)


def watch_unit(service: Service, unit_id: int) -> int:
    """Sound what the trends of a unit say now; how many alerts are new."""
    from mammoqa.trends import watch

    store = service.store
    unit = fleet.unit(store, unit_id)
    found = readings_of(store, unit_id, datetime.now() - _LOOK_BACK)
    series = [series_of(unit, *key, points) for key, points in found.items() if "_visible_" not in key[1]]
    if not series:
        return 0
    watched = watch(series, limits_of(store, unit_id), events_of(store, unit_id))
    new = 0
    for alarm in watched.alarms:
        if not alarm.active or alerts.settled(store, unit_id, alarm.key, alarm.last_at):
            continue
        titles = ", ".join(words.metric_title(m) for m in alarm.metrics[:4])
        detail = {
            "metrics": titles,
            "signals": "; ".join(f"{words.metric_title(s.metric)}: {s.rule}" for s in alarm.signals[:6]),
            "since": f"{alarm.since:%Y-%m-%d}",
            "last": f"{alarm.last_at:%Y-%m-%d}",
        }
        level = "action" if alarm.level is Level.ACTION else "warning"
        title = f"{unit.label}: {titles} {'changed' if level == 'warning' else 'beyond an action level'}"
        new += _sound(service, unit_id, _joined(store, unit_id, alarm.key), level, title, detail)
    return new


def _joined(store: Store, unit_id: int, key: str) -> str:
    """The key of a failed image's open alert, which a trend of the same unit joins; else the trend's own."""
    speaking = alerts.alerts(store, "open", "acknowledged", unit_id=unit_id)
    if any(alert.key == key for alert in speaking):
        return key
    return next((alert.key for alert in speaking if alert.key.startswith("fail ")), key)


def watch_results(service: Service, numbers: Sequence[int]) -> None:
    """Look at the units of these analyses; a failed one sounds by itself where no trend has spoken for it."""
    store = service.store
    units = {u.identity: u for u in fleet.fleet(store, retired=True)}
    lines = [store.get(number) for number in numbers]
    for identity in dict.fromkeys(line.unit for line in lines if line.unit is not None):
        unit = units[identity]
        watch_unit(service, unit.id)
        speaking = alerts.alerts(store, "open", "acknowledged", unit_id=unit.id, limit=1)
        for line in lines:
            if line.unit == identity and line.outcome is Outcome.FAIL and not speaking:
                known = PHANTOMS.get(line.phantom or "")
                phantom = known.title if known else line.phantom
                detail = {"reason": line.reason, "analysis_id": line.id}
                _sound(service, unit.id, f"fail {line.phantom}", "action", f"{unit.label}: {phantom} failed", detail)


def watch_dates(service: Service, today: date) -> None:
    """Sound the tests that are overdue, each once."""
    names = {u.id: u.label for u in fleet.fleet(service.store)}
    for one in programme.due(service.store, today):
        if one.state == "overdue":
            key = f"overdue {one.test_id} {one.due_on}"
            if not alerts.settled(service.store, one.unit_id, key, datetime.combine(today, datetime.min.time())):
                title = f"{names.get(one.unit_id, one.unit_id)}: {one.test} is overdue since {one.due_on}"
                _sound(service, one.unit_id, key, "warning", title, {"test": one.test, "due": str(one.due_on)})


def _sound(service: Service, unit_id: int, key: str, level: str, title: str, detail: Mapping[str, object]) -> int:
    alert, new = alerts.sound(service.store, unit_id, key, level, title, detail)
    if new:
        tell(service, alert)
    return int(new)
