"""Metrics of the held-out split with bootstrap intervals, for the card. numpy only."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int, Real

from mammoqa.models.card import KINDS, Metric
from mammoqa.train.calibrate import macro_f1

_RESAMPLES = 1000


def assess(
    probabilities: Float[np.ndarray, "n 2"],
    scores: Float[np.ndarray, " n"],
    panel: Float[np.ndarray, " n"],
    kinds: Int[np.ndarray, " n"],
    images: Int[np.ndarray, " n"],
    split: str,
    rng: np.random.Generator,
) -> tuple[Metric, ...]:
    """Accuracy, macro F1, both AUCs and the Brier score of each kind, with 95 % percentile bootstrap over images.

    Objects with N/A (nan) do not count; the abnormality AUC counts objects with a score above 0 (Yun et al. 2025).
    """
    metrics: list[Metric] = []
    for k, kind in enumerate(KINDS):
        chosen = (kinds == k) & ~np.isnan(panel)
        if not chosen.any():
            continue
        p, s, t = probabilities[chosen], scores[chosen], panel[chosen]
        resamples = _resamples(images[chosen], rng)
        for name, measure in _measures(p, s, t).items():
            everything = np.arange(len(t))
            drawn = np.array([measure(rows) for rows in resamples])
            drawn = drawn[~np.isnan(drawn)]
            low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) > _RESAMPLES // 2 else (None, None)
            value = measure(everything)
            if not np.isnan(value):
                bounds = [None if b is None else round(float(b), 4) for b in (low, high)]
                metrics.append(Metric(name, kind, round(value, 4), bounds[0], bounds[1], len(t), split))
    return tuple(metrics)


def auc(values: Real[np.ndarray, " n"], positive: Bool[np.ndarray, " n"]) -> float:
    """Area under the ROC curve, ties counting half; nan where one class is missing."""
    up = int(positive.sum())
    down = len(positive) - up
    if up == 0 or down == 0:
        return float("nan")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[positive].sum() - up * (up + 1) / 2) / (up * down))


def _measures(
    p: Float[np.ndarray, "n 2"], s: Float[np.ndarray, " n"], t: Float[np.ndarray, " n"]
) -> dict[str, Callable[[Int[np.ndarray, " m"]], float]]:
    def abnormal(rows: Int[np.ndarray, " m"]) -> float:
        there = rows[t[rows] > 0]
        return auc(p[there, 1], t[there] == 0.5)

    return {
        "accuracy": lambda rows: float((s[rows] == t[rows]).mean()),
        "macro_f1": lambda rows: macro_f1(s[rows], t[rows]),
        "auc_present": lambda rows: auc(p[rows, 0], t[rows] > 0),
        "auc_abnormal": abnormal,
        "brier_present": lambda rows: float(np.mean((p[rows, 0] - (t[rows] > 0)) ** 2)),
    }


def _resamples(images: Int[np.ndarray, " n"], rng: np.random.Generator) -> list[Int[np.ndarray, " m"]]:
    """Rows of images drawn with replacement: objects of one image share its noise."""
    names, inverse = np.unique(images, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
    return [np.concatenate([members[i] for i in rng.integers(len(names), size=len(names))]) for _ in range(_RESAMPLES)]
