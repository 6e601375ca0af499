"""The best that any reader of these images could do, and how close the program comes.

Panels that read the same image differ, so that no reader agrees with all of them. From the shares of the scores among
many panels follow the expected figures of any set of answers: of the program, of one reader, and of the best possible
answers. Those are the most probable score of each object for accuracy; for macro F1 and the class 0.5 the most probable
after a weight on each class, chosen so that macro F1 is highest (optimal decisions for F measures are of that form:
Ye et al. 2012, ICML). With finitely many panels a share is a little noisy and the best answer a little too good.
"""

from collections.abc import Mapping
from itertools import product

import numpy as np
from jaxtyping import Float, Int

from mammoqa.core import Phantom
from mammoqa.jobs.validate_acr156_records import CeilingFigures, Evidence
from mammoqa.judge.many import pass_probabilities, passes
from mammoqa.stats import classify
from mammoqa.stats.bootstrap import Interval, Statistic, bootstrap_counts, cluster_index
from mammoqa.stats.roc import weighted_auc

SCORES = (0.0, 0.5, 1.0)
_WEIGHTS = np.round(np.geomspace(0.4, 4.0, 13), 3)  # of the classes 0 and 0.5 against 1
OBJECT_FIGURES: Mapping[str, Statistic] = {
    "accuracy": classify.accuracy,
    "macro_f1": classify.macro_f1,
    "half_recall": lambda m: classify.recall(m)[..., 1],
    "half_precision": lambda m: classify.precision(m)[..., 1],
}
VERDICT_FIGURES: Mapping[str, Statistic] = {
    "pass_fail": classify.accuracy,
    "fail_recall": lambda m: classify.recall(m)[..., 1],
    "fail_precision": lambda m: classify.precision(m)[..., 1],
}
_NOTHING = Interval(float("nan"), float("nan"), float("nan"))


def ceilings(
    evidence: Evidence,
    scores: Float[np.ndarray, "images objects"],
    phantom: Phantom,
    columns: Mapping[str, Int[np.ndarray, " n"]],
    rng: np.random.Generator,
    n_resamples: int,
) -> tuple[CeilingFigures, ...]:
    """Figures against many panels, per kind; empty where their scores are not known."""
    if evidence.expected is None:
        return ()
    found: list[CeilingFigures] = []
    for kind, order in columns.items():
        shares = evidence.expected[:, order]
        answers = {"reader": evidence.reader[:, order], "program": scores[:, order]}
        best = {"accuracy": best_answers(shares), "macro_f1": best_answers(shares, best_weights(shares))}
        for figure, statistic in OBJECT_FIGURES.items():
            chosen = best.get(figure, best["macro_f1"])
            three = [
                _bootstrap(by_unit(soft_confusion(a, shares), evidence.unit), statistic, rng, n_resamples)
                for a in (*answers.values(), chosen)
            ]
            found.append(CeilingFigures(figure, kind, *three))
        found += _areas(kind, shares, evidence.probabilities[:, order])
    return (*found, *_verdicts(evidence, scores, phantom, rng, n_resamples))


def soft_confusion(
    answers: Float[np.ndarray, "images n"], shares: Float[np.ndarray, "images n 4"]
) -> Float[np.ndarray, "images 3 3"]:
    """Per image, the expected counts by the panels' score (rows) and the answer (columns); N/A counts nowhere."""
    said = np.stack([answers == s for s in SCORES], axis=-1).astype(np.float64)
    return np.asarray(np.einsum("int,ina->ita", shares[..., :3], said))


def by_unit(
    counts: Float[np.ndarray, "images k k"], unit: Int[np.ndarray, " images"]
) -> Float[np.ndarray, "units k k"]:
    """Counts of images summed over each unit."""
    index, n_units = cluster_index(unit)
    summed = np.zeros((n_units, *counts.shape[1:]))
    np.add.at(summed, index, counts)
    return summed


def best_answers(
    shares: Float[np.ndarray, "images n 4"], weights: tuple[float, float] = (1.0, 1.0)
) -> Float[np.ndarray, "images n"]:
    """The most probable score of each object, with weights on 0 and 0.5."""
    weighted = shares[..., :3] * np.array([*weights, 1.0])
    return np.asarray(np.array(SCORES)[weighted.argmax(axis=-1)])


def best_weights(shares: Float[np.ndarray, "images n 4"]) -> tuple[float, float]:
    """The weights on 0 and 0.5 with which the best answers have the highest macro F1."""
    flat = shares.reshape(1, -1, 4)
    return max(
        product(_WEIGHTS.tolist(), _WEIGHTS.tolist()),
        key=lambda w: float(classify.macro_f1(soft_confusion(best_answers(flat, w), flat))[0]),
    )


def pass_shares(evidence: Evidence, phantom: Phantom) -> Mapping[str, Float[np.ndarray, " images"]] | None:
    """How often many panels' scores pass, per kind and for the phantom; from `expected` for independent objects."""
    if evidence.pass_shares is not None or evidence.expected is None:
        return evidence.pass_shares
    e = evidence.expected
    return pass_probabilities(np.stack([e[..., 0] + e[..., 3], e[..., 1], e[..., 2]], axis=-1), phantom)


def _areas(
    kind: str, shares: Float[np.ndarray, "images n 4"], probabilities: Float[np.ndarray, "images n 2"]
) -> list[CeilingFigures]:
    """Areas under the ROC curves; the best ranking is by the shares themselves."""
    zero, half, one = (shares[..., i].ravel() for i in range(3))
    there = half + one
    ideal = {
        "presence": (there, zero, np.divide(there, there + zero, out=np.zeros_like(zero), where=there + zero > 0)),
        "abnormality": (half, one, np.divide(half, there, out=np.zeros_like(zero), where=there > 0)),
    }
    found = []
    for i, (output, (positive, negative, rank)) in enumerate(ideal.items()):
        two = (weighted_auc(positive, negative, r) for r in (probabilities[..., i].ravel(), rank))
        program, ceiling = (Interval(area, float("nan"), float("nan")) for area in two)
        found.append(CeilingFigures(output, kind, _NOTHING, program, ceiling))
    return found


def _verdicts(
    evidence: Evidence, scores: np.ndarray, phantom: Phantom, rng: np.random.Generator, n_resamples: int
) -> list[CeilingFigures]:
    shares = pass_shares(evidence, phantom) or {}
    program, reader = passes(scores, phantom), passes(evidence.reader, phantom)
    found = []
    for name, share in shares.items():
        for figure, statistic in VERDICT_FIGURES.items():
            three = [
                _bootstrap(by_unit(_soft_verdicts(said, share), evidence.unit), statistic, rng, n_resamples)
                for said in (reader[name], program[name], share >= 0.5)
            ]
            found.append(CeilingFigures(figure, name, *three))
    return found


def _soft_verdicts(passed: np.ndarray, share: np.ndarray) -> Float[np.ndarray, "images 2 2"]:
    """Per image, expected counts by the panels' verdict and the one given, over pass and fail."""
    true = np.stack([share, 1.0 - share], axis=-1)
    said = np.stack([passed, ~passed], axis=-1).astype(np.float64)
    return np.asarray(true[:, :, None] * said[:, None, :])


def _bootstrap(counts: np.ndarray, statistic: Statistic, rng: np.random.Generator, n_resamples: int) -> Interval:
    return bootstrap_counts(counts, statistic, rng, n_resamples)
