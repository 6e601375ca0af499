"""When will a series first be read beyond a limit: a structural time-series model, and first passages of its paths.

Level and slope each follow a random walk (a local linear trend; Harvey 1989, Forecasting, Structural Time Series Models
and the Kalman Filter, section 2.3), fitted by maximum likelihood through statsmodels on a regular grid of steps, on
which readings may be missing. Paths are drawn from the filtered state, with the noise of readings on top, as it is a
reading that breaches a limit.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mammoqa.core import MissingExtraError


@dataclass(frozen=True, slots=True, eq=False)
class TrendState:
    """Level and slope per step after the last reading, their covariance, and the variances of what is to come."""

    mean: Float[np.ndarray, " 2"]
    covariance: Float[np.ndarray, "2 2"]
    level_variance: float
    slope_variance: float
    noise_variance: float


def fit_trend(values: Float[np.ndarray, " steps"], least_slope_sigma: float = 0.0) -> TrendState:
    """Fit the local linear trend; nan where a step has no reading.

    `least_slope_sigma` is a floor for how much the slope may change from one step to the next: short series cannot tell
    it from nothing, and nothing would make forecasts too sure. Raises MissingExtraError without statsmodels, ValueError
    for fewer than five readings or readings that never differ.
    """
    known = values[np.isfinite(values)]
    if len(known) < 5 or float(np.ptp(known)) == 0.0:
        raise ValueError("a trend needs five readings that differ")
    components = _unobserved_components()
    centre, scale = float(known.mean()), float(known.std())
    model = components((values - centre) / scale, level="local linear trend")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a variance of zero is an answer here, not a failure to converge
        fitted = model.fit(disp=False, method="lbfgs", maxiter=50, cov_type="none")
        noise, level, slope = (float(v) for v in fitted.params)
        slope = max(slope, (least_slope_sigma / scale) ** 2)
        filtered = model.filter(np.array([noise, level, slope]))
    state = filtered.filtered_state[:2, -1]
    covariance = filtered.filtered_state_cov[:2, :2, -1]
    mean = np.array([state[0] * scale + centre, state[1] * scale])
    return TrendState(mean, covariance * scale**2, level * scale**2, slope * scale**2, noise * scale**2)


def paths(
    state: TrendState, steps: int, rng: np.random.Generator, count: int = 2000
) -> tuple[Float[np.ndarray, "count steps"], Float[np.ndarray, "count steps"]]:
    """Futures of the level, and of the readings, at 1 to `steps` steps after the last reading."""
    root = np.linalg.svd(state.covariance)
    start = state.mean + rng.standard_normal((count, 2)) @ (root[0] * np.sqrt(root[1])).T
    slope = start[:, 1:] + np.cumsum(rng.normal(0.0, state.slope_variance**0.5, (count, steps)), axis=1)
    moves = np.concatenate([start[:, 1:], slope[:, :-1]], axis=1)
    level = start[:, :1] + np.cumsum(moves + rng.normal(0.0, state.level_variance**0.5, (count, steps)), axis=1)
    return level, level + rng.normal(0.0, state.noise_variance**0.5, (count, steps))


def first_passage(
    readings: Float[np.ndarray, "count steps"], limit: float, *, upper: bool
) -> Float[np.ndarray, " count"]:
    """The step, from 1, at which each path is first read beyond the limit; infinite where it is not."""
    out = readings > limit if upper else readings < limit
    return np.where(out.any(axis=1), out.argmax(axis=1) + 1.0, np.inf)


def _unobserved_components() -> type:
    try:
        from statsmodels.tsa.statespace.structural import UnobservedComponents
    except ImportError as error:
        raise MissingExtraError("forecasts need statsmodels: pip install 'mammoqa[service]'") from error
    return UnobservedComponents  # type: ignore[no-any-return]
