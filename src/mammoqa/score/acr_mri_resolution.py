"""High-contrast resolution: the hole arrays of slice 1. ACR, Large and Medium Phantom Test Guidance, 2.0.

Each of three pairs of arrays has holes of one diameter, twice as far apart. The upper left array tells the resolution
along the rows, the lower right one that down the columns; in both, one line is shifted against the next by 0.2 mm, so
that some line falls well on the pixels whatever the phantom's place. An array is resolved when in at least one line all
four holes are told apart: each gap between them is darker than its darker neighbour by a part of the holes' signal.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from mammoqa.core import Image, Insert, Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_mri_sampling import criterion_for, index_of, pitch_of, polyline_px, slice_of

HOLES = 4  # in a line, and lines in an array
STAGGER_MM = 0.2  # from line to line
RESOLVED_DEPTH = 0.1  # least depth of each gap, as a part of the holes' signal (a choice; readers differ)
_SEEN_NOISE = 2.0  # and so many times the noise
_SEARCH_MM = 3.0  # how far the block may lie from its nominal place
_NEAR_MM = 0.5  # how far an array may lie from where the block says
_BLURRED_MM = 1.0  # to find the arrays as areas, whether their holes are resolved or not
_NONE_MM = 1.2  # told where not even the largest holes are resolved
_NAMES = {"upper left": "resolution_upper_left", "lower right": "resolution_lower_right"}
Values = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Holes:
    """One array as read: its depth (the shallowest gap of the best line) and whether it is resolved."""

    insert: Insert
    offset_mm: tuple[float, float]
    depth: float
    line: int
    resolved: bool


def holes_mm(insert: Insert) -> Float[np.ndarray, "lines holes 2"]:
    """Centres of an array's holes: lines are rows in an upper left array and columns in a lower right one.

    `insert.centre_mm` is the corner hole that the two arrays of a size share.
    """
    pitch = 2.0 * insert.size_mm
    line, hole = np.mgrid[:HOLES, :HOLES].astype(float)
    if insert.name.startswith("upper left"):
        last = HOLES - 1
        x = insert.centre_mm[0] + (hole - last) * pitch + (line - last) * STAGGER_MM
        y = insert.centre_mm[1] + (line - last) * pitch
    else:
        x = insert.centre_mm[0] + line * pitch
        y = insert.centre_mm[1] + hole * pitch + line * STAGGER_MM
    return np.stack([x, y], axis=-1)


def score_resolution(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """The smallest resolved diameter along the rows and down the columns, and the depth of each array's gaps.

    Resolved counts only where all larger holes are resolved as well. 1.2 mm says that none is.
    """
    image, index = slice_of(stack, pose, 1), index_of(pose, 1)
    arrays = [insert for insert in phantom.inserts if insert.kind == "holes"]
    values = _spline(image, pose)
    block = _block_offset(_spline(image, pose, _BLURRED_MM), arrays)
    noise = _noise(image, pose)
    read = [_read(values, insert, block, noise) for insert in arrays]
    criterion = criterion_for(phantom, "high_contrast_resolution", None)
    measurements, regions = [], []
    for side, name in _NAMES.items():
        mine = sorted((r for r in read if r.insert.name.startswith(side)), key=lambda r: -r.insert.size_mm)
        smallest = _NONE_MM
        for one in mine:
            if not one.resolved:
                break
            smallest = one.insert.size_mm
        note = "not even the holes of 1.1 mm are resolved" if smallest == _NONE_MM else None
        limit = None if criterion is None else criterion.high
        measurements.append(Measurement(name, smallest, "mm", limit_high=limit, note=note))
        measurements += [
            Measurement(f"{name}_depth_{r.insert.size_mm:.1f}mm".replace(".", "_"), r.depth, "") for r in mine
        ]
    for one in read:
        said = f"{one.insert.size_mm:.1f}" if one.resolved else f"{one.insert.size_mm:.1f} not"
        regions.append(Region(said, _outline(pose, one), index=index))
    return tuple(measurements), tuple(regions)


def _spline(image: Image, pose: Pose, blurred_mm: float = 0.0) -> Values:
    """Values between pixels by a cubic spline, as a viewer that enlarges smoothly shows them."""
    pixels = image.pixels.astype(np.float64)
    if blurred_mm:
        pixels = ndimage.gaussian_filter(pixels, [blurred_mm / pitch for pitch in pitch_of(image)])
    coefficients = ndimage.spline_filter(pixels, order=3)

    def value(x_mm: np.ndarray, y_mm: np.ndarray) -> np.ndarray:
        px = pose.to_px(np.column_stack([x_mm.ravel(), y_mm.ravel()]))
        found = ndimage.map_coordinates(coefficients, [px[:, 1], px[:, 0]], order=3, prefilter=False, mode="nearest")
        return np.asarray(found).reshape(x_mm.shape)

    return value


def _block_offset(values: Values, arrays: list[Insert]) -> tuple[float, float]:
    """How far the arrays lie from their nominal places: where their areas together are brightest."""
    inside, outside = [], []
    for insert in arrays:
        places = holes_mm(insert).reshape(-1, 2)
        low, high = places.min(axis=0) - insert.size_mm, places.max(axis=0) + insert.size_mm
        x, y = np.meshgrid(np.linspace(low[0], high[0], 9), np.linspace(low[1], high[1], 9))
        inside.append(np.column_stack([x.ravel(), y.ravel()]))
        ring = np.array([(low[0] - 1.5, y) for y in y[:, 0]] + [(high[0] + 1.5, y) for y in y[:, 0]])
        outside.append(ring)
    points, around = np.vstack(inside), np.vstack(outside)
    best, found = -np.inf, (0.0, 0.0)
    for step, reach in ((0.5, _SEARCH_MM), (0.1, 0.5)):
        middle = found
        for dx in np.arange(-reach, reach + step / 2, step):
            for dy in np.arange(-reach, reach + step / 2, step):
                at = (middle[0] + float(dx), middle[1] + float(dy))
                score = float(
                    values(points[:, 0] + at[0], points[:, 1] + at[1]).mean()
                    - values(around[:, 0] + at[0], around[:, 1] + at[1]).mean()
                )
                if score > best:
                    best, found = score, at
    return found


def _read(values: Values, insert: Insert, block: tuple[float, float], noise: float) -> Holes:
    """Depth of the best line of an array, over the places that it may have."""
    places = holes_mm(insert)
    between = (places[:, :-1] + places[:, 1:]) / 2
    ground = _ground(values, places, block)
    steps = np.arange(-_NEAR_MM, _NEAR_MM + 0.01, 0.125)
    best = Holes(insert, block, -1.0, 0, False)
    most = -np.inf
    for dx in steps:
        for dy in steps:
            at = (block[0] + float(dx), block[1] + float(dy))
            tops = values(places[..., 0] + at[0], places[..., 1] + at[1])
            gaps = values(between[..., 0] + at[0], between[..., 1] + at[1])
            signal = float(tops.mean()) - ground
            if signal <= 0:
                continue
            # the array lies where holes differ most from gaps as a whole; then its best line is read
            contrast = float(tops.mean() - gaps.mean()) + 0.2 * float(tops.mean())
            if contrast <= most:
                continue
            most = contrast
            fall = np.minimum(tops[:, :-1], tops[:, 1:]) - gaps
            shallowest = fall.min(axis=1)
            line = int(np.argmax(shallowest))
            depth = float(shallowest[line]) / (float(tops[line].mean()) - ground)
            seen = depth >= RESOLVED_DEPTH and float(shallowest[line]) >= _SEEN_NOISE * noise
            best = Holes(insert, at, depth, line, seen)
    return best


def _ground(values: Values, places: Float[np.ndarray, "lines holes 2"], block: tuple[float, float]) -> float:
    """The plastic's signal above and below the array."""
    low, high = places.reshape(-1, 2).min(axis=0), places.reshape(-1, 2).max(axis=0)
    x = np.linspace(low[0], high[0], 12) + block[0]
    return float(np.median([values(x, np.full(x.shape, y + block[1])) for y in (low[1] - 4.0, high[1] + 4.0)]))


def _noise(image: Image, pose: Pose) -> float:
    """Noise of the plastic right of the arrays, from differences of neighbouring pixels."""
    px = pose.to_px(np.array([(44.0, 30.0), (54.0, 48.0)]))
    (left, right), (top, bottom) = (sorted(int(v) for v in px[:, k]) for k in (0, 1))
    part = image.pixels[top:bottom, left:right].astype(np.float64)
    if part.shape[0] < 3 or part.shape[1] < 3 or min(pitch_of(image)) <= 0:
        return 0.0
    return float(np.std(np.diff(part, axis=1)) / np.sqrt(2.0))


def _outline(pose: Pose, read: Holes) -> np.ndarray:
    places = holes_mm(read.insert).reshape(-1, 2) + np.array(read.offset_mm)
    low, high = places.min(axis=0) - read.insert.size_mm, places.max(axis=0) + read.insert.size_mm
    return polyline_px(pose, [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])])
