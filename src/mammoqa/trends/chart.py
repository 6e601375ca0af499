"""The charts of one series: Shewhart with run rules, EWMA and CUSUM against its baselines, and their signals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mammoqa.core import Baseline, Level, Limit, LimitKind, Series, ServiceEvent, Signal
from mammoqa.stats.control_charts import Cusum, cusum, decision_interval, ewma
from mammoqa.stats.run_rules import RULES, beyond
from mammoqa.trends.baselines import SigmaPrior, Standardised, standardise
from mammoqa.trends.metrics import from_scale, trait
from mammoqa.trends.policy import CUSUM, EWMA, LIMIT, WATCH, Policy

LEAST_SLACK = 0.5  # standard deviations: tuned to a shift of one, where the smallest change of note is less
_ONE_READING = 0.75  # of the decision interval: no single reading can raise a CUSUM alarm


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """A series on its charts. `slack` and `interval` are CUSUM's k and h per reading, in standard deviations.

    `ewma` and its `ewma_sigma` are in standard deviations too; `rules` tells for each run rule where it is met (+1 up,
    -1 down). `limits` are those of the metric.
    """

    series: Series
    against: Standardised
    cusum: Cusum
    slack: Float[np.ndarray, " n"]
    interval: Float[np.ndarray, " n"]
    ewma: Float[np.ndarray, " n"]
    ewma_sigma: Float[np.ndarray, " n"]
    rules: tuple[tuple[str, Int[np.ndarray, " n"]], ...]
    limits: tuple[Limit, ...]
    signals: tuple[Signal, ...]

    @property
    def baselines(self) -> tuple[Baseline, ...]:
        """The baselines, oldest first."""
        return self.against.baselines


def chart(
    series: Series,
    limits: Sequence[Limit] = (),
    events: Sequence[ServiceEvent] = (),
    policy: Policy = WATCH,
    prior: SigmaPrior | None = None,
) -> Chart:
    """Put a series on its charts. Limits and events that are not its own are passed over."""
    own = sorted((e for e in events if e.unit == series.unit), key=lambda event: event.at)
    against = standardise(series, own, trait(series.metric, series.unit_of_measure), policy, prior)
    limits = tuple(limit for limit in limits if limit.applies(series))
    slack = np.maximum(LEAST_SLACK, against.material / 2.0)
    interval = np.array([decision_interval(round(float(k), 2), policy.run_length) for k in slack])
    reach = slack + _ONE_READING * interval
    parts = [np.flatnonzero(against.phase == p) for p in range(int(against.phase.max(initial=-1)) + 1)]
    sums = _sums(np.clip(against.z, -reach, reach), slack, parts)
    mean, spread = np.zeros(len(slack)), np.ones(len(slack))
    rules = {name: np.zeros(len(slack), dtype=int) for name in policy.rules if name in RULES}
    for part in parts:
        judged = part[against.judged[part]]
        mean[judged], spread[judged] = ewma(np.clip(against.z, -reach, reach)[judged], policy.ewma_weight)
        for name, met in rules.items():
            met[judged] = RULES[name].find(against.z[judged])
    for met in rules.values():
        met[np.abs(against.z) < against.material] = 0
    drawn = Chart(series, against, sums, slack, interval, mean, spread, tuple(rules.items()), limits, ())
    found = sorted(_signals(drawn, policy), key=lambda signal: (signal.at, signal.rule))
    return Chart(series, against, sums, slack, interval, mean, spread, tuple(rules.items()), limits, tuple(found))


def _sums(z: Float[np.ndarray, " n"], slack: Float[np.ndarray, " n"], parts: Sequence[np.ndarray]) -> Cusum:
    """CUSUM phase by phase; the starts index the whole series."""
    whole = Cusum(np.zeros(len(z)), np.zeros(len(z)), np.arange(len(z)), np.arange(len(z)))
    for part in parts:
        if part.size:
            own = cusum(z[part], slack[part])
            whole.upper[part], whole.lower[part] = own.upper, own.lower
            whole.upper_start[part], whole.lower_start[part] = part[own.upper_start], part[own.lower_start]
    return whole


def _signals(drawn: Chart, policy: Policy) -> list[Signal]:
    """Every reading at which a rule of the policy is met."""
    found: list[Signal] = []
    sums, z = drawn.cusum, drawn.against.z
    if CUSUM in policy.rules:
        for up, total, start in ((True, sums.upper, sums.upper_start), (False, sums.lower, sums.lower_start)):
            hits = np.flatnonzero((total > drawn.interval) & drawn.against.judged).tolist()
            found += [_signal(drawn, CUSUM, i, int(start[i]), float(total[i]), up) for i in hits]
    if EWMA in policy.rules:
        allowed = policy.ewma_width * drawn.ewma_sigma + drawn.against.material / 2.0
        for i in np.flatnonzero((np.abs(drawn.ewma) > allowed) & drawn.against.judged).tolist():
            up = bool(drawn.ewma[i] > 0)
            since = int((sums.upper_start if up else sums.lower_start)[i])
            found.append(_signal(drawn, EWMA, i, since, float(drawn.ewma[i]), up))
    for name, met in drawn.rules:
        found += [_signal(drawn, name, int(i), int(i), float(z[i]), bool(met[i] > 0)) for i in np.flatnonzero(met)]
    if LIMIT in policy.rules:
        found += _breaches(drawn)
    return found


def _signal(
    drawn: Chart, rule: str, at: int, since: int, size: float, up: bool, level: Level = Level.TOLERANCE
) -> Signal:
    readings = drawn.series.readings
    return Signal(drawn.series.metric, rule, readings[at].at, readings[since].at, readings[at].value, size, up, level)


def _breaches(drawn: Chart) -> list[Signal]:
    """Readings beyond a limit for the second time in three; the size is how far beyond, in the metric's own unit.

    A single reading beyond a limit is a failed test, which its analysis says; it is no trend yet.
    """
    found = []
    for limit in drawn.limits:
        over = np.array([_excess(limit, drawn, i) for i in range(len(drawn.series.readings))])
        met = beyond(over, 2, 3, 0.0)
        rule = f"{LIMIT} ({limit.level.value})"
        for i in np.flatnonzero(met).tolist():
            first = next(j for j in range(max(i - 2, 0), i + 1) if over[j] * met[i] > 0)
            found.append(_signal(drawn, rule, i, first, abs(float(over[i])), bool(met[i] > 0), limit.level))
    return found


def _excess(limit: Limit, drawn: Chart, at: int) -> float:
    """How far a reading lies beyond a limit: positive above, negative below, 0 within."""
    low, high = ends(limit, drawn, at)
    value = drawn.series.readings[at].value
    if low is not None and value < low:
        return value - low
    return value - high if high is not None and value > high else 0.0


def ends(limit: Limit, drawn: Chart, at: int) -> tuple[float | None, float | None]:
    """The lowest and highest allowed value at reading `at`; (None, None) while there is no baseline to refer to."""
    if limit.kind is LimitKind.ABSOLUTE:
        return limit.low, limit.high
    if not drawn.against.judged[at]:
        return None, None
    of = trait(drawn.series.metric, drawn.series.unit_of_measure)
    return resolved(limit, from_scale(float(drawn.against.mean[at]), of), float(drawn.against.width[at]))


def resolved(limit: Limit, mean: float, sigma: float) -> tuple[float | None, float | None]:
    """A limit's ends in the metric's own unit, for a baseline."""
    if limit.kind is LimitKind.ABSOLUTE:
        return limit.low, limit.high
    share = abs(mean) / 100.0 if limit.kind is LimitKind.RELATIVE else sigma
    low, high = ((None if end is None else mean + end * share) for end in (limit.low, limit.high))
    return low, high
