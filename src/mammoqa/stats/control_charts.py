"""Control charts on standardised readings: individuals and moving range, EWMA, tabular CUSUM, and their limits.

All functions take readings in the order of time. `z` is (reading - baseline mean) / baseline sigma, so that limits are
in standard deviations. Nothing here knows dates or units.

References: Montgomery, Introduction to Statistical Quality Control (7th ed., chapters 6 and 9); Page 1954, Biometrika
41:100 (CUSUM); Roberts 1959, Technometrics 1:239 (EWMA); Siegmund 1985, Sequential Analysis, eq. 2.57 (run length);
Hawkins 1987, The Statistician 36:423 (self-starting).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

D2 = 1.128  # mean range of two normal values over their sigma
D4 = 3.267  # upper limit of the moving range over its mean: 1 + 3 d3/d2 for two values


@dataclass(frozen=True, slots=True)
class Individuals:
    """Limits of an individuals and moving range chart, in the readings' own unit."""

    mean: float
    sigma: float
    low: float
    high: float
    range_mean: float
    range_high: float


@dataclass(frozen=True, slots=True, eq=False)
class Cusum:
    """Upper and lower sums; `upper_start` and `lower_start` index the reading after each sum's last zero."""

    upper: Float[np.ndarray, " n"]
    lower: Float[np.ndarray, " n"]
    upper_start: Int[np.ndarray, " n"]
    lower_start: Int[np.ndarray, " n"]


def individuals(values: Float[np.ndarray, " n"], width: float = 3.0) -> Individuals:
    """The individuals chart of these readings: sigma is the mean moving range over 1.128; ValueError below two."""
    if len(values) < 2:
        raise ValueError("a moving range needs two readings")
    range_mean = float(np.abs(np.diff(values)).mean())
    mean, sigma = float(values.mean()), range_mean / D2
    return Individuals(mean, sigma, mean - width * sigma, mean + width * sigma, range_mean, D4 * range_mean)


def successive_variance(values: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Variance from mean squared successive differences, which a slow drift leaves alone, and its degrees of freedom.

    von Neumann et al. 1941, Ann Math Stat 12:153; for normal readings its efficiency tends to two thirds.
    """
    if len(values) < 2:
        return 0.0, 0.0
    return float(np.square(np.diff(values)).mean() / 2.0), 2.0 * (len(values) - 1) / 3.0


def ewma(z: Float[np.ndarray, " n"], weight: float = 0.2) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The exponentially weighted mean, from 0, and its standard deviation after each reading."""
    n = np.arange(1, len(z) + 1)
    spread = np.sqrt(weight / (2.0 - weight) * (1.0 - (1.0 - weight) ** (2 * n)))
    return remembered(z, weight), np.asarray(spread)


def remembered(values: Float[np.ndarray, " n"], weight: float) -> Float[np.ndarray, " n"]:
    """Each value mixed with what came before, from 0: weight x value + (1 - weight) x the mixture so far."""
    mixed, so_far = np.empty(len(values)), 0.0
    for i, value in enumerate(values.tolist()):  # scipy's filter takes seconds to import
        so_far += weight * (value - so_far)
        mixed[i] = so_far
    return mixed


def cusum(z: Float[np.ndarray, " n"], slack: "float | Float[np.ndarray, ' n']" = 0.5) -> Cusum:
    """Tabular CUSUM from 0 with this slack (reference value), in standard deviations; it is not reset by a signal."""
    n = len(z)
    slacks = np.broadcast_to(np.asarray(slack, dtype=float), n)
    up, down = np.zeros(n), np.zeros(n)
    up_start, down_start = np.zeros(n, dtype=int), np.zeros(n, dtype=int)
    above = below = 0.0
    from_up = from_down = 0
    for i, (value, k) in enumerate(zip(z.tolist(), slacks.tolist(), strict=True)):
        from_up = i if above <= 0.0 else from_up
        from_down = i if below <= 0.0 else from_down
        above, below = max(0.0, above + value - k), max(0.0, below - value - k)
        up[i], down[i], up_start[i], down_start[i] = above, below, from_up, from_down
    return Cusum(up, down, up_start, down_start)


def siegmund_run_length(slack: float, interval: float, shift: float = 0.0) -> float:
    """Average run length of a two-sided tabular CUSUM for a mean shifted by `shift` standard deviations."""
    sides = [_one_sided(s - slack, interval + 1.166) for s in (shift, -shift)]
    return 1.0 / sum(1.0 / side for side in sides)


def _one_sided(drift: float, height: float) -> float:
    product = -2.0 * drift * height
    if abs(product) < 1e-9:
        return height**2
    return float((np.expm1(min(product, 700.0)) - product) / (2.0 * drift**2))


@lru_cache(maxsize=4096)
def decision_interval(slack: float, run_length: float) -> float:
    """The decision interval h that gives a two-sided CUSUM with this slack an in-control run length; at least 1.

    Siegmund's approximation errs by a few per cent for slacks up to 1 and on the safe side beyond.
    """
    from scipy.optimize import brentq

    low, high = 1.0, 60.0
    if siegmund_run_length(slack, low) >= run_length:
        return low
    return float(brentq(lambda h: siegmund_run_length(slack, h) - run_length, low, high, xtol=1e-4))


def normal_score(t: float, degrees_of_freedom: float) -> float:
    """The standard normal value as far out as this Student t value: a z where sigma was itself estimated."""
    from scipy import special

    if degrees_of_freedom >= 200.0:
        return t
    tail = float(special.stdtr(degrees_of_freedom, -abs(t)))
    return float(np.copysign(-special.ndtri(max(tail, 1e-300)), t))
