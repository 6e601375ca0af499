"""Receiver operating characteristics: the curve, the area under it with its interval, thresholds by F1.

Area: Mann-Whitney with half a point for ties (Hanley and McNeil 1982, Radiology 143:29-36). Interval: DeLong,
DeLong and Clarke-Pearson (1988), Biometrics 44:837-845, by mid-ranks (Sun and Xu 2014, IEEE Signal Process Lett
21:1389-1393), or the bootstrap over clusters where cases are not independent.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import special, stats

from mammoqa.stats.bootstrap import N_RESAMPLES, Interval, Method, cluster_index, interval_of, resample_weights


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """Points of the curve from (0, 0) to (1, 1); a case is called positive when its score >= the threshold."""

    false_positive_rate: Float[np.ndarray, " points"]
    true_positive_rate: Float[np.ndarray, " points"]
    thresholds: Float[np.ndarray, " points"]


def _split(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(labels) != len(scores):
        raise ValueError("labels and scores have different lengths")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    return scores[labels], scores[~labels]


def auc(labels: Bool[np.ndarray, " n"], scores: Float[np.ndarray, " n"]) -> float:
    """Area under the curve, 0..1; nan unless both classes occur."""
    positive, negative = _split(labels, scores)
    if positive.size == 0 or negative.size == 0:
        return float("nan")
    ranks = stats.rankdata(np.concatenate([positive, negative]))
    m = positive.size
    return float((ranks[:m].sum() - m * (m + 1) / 2.0) / (m * negative.size))


def weighted_auc(
    positive: Float[np.ndarray, " n"], negative: Float[np.ndarray, " n"], scores: Float[np.ndarray, " n"]
) -> float:
    """Area for cases that are positive and negative by shares: wins of positive over negative weight, ties half.

    Nan unless both classes have weight.
    """
    up, down = float(positive.sum()), float(negative.sum())
    if up <= 0 or down <= 0:
        return float("nan")
    _, rank = np.unique(scores, return_inverse=True)
    of_negative = np.bincount(rank, weights=negative)
    below = np.cumsum(of_negative) - of_negative / 2.0
    return float((positive * below[rank]).sum() / (up * down))


def roc_curve(labels: Bool[np.ndarray, " n"], scores: Float[np.ndarray, " n"]) -> Roc:
    """The empirical curve, one point per distinct score; raises ValueError unless both classes occur."""
    positive, negative = _split(labels, scores)
    if positive.size == 0 or negative.size == 0:
        raise ValueError("a ROC curve needs positive and negative cases")
    thresholds, true_positives, false_positives = _counts_above(labels, scores)
    return Roc(
        np.concatenate([[0.0], false_positives / negative.size]),
        np.concatenate([[0.0], true_positives / positive.size]),
        np.concatenate([[np.inf], thresholds]),
    )


def _counts_above(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    hits = np.cumsum(labels[order])[last]
    return ranked[last], hits, last + 1 - hits


def delong_interval(
    labels: Bool[np.ndarray, " n"], scores: Float[np.ndarray, " n"], confidence: float = 0.95
) -> Interval:
    """DeLong's interval of the area for independent cases, cut at 0 and 1; nan with fewer than two cases a class."""
    positive, negative = _split(labels, scores)
    m, n = positive.size, negative.size
    area = auc(labels, scores)
    if min(m, n) < 2:
        return Interval(area, float("nan"), float("nan"), confidence)
    together = stats.rankdata(np.concatenate([positive, negative]))
    above = (together[:m] - stats.rankdata(positive)) / n  # V10: share of negatives below each positive
    below = 1.0 - (together[m:] - stats.rankdata(negative)) / m  # V01
    half_width = special.ndtri((1.0 + confidence) / 2.0) * np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)
    return Interval(area, float(max(0.0, area - half_width)), float(min(1.0, area + half_width)), confidence)


def pair_wins(
    labels: Bool[np.ndarray, " n"], scores: Float[np.ndarray, " n"], clusters: np.ndarray
) -> tuple[Float[np.ndarray, "k k"], Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Mann-Whitney wins of cluster i's positives over cluster j's negatives, and how many of each a cluster has."""
    index, k = cluster_index(clusters)
    positive, negative = _split(labels, scores)
    of_positive, of_negative = index[labels], index[~labels]
    wins = np.zeros((k, k))
    for j in range(k):
        rivals = np.sort(negative[of_negative == j])
        if rivals.size:
            won = np.searchsorted(rivals, positive, "left") + np.searchsorted(rivals, positive, "right")
            wins[:, j] = np.bincount(of_positive, weights=won / 2.0, minlength=k)
    m, n = np.bincount(of_positive, minlength=k), np.bincount(of_negative, minlength=k)
    return wins, m.astype(np.float64), n.astype(np.float64)


def bootstrap_auc(
    labels: Bool[np.ndarray, " n"],
    scores: Float[np.ndarray, " n"],
    clusters: np.ndarray,
    rng: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
    confidence: float = 0.95,
    method: Method = "percentile",
) -> Interval:
    """Interval of the area over resampled clusters; the area of a resample is w'Ww / (w'm)(w'n)."""
    wins, m, n = pair_wins(labels, scores, clusters)

    def areas(weights: np.ndarray) -> np.ndarray:
        won = np.einsum("rk,rk->r", weights @ wins, weights)
        pairs = (weights @ m) * (weights @ n)
        return np.asarray(np.divide(won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0))

    replicates = areas(resample_weights(len(m), n_resamples, rng))
    left_out = areas(1.0 - np.eye(len(m))) if method == "bca" else None
    return interval_of(auc(labels, scores), replicates, left_out, confidence)


def best_f1_threshold(labels: Bool[np.ndarray, " n"], scores: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """The threshold that maximises F1 and that F1 (Yun 2025, Fig 9); scores >= threshold are positive.

    The threshold is put half way to the next lower score, so that it does not hang on one case; the highest of equally
    good ones. Raises ValueError without positive cases.
    """
    positive, _ = _split(labels, scores)
    if positive.size == 0:
        raise ValueError("a threshold by F1 needs positive cases")
    thresholds, hits, false_alarms = _counts_above(labels, scores)
    values = 2.0 * hits / (hits + false_alarms + positive.size)
    best = int(np.argmax(values))
    lower = thresholds[best + 1] if best + 1 < len(thresholds) else thresholds[best]
    middle = float((thresholds[best] + lower) / 2.0)
    return (middle if middle > lower else float(thresholds[best])), float(values[best])
