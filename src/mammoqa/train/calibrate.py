"""Probabilities that mean what they say, and the thresholds that turn them into scores. numpy only."""

from itertools import product

import numpy as np
from jaxtyping import Bool, Float, Int

from mammoqa.models.card import KINDS, Platt, Reading

_GRID = np.round(np.arange(0.1, 0.901, 0.02), 2)
_SLOPES = (0.05, 20.0)
_RIDGE = 0.5  # pulls the slope towards 1 with the strength of a handful of objects


def calibrate(
    logits: Float[np.ndarray, "n 2"], kinds: Int[np.ndarray, " n"], panel: Float[np.ndarray, " n"]
) -> tuple[Reading, ...]:
    """Calibration and thresholds of each kind from the test split; objects with N/A (nan) do not count.

    Presence is calibrated on all objects, abnormality on those with a score above 0 (Yun et al. 2025, ROC analysis).
    """
    return tuple(
        _reading(name, logits[chosen], panel[chosen])
        for name, chosen in ((name, (kinds == k) & ~np.isnan(panel)) for k, name in enumerate(KINDS))
    )


def platt(logits: Float[np.ndarray, " n"], positive: Bool[np.ndarray, " n"]) -> Platt:
    """Slope and offset by maximum likelihood with Platt's smoothed targets (Platt 1999) and a weak prior on the slope.

    Newton's method; the identity where one class is missing.
    """
    up, down = int(positive.sum()), int((~positive).sum())
    if up == 0 or down == 0:
        return Platt()
    target = np.where(positive, (up + 1) / (up + 2), 1 / (down + 2))
    x = np.stack([logits.astype(np.float64), np.ones(len(logits))], axis=1)
    prior, strength = np.array([1.0, 0.0]), np.array([_RIDGE, 1e-6])
    beta = prior.copy()
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -60, 60)))
        gradient = x.T @ (p - target) + strength * (beta - prior)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(strength + 1e-9)
        step = np.linalg.solve(hessian, gradient)
        beta = beta - np.clip(step, -1, 1)
        if float(np.abs(step).max()) < 1e-8:
            break
    return Platt(float(np.clip(beta[0], *_SLOPES)), float(beta[1]))


def apply(calibration: Platt, logits: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Calibrated probabilities."""
    p: np.ndarray = 1 / (1 + np.exp(-np.clip(calibration.slope * logits + calibration.offset, -60, 60)))
    return p


def thresholds(
    p_present: Float[np.ndarray, " n"], p_abnormal: Float[np.ndarray, " n"], panel: Float[np.ndarray, " n"]
) -> tuple[float, float]:
    """The pair of thresholds with the best sum of accuracy and macro F1; of equal ones that nearest to one half.

    Yun et al. 2025 maximise F1 of each output; both outputs are chosen together here, since the score needs both.
    """
    best, best_value = (0.5, 0.5), -np.inf
    for present, abnormal in product(_GRID, _GRID):
        scores = np.where(p_present < present, 0.0, np.where(p_abnormal >= abnormal, 0.5, 1.0))
        value = float((scores == panel).mean()) + macro_f1(scores, panel)
        value -= 0.02 * (abs(present - 0.5) + abs(abnormal - 0.5))  # a threshold far out needs more than a few objects
        if value > best_value:
            best, best_value = (float(present), float(abnormal)), value
    return best


def macro_f1(scores: Float[np.ndarray, " n"], panel: Float[np.ndarray, " n"]) -> float:
    """Mean F1 over those of the scores 0, 0.5 and 1 that the panel gave."""
    values = []
    for level in (0.0, 0.5, 1.0):
        said, true = scores == level, panel == level
        if true.any():
            values.append(2 * float((said & true).sum()) / float(said.sum() + true.sum()))
    return float(np.mean(values)) if values else float("nan")


def _reading(name: str, logits: Float[np.ndarray, "n 2"], panel: Float[np.ndarray, " n"]) -> Reading:
    there = panel > 0
    present = platt(logits[:, 0], there)
    abnormal = platt(logits[there, 1], panel[there] == 0.5)
    if len(panel) == 0:
        return Reading(name, present, abnormal)
    pair = thresholds(apply(present, logits[:, 0]), apply(abnormal, logits[:, 1]), panel)
    return Reading(name, present, abnormal, *pair)
