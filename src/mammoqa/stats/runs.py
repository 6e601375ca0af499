"""Parts in a row: how far along an object can be followed, and where it is broken."""

import numpy as np
from jaxtyping import Bool, Float, Int


def longest_run(seen: Bool[np.ndarray, "*axes parts"]) -> Int[np.ndarray, "*axes"]:
    """Length of the longest run of True along the last axis."""
    best = run = np.zeros(seen.shape[:-1], dtype=int)
    for k in range(seen.shape[-1]):
        run = np.where(seen[..., k], run + 1, 0)
        best = np.maximum(best, run)
    return np.asarray(best)


def plainly_missing(parts: Float[np.ndarray, "*axes parts"], by: float) -> Bool[np.ndarray, "*axes parts"]:
    """Parts that are less than half as visible as the better ones of their row, by more than `by`."""
    usual = np.quantile(parts, 0.75, axis=-1, keepdims=True)
    return np.asarray((parts < 0.5 * usual) & (usual - parts > by))
