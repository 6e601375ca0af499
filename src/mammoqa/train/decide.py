"""What the card says about the whole phantom: the calibration of the probability of passing, and the referral band.

Both are fitted on the tuning split, on images of which every object has a row. numpy only.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from mammoqa.core import Phantom
from mammoqa.judge.many import PHANTOM, pass_probabilities, passes
from mammoqa.judge.referral import calibrated_p_pass, doubt, pass_logits
from mammoqa.models.card import Platt
from mammoqa.stats.poisson_binomial import score_probabilities
from mammoqa.train.calibrate import platt

REFERRED = 0.10  # share of phantoms that a person reads; the issue of referral is stated at this share
_FOLDS = 5
_FEWEST = 20  # images; fewer say nothing about a calibration or a quantile


@dataclass(frozen=True, slots=True)
class Decision:
    """Fields of the card with the same names."""

    pass_calibration: Platt = field(default_factory=Platt)
    referral_band: tuple[float, float] | None = None


def decide(
    probabilities: Float[np.ndarray, "images objects 2"],
    scores: Float[np.ndarray, "images objects"],
    panel: Float[np.ndarray, "images objects"],
    unit: Int[np.ndarray, " images"],
    phantom: Phantom,
    expected: Float[np.ndarray, "images objects 4"] | None = None,
) -> Decision:
    """Calibration of p_pass and the band that refers `REFERRED` of the images; nothing where images are too few.

    Args:
        probabilities: calibrated, (present, abnormal given present).
        scores: 0, 0.5 and 1 by the thresholds.
        panel: the panel's scores, nan for N/A.
        unit: which X-ray unit each image comes from.
        phantom: whose inserts the objects are, in order.
        expected: shares of 0, 0.5, 1 and N/A among many panels, instead of `panel`.
    """
    if len(panel) < _FEWEST:
        return Decision()
    raw = pass_probabilities(score_probabilities(probabilities[..., 0], probabilities[..., 1]), phantom)[PHANTOM]
    if expected is None:
        passed = passes(panel, phantom)[PHANTOM].astype(np.float64)
    else:
        chances = np.stack([expected[..., 0] + expected[..., 3], expected[..., 1], expected[..., 2]], axis=-1)
        passed = pass_probabilities(chances, phantom)[PHANTOM]
    calibration = pass_calibration(raw, passed, unit)
    p_pass = calibrated_p_pass(raw, calibration)
    return Decision(calibration, referral_band(passes(scores, phantom)[PHANTOM], p_pass))


def pass_calibration(
    p_pass: Float[np.ndarray, " images"], passed: Float[np.ndarray, " images"], unit: Int[np.ndarray, " images"]
) -> Platt:
    """Slope and offset on the log odds of passing, if they help on units left out; else the identity.

    Five folds of whole units; adopted only where the log loss over all folds gets smaller. `passed` may be a share.
    """
    logits = pass_logits(p_pass)
    fold = np.unique(unit, return_inverse=True)[1] % _FOLDS
    fitted = np.empty(len(p_pass))
    for k in range(_FOLDS):
        left_out = fold == k
        fitted[left_out] = calibrated_p_pass(p_pass[left_out], platt(logits[~left_out], passed[~left_out]))
    if _log_loss(passed, fitted) < _log_loss(passed, p_pass):
        return platt(logits, passed)
    return Platt()


def referral_band(
    passed: Bool[np.ndarray, " images"], p_pass: Float[np.ndarray, " images"], share: float = REFERRED
) -> tuple[float, float]:
    """The band, symmetric about one half, that refers about `share` of the images: those with the most doubt."""
    limit = float(np.clip(np.quantile(doubt(passed, p_pass), 1.0 - share), 0.01, 0.99))
    return round(limit, 4), round(1.0 - limit, 4)


def whole_images(
    image: Int[np.ndarray, " rows"], object_index: Int[np.ndarray, " rows"], objects: int
) -> Int[np.ndarray, "images objects"]:
    """Row numbers of the images that have each of the `objects` once, objects in order."""
    order = np.lexsort((object_index, image))
    _, start, count = np.unique(image[order], return_index=True, return_counts=True)
    index = order[start[count == objects][:, None] + np.arange(objects)]
    found: np.ndarray = index[(object_index[index] == np.arange(objects)).all(axis=1)]
    return found


def _log_loss(target: np.ndarray, p: np.ndarray) -> float:
    inside = np.clip(p, 1e-6, 1 - 1e-6)
    return float(-np.mean(target * np.log(inside) + (1 - target) * np.log(1 - inside)))
