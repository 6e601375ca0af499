"""Runs of parts in a row: how far along an object can be followed."""

import numpy as np
from jaxtyping import Bool, Int


def longest_run(seen: Bool[np.ndarray, "*axes parts"]) -> Int[np.ndarray, "*axes"]:
    """Length of the longest run of True along the last axis."""
    best = run = np.zeros(seen.shape[:-1], dtype=int)
    for k in range(seen.shape[-1]):
        run = np.where(seen[..., k], run + 1, 0)
        best = np.maximum(best, run)
    return np.asarray(best)
