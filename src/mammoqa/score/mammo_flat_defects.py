"""Dead and deviating pixels, dead lines and clusters that look like artefacts.

Each pixel is compared with the median of its neighbourhood of 2 mm. Deviating by 20 %: European guidelines, supplement
2013 (single). A dead pixel shows less than a fifth of its neighbourhood (a choice). An artefact cluster is a connected
area in which the image, smoothed over 0.5 mm, lies six standard deviations off (a choice).
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from mammoqa.core import Image, Measurement, Phantom, Pose, Region
from mammoqa.score.mammo_flat_aluminium import find_square
from mammoqa.score.mammo_flat_field import inner, length, pitch_of, usable

_DEAD = 0.2
_LINE_PART = 0.5  # of a line's pixels
_SMOOTH_MM = 0.5
_CLUSTER_SIGMA = 6.0
_SHOWN = 12
_ALUMINIUM_MM2 = 60.0  # larger even areas are test objects, not artefacts


def score_defects(image: Image, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """Counts of dead lines, dead and deviating pixels (lines apart) and artefact clusters, with their places."""
    part = inner(image, phantom)
    values = image.pixels[part].astype(np.float32)
    step = 8
    clear = usable(image, step)
    wide = np.repeat(np.repeat(clear, step, axis=0), step, axis=1)
    wide = np.pad(wide, [(0, max(0, n - m)) for n, m in zip(image.pixels.shape, wide.shape, strict=True)], mode="edge")
    here = wide[: image.pixels.shape[0], : image.pixels.shape[1]][part]
    ground = _ground(values, pitch_of(image)[0])
    ratio = np.where(here, values / ground, 1.0).astype(np.float32)
    off = np.abs(ratio - 1) > length(phantom, "deviating_pixel_percent") / 100
    dead = ratio < _DEAD
    rows, columns = (np.flatnonzero(dead.mean(axis=axis) > _LINE_PART) for axis in (1, 0))
    for lines, axis in ((rows, 0), (columns, 1)):
        for line in lines:
            np.moveaxis(off, axis, 0)[line] = False
            np.moveaxis(dead, axis, 0)[line] = False
            np.moveaxis(ratio, axis, 0)[line] = 1.0
    square = find_square(image, phantom)
    if square is not None:
        reach = round(8.0 / pitch_of(image)[0])
        row, column = round(square[0]) - part[0].start, round(square[1]) - part[1].start
        ratio[max(0, row - reach) : row + reach, max(0, column - reach) : column + reach] = 1.0
    clusters = _clusters(ratio, off, pitch_of(image)[0])
    found = {
        "dead_lines": len(rows) + len(columns),
        "dead_pixels": int(dead.sum()),
        "deviating_pixels": int(off.sum()),
        "artefact_clusters": len(clusters),
    }
    measurements = tuple(Measurement(name, float(count), "") for name, count in found.items())
    corner = np.array([part[1].start, part[0].start], dtype=float)
    return measurements, tuple(Region("artefact", outline + corner) for outline in clusters[:_SHOWN])


def _ground(values: Float[np.ndarray, "rows columns"], pitch_mm: float) -> Float[np.ndarray, "rows columns"]:
    """The level around each pixel: block medians of 2 mm, interpolated."""
    side = max(4, round(2.0 / pitch_mm))
    rows, columns = values.shape[0] // side, values.shape[1] // side
    blocks = values[: rows * side, : columns * side].reshape(rows, side, columns, side)
    medians = ndimage.median_filter(np.median(blocks, axis=(1, 3)), 3)
    y = (np.arange(values.shape[0]) + 0.5) / side - 0.5
    x = (np.arange(values.shape[1]) + 0.5) / side - 0.5
    low_y, low_x = np.clip(y.astype(int), 0, rows - 2), np.clip(x.astype(int), 0, columns - 2)
    part_y, part_x = np.clip(y - low_y, 0, 1)[:, None], np.clip(x - low_x, 0, 1)[None, :]
    above = medians[low_y] * (1 - part_y) + medians[low_y + 1] * part_y
    return np.asarray(np.maximum(above[:, low_x] * (1 - part_x) + above[:, low_x + 1] * part_x, 1e-6))


def _clusters(
    ratio: Float[np.ndarray, "rows columns"], off: Bool[np.ndarray, "rows columns"], pitch_mm: float
) -> list[Float[np.ndarray, "n 2"]]:
    """Outlines of areas that lie off the even field, single pixels and test objects apart."""
    alone = off & (ndimage.uniform_filter(off.astype(np.float32), 3) * 9 < 2.5)  # counted as pixels
    clean = np.where(alone, 1.0, np.clip(ratio, 0.8, 1.2)).astype(np.float32)
    smooth = ndimage.gaussian_filter(clean, _SMOOTH_MM / pitch_mm)
    smooth = smooth - ndimage.uniform_filter(smooth, max(3, round(5.0 / pitch_mm)))
    seen = np.abs(smooth[np.abs(smooth) > 1e-6])  # a plate is left out, and flat
    scatter = 1.4826 * float(np.median(seen)) if seen.size else 0.0
    labels, count = ndimage.label(np.abs(smooth) > _CLUSTER_SIGMA * max(scatter, 1e-9))
    found = []
    for place in ndimage.find_objects(labels, count):
        high, wide = (s.stop - s.start for s in place)
        area = high * wide * pitch_mm**2
        if high * wide < 6 or area > _ALUMINIUM_MM2 or max(high, wide) * pitch_mm > 8.0:
            continue
        top, left = place[0].start - 5, place[1].start - 5
        bottom, right = place[0].stop + 5, place[1].stop + 5
        found.append(np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=float))
    return found
