"""The round outline of a CT phantom in one slice, whatever else (table, straps) is in the field."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Real
from scipy import ndimage

_OUTSIDE_HU = -300.0  # between air and anything solid
_STEP = 2  # pixels; the outline is found at this pitch


@dataclass(frozen=True, slots=True)
class Disc:
    """A circle fitted to an outline, in mm from the first pixel; `scatter_mm` is the robust scatter around it."""

    x_mm: float
    y_mm: float
    radius_mm: float
    scatter_mm: float


def find_disc(pixels: Real[np.ndarray, "rows columns"], pitch_mm: tuple[float, float]) -> Disc | None:
    """The circle around the largest solid thing in a slice; None where there is nothing of size.

    Outline points at the border of the field are left out, so that a phantom that touches it is still found.
    """
    solid = pixels[::_STEP, ::_STEP] > _OUTSIDE_HU
    labels, count = ndimage.label(solid)
    if count == 0:
        return None
    largest = ndimage.binary_fill_holes(labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:])))
    pitch_y, pitch_x = pitch_mm[0] * _STEP, pitch_mm[1] * _STEP
    if largest.sum() * pitch_y * pitch_x < 5000.0:
        return None
    edge = largest & ~ndimage.binary_erosion(largest, border_value=1)
    rows, columns = np.nonzero(edge)
    clear = (rows > 0) & (rows < edge.shape[0] - 1) & (columns > 0) & (columns < edge.shape[1] - 1)
    if int(clear.sum()) < 40:
        return None
    return _circle(columns[clear] * pitch_x, rows[clear] * pitch_y, pitch_x)


def _circle(x_mm: Float[np.ndarray, " n"], y_mm: Float[np.ndarray, " n"], pitch_mm: float) -> Disc:
    start = (float(x_mm.mean()), float(y_mm.mean()), float(np.ptp(x_mm)) / 2)

    def distance(circle: Float[np.ndarray, "3"]) -> Float[np.ndarray, " n"]:
        return np.asarray(np.hypot(x_mm - circle[0], y_mm - circle[1]) - circle[2])

    from scipy import optimize  # takes a tenth of a second, which other phantoms need not wait for

    fit = optimize.least_squares(distance, start, loss="soft_l1", f_scale=0.3)
    scatter = 1.4826 * float(np.median(np.abs(distance(fit.x))))
    return Disc(float(fit.x[0]), float(fit.x[1]), float(fit.x[2]) + pitch_mm / 4, scatter)
