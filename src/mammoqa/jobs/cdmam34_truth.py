"""What the conventional reading of a simulated CDMAM gives in the end, because everything about it is known."""

import numpy as np
from jaxtyping import Float

from mammoqa.core import Phantom
from mammoqa.jobs.cdmam34 import axes_of
from mammoqa.models.cdmam_cells import Evidence
from mammoqa.score.cdmam34_evidence import Filters
from mammoqa.simulate.cdmam import CdmamTruth
from mammoqa.simulate.cdmam_detectability import filtered_detectability, share_correct
from mammoqa.stats.contrast_detail import known_limit


def known_curve(
    truth: CdmamTruth, read: Evidence, filters: Filters, phantom: Phantom, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Automatic thresholds, the human curve (um) and its diameters (mm), from what is known of an exposure."""
    chances = share_correct(filtered_detectability(truth, read.blur_px) / spread_of_fit(filters))
    return curve_of_chances(chances, phantom, rng)


def curve_of_chances(
    chances: Float[np.ndarray, " cells"], phantom: Phantom, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """As `known_curve`, from the chance of a right choice in each cell."""
    diameters_mm, thicknesses_um = axes_of(phantom)
    matrix = np.zeros((len(diameters_mm), len(thicknesses_um)))
    for cell, chance in zip(phantom.cells, chances, strict=True):
        matrix[cell.row, cell.column] = chance
    automatic, curve = known_limit(matrix, diameters_mm, thicknesses_um, rng)
    return automatic.value_um, curve.value_um, curve.diameters_mm


def spread_of_fit(filters: Filters) -> Float[np.ndarray, " cells"]:
    """By how much the fit of the background widens the scatter of an answer, for white noise."""
    widened = np.ones(sum(len(row.cells) for row in filters.rows))
    for row in filters.rows:
        widened[row.cells] = np.sqrt(1.0 + (row.lever[:, 0, 1:5] ** 2).sum(axis=-1).mean(axis=-1))
    return widened
