"""Watch units: all their series on charts, and the alarms that follow. The one call that a service needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mammoqa.core import Alarm, Limit, Series, ServiceEvent
from mammoqa.trends.alarms import alarms
from mammoqa.trends.baselines import SigmaPrior
from mammoqa.trends.chart import Chart, chart
from mammoqa.trends.policy import WATCH, Policy

Priors = Mapping[tuple[str, str, str], SigmaPrior]  # by group, test and metric


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """The charts of every series, in the order given, and the alarms, oldest first."""

    charts: tuple[Chart, ...]
    alarms: tuple[Alarm, ...]


def watch(
    series: Sequence[Series],
    limits: Sequence[Limit] = (),
    events: Sequence[ServiceEvent] = (),
    policy: Policy = WATCH,
    priors: Priors | None = None,
    now: datetime | None = None,
) -> Watched:
    """Put every series on its charts and group the signals of each unit into alarms.

    The answer depends on the arguments alone: asked again with more readings, earlier alarms come back with the same
    keys. `priors` (see `fleet.sigma_priors`) let like units teach a new one how much its readings spread.
    """
    priors = priors or {}
    charts = tuple(chart(s, limits, events, policy, priors.get((s.group, s.test, s.metric))) for s in series)
    units = dict.fromkeys(s.unit for s in series)
    latest = max((s.readings[-1].at for s in series if s.readings), default=None)
    raised = [
        alarm
        for unit in units
        for alarm in alarms(
            unit,
            (signal for drawn in charts if drawn.series.unit == unit for signal in drawn.signals),
            events,
            policy,
            now or latest,
        )
    ]
    return Watched(charts, tuple(sorted(raised, key=lambda alarm: (alarm.raised_at, alarm.unit))))
