"""`mammoqa validate trends`: alarms on a simulated fleet with known faults, beside plain Shewhart charts.

A fault is found where an alarm is raised between its onset and its repair; an alarm raised at any other time is false.
Intervals come from the bootstrap over units. Nothing here draws or prints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from jaxtyping import Float

from mammoqa.core import Alarm, Level, Limit, LimitKind, Series
from mammoqa.simulate.fleet import Fault, FaultKind, FleetPlan
from mammoqa.simulate.fleet_history import fleet_history
from mammoqa.simulate.fleet_plan import plan_fleet
from mammoqa.stats.bootstrap import Interval, interval_of, resample_weights
from mammoqa.trends import SHEWHART, WATCH, WESTERN_ELECTRIC, Policy, watch
from mammoqa.trends.policy import LIMIT

TUNING_SEED, REPORT_SEED = 1, 90125
_YEAR = timedelta(days=365.25)
_RESAMPLES = 4000
_EUREF = "European guidelines 4th ed. (recalled)"
_OURS = "a choice of this validation"


def _action(metric: str, kind: str, low: float | None, high: float | None, source: str) -> Limit:
    return Limit(metric, LimitKind(kind), Level.ACTION, low, high, source)


LIMITS: tuple[Limit, ...] = (
    _action("glandular_dose", "absolute", None, 2.5, "European guidelines 4th ed., 45 mm PMMA (recalled)"),
    _action("uniformity", "absolute", None, 15.0, _EUREF),
    _action("fibres", "absolute", 4.0, None, "ACR Mammography Quality Control Manual 1999"),
    _action("speck_groups", "absolute", 3.0, None, "ACR Mammography Quality Control Manual 1999"),
    _action("masses", "absolute", 3.0, None, "ACR Mammography Quality Control Manual 1999"),
    _action("snr", "relative", -15.0, 15.0, _EUREF),
    _action("pixel_value", "relative", -15.0, 15.0, _OURS),
    _action("mas", "relative", -25.0, 25.0, _OURS),
)
POLICIES: tuple[tuple[str, Policy], ...] = (
    ("mammoqa", WATCH),
    ("Shewhart, 3σ", SHEWHART),
    ("Shewhart, 4σ", replace(SHEWHART, name="Shewhart 4", rules=("1 beyond 4σ",))),
    ("Western Electric rules", WESTERN_ELECTRIC),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A seeded fault and the first alarm in its time; `delay_days` is nan where there was none.

    `alarms` counts the alarms raised in its time: one fault should raise one. `signalled` tells whether a reading in
    its time met a rule at all, be it within an alarm that was open before.
    """

    fault: Fault
    delay_days: float
    alarms: int
    signalled: bool

    @property
    def found(self) -> bool:
        """Whether an alarm was raised."""
        return bool(np.isfinite(self.delay_days))


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A policy on a fleet: what it found, its false alarms, and the sound unit-years in which it could raise them."""

    name: str
    findings: tuple[Finding, ...]
    false_alarms: tuple[Alarm, ...]
    sound_years: Mapping[str, float]
    share: Interval
    delay_days: Interval
    false_per_year: Interval


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedFleet:
    """A plan and its readings."""

    plan: FleetPlan
    series: tuple[Series, ...]


def simulated(seed: int, units: int, weeks: int, faults_per_unit: int) -> SimulatedFleet:
    """A fleet of this seed."""
    plan = plan_fleet(np.random.default_rng(seed), units, weeks, faults_per_unit)
    return SimulatedFleet(plan, fleet_history(plan, np.random.default_rng((seed, 1))))


def score_policy(name: str, policy: Policy, fleet: SimulatedFleet, seed: int) -> Scored:
    """Watch the fleet by a policy and compare with the truth."""
    plan = fleet.plan
    watched = watch(fleet.series, LIMITS if LIMIT in policy.rules else (), plan.events, policy)
    by_unit: dict[str, list[Alarm]] = {unit.name: [] for unit in plan.units}
    signals: dict[str, list[float]] = {unit.name: [] for unit in plan.units}
    for alarm in watched.alarms:
        by_unit[alarm.unit].append(alarm)
    for drawn in watched.charts:
        signals[drawn.series.unit] += [signal.at.timestamp() for signal in drawn.signals]
    findings = tuple(_finding(fault, plan, by_unit[fault.unit], signals[fault.unit]) for fault in plan.faults)
    false = tuple(a for alarms in by_unit.values() for a in alarms if not _in_a_fault(a, plan))
    sound = {unit.name: _sound_years(unit.name, plan) for unit in plan.units}
    return _summed(name, findings, false, sound, np.random.default_rng((seed, 2)))


def _finding(fault: Fault, plan: FleetPlan, alarms: Sequence[Alarm], signals: Sequence[float]) -> Finding:
    end = fault.mended_at or plan.end
    own = [alarm for alarm in alarms if fault.onset <= alarm.raised_at < end]
    delay = (own[0].raised_at - fault.onset) / timedelta(days=1) if own else float("nan")
    seen = any(fault.onset.timestamp() <= at < end.timestamp() for at in signals)
    return Finding(fault, delay, len(own), seen)


def _in_a_fault(alarm: Alarm, plan: FleetPlan) -> bool:
    own = (fault for fault in plan.faults if fault.unit == alarm.unit)
    return any(fault.onset <= alarm.raised_at < (fault.mended_at or plan.end) for fault in own)


def _sound_years(unit: str, plan: FleetPlan) -> float:
    broken = sum(
        ((f.mended_at or plan.end) - f.onset for f in plan.faults if f.unit == unit),
        timedelta(0),
    )
    return (plan.end - plan.start - broken) / _YEAR


def _summed(
    name: str,
    findings: tuple[Finding, ...],
    false: tuple[Alarm, ...],
    sound: Mapping[str, float],
    rng: np.random.Generator,
) -> Scored:
    """Totals with 95 % intervals over resampled units."""
    units = list(sound)
    place = {unit: k for k, unit in enumerate(units)}
    counts = np.zeros((len(units), 4))  # found, faults, false alarms, sound years
    for finding in findings:
        counts[place[finding.fault.unit], :2] += (finding.found, 1.0)
    for alarm in false:
        counts[place[alarm.unit], 2] += 1.0
    counts[:, 3] = [sound[unit] for unit in units]
    weights = resample_weights(len(units), _RESAMPLES, rng)
    sums, total = weights @ counts, counts.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = interval_of(float(np.divide(total[0], total[1])), sums[:, 0] / sums[:, 1])
        rate = interval_of(float(np.divide(total[2], total[3])), sums[:, 2] / sums[:, 3])
    delays = np.array([f.delay_days for f in findings], dtype=float)
    owner = np.array([place[f.fault.unit] for f in findings], dtype=int)
    return Scored(name, findings, false, sound, share, _median_delay(delays, owner, weights), rate)


def _median_delay(
    delays: Float[np.ndarray, " faults"], owner: np.ndarray, weights: Float[np.ndarray, "resamples units"]
) -> Interval:
    """Median over the faults found."""
    kept = np.isfinite(delays)
    if not kept.any():
        return Interval(float("nan"), float("nan"), float("nan"))
    values, units = delays[kept], owner[kept]
    replicates = np.array(
        [np.median(np.repeat(values, w[units].astype(int))) for w in weights[:1000] if w[units].any()]
    )
    return interval_of(float(np.median(values)), replicates)


def by_kind(scored: Scored) -> dict[FaultKind, tuple[int, int, float]]:
    """Faults, faults found and median delay of those, by kind."""
    rows = {}
    for kind in FaultKind:
        own = [f for f in scored.findings if f.fault.kind is kind]
        delays = [f.delay_days for f in own if f.found]
        rows[kind] = (len(own), len(delays), float(np.median(delays)) if delays else float("nan"))
    return rows


def by_size(scored: Scored, parts: int = 3) -> dict[FaultKind, tuple[tuple[float, int, int], ...]]:
    """For each kind, faults in thirds of their size: the middle size, how many, how many found."""
    rows = {}
    for kind in FaultKind:
        own = sorted((f for f in scored.findings if f.fault.kind is kind), key=lambda f: abs(f.fault.size))
        split = [part for part in np.array_split(np.arange(len(own)), parts) if part.size]
        rows[kind] = tuple(
            (float(np.median([abs(own[i].fault.size) for i in p])), p.size, sum(own[i].found for i in p)) for p in split
        )
    return rows
