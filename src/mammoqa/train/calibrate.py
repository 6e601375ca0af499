"""Probabilities that mean what they say, and the thresholds that turn them into scores. numpy only.

Targets are the panel's scores, or, where they are known, the shares of the scores among many panels that read the same
image (`expected`): the same thing with less noise.
"""

from collections.abc import Callable, Mapping
from itertools import product
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float, Int, Real

from mammoqa.models.card import KINDS, Platt, Reading

SCORES = (0.0, 0.5, 1.0)
_GRID = np.round(np.arange(0.1, 0.901, 0.02), 2)
_SLOPES = (0.05, 20.0)
_RIDGE = 0.5  # pulls the slope towards 1 with the strength of a handful of objects
_PULL = 0.02  # of thresholds towards one half: one far out needs more than a few objects

Probabilities = Float[np.ndarray, " n"]
Votes = Float[np.ndarray, "n 3"]
Pair = tuple[float, float]


def calibrate(
    logits: Float[np.ndarray, "n 2"],
    kinds: Int[np.ndarray, " n"],
    panel: Float[np.ndarray, " n"],
    expected: Float[np.ndarray, "n 4"] | None = None,
    rule: str = "cautious",
) -> tuple[Reading, ...]:
    """Calibration and thresholds of each kind from the test split; N/A does not count.

    Presence is calibrated on all objects, abnormality on those with a score above 0 (Yun et al. 2025, ROC analysis).
    No size enters: on simulated units a slope that depends on size lowered neither error nor bias on units left out.

    Args:
        logits: of presence and abnormality.
        kinds: index into `models.KINDS`.
        panel: the panel's scores, nan for N/A.
        expected: shares of 0, 0.5, 1 and N/A among many panels, instead of `panel`.
        rule: how thresholds are chosen, a key of `RULES`.
    """
    votes = votes_of(panel) if expected is None else np.asarray(expected[:, :3], dtype=np.float64)
    return tuple(_reading(name, logits[kinds == k], votes[kinds == k], rule) for k, name in enumerate(KINDS))


def votes_of(panel: Float[np.ndarray, " n"]) -> Votes:
    """One vote for the panel's score of each object, none for N/A (nan)."""
    votes: np.ndarray = (panel[:, None] == np.array(SCORES)).astype(np.float64)
    return votes


def platt(
    logits: Float[np.ndarray, " n"],
    positive: Bool[np.ndarray, " n"] | Float[np.ndarray, " n"],
    weight: Float[np.ndarray, " n"] | None = None,
) -> Platt:
    """Slope and offset by maximum likelihood with Platt's smoothed targets (Platt 1999) and a weak prior on the slope.

    `positive` may be a share between 0 and 1. Newton's method; the identity where one class is missing.
    """
    w = np.ones(len(logits)) if weight is None else weight
    share = positive.astype(np.float64)
    up, down = float((w * share).sum()), float((w * (1 - share)).sum())
    if up <= 0 or down <= 0:
        return Platt()
    target = share * (up + 1) / (up + 2) + (1 - share) / (down + 2)
    x = np.stack([logits.astype(np.float64), np.ones(len(logits))], axis=1)
    prior, strength = np.array([1.0, 0.0]), np.array([_RIDGE, 1e-6])
    beta = prior.copy()
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -60, 60)))
        gradient = x.T @ (w * (p - target)) + strength * (beta - prior)
        hessian = (x * (w * p * (1 - p))[:, None]).T @ x + np.diag(strength + 1e-9)
        step = np.linalg.solve(hessian, gradient)
        beta = beta - np.clip(step, -1, 1)
        if float(np.abs(step).max()) < 1e-8:
            break
    return Platt(float(np.clip(beta[0], *_SLOPES)), float(beta[1]))


def apply(calibration: Platt, logits: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Calibrated probabilities."""
    p: np.ndarray = 1 / (1 + np.exp(-np.clip(calibration.slope * logits + calibration.offset, -60, 60)))
    return p


def best_f1(p_present: Probabilities, p_abnormal: Probabilities, votes: Votes) -> Pair:
    """Each output's threshold by its own F1, abnormality among the objects that are there (Yun et al. 2025, Fig 9)."""
    there = votes[:, 1] + votes[:, 2]
    return _f1_threshold(p_present, there, votes[:, 0]), _f1_threshold(p_abnormal, votes[:, 1], votes[:, 2])


def best_accuracy(p_present: Probabilities, p_abnormal: Probabilities, votes: Votes) -> Pair:
    """The pair with the most right scores."""
    return _search(p_present, p_abnormal, votes, accuracy_of)


def best_macro_f1(p_present: Probabilities, p_abnormal: Probabilities, votes: Votes) -> Pair:
    """The pair with the best macro F1 of the scores."""
    return _search(p_present, p_abnormal, votes, macro_f1_of)


def thresholds(p_present: Probabilities, p_abnormal: Probabilities, votes: Votes) -> Pair:
    """The pair with the best sum of accuracy and macro F1.

    Yun et al. 2025 maximise F1 of each output; both outputs are chosen together here, since the score needs both.
    """
    return _search(p_present, p_abnormal, votes, lambda m: accuracy_of(m) + macro_f1_of(m))


def cautious(p_present: Probabilities, p_abnormal: Probabilities, votes: Votes) -> Pair:
    """As `thresholds`, but finding three quarters of the 0.5s comes first, as long as 70 % of those called so are.

    A partly visible object taken for a whole one hides a fault; the reverse costs a second look.
    """
    return _search(
        p_present,
        p_abnormal,
        votes,
        lambda m: accuracy_of(m) + macro_f1_of(m) - max(0.0, 0.75 - _recall(m)) - max(0.0, 0.70 - _recall(m.T)),
    )


RULES: Mapping[str, Callable[[Probabilities, Probabilities, Votes], Pair]] = MappingProxyType(
    {"cautious": cautious, "balanced": thresholds, "accuracy": best_accuracy, "macro_f1": best_macro_f1, "f1": best_f1}
)


def accuracy_of(confusion: Real[np.ndarray, "3 3"]) -> float:
    """Share on the diagonal; nan for an empty matrix."""
    total = float(confusion.sum())
    return float(np.trace(confusion)) / total if total else float("nan")


def macro_f1_of(confusion: Real[np.ndarray, "3 3"]) -> float:
    """Mean F1 over those of the scores that occur; nan for an empty matrix."""
    true, said, hit = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    occurs = true > 0
    return float(np.mean(2 * hit[occurs] / (true + said)[occurs])) if occurs.any() else float("nan")


def _recall(confusion: Real[np.ndarray, "3 3"]) -> float:
    """Share of the 0.5s that are found; of the transposed matrix, share of those called so that are; 1 without any."""
    total = float(confusion[1].sum())
    return float(confusion[1, 1]) / total if total else 1.0


def macro_f1(scores: Float[np.ndarray, " n"], panel: Float[np.ndarray, " n"]) -> float:
    """Mean F1 over those of the scores 0, 0.5 and 1 that the panel gave."""
    return macro_f1_of(votes_of(panel).T @ votes_of(scores))


def _search(
    p_present: Probabilities, p_abnormal: Probabilities, votes: Votes, value_of: Callable[[np.ndarray], float]
) -> Pair:
    """The pair on a grid with the best value; of equal ones that nearest to one half."""
    best, best_value = (0.5, 0.5), -np.inf
    for present, abnormal in product(_GRID, _GRID):
        there, partial = p_present >= present, p_abnormal >= abnormal
        said = np.stack([~there, there & partial, there & ~partial]).astype(np.float64)
        value = value_of((said @ votes).T) - _PULL * (abs(present - 0.5) + abs(abnormal - 0.5))
        if value > best_value:
            best, best_value = (float(present), float(abnormal)), value
    return best


def _f1_threshold(p: Probabilities, positive: np.ndarray, negative: np.ndarray) -> float:
    """The threshold with the best F1, half way to the next lower probability, kept inside 0.01 to 0.99."""
    if not positive.sum() > 0:
        return 0.5
    used = np.flatnonzero(positive + negative > 0)
    order = used[np.argsort(-p[used], kind="stable")]
    ranked = p[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # one candidate per distinct probability
    hits, alarms = np.cumsum(positive[order])[last], np.cumsum(negative[order])[last]
    best = int(np.argmax(2 * hits / (hits + alarms + positive[used].sum())))
    lower = ranked[last[best + 1]] if best + 1 < len(last) else ranked[last[best]]
    return float(np.clip((ranked[last[best]] + lower) / 2, 0.01, 0.99))


def _reading(name: str, logits: Float[np.ndarray, "n 2"], votes: Votes, rule: str) -> Reading:
    there, any_score = votes[:, 1] + votes[:, 2], votes.sum(axis=1)
    seen, scored = there > 0, any_score > 0
    present = platt(logits[scored, 0], there[scored] / any_score[scored], any_score[scored])
    abnormal = platt(logits[seen, 1], votes[seen, 1] / there[seen], there[seen])
    if not scored.any():
        return Reading(name, present, abnormal)
    pair = RULES[rule](apply(present, logits[:, 0]), apply(abnormal, logits[:, 1]), votes)
    return Reading(name, present, abnormal, *pair)
