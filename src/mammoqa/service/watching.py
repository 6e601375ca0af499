"""After every study: the unit's trends are looked at again, and what speaks becomes one alert for each fault."""

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from mammoqa.core import Level, Outcome
from mammoqa.phantoms import PHANTOMS
from mammoqa.report import words
from mammoqa.service.options import Service
from mammoqa.service.unit_trends import watched_unit
from mammoqa.store import alerts, fleet, programme
from mammoqa.store.store import Store

LOG = logging.getLogger("mammoqa.watch")


def watch_unit(service: Service, unit_id: int) -> int:
    """Sound what the trends of a unit say now; how many alerts are new."""
    store = service.store
    unit = fleet.unit(store, unit_id)
    watched = watched_unit(store, unit)
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
    _, new = alerts.sound(service.store, unit_id, key, level, title, detail)
    return int(new)
