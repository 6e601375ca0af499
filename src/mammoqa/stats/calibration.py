"""Whether probabilities mean what they say, and how to make them.

Expected calibration error and temperature: Guo et al. (2017), ICML; Brier (1950), Mon Weather Rev 78:1-3;
Platt (1999), Advances in Large Margin Classifiers, with his prior-corrected targets.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import optimize, special

from mammoqa.stats.bootstrap import N_RESAMPLES, Interval, bootstrap_counts, cluster_index

Binning = Literal["width", "mass"]


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Per non-empty bin: mean predicted probability, observed frequency, number of cases."""

    predicted: Float[np.ndarray, " bins"]
    observed: Float[np.ndarray, " bins"]
    count: Int[np.ndarray, " bins"]


@dataclass(frozen=True, slots=True)
class Platt:
    """p = expit(slope * logit + offset)."""

    slope: float
    offset: float

    def apply(self, logits: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch"]:
        """Calibrated probabilities of raw logits."""
        return np.asarray(special.expit(self.slope * logits + self.offset))


def _bin_of(probabilities: np.ndarray, n_bins: int, binning: Binning) -> np.ndarray:
    if binning == "width":
        return np.minimum((probabilities * n_bins).astype(np.int64), n_bins - 1)
    order = np.argsort(probabilities, kind="stable")
    bins = np.empty(len(probabilities), dtype=np.int64)
    bins[order] = np.arange(len(probabilities)) * n_bins // max(len(probabilities), 1)
    return bins


def _check(labels: np.ndarray, probabilities: np.ndarray) -> None:
    if len(labels) != len(probabilities):
        raise ValueError("labels and probabilities have different lengths")
    if not ((probabilities >= 0.0) & (probabilities <= 1.0)).all():
        raise ValueError("probabilities lie outside 0..1")


def reliability_curve(
    labels: Bool[np.ndarray, " n"] | Float[np.ndarray, " n"],
    probabilities: Float[np.ndarray, " n"],
    n_bins: int = 10,
    binning: Binning = "width",
) -> Reliability:
    """Observed frequency against predicted probability, in bins of equal width or equal mass.

    Labels may be shares (how many of many panels said yes) instead of single outcomes.
    """
    _check(labels, probabilities)
    bins = _bin_of(probabilities, n_bins, binning)
    count = np.bincount(bins, minlength=n_bins)
    used = count > 0
    mean = np.bincount(bins, weights=probabilities, minlength=n_bins)[used] / count[used]
    rate = np.bincount(bins, weights=labels.astype(np.float64), minlength=n_bins)[used] / count[used]
    return Reliability(mean, rate, count[used].astype(np.int64))


def expected_calibration_error(
    labels: Bool[np.ndarray, " n"] | Float[np.ndarray, " n"],
    probabilities: Float[np.ndarray, " n"],
    n_bins: int = 10,
    binning: Binning = "width",
) -> float:
    """Mean distance of observed from predicted over the bins, weighted by their cases; nan without cases."""
    curve = reliability_curve(labels, probabilities, n_bins, binning)
    if curve.count.sum() == 0:
        return float("nan")
    return float(np.average(np.abs(curve.observed - curve.predicted), weights=curve.count))


def bootstrap_calibration_error(
    labels: Bool[np.ndarray, " n"],
    probabilities: Float[np.ndarray, " n"],
    clusters: np.ndarray,
    rng: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
    n_bins: int = 10,
) -> Interval:
    """The expected calibration error in bins of equal width, with its interval over resampled clusters.

    Chance alone makes the error positive and a resample's error larger still: compare with `chance_calibration_error`.
    """
    _check(labels, probabilities)
    if len(labels) == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    index, n_clusters = cluster_index(clusters)
    cell = index * n_bins + _bin_of(probabilities, n_bins, "width")
    gap = np.bincount(cell, weights=labels - probabilities, minlength=n_clusters * n_bins)
    size = np.bincount(cell, minlength=n_clusters * n_bins)
    counts = np.stack([gap, size], axis=-1).reshape(n_clusters, n_bins, 2)
    return bootstrap_counts(counts, _error_of_bins, rng, n_resamples)


def _error_of_bins(sums: Float[np.ndarray, "resamples bins 2"]) -> Float[np.ndarray, " resamples"]:
    return np.asarray(np.abs(sums[..., 0]).sum(axis=-1) / np.maximum(sums[..., 1].sum(axis=-1), 1.0))


def chance_calibration_error(
    probabilities: Float[np.ndarray, " n"], rng: np.random.Generator, n_draws: int = 200, n_bins: int = 10
) -> float:
    """The mean calibration error that perfectly honest probabilities would show with so few cases; nan without any."""
    if len(probabilities) == 0:
        return float("nan")
    bins = _bin_of(probabilities, n_bins, "width")
    draws = rng.random((n_draws, len(probabilities))) < probabilities
    members = np.eye(n_bins)[bins]
    return float(np.abs((draws - probabilities) @ members).sum(axis=1).mean() / len(probabilities))


def brier(labels: Bool[np.ndarray, " n"], probabilities: Float[np.ndarray, " n"]) -> float:
    """Mean squared distance of the probability from the outcome; nan without cases."""
    _check(labels, probabilities)
    return float(np.mean((probabilities - labels) ** 2)) if len(labels) else float("nan")


def _log_loss(targets: np.ndarray, logits: np.ndarray) -> float:
    return float(np.mean(np.logaddexp(0.0, logits) - targets * logits))


def fit_platt(labels: Bool[np.ndarray, " n"], logits: Float[np.ndarray, " n"]) -> Platt:
    """Slope and offset by maximum likelihood with Platt's targets (n+ + 1)/(n+ + 2) and 1/(n- + 2).

    Raises ValueError unless both classes occur.
    """
    n_positive, n_negative = int(labels.sum()), int((~labels).sum())
    if n_positive == 0 or n_negative == 0:
        raise ValueError("calibration needs positive and negative cases")
    targets = np.where(labels, (n_positive + 1.0) / (n_positive + 2.0), 1.0 / (n_negative + 2.0))
    centre, scale = float(logits.mean()), float(logits.std()) or 1.0
    z = (logits - centre) / scale

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        linear = parameters[0] * z + parameters[1]
        error = special.expit(linear) - targets
        return _log_loss(targets, linear), np.array([np.mean(error * z), np.mean(error)])

    start = np.array([1.0, float(special.logit(n_positive / (n_positive + n_negative)))])
    fitted = optimize.minimize(loss, start, jac=True, method="L-BFGS-B").x
    slope = float(fitted[0] / scale)
    return Platt(slope, float(fitted[1] - slope * centre))


def fit_temperature(labels: Bool[np.ndarray, " n"], logits: Float[np.ndarray, " n"]) -> float:
    """The temperature T > 0 for which expit(logit / T) is most likely; searched between 1/50 and 50.

    Raises ValueError without cases.
    """
    if len(labels) == 0:
        raise ValueError("calibration needs cases")
    targets = labels.astype(np.float64)
    limit = float(np.log(50.0))
    found = optimize.minimize_scalar(
        lambda log_t: _log_loss(targets, logits * np.exp(-log_t)), bounds=(-limit, limit), method="bounded"
    )
    return float(np.exp(found.x))
