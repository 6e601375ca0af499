"""One fault, one alarm: signals of a unit that are near in time join, over all metrics, up to its next service."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from mammoqa.core import Alarm, EventKind, Level, ServiceEvent, Signal
from mammoqa.trends.policy import WATCH, Policy


def alarms(
    unit: str,
    signals: Iterable[Signal],
    events: Sequence[ServiceEvent] = (),
    policy: Policy = WATCH,
    now: datetime | None = None,
) -> tuple[Alarm, ...]:
    """The alarms of one unit, oldest first. `now` (the latest signal by default) decides which are still active."""
    ordered = sorted(signals, key=lambda signal: (signal.at, signal.metric, signal.rule))
    own = [e for e in events if e.unit == unit and e.new_baseline]
    services = sorted(e.at for e in own if e.kind is not EventKind.BASELINE)
    levels = {(metric, e.at) for e in own if e.kind is EventKind.BASELINE for metric in e.metrics}
    groups: list[list[Signal]] = []
    for signal in ordered:
        if groups and _joins(groups[-1][-1], signal, services, policy):
            groups[-1].append(signal)
        else:
            groups.append([signal])
    last = now or (ordered[-1].at if ordered else datetime.min)
    return tuple(_alarm(unit, group, services, levels, policy, last) for group in groups)


def _joins(before: Signal, signal: Signal, services: Sequence[datetime], policy: Policy) -> bool:
    near = signal.at - before.at <= timedelta(days=policy.join_days)
    return near and not any(before.at < at <= signal.at for at in services)


def _alarm(
    unit: str,
    group: Sequence[Signal],
    services: Sequence[datetime],
    levels: Collection[tuple[str, datetime]],
    policy: Policy,
    now: datetime,
) -> Alarm:
    first: dict[tuple[str, str], Signal] = {}
    for signal in group:
        first.setdefault((signal.metric, signal.rule), signal)
    raised, last = group[0].at, group[-1].at
    begun = min(signal.since for signal in group if signal.at <= raised + timedelta(days=policy.join_days))
    long_ago = now - last > timedelta(days=policy.join_days)
    quiet = long_ago or any(last < at <= now for at in services) or _taken_as_new(group, levels, now)
    return Alarm(
        key=hashlib.sha256(f"{unit}|{raised.isoformat()}".encode()).hexdigest()[:16],
        unit=unit,
        raised_at=raised,
        last_at=last,
        since=begun,
        level=Level.ACTION if any(s.level is Level.ACTION for s in group) else Level.TOLERANCE,
        signals=tuple(first.values()),
        active=not quiet,
    )


def _taken_as_new(group: Sequence[Signal], levels: Collection[tuple[str, datetime]], now: datetime) -> bool:
    """Whether somebody has set a new baseline for each metric of an alarm since it last spoke."""
    last = {signal.metric: signal.at for signal in group}
    return all(any(name == metric and at < start <= now for name, start in levels) for metric, at in last.items())
