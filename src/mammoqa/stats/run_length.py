"""Average run length of a charting scheme, measured by simulation."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from mammoqa.stats.bootstrap import Interval, interval_of

Scheme = Callable[[Float[np.ndarray, " n"]], Bool[np.ndarray, " n"]]


def run_lengths(
    scheme: Scheme,
    rng: np.random.Generator,
    runs: int,
    length: int,
    shift: float = 0.0,
    before: int = 0,
) -> Float[np.ndarray, " runs"]:
    """Readings from the shift to the first signal; nan where there was none within `length`.

    Readings are standard normal, the first `before` of them without the shift. A run that signals before the shift is
    drawn again, as in the conditional delay of Kenett and Zacks.
    """
    found = np.full(runs, np.nan)
    for run in range(runs):
        while True:
            z = rng.standard_normal(before + length)
            z[before:] += shift
            at = np.flatnonzero(scheme(z))
            if at.size == 0 or at[0] >= before:
                break
        if at.size:
            found[run] = at[0] - before + 1
    return found


def average_run_length(
    lengths: Float[np.ndarray, " runs"], length: int, rng: np.random.Generator, resamples: int = 2000
) -> Interval:
    """Mean run length with its 95 % interval: readings watched per signal, which allows for runs cut off at `length`.

    For signals at a constant rate this is the maximum-likelihood estimate under censoring.
    """
    watched = np.where(np.isnan(lengths), length, lengths)
    signals = np.isfinite(lengths).astype(float)
    drawn = rng.integers(len(lengths), size=(resamples, len(lengths)))
    with np.errstate(divide="ignore"):
        replicates = watched[drawn].sum(axis=1) / signals[drawn].sum(axis=1)
        estimate = float(watched.sum() / signals.sum()) if signals.any() else float("inf")
    return interval_of(estimate, replicates)
