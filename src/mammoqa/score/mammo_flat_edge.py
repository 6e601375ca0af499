"""Presampled MTF from the slanted edges of a metal plate, where one lies on the field: IEC 62220-1-2.

For each direction the edge that is nearest to upright (or level) and slanted by 0.5 to 10 degrees is read: its line is
fitted to the rows' centroids of the derivative, all pixels are binned by their distance from it, and the derivative of
the binned edge is transformed; bin width and difference are divided out.
"""

import numpy as np
from jaxtyping import Float, Real
from scipy import ndimage

from mammoqa.core import Image, Measurement, Phantom, Pose, Region
from mammoqa.score.mammo_flat_field import pitch_of

_DARK = 0.5  # of the field's level
_SMALLEST_MM = 15.0
_LARGEST_MM = 85.0
_REACH_MM = 6.0  # of the edge to either side
_OVERSAMPLING = 8
_SLANTS_DEG = (0.5, 10.0)
Curve = tuple[Float[np.ndarray, " frequencies"], Float[np.ndarray, " frequencies"]]


def score_edge(image: Image, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """Frequencies at which the MTF falls to a half, along x and y, and the MTF at 2 and 5 per mm; none without plate.

    The interval is the difference between the two sides of the plate, where both were read.
    """
    plate = _plate(image)
    if plate is None:
        return (), ()
    measurements, regions = [], []
    for axis, name in ((1, "x"), (0, "y")):
        read = [edge for side in (0, 1) if (edge := _edge(image, plate, axis, side)) is not None]
        if not read:
            continue
        curves = [curve for curve, _ in read]
        regions += [Region(f"edge, MTF along {name}", outline) for _, outline in read]
        measurements.append(_joined(f"mtf_50_{name}", [_falls_to(c, 0.5) for c in curves], "1/mm"))
        for frequency in (2.0, 5.0):
            if frequency <= 0.5 / pitch_of(image)[axis]:
                at = [float(np.interp(frequency, *curve)) for curve in curves]
                measurements.append(_joined(f"mtf_{name}_at_{frequency:g}_per_mm", at, ""))
    return tuple(measurements), tuple(regions)


def _joined(name: str, values: list[float], unit: str) -> Measurement:
    mean = float(np.mean(values))
    if len(values) < 2:
        return Measurement(name, mean, unit, note="one edge")
    half = 1.96 * float(np.std(values, ddof=1)) / np.sqrt(len(values)) + 1e-3
    return Measurement(name, mean, unit, low=mean - half, high=mean + half, note=f"{len(values)} edges")


def _plate(image: Image) -> tuple[slice, slice] | None:
    """Rows and columns of the dark plate."""
    step = 4
    pitch = pitch_of(image)[0] * step
    values = ndimage.uniform_filter(image.pixels[::step, ::step].astype(np.float32), 3)
    labels, count = ndimage.label(values < _DARK * float(np.median(values)))
    if count == 0:
        return None
    largest = int(np.argmax(np.bincount(labels.ravel())[1:]))
    rows, columns = ndimage.find_objects(labels)[largest]
    sides = (rows.stop - rows.start) * pitch, (columns.stop - columns.start) * pitch
    if not all(_SMALLEST_MM <= side <= _LARGEST_MM for side in sides):
        return None
    return slice(rows.start * step, rows.stop * step), slice(columns.start * step, columns.stop * step)


def _edge(
    image: Image, plate: tuple[slice, slice], axis: int, side: int
) -> tuple[Curve, Float[np.ndarray, "4 2"]] | None:
    """The MTF across one side of the plate, and where it was read; None where the slant does not suit."""
    pixels = image.pixels if axis == 1 else image.pixels.T
    rows, columns = plate if axis == 1 else plate[::-1]
    pitch_mm = pitch_of(image)[axis]
    border = columns.start if side == 0 else columns.stop
    reach = round(_REACH_MM / pitch_mm)
    slack = round(0.2 * (rows.stop - rows.start))
    top, bottom = rows.start + slack, rows.stop - slack
    middle = _crossing(pixels[top:bottom, max(0, border - 3 * reach) : border + 3 * reach], side)
    if middle is None:
        return None
    left = max(0, border - 3 * reach) + round(middle) - reach
    if left < 0 or left + 2 * reach > pixels.shape[1]:
        return None
    part = pixels[top:bottom, left : left + 2 * reach].astype(np.float64)
    curve = edge_mtf(part if side == 1 else part[:, ::-1], pitch_mm)
    if curve is None:
        return None
    corners = np.array([(left, top), (left + 2 * reach, top), (left + 2 * reach, bottom), (left, bottom)], dtype=float)
    return curve, corners if axis == 1 else corners[:, ::-1]


def _crossing(part: Real[np.ndarray, "rows columns"], side: int) -> float | None:
    profile = part.astype(np.float64).mean(axis=0)
    half = (profile.max() + profile.min()) / 2
    above = profile > half
    where = np.flatnonzero(above[1:] != above[:-1])
    return None if where.size == 0 else float(where[0 if side == 0 else -1])


def edge_mtf(part: Float[np.ndarray, "rows columns"], pitch_mm: float) -> Curve | None:
    """Presampled MTF up to Nyquist of an edge that is dark on the left; None where its slant does not suit.

    Args:
        part: pixels around a nearly upright edge, linear in exposure.
        pitch_mm: from column to column.
    """
    rows, columns = part.shape
    slope = np.clip(np.diff(ndimage.uniform_filter1d(part, 3, axis=1), axis=1), 0.0, None)
    slope = np.where(slope > 0.25 * np.percentile(slope, 99.5), slope, 0.0)
    weight = slope.sum(axis=1)
    good = weight > 0.3 * np.median(weight)
    if int(good.sum()) < 50:
        return None
    centroid = (slope @ (np.arange(columns - 1) + 0.5))[good] / weight[good]
    line = np.polyfit(np.flatnonzero(good), centroid, 1)
    left = np.abs(centroid - np.polyval(line, np.flatnonzero(good)))
    keep = left < 3 * np.median(left) + 0.2
    tilt, start = np.polyfit(np.flatnonzero(good)[keep], centroid[keep], 1)
    if not _SLANTS_DEG[0] <= abs(float(np.rad2deg(np.arctan(tilt)))) <= _SLANTS_DEG[1]:
        return None
    distance = (np.arange(columns)[None, :] - (start + tilt * np.arange(rows)[:, None])) * np.cos(np.arctan(tilt))
    reach = int(0.4 * columns)
    bins = np.floor((distance + reach) * _OVERSAMPLING).astype(int)
    valid = (bins >= 0) & (bins < 2 * reach * _OVERSAMPLING)
    count = np.bincount(bins[valid], minlength=2 * reach * _OVERSAMPLING)
    total = np.bincount(bins[valid], weights=part[valid], minlength=count.size)
    if (count == 0).any():
        return None
    spread = np.diff(total / count)
    spread = spread * np.hanning(spread.size)  # noise far from the edge
    frequency = np.fft.rfftfreq(spread.size, pitch_mm / _OVERSAMPLING)
    transfer = np.abs(np.fft.rfft(spread))
    known = np.sinc(frequency * pitch_mm / _OVERSAMPLING) ** 2
    kept = frequency <= 0.5 / pitch_mm + frequency[1]
    return frequency[kept], (transfer / transfer[0] / known)[kept]


def _falls_to(curve: Curve, level: float) -> float:
    frequency, transfer = curve
    below = np.flatnonzero(transfer < level)
    if below.size == 0:
        return float(frequency[-1])
    k = max(1, int(below[0]))
    share = (transfer[k - 1] - level) / max(float(transfer[k - 1] - transfer[k]), 1e-9)
    return float(frequency[k - 1] + share * (frequency[k] - frequency[k - 1]))
