"""Which verdicts a person should check: the calibrated probability of passing, and the card's referral band.

Yun 2025 ("Discussion") asks for ambiguous cases to be flagged for review. A verdict is doubtful when the probability
of passing does not stand clearly on its side: a pass with a probability below `high`, a fail with one above `low`.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from mammoqa.core import Outcome, Verdict
from mammoqa.models.card import Platt

_EDGE = 1e-6  # log odds of certainty are infinite; what lies beyond 1 in a million is cut


def calibrated_p_pass(p_pass: Float[np.ndarray, "*batch"], calibration: Platt) -> Float[np.ndarray, "*batch"]:
    """Probabilities of passing, recalibrated on their log odds (Platt 1999); unchanged by the identity."""
    if calibration == Platt():
        return p_pass
    logits = calibration.slope * pass_logits(p_pass) + calibration.offset
    return np.asarray(1.0 / (1.0 + np.exp(-logits)))


def pass_logits(p_pass: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch"]:
    """Log odds of probabilities of passing, cut at one in a million."""
    inside = np.clip(p_pass, _EDGE, 1.0 - _EDGE)
    return np.asarray(np.log(inside / (1.0 - inside)))


def doubt(passed: Bool[np.ndarray, "*batch"], p_pass: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch"]:
    """The probability that the verdict is wrong: 1 - p_pass of a pass, p_pass of a fail."""
    return np.where(passed, 1.0 - p_pass, p_pass)


def referred(
    passed: Bool[np.ndarray, "*batch"], p_pass: Float[np.ndarray, "*batch"], band: tuple[float, float]
) -> Bool[np.ndarray, "*batch"]:
    """Whether a person should read the image: a pass below the band's high edge, a fail above its low edge."""
    low, high = band
    return np.where(passed, p_pass < high, p_pass > low)


def refer(verdict: Verdict, calibration: Platt, band: tuple[float, float] | None) -> Verdict:
    """The verdict with its calibrated probability of passing, and whether and why a person should read the image.

    Verdicts without a probability come back as they are; without a band, `refer` stays None.
    """
    if verdict.p_pass is None:
        return verdict
    p_pass = float(calibrated_p_pass(np.array(verdict.p_pass), calibration))
    if band is None:
        return replace(verdict, p_pass=p_pass)
    passed = verdict.outcome is Outcome.PASS
    wanted = bool(referred(np.array(passed), np.array(p_pass), band))
    return replace(verdict, p_pass=p_pass, refer=wanted, refer_reason=_reason(passed, p_pass, band) if wanted else None)


def _reason(passed: bool, p_pass: float, band: tuple[float, float]) -> str:
    word, side, edge = ("pass", "below", band[1]) if passed else ("fail", "above", band[0])
    return f"the scores {word}, with a probability of passing of {p_pass:.2f} ({side} {edge:.2f}): too close to call"
