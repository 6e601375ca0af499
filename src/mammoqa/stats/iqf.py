"""The image quality figure of a contrast-detail phantom, from hits and misses corrected by their neighbours.

IQF = sum over the thicknesses of t times the smallest diameter that is seen (CDMAM manual; recalled): the smaller, the
better. Where none is seen in a column, its largest diameter counts (a choice: the figure is then too good).
"""

import numpy as np
from jaxtyping import Float, Int


def corrected(decisions: Int[np.ndarray, "*images rows columns"]) -> Int[np.ndarray, "*images rows columns"]:
    """Nearest-neighbour correction (CDMAM manual) of 1 hit, 0 miss, -1 no such cell.

    A hit stays with at least 2 of its 4 neighbours hit, a miss becomes a hit with at least 3; where only two
    neighbours exist, with 1 and 2.
    """
    framed = np.pad(decisions, [(0, 0)] * (decisions.ndim - 2) + [(1, 1), (1, 1)], constant_values=-1)
    beside = np.stack(
        [framed[..., :-2, 1:-1], framed[..., 2:, 1:-1], framed[..., 1:-1, :-2], framed[..., 1:-1, 2:]], axis=-1
    )
    exist, hits = (beside >= 0).sum(axis=-1), (beside == 1).sum(axis=-1)
    few = exist <= 2
    stays = (decisions == 1) & (hits >= np.where(few, 1, 2))
    becomes = (decisions == 0) & (hits >= np.where(few, 2, 3))
    return np.asarray(np.where(decisions < 0, -1, (stays | becomes).astype(np.int64)))


def image_quality_figure(
    decisions: Int[np.ndarray, "*images rows columns"],
    diameters_mm: Float[np.ndarray, " rows"],
    thicknesses_um: Float[np.ndarray, " columns"],
) -> Float[np.ndarray, "*images"]:
    """IQF (um mm) of each image from its corrected decisions."""
    seen = corrected(decisions) == 1
    sizes = np.broadcast_to(diameters_mm[:, None], seen.shape)
    smallest = np.where(seen, sizes, np.inf).min(axis=-2)
    largest = np.where(decisions >= 0, sizes, 0.0).max(axis=-2)
    return np.asarray((np.where(np.isfinite(smallest), smallest, largest) * thicknesses_um).sum(axis=-1))
