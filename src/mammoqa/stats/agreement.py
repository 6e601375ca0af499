"""Agreement of two readers, from their [..., k, k] confusion matrix.

Cohen (1960), Educ Psychol Meas 20:37-46; weighted: Cohen (1968), Psychol Bull 70:213-220.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Real

Weights = Literal["none", "linear", "quadratic"]


def disagreement_weights(n_classes: int, weights: Weights = "none") -> Float[np.ndarray, "k k"]:
    """The penalty of each cell: 0 on the diagonal, rising to 1 in the far corners (0/1 for "none")."""
    distance = np.abs(np.subtract.outer(np.arange(n_classes), np.arange(n_classes))) / max(n_classes - 1, 1)
    match weights:
        case "none":
            return (distance > 0).astype(np.float64)
        case "linear":
            return distance
        case "quadratic":
            return distance**2
    raise ValueError(f"weights are none, linear or quadratic, not {weights!r}")


def cohen_kappa(matrix: Real[np.ndarray, "*batch k k"], weights: Weights = "none") -> Float[np.ndarray, "*batch"]:
    """Agreement beyond chance: 1 for perfect, 0 for chance; nan where chance alone agrees perfectly."""
    counts = np.asarray(matrix, dtype=np.float64)
    penalty = disagreement_weights(counts.shape[-1], weights)
    total = counts.sum((-2, -1))
    observed = (counts * penalty).sum((-2, -1)) * total
    by_chance = np.einsum("...i,ij,...j->...", counts.sum(-1), penalty, counts.sum(-2))
    ratio = np.divide(observed, by_chance, out=np.full(np.shape(total), np.nan), where=by_chance > 0)
    return np.asarray(1.0 - ratio)


def percent_agreement(matrix: Real[np.ndarray, "*batch k k"]) -> Float[np.ndarray, "*batch"]:
    """Percentage of cases on which both agree; nan for an empty matrix."""
    counts = np.asarray(matrix, dtype=np.float64)
    total = counts.sum((-2, -1))
    agreed = np.trace(counts, axis1=-2, axis2=-1)
    return np.asarray(100.0 * np.divide(agreed, total, out=np.full(np.shape(total), np.nan), where=total > 0))
