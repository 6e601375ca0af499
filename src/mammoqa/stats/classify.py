"""Confusion matrices and what is read from them; every function takes [..., true class, predicted class].

Precision, recall and F1 follow Sokolova and Lapalme (2009), Inf Process Manag 45:427-437.
"""

import numpy as np
from jaxtyping import Bool, Float, Int, Real
from numpy.typing import ArrayLike


def confusion(
    truth: Int[np.ndarray, " n"], predicted: Int[np.ndarray, " n"], n_classes: int
) -> Int[np.ndarray, "classes classes"]:
    """Counts by true class (rows) and predicted class (columns); classes are 0..n_classes-1."""
    by_cluster = confusion_by_cluster(truth, predicted, np.zeros(len(truth), dtype=np.int64), 1, n_classes)
    return np.asarray(by_cluster[0])


def confusion_by_cluster(
    truth: Int[np.ndarray, " n"],
    predicted: Int[np.ndarray, " n"],
    cluster: Int[np.ndarray, " n"],
    n_clusters: int,
    n_classes: int,
) -> Int[np.ndarray, "clusters classes classes"]:
    """One confusion matrix per cluster, for the clustered bootstrap."""
    if len(truth) != len(predicted) or len(truth) != len(cluster):
        raise ValueError("truth, predicted and cluster have different lengths")
    for name, values, upper in (
        ("truth", truth, n_classes),
        ("predicted", predicted, n_classes),
        ("cluster", cluster, n_clusters),
    ):
        if values.size and (values.min() < 0 or values.max() >= upper):
            raise ValueError(f"{name} lies outside 0..{upper - 1}")
    cell = (cluster.astype(np.int64) * n_classes + truth) * n_classes + predicted
    counts = np.bincount(cell, minlength=n_clusters * n_classes * n_classes)
    return counts.reshape(n_clusters, n_classes, n_classes)


def _ratio(part: ArrayLike, whole: ArrayLike) -> np.ndarray:
    parts, wholes = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.asarray(np.divide(parts, wholes, out=np.full(wholes.shape, np.nan), where=wholes > 0))


def _hits(matrix: np.ndarray) -> np.ndarray:
    return np.diagonal(np.asarray(matrix, dtype=np.float64), axis1=-2, axis2=-1)


def accuracy(matrix: Real[np.ndarray, "*batch k k"]) -> Float[np.ndarray, "*batch"]:
    """Share on the diagonal; nan for an empty matrix."""
    return _ratio(_hits(matrix).sum(-1), np.asarray(matrix).sum((-2, -1)))


def precision(matrix: Real[np.ndarray, "*batch k k"]) -> Float[np.ndarray, "*batch k"]:
    """Per class, the share of its predictions that are right; nan where it was never predicted."""
    return _ratio(_hits(matrix), np.asarray(matrix).sum(-2))


def recall(matrix: Real[np.ndarray, "*batch k k"]) -> Float[np.ndarray, "*batch k"]:
    """Per class, the share of its members that were found; nan where it has none."""
    return _ratio(_hits(matrix), np.asarray(matrix).sum(-1))


def f1(matrix: Real[np.ndarray, "*batch k k"]) -> Float[np.ndarray, "*batch k"]:
    """Per class, the harmonic mean of precision and recall; nan where the class neither occurs nor is predicted."""
    counts = np.asarray(matrix, dtype=np.float64)
    return _ratio(2.0 * _hits(counts), counts.sum(-1) + counts.sum(-2))


def macro_f1(matrix: Real[np.ndarray, "*batch k k"]) -> Float[np.ndarray, "*batch"]:
    """Mean F1 over the classes that occur or are predicted (classes weigh alike)."""
    per_class = f1(matrix)
    known = np.isfinite(per_class)
    return _ratio(np.where(known, per_class, 0.0).sum(-1), known.sum(-1))


def binary_confusion(truth: Bool[np.ndarray, " n"], predicted: Bool[np.ndarray, " n"]) -> Int[np.ndarray, "2 2"]:
    """Confusion of two classes: index 0 is False, 1 is True."""
    return confusion(truth.astype(np.int64), predicted.astype(np.int64), 2)
