"""Pixels of a CDMAM at the scale of its discs: in each cell, means over the blurred disc of that cell."""

import math

import numpy as np
from jaxtyping import Float, Float32, Real

from mammoqa.core import Phantom, Pose
from mammoqa.models.cdmam_cells import Evidence
from mammoqa.score.cdmam34 import blurred_disc, square


def disc_means(
    pixels: Real[np.ndarray, "rows columns"], phantom: Phantom, pose: Pose, like: Evidence
) -> Float32[np.ndarray, "rows columns"]:
    """Every pixel's mean over a disc of its cell's size, weighted as the system blurs it; 0 outside the cells.

    Args:
        pixels: an image, or a map of one.
        phantom: whose cells these are.
        pose: where they lie.
        like: evidence of the image, for the discs' radii and the blur.
    """
    from scipy.signal import fftconvolve

    turn = pose.matrix[:, :2]
    back = np.linalg.inv(turn).T
    half_px = phantom.cells[0].side_mm / math.sqrt(2.0) * math.sqrt(abs(float(np.linalg.det(turn))))
    found = np.zeros(pixels.shape, np.float32)
    centres = pose.to_px(np.array([cell.centre_mm for cell in phantom.cells]))
    for cell, (x, y), radius in zip(phantom.cells, centres, like.radius_px, strict=True):
        weights = _disc(float(radius), like.blur_px)
        reach = math.ceil(half_px) + len(weights)
        top, left = max(0, math.floor(y) - reach), max(0, math.floor(x) - reach)
        part = np.s_[top : math.ceil(y) + reach + 1, left : math.ceil(x) + reach + 1]
        rows, columns = np.indices(pixels[part].shape)
        mm = np.stack([columns + left - x, rows + top - y], axis=-1) @ back
        along = np.stack([mm[..., 0] + mm[..., 1], mm[..., 1] - mm[..., 0]])
        inside = (np.abs(along) < cell.side_mm / math.sqrt(2.0)).all(axis=0)
        found[part][inside] = fftconvolve(pixels[part], weights, mode="same")[inside]
    return found


def _disc(radius: float, blur: float) -> Float[np.ndarray, "side side"]:
    """A blurred disc on whole pixels, of unit sum."""
    moves = square(radius, blur).astype(int)
    reach = int(moves.max())
    weights = np.zeros((2 * reach + 1, 2 * reach + 1))
    weights[moves[:, 1] + reach, moves[:, 0] + reach] = blurred_disc(moves.astype(float), radius, blur)
    return np.asarray(weights / weights.sum())
