"""Forecasts of breaches against what happens when nobody mends a fault, and the run length of the rules together.

The fleet of the forecasts has one fault per unit that grows (tube ageing or gain drift), no repair, and no service
after its onset. A forecast is made at the alarm and 4, 8 and 12 weeks later, for every limit of a metric that has
signalled since. Where it foresees a breach (the median path reaches the limit within its horizon of half a year), the
interval is right if the first reading beyond the limit falls in it; an interval without an end is right if there
is none within the horizon.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from jaxtyping import Bool, Float

from mammoqa.core import Forecast, Limit, Reading, Series
from mammoqa.jobs.validate_trends import LIMITS
from mammoqa.simulate.fleet import FaultKind, FleetPlan
from mammoqa.simulate.fleet_history import fleet_history
from mammoqa.simulate.fleet_plan import plan_fleet
from mammoqa.stats.bootstrap import Interval, bootstrap_counts
from mammoqa.stats.run_length import average_run_length, run_lengths
from mammoqa.trends import Chart, Policy, chart, ends, forecast, watch

GROWING = (FaultKind.TUBE_AGEING, FaultKind.GAIN_DRIFT)
STEPS = (FaultKind.AEC_CHANGE, FaultKind.GRID, FaultKind.SOFTWARE)
_WEEKS = 182
_LATER_WEEKS = (0, 4, 8, 12)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A forecast and the first breach that followed; `breached_at` is None where the readings end before one."""

    unit: str
    kind: FaultKind
    forecast: Forecast
    breached_at: datetime | None

    @property
    def breached(self) -> bool:
        """Whether the limit was breached within the horizon."""
        return self.breached_at is not None and self.breached_at <= self.forecast.horizon

    @property
    def covered(self) -> bool:
        """Whether the interval of the date is right."""
        made = self.forecast
        if not self.breached or self.breached_at is None:
            return made.latest is None
        early = made.earliest is None or self.breached_at < made.earliest
        return not early and (made.latest is None or self.breached_at <= made.latest)


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Forecasts that foresaw a breach, how many intervals were right, their usual width and the usual error in days."""

    foreseen: tuple[Foreseen, ...]
    share: Interval
    width_days: float
    error_days: float
    not_foreseen: int  # forecasts in which no breach was likely within the horizon
    not_foreseen_breached: int


def growing_fleet(seed: int, units: int, kinds: Sequence[FaultKind] = GROWING) -> tuple[FleetPlan, tuple[Series, ...]]:
    """A fleet in which one fault per unit goes its way; nothing is done to the unit from its onset on."""
    rng = np.random.default_rng((seed, 3))
    plan = plan_fleet(rng, units, _WEEKS, 1, kinds, mended=False)
    onset = {fault.unit: fault.onset for fault in plan.faults}
    plan = replace(
        plan,
        events=tuple(e for e in plan.events if e.at < onset[e.unit]),
        changes=tuple((unit, change) for unit, change in plan.changes if change.at < onset[unit]),
    )
    return plan, fleet_history(plan, np.random.default_rng((seed, 4)))


def forecasts(seed: int, units: int, kinds: Sequence[FaultKind] = GROWING) -> tuple[Foreseen, ...]:
    """Every forecast of such a fleet with what came of it."""
    plan, series = growing_fleet(seed, units, kinds)
    watched = watch(series, LIMITS, plan.events)
    found = []
    for fault in plan.faults:
        raised = next(
            (a.raised_at for a in watched.alarms if a.unit == fault.unit and a.raised_at >= fault.onset), None
        )
        own = [c for c in watched.charts if c.series.unit == fault.unit]
        dates = [] if raised is None else [raised + timedelta(weeks=weeks) for weeks in _LATER_WEEKS]
        for drawn in own:
            for now in dates:
                if any(fault.onset <= signal.at <= now for signal in drawn.signals):
                    made = ((limit, forecast(drawn, limit, now)) for limit in drawn.limits)
                    found += [Foreseen(fault.unit, fault.kind, f, breach(drawn, of, f)) for of, f in made if f]
    return tuple(found)


def breach(drawn: Chart, limit: Limit, made: Forecast) -> datetime | None:
    """When the limit was first breached after a forecast."""
    for i, reading in enumerate(drawn.series.readings):
        if reading.at > made.made_at:
            end = ends(limit, drawn, i)[1 if made.upper else 0]
            if end is not None and (reading.value > end if made.upper else reading.value < end):
                return reading.at
    return None


def coverage(found: Sequence[Foreseen], seed: int) -> Coverage:
    """How often the intervals are right, with the interval of that share over resampled units."""
    likely = tuple(f for f in found if f.forecast.likely is not None)
    others = [f for f in found if f.forecast.likely is None]
    units = sorted({f.unit for f in likely})
    counts = np.array(
        [[sum(f.covered for f in likely if f.unit == u), sum(f.unit == u for f in likely)] for u in units]
    )
    share = bootstrap_counts(counts, lambda s: s[:, 0] / s[:, 1], np.random.default_rng((seed, 5)), 4000)
    widths = [
        (f.forecast.latest - f.forecast.earliest) / timedelta(days=1)
        for f in likely
        if f.forecast.latest and f.forecast.earliest
    ]
    errors = [
        abs(f.forecast.likely - f.breached_at) / timedelta(days=1)
        for f in likely
        if f.breached and f.breached_at and f.forecast.likely
    ]
    return Coverage(
        likely,
        share,
        float(np.median(widths)) if widths else float("nan"),
        float(np.median(errors)) if errors else float("nan"),
        len(others),
        sum(f.breached for f in others),
    )


def in_control_run_length(
    policy: Policy, rng: np.random.Generator, runs: int = 300, length: int = 1500, shift: float = 0.0
) -> Interval:
    """Readings per signal of one metric under all rules of a policy, its baseline estimated from its own readings.

    Readings are normal, weekly, with a standard deviation of 2 % of the mean; `shift` of the mean begins, in standard
    deviations, after 30 readings. Limits are left out: they are the protocol's.
    """
    start = datetime(2000, 1, 3)
    before = 30 if shift else 0

    def scheme(z: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        readings = tuple(Reading(start + timedelta(weeks=i), 100.0 + 2.0 * v) for i, v in enumerate(z.tolist()))
        drawn = chart(Series("unit", "model", "test", "metric", "", readings), policy=policy)
        index = {reading.at: i for i, reading in enumerate(readings)}
        met = np.zeros(len(z), dtype=bool)
        met[[index[signal.at] for signal in drawn.signals]] = True
        return met

    return average_run_length(run_lengths(scheme, rng, runs, length, shift, before), length, rng)
