"""Signal-to-noise ratio of slice 7 from one image, after McCann et al., Phys. Med. Biol. 58 (2013) 3775.

Five squares of 20 mm, in the middle and on the diagonals. Signal is the mean of a square. Noise is the standard
deviation of what remains when the square's shading is taken off; McCann smooths the image for that, here a surface of
second degree is fitted to each square, which leaves no shading behind. The SNR is the mean over the squares. The ACR
sets no limit. Filters and interpolation of the scanner lower the noise, and so raise the SNR.
"""

import numpy as np
from jaxtyping import Float

from mammoqa.core import Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_mri_sampling import NORMAL_95, index_of, measured, pixel_places_mm, polyline_px, slice_of

_SIDE_MM = 20.0
_AWAY_MM = 39.0  # of the outer squares along x and y
_PLACES_MM = ((0.0, 0.0), (-_AWAY_MM, -_AWAY_MM), (-_AWAY_MM, _AWAY_MM), (_AWAY_MM, -_AWAY_MM), (_AWAY_MM, _AWAY_MM))


def score_snr(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """The mean SNR of the five squares; its interval is that of the mean, from the scatter between the squares."""
    image = slice_of(stack, pose, 7)
    x_mm, y_mm = pixel_places_mm(image, pose)
    values, regions = [], []
    for x, y in _PLACES_MM:
        inside = (np.abs(x_mm - x) <= _SIDE_MM / 2) & (np.abs(y_mm - y) <= _SIDE_MM / 2)
        pixels = image.pixels[inside].astype(np.float64)
        noise = _noise(pixels, x_mm[inside] - x, y_mm[inside] - y)
        if noise > 1e-6 * abs(float(pixels.mean())):
            values.append(float(pixels.mean()) / noise)
        half = _SIDE_MM / 2
        corners = [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
        regions.append(Region("", polyline_px(pose, corners), index=index_of(pose, 7)))
    if len(values) < len(_PLACES_MM):
        return (), ()  # an image without noise
    error = float(np.std(values, ddof=1) / np.sqrt(len(values)))
    note = "one image, noise after a surface of second degree; " + ", ".join(f"{value:.0f}" for value in values)
    return (measured("snr", float(np.mean(values)), NORMAL_95 * error, "", None, note, floor=0.0),), tuple(regions)


def _noise(pixels: Float[np.ndarray, " n"], x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> float:
    u, v = x / _SIDE_MM, y / _SIDE_MM
    terms = np.column_stack([np.ones_like(u), u, v, u * u, u * v, v * v])
    left = pixels - terms @ np.linalg.lstsq(terms, pixels, rcond=None)[0]
    return float(np.sqrt(left @ left / max(pixels.size - terms.shape[1], 1)))
