"""Geometric accuracy: diameters of slices 1 and 5. ACR, Large and Medium Phantom Test Guidance, 1.0.

The border of the water is found at half of the local signal along rays from the centre of the slice, every half
degree. A diameter is the sum of two opposite distances, each from a parabola through the border within 18 degrees of
the line (more where a bubble hides it); rays that meet the notch, a bubble or an insert do not fit the border as a
whole and are left out, as a reader would put the line beside them. Lines follow the axes of the image, which are those
of the gradients.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from mammoqa.core import Image, Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_mri_sampling import NORMAL_95, criterion_for, index_of, measured, pitch_of, slice_of

_STEP_DEG = 0.5
_WINDOWS_DEG = (18.0, 24.0, 30.0, 36.0)
_SEEN_DEG = 9.0  # of border wanted on either side of a line
_LEVELS = (0.4, 0.5, 0.6)  # the reading is at 0.5; the others tell how sharp the border is
_RADII_MM = (80.0, 106.0)
_MAX_DEVIATION_MM = 1.2
_LINES = (
    (1, "horizontal", 0.0),
    (1, "vertical", 90.0),
    (5, "horizontal", 0.0),
    (5, "vertical", 90.0),
    (5, "diagonal_down", 45.0),
    (5, "diagonal_up", -45.0),
)


@dataclass(frozen=True, slots=True)
class _Border:
    """Distances (levels x angles) of the border from (x, y), all in mm of the image; nan where there is none."""

    x_mm: float
    y_mm: float
    distance_mm: Float[np.ndarray, "levels angles"]
    regular: Bool[np.ndarray, " angles"]


def score_geometry(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """Six diameters with intervals, and the lines that were measured; a line that cannot be read is left out.

    The interval joins the scatter of the border around the parabolas with the shift of the border between 40 % and
    60 % of the signal (taken as a uniform uncertainty of the level).
    """
    criterion = criterion_for(phantom, "diameter", None)
    radius = dict(phantom.lengths_mm)["diameter"] / 2
    borders = {number: _border(slice_of(stack, pose, number), pose, radius) for number in (1, 5)}
    measurements, regions = [], []
    for number, name, angle_deg in _LINES:
        border = borders[number]
        ends = [_end(border, angle_deg + turn, stack, pose, number) for turn in (0.0, 180.0)]
        if ends[0] is None or ends[1] is None:
            continue
        (near, near_error), (far, far_error) = ends[0], ends[1]
        half = float(NORMAL_95 * np.hypot(near_error, far_error))
        measurements.append(measured(f"slice_{number}_diameter_{name}", near + far, half, "mm", criterion))
        pitch_y, pitch_x = pitch_of(slice_of(stack, pose, number))
        direction = np.array([np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))])
        line = np.array([border.x_mm, border.y_mm]) + np.outer([near, -far], direction)
        points = line / np.array([pitch_x, pitch_y])
        regions.append(Region(f"{name} {near + far:.1f} mm", points, closed=False, index=index_of(pose, number)))
    return tuple(measurements), tuple(regions)


def _border(image: Image, pose: Pose, radius_mm: float) -> _Border:
    """The border seen from the slice's own centre, found from the pose's centre first."""
    pitch_y, pitch_x = pitch_of(image)
    x_mm, y_mm = float(pose.matrix[0, 2]) * pitch_x, float(pose.matrix[1, 2]) * pitch_y
    angle = np.deg2rad(np.arange(0.0, 360.0, _STEP_DEG))
    for _ in range(2):
        distance = _distances(image, x_mm, y_mm, angle)
        regular, harmonics = _regular(distance[1], angle, radius_mm)
        x_mm, y_mm = x_mm + harmonics[1], y_mm + harmonics[2]
    distance = _distances(image, x_mm, y_mm, angle)
    regular, _ = _regular(distance[1], angle, radius_mm)
    return _Border(x_mm, y_mm, distance, regular)


def _distances(image: Image, x_mm: float, y_mm: float, angle: Float[np.ndarray, " angles"]) -> np.ndarray:
    """Outermost crossing of each level along each ray, linear between samples."""
    pitch_y, pitch_x = pitch_of(image)
    radius = np.arange(*_RADII_MM, 0.25 * min(pitch_y, pitch_x))
    x = (x_mm + radius[:, None] * np.cos(angle)) / pitch_x
    y = (y_mm + radius[:, None] * np.sin(angle)) / pitch_y
    rays = ndimage.map_coordinates(image.pixels.astype(np.float64), [y, x], order=1, mode="nearest")
    inner, outer = radius < 93.0, radius > 99.0
    wide = int(24.0 / _STEP_DEG) + 1
    water = ndimage.median_filter(np.percentile(rays[inner], 75, axis=0), wide, mode="wrap")
    empty = ndimage.median_filter(np.median(rays[outer], axis=0), wide, mode="wrap")
    found = np.full((len(_LEVELS), angle.size), np.nan)
    for row, level in enumerate(_LEVELS):
        above = rays > empty + level * (water - empty)
        last = above.shape[0] - 1 - np.argmax(above[::-1], axis=0)
        usable = above.any(axis=0) & (last < above.shape[0] - 1)
        here = np.minimum(last, above.shape[0] - 2)
        columns = np.arange(angle.size)
        high, low = rays[here, columns], rays[here + 1, columns]
        threshold = empty + level * (water - empty)
        share = (high - threshold) / np.where(high > low, high - low, 1.0)
        found[row] = np.where(usable, radius[here] + np.clip(share, 0.0, 1.0) * (radius[1] - radius[0]), np.nan)
    return found


def _regular(
    distance: Float[np.ndarray, " angles"], angle: Float[np.ndarray, " angles"], radius_mm: float
) -> tuple[Bool[np.ndarray, " angles"], Float[np.ndarray, " terms"]]:
    """Rays on a smooth border (harmonics 0 to 2: place, size and stretch of the disc), found by repeated fitting."""
    terms = np.column_stack([f(n * angle) for n in (0, 1, 2) for f in (np.cos, np.sin) if n or f is np.cos])
    keep = np.isfinite(distance) & (np.abs(distance - radius_mm) < 8.0)
    harmonics = np.zeros(terms.shape[1])
    for limit in (4.0, 2.0, _MAX_DEVIATION_MM, _MAX_DEVIATION_MM):
        if int(keep.sum()) < terms.shape[1] * 4:
            return np.zeros_like(keep), np.zeros(terms.shape[1])
        harmonics = np.linalg.lstsq(terms[keep], distance[keep], rcond=None)[0]
        keep = np.isfinite(distance) & (np.abs(distance - terms @ harmonics) < limit)
    return np.asarray(keep), np.asarray(harmonics)


def _end(border: _Border, angle_deg: float, stack: Stack, pose: Pose, number: int) -> tuple[float, float] | None:
    """Distance of the border along one ray and its standard error in mm; None with too little regular border."""
    offset = (np.arange(0.0, 360.0, _STEP_DEG) - angle_deg + 180.0) % 360.0 - 180.0
    usable = border.regular & np.isfinite(border.distance_mm).all(axis=0)
    near = np.abs(offset) <= 0
    for window in _WINDOWS_DEG:  # wider where a bubble or the notch hides part of the border
        near = (np.abs(offset) <= window) & usable
        sides = [(near & (offset * sign > 0)).sum() * _STEP_DEG for sign in (-1, 1)]
        if min(sides) >= _SEEN_DEG:
            break
    arc_mm = np.deg2rad(_STEP_DEG) * 95.0
    independent = near.sum() * arc_mm / max(pitch_of(slice_of(stack, pose, number)))
    if independent < 8.0:
        return None
    terms = np.vander(np.deg2rad(offset[near]), 3, increasing=True)
    at, low, high = (np.linalg.lstsq(terms, border.distance_mm[row, near], rcond=None)[0] for row in (1, 0, 2))
    residual = border.distance_mm[1, near] - terms @ at
    variance = float(residual @ residual) / max(float(near.sum()) - 3.0, 1.0)
    scale = near.sum() / min(independent, float(near.sum()))  # neighbouring rays share pixels
    scatter = variance * scale * float(np.linalg.inv(terms.T @ terms)[0, 0])
    level = (abs(float(low[0] - high[0])) / 2.0) ** 2 / 3.0
    return float(at[0]), float(np.sqrt(scatter + level))
