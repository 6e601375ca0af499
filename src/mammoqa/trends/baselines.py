"""Baselines of a series: what its readings are compared with, estimated anew after every service.

Each reading is standardised by the mean of the readings before it in the same phase and a sigma pooled over all phases
(Hawkins' self-starting chart, 1987): so judging starts after a few readings, and estimating from few of them
makes limits wider rather than alarms more frequent. The mean settles; sigma goes on learning from readings in control,
by their successive differences, which a slow drift leaves alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mammoqa.core import Baseline, EventKind, Series, ServiceEvent
from mammoqa.stats.control_charts import normal_score
from mammoqa.trends.metrics import Trait, from_scale, material, to_scale
from mammoqa.trends.policy import Policy

_HELD_OUT = 3.5  # a reading this far out teaches the baseline nothing
_DRIFTING = 2.0  # nor do readings whose moving average is this far out
_MOST_FREEDOM = 60.0  # of sigma: what is long past counts less
_LEAST_FREEDOM = 2.0
# After these the mean is expected near where it was, so that a change at a service is seen; other events start afresh.
CARRIED = frozenset({EventKind.SERVICE, EventKind.REPAIR})


@dataclass(frozen=True, slots=True)
class SigmaPrior:
    """What like units say of a metric's sigma before the unit's own readings do, worth so many degrees of freedom."""

    sigma: float
    freedom: float = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Standardised:
    """A series on its chart. Arrays run over readings; `z` is 0 where a reading is not `judged`.

    `mean` and `sigma` are on the chart's scale, as known before each reading; `width` is sigma widened by the
    uncertainty of the mean; `material` the smallest change worth an alarm, in `width`.
    """

    values: Float[np.ndarray, " n"]
    z: Float[np.ndarray, " n"]
    judged: Bool[np.ndarray, " n"]
    phase: Int[np.ndarray, " n"]
    mean: Float[np.ndarray, " n"]
    sigma: Float[np.ndarray, " n"]
    width: Float[np.ndarray, " n"]
    material: Float[np.ndarray, " n"]
    baselines: tuple[Baseline, ...]


class _Learner:
    """The running estimate of mean and sigma; state is unavoidable where every reading depends on those before it."""

    def __init__(self, of: Trait, prior: SigmaPrior | None) -> None:
        self._floor = max(of.floor, 0.5 * of.resolution)
        self._squares = prior.sigma**2 * prior.freedom if prior else 0.0
        self.freedom = prior.freedom if prior else 0.0
        self.weight, self.mean = 0.0, 0.0  # how many readings the mean is worth
        self.begin()

    def begin(self, spread: float | None = None) -> None:
        """Start a new phase. Sigma is kept; the mean is forgotten, or kept as a guess with this standard deviation."""
        carried = spread is not None and spread > 0.0 and self.weight > 0.0
        self.weight = (self.sigma / spread) ** 2 if carried and spread else 0.0
        self.mean = self.mean if carried else 0.0
        self.count = 0
        self._last: float | None = None

    def take(self, mean: float, readings: int, settle: int) -> None:
        """Start a new phase with a mean that a person set, worth so many readings; it is not learned further."""
        self.begin()
        self.weight, self.mean, self.count = float(max(readings, 1)), mean, settle

    def learn(self, value: float) -> None:
        """Take a reading into the mean, and its difference from the one before into sigma."""
        self.count += 1
        self.weight += 1.0
        self.mean += (value - self.mean) / self.weight
        self.learn_spread(value)

    def learn_spread(self, value: float) -> None:
        """Take the difference from the reading before into sigma, and leave the mean as it is."""
        if self._last is not None:
            self._squares += (value - self._last) ** 2 / 2.0 * (2.0 / 3.0)  # two thirds of a degree of freedom each
            self.freedom += 2.0 / 3.0
            if self.freedom > _MOST_FREEDOM:
                self._squares *= _MOST_FREEDOM / self.freedom
                self.freedom = _MOST_FREEDOM
        self._last = value

    @property
    def sigma(self) -> float:
        own = (self._squares / self.freedom) ** 0.5 if self.freedom > 0 else 0.0
        return max(own, self._floor, 1e-6 * abs(self.mean), 1e-12)


def standardise(
    series: Series, events: Sequence[ServiceEvent], of: Trait, policy: Policy, prior: SigmaPrior | None = None
) -> Standardised:
    """The readings against their baselines. `events` are the unit's own, oldest first; notes start no baseline."""
    starts = [e for e in events if e.new_baseline and e.concerns(series)]
    dates = [reading.at for reading in series.readings]
    phase = np.array([sum(e.at <= at for e in starts) for at in dates], dtype=int)
    values = to_scale(np.array([reading.value for reading in series.readings], dtype=float), of)
    n = len(values)
    z, mean, sigma, width, least = np.zeros(n), np.zeros(n), np.ones(n), np.ones(n), np.zeros(n)
    judged = np.zeros(n, dtype=bool)
    learner = _Learner(of, prior)
    found: list[Baseline] = []
    drift = 0.0
    for i in range(n):
        if i and phase[i] != phase[i - 1]:
            found.append(_baseline(series, phase, i - 1, learner, of, policy, starts, found))
        if phase[i] != (phase[i - 1] if i else 0):
            _start(learner, starts[phase[i] - 1], of, policy)
            drift = 0.0
        mean[i], sigma[i] = learner.mean if learner.weight else values[i], learner.sigma
        width[i] = sigma[i] * (1.0 + 1.0 / (learner.weight or 1.0)) ** 0.5
        least[i] = material(of, mean[i]) / width[i] if policy.material else 0.0
        known = learner.count >= policy.first or learner.weight > learner.count
        judged[i] = known and learner.freedom >= _LEAST_FREEDOM
        if judged[i]:
            z[i] = normal_score(float(values[i] - mean[i]) / width[i], learner.freedom)
        drift = 0.7 * drift + 0.3 * z[i]
        if abs(z[i]) < _HELD_OUT and abs(drift) < _DRIFTING:
            (learner.learn if learner.count < policy.settle else learner.learn_spread)(float(values[i]))
    if n:
        found.append(_baseline(series, phase, n - 1, learner, of, policy, starts, found))
    return Standardised(values, z, judged, phase, mean, sigma, width, least, tuple(found))


def _start(learner: _Learner, event: ServiceEvent, of: Trait, policy: Policy) -> None:
    """Begin the phase that an event starts."""
    if event.mean is not None:
        learner.take(float(to_scale(np.array([event.mean]), of)[0]), event.readings, policy.settle)
        return
    carried = event.kind in CARRIED
    learner.begin(policy.carry * material(of, learner.mean) if carried else None)


def _baseline(
    series: Series,
    phase: Int[np.ndarray, " n"],
    last: int,
    learner: _Learner,
    of: Trait,
    policy: Policy,
    starts: Sequence[ServiceEvent],
    before: Sequence[Baseline],
) -> Baseline:
    """The baseline of the phase that ends with reading `last`."""
    number = int(phase[last])
    first = int(np.searchsorted(phase, number))
    event = starts[number - 1] if number else None
    mean = from_scale(learner.mean, of)
    sigma = learner.sigma if of.scale == "linear" else from_scale(learner.mean + learner.sigma, of) - mean
    step = None
    if before and before[-1].mean:
        step = 100.0 * (mean / before[-1].mean - 1.0)
    readings = learner.count if event is None or event.mean is None else event.readings
    why = "first readings" if event is None else ": ".join(t for t in (event.kind.value, event.note) if t)
    return Baseline(
        start=event.at if event else series.readings[first].at,
        end=starts[number].at if number < len(starts) else None,
        mean=mean,
        sigma=sigma,
        readings=readings,
        estimated_to=series.readings[min(first + max(readings, 1) - 1, last)].at,
        settled=learner.count >= policy.settle,
        why=why,
        step_percent=step,
    )
