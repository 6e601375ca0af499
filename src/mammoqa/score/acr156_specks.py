"""Speck groups of the 156 phantom, speck by speck, when the maker's ring and the group's place are not known exactly.

One filter for a single speck is laid everywhere on a group's patch; a group at a place and with a ring is then a sum of
six of its answers. A phantom has one ring scale: its three largest groups tell it together.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from mammoqa.core import Insert
from mammoqa.score.acr_dm_filters import Bench, Indices, Patches, speck_centres_mm

_FINER = 2  # answers are interpolated to half pixels
_RINGS = np.arange(0.92, 1.0801, 0.02)  # times the nominal radius
_RING_SIGMA = 0.04  # makers' rings differ so much
_TELLING = 3  # groups that tell the ring
_REACH_MM = 0.5  # from where a group should be
_PLACE_SIGMA_MM = 0.3  # and usually it is so near
CRITERION = 3.8  # of the simulated readers, 3.2 divided by their efficiency of 0.85
# what one reader and the next, one speck and the next may differ in, on the same scale; the second also holds what
# the filter does not know of a reader's answer (a choice, by likelihood on the tuning split)
_BETWEEN_READERS, _WITHIN = 0.42, 0.7
_QUADRATURE = np.linspace(-2.5, 2.5, 21)
_SURE = 1e-4

Field = Float[np.ndarray, "fine fine"]


def read_groups(bench: Bench, patches: Patches, groups: Sequence[Insert]) -> tuple[Indices, ...]:
    """Detectability of each speck of each group: `coarse` per speck, `whole` of the six together.

    Args:
        bench: grid and noise of the patches.
        patches: one per group.
        groups: the inserts, the largest specks first.
    """
    maps = [bench.seen_in(p, g).everywhere(0.0, "single", _FINER)[0] for p, g in zip(patches, groups, strict=True)]
    step_mm = bench.pitch_mm / _FINER
    likely = -((_RINGS - 1.0) ** 2) / (2 * _RING_SIGMA**2)
    for found, group in zip(maps[:_TELLING], groups[:_TELLING], strict=True):
        likely += [_best_place(found, group, ring, step_mm)[0] for ring in _RINGS]
    ring = float(_RINGS[int(np.argmax(likely))])
    return tuple(_read(found, group, ring, step_mm) for found, group in zip(maps, groups, strict=True))


def _read(found: Field, group: Insert, ring: float, step_mm: float) -> Indices:
    """The specks of a group at its most likely place, each where it answers best within half a pixel."""
    _, (row, column), together = _best_place(found, group, ring, step_mm)
    specks = [
        found[r + row - 1 : r + row + 2, c + column - 1 : c + column + 2].max()
        for r, c in _places(found, group, ring, step_mm)
    ]
    each = np.array(specks, dtype=np.float64)
    return Indices(each, each, together, (column * step_mm, row * step_mm))


def _best_place(found: Field, group: Insert, ring: float, step_mm: float) -> tuple[float, tuple[int, int], float]:
    """Log likelihood of the best place, its displacement (rows, columns), and the answer of all specks there."""
    reach = round(_REACH_MM / step_mm)
    windows = [
        found[r - reach : r + reach + 1, c - reach : c + reach + 1] for r, c in _places(found, group, ring, step_mm)
    ]
    together = np.sum(windows, axis=0) / np.sqrt(group.count)
    axis = np.arange(-reach, reach + 1) * step_mm
    likely = np.clip(together, 0.0, None) ** 2 / 2 - (axis[:, None] ** 2 + axis**2) / (2 * _PLACE_SIGMA_MM**2)
    row, column = divmod(int(np.argmax(likely)), likely.shape[1])
    return float(likely[row, column]), (row - reach, column - reach), float(together[row, column])


def _places(found: Field, group: Insert, ring: float, step_mm: float) -> list[tuple[int, int]]:
    """Rows and columns of the specks in the map of a group that lies in the middle."""
    middle = found.shape[0] // 2
    places = np.rint(speck_centres_mm(group) * ring / step_mm).astype(int) + middle
    return [(int(row), int(column)) for column, row in places]


def speck_odds(specks: Float[np.ndarray, " specks"]) -> Float[np.ndarray, "2"]:
    """Log odds that a reader sees two of the specks, and four, by their detectability (ACR 1999: scores 0.5 and 1)."""
    weight = np.exp(-(_QUADRATURE**2) / 2)
    weight /= weight.sum()
    seen = ndtr((specks - CRITERION - _BETWEEN_READERS * _QUADRATURE[:, None]) / _WITHIN)
    counts = np.zeros((len(_QUADRATURE), len(specks) + 1))
    counts[:, 0] = 1.0
    for p in seen.T[:, :, None]:
        more = counts[:, :-1] * p
        counts *= 1 - p
        counts[:, 1:] += more
    chances = np.clip([weight @ counts[:, k:].sum(axis=1) for k in (2, 4)], _SURE, 1 - _SURE)
    return np.asarray(np.log(chances / (1 - chances)))
