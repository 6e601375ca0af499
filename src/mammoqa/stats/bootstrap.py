"""Intervals by the clustered bootstrap: whole images or units are drawn, never single objects.

Objects of one image (or images of one unit) are alike, so resampling them one by one gives intervals that are too
narrow. Here every cluster is reduced once to sufficient counts; a resample is then a weight per cluster, and all
resamples together are one matrix product.

References: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 13 (percentile) and 14 (BCa);
Field and Welsh (2007), J R Stat Soc B 69:369-390 (cluster bootstrap).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy import special

Method = Literal["percentile", "bca"]
Statistic = Callable[[np.ndarray], np.ndarray]
N_RESAMPLES = 10_000  # as in Yun 2025, "Model evaluation"


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and its interval; all three are nan where the number is not defined."""

    estimate: float
    low: float
    high: float
    confidence: float = 0.95


def cluster_index(clusters: np.ndarray) -> tuple[Int[np.ndarray, " n"], int]:
    """Cluster labels of any type as indices 0..k-1, and k."""
    names, index = np.unique(clusters, return_inverse=True)
    return index.astype(np.int64), len(names)


def resample_weights(
    n_clusters: int, n_resamples: int, rng: np.random.Generator
) -> Float[np.ndarray, "resamples clusters"]:
    """How often each cluster is drawn in each resample (rows sum to `n_clusters`)."""
    if n_clusters < 1 or n_resamples < 1:
        raise ValueError("a bootstrap needs at least one cluster and one resample")
    drawn = rng.integers(n_clusters, size=(n_resamples, n_clusters))
    drawn += np.arange(n_resamples)[:, None] * n_clusters
    counts = np.bincount(drawn.ravel(), minlength=n_resamples * n_clusters)
    return counts.reshape(n_resamples, n_clusters).astype(np.float64)


def bootstrap_counts(
    counts: np.ndarray,
    statistic: Statistic,
    rng: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
    confidence: float = 0.95,
    method: Method = "percentile",
) -> Interval:
    """Interval of a statistic of summed counts, over resampled clusters.

    `counts` is [clusters, ...]: what each cluster adds to the sums (a confusion matrix, numerator and denominator).
    `statistic` takes sums [n, ...] and gives [n]; nan where it is not defined (such resamples are left out).
    """
    flat = np.asarray(counts, dtype=np.float64).reshape(len(counts), -1)
    shape = np.shape(counts)[1:]

    def on_sums(sums: np.ndarray) -> np.ndarray:
        return np.asarray(statistic(sums.reshape(-1, *shape)), dtype=np.float64)

    total = flat.sum(axis=0)
    estimate = float(on_sums(total[None])[0])
    replicates = on_sums(resample_weights(len(flat), n_resamples, rng) @ flat)
    left_out = on_sums(total - flat) if method == "bca" else None
    return interval_of(estimate, replicates, left_out, confidence)


def interval_of(
    estimate: float,
    replicates: Float[np.ndarray, " resamples"],
    left_out: Float[np.ndarray, " clusters"] | None = None,
    confidence: float = 0.95,
) -> Interval:
    """Percentile interval of the replicates; BCa when the leave-one-cluster-out values are given.

    Replicates that are nan are left out. BCa falls back on the percentile interval where all replicates lie on one
    side of the estimate or all leave-one-out values agree (Efron and Tibshirani 1993, eq. 14.9-14.15).
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError("confidence lies between 0 and 1")
    kept = replicates[np.isfinite(replicates)]
    if not np.isfinite(estimate) or kept.size == 0:
        return Interval(float("nan"), float("nan"), float("nan"), confidence)
    levels = np.array([(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0])
    if left_out is not None:
        levels = _bca_levels(levels, estimate, kept, left_out[np.isfinite(left_out)])
    low, high = np.quantile(kept, levels)
    return Interval(estimate, float(low), float(high), confidence)


def _bca_levels(
    levels: np.ndarray, estimate: float, replicates: np.ndarray, left_out: np.ndarray
) -> Float[np.ndarray, " 2"]:
    below = (np.count_nonzero(replicates < estimate) + 0.5 * np.count_nonzero(replicates == estimate)) / replicates.size
    deviation = left_out.mean() - left_out if left_out.size else np.zeros(1)
    spread = float((deviation**2).sum())
    if not 0.0 < below < 1.0 or spread <= 1e-24:
        return levels
    bias = special.ndtri(below)
    acceleration = float((deviation**3).sum()) / (6.0 * spread**1.5)
    shifted = bias + special.ndtri(levels)
    return np.asarray(special.ndtr(bias + shifted / (1.0 - acceleration * shifted)))
