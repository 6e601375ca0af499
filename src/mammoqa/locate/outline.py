"""The phantom's body by Otsu's threshold and its outline (Yun 2025, "Image standardization and preprocessing").

This only gives hints (tilt, size) to the search for the insert's border: with magnification or collimation the body's
edges lie outside the field.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from mammoqa.locate.sampling import Level, otsu


@dataclass(frozen=True, slots=True)
class Body:
    """A rectangle around the largest region of one brightness, in the plane frame (mm).

    `fill` is the region's share of the rectangle; `tilt_deg` within 45 degrees of upright; `touches` tells which image
    edges (top, right, bottom, left) the region reaches.
    """

    centre_mm: tuple[float, float]
    size_mm: tuple[float, float]  # along x and y after removing the tilt
    tilt_deg: float
    fill: float
    bright: bool
    touches: tuple[bool, bool, bool, bool]


def bodies(coarse: Level, flat: Float[np.ndarray, "rows columns"]) -> tuple[Body, ...]:
    """The largest bright and the largest dark region of `flat` (a level's values, range compressed)."""
    cut = otsu(flat)
    found = []
    for bright in (True, False):
        mask = flat > cut if bright else flat <= cut
        body = _body(coarse, mask, bright)
        if body is not None:
            found.append(body)
    return tuple(found)


def _body(coarse: Level, mask: Bool[np.ndarray, "rows columns"], bright: bool) -> Body | None:
    labels, count = ndimage.label(mask)
    if count == 0:
        return None
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest = labels == int(np.argmax(sizes))
    region = ndimage.binary_fill_holes(ndimage.binary_opening(largest, iterations=1))
    if region is None or region.sum() < 100:
        return None
    rows, columns = np.nonzero(region & ~ndimage.binary_erosion(region))
    points = np.column_stack([columns, rows]).astype(float) + 0.5
    points *= np.array(coarse.pitch_mm[::-1])
    area = float(region.sum()) * coarse.pitch_mm[0] * coarse.pitch_mm[1]
    tilt, low, high = _smallest_rectangle(points)
    size = high - low + np.array(coarse.pitch_mm[::-1])
    turn = _turn(tilt)
    centre = turn @ ((low + high) / 2)
    touches = (region[0].any(), region[:, -1].any(), region[-1].any(), region[:, 0].any())
    return Body(
        (float(centre[0]), float(centre[1])),
        (float(size[0]), float(size[1])),
        tilt,
        area / float(size[0] * size[1]),
        bright,
        (bool(touches[0]), bool(touches[1]), bool(touches[2]), bool(touches[3])),
    )


def _turn(angle_deg: float) -> Float[np.ndarray, "2 2"]:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[c, -s], [s, c]])


def _smallest_rectangle(
    points: Float[np.ndarray, "n 2"],
) -> tuple[float, Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    """Tilt of the rectangle of least area around the points, and its corners after removing the tilt."""
    tilts = np.arange(-15.0, 15.01, 0.5)
    radians = np.radians(tilts)[:, None]
    u = points[:, 0] * np.cos(radians) + points[:, 1] * np.sin(radians)
    v = -points[:, 0] * np.sin(radians) + points[:, 1] * np.cos(radians)
    # a few stray points must not widen the rectangle
    low, high = np.stack([np.percentile(u, (0.3, 99.7), axis=1), np.percentile(v, (0.3, 99.7), axis=1)], axis=-1)
    best = int(np.argmin((high - low).prod(axis=1)))
    return float(tilts[best]), low[best], high[best]
