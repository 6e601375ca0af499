"""Slice thickness from the two crossed 1:10 ramps of slice 1: ACR, Large and Medium Phantom Test Guidance, 3.0.

thickness = 0.2 top bottom / (top + bottom), with the lengths of the two ramps at half of their signal. The product of
lengths makes the value independent of a small rotation about the vertical axis.
"""

import numpy as np
from jaxtyping import Float

from mammoqa.core import Image, Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_mri_ramp import Ramp, fit_ramp
from mammoqa.score.acr_mri_sampling import (
    NORMAL_95,
    criterion_for,
    index_of,
    measured,
    pitch_of,
    polyline_px,
    sample,
    slice_of,
)

_ALONG_MM = 84.0  # the bar reaches 88 mm to either side
_STRIPS = ((0.09, 0.27), (0.12, 0.32), (0.15, 0.36))  # parts of the bar's height, from its middle, for the strips


def score_thickness(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """Slice thickness with its interval, and the ramps that were read; nothing where the ramps cannot be read.

    The interval joins the errors of the fitted lengths, the doubt about the half level, and the spread over the strips.
    """
    image = slice_of(stack, pose, 1)
    index = index_of(pose, 1)
    bar = _bar_edges_mm(image, pose)
    if bar is None:
        return (), ()
    readings = []
    for inner, outer in _STRIPS:
        top, bottom = (_ramp(image, pose, bar, sign * inner, sign * outer) for sign in (-1.0, 1.0))
        if top is not None and bottom is not None:
            readings.append((top, bottom))
    if not readings:
        return (), ()
    values = np.array([_thickness(top.length_mm, bottom.length_mm) for top, bottom in readings])
    middle = int(np.argsort(values)[len(values) // 2])
    top, bottom = readings[middle]
    fitted = _thickness_error(top, bottom)
    choice = float(np.std(values, ddof=1)) if len(values) > 1 else fitted
    half = float(NORMAL_95 * np.hypot(fitted, choice))
    note = f"ramps {top.length_mm:.1f} mm (upper) and {bottom.length_mm:.1f} mm (lower)"
    criterion = criterion_for(phantom, "slice_thickness", None)
    regions = tuple(
        Region(label, _box_px(pose, bar, ramp, sign), index=index)
        for label, ramp, sign in (("upper ramp", top, -1.0), ("lower ramp", bottom, 1.0))
    )
    return (measured("slice_thickness", float(values[middle]), half, "mm", criterion, note),), regions


def _thickness(top_mm: float, bottom_mm: float) -> float:
    return 0.2 * top_mm * bottom_mm / (top_mm + bottom_mm)


def _thickness_error(top: Ramp, bottom: Ramp) -> float:
    total = (top.length_mm + bottom.length_mm) ** 2
    by_top, by_bottom = 0.2 * bottom.length_mm**2 / total, 0.2 * top.length_mm**2 / total
    return float(np.hypot(by_top * top.error_mm, by_bottom * bottom.error_mm))


def _bar_edges_mm(image: Image, pose: Pose) -> tuple[float, float] | None:
    """Upper and lower edge (y in mm) of the dark bar, at half of the water's signal, left and right of the ramps."""
    y = np.arange(-16.0, 16.01, 0.1)
    x = np.concatenate([np.arange(-80.0, -45.0, 1.0), np.arange(45.0, 80.0, 1.0)])
    plane = sample(image, pose, np.broadcast_to(x, (y.size, x.size)), np.broadcast_to(y[:, None], (y.size, x.size)))
    profile = np.median(plane / np.maximum(np.percentile(plane, 80, axis=0), 1e-9), axis=1)
    floor = float(profile[np.abs(y) < 2.5].mean())
    dark = np.flatnonzero(profile < (1.0 + floor) / 2)
    if dark.size == 0:
        return None
    top, bottom = float(y[dark[0]]), float(y[dark[-1]])
    return (top, bottom) if 7.0 < bottom - top < 14.0 else None


def _ramp(image: Image, pose: Pose, bar: tuple[float, float], inner: float, outer: float) -> Ramp | None:
    """A box with soft ends on a sloping floor, fitted to the mean along a strip of the bar."""
    middle, height = (bar[0] + bar[1]) / 2, bar[1] - bar[0]
    step = max(pitch_of(image))
    x = np.arange(-_ALONG_MM, _ALONG_MM + step / 2, step)
    y = middle + height * np.linspace(inner, outer, 7)
    lines = sample(image, pose, np.broadcast_to(x, (y.size, x.size)), np.broadcast_to(y[:, None], (y.size, x.size)))
    profile = lines.mean(axis=0) / _shading(image, pose, x, bar)
    return fit_ramp(x, profile)


def _shading(image: Image, pose: Pose, x: Float[np.ndarray, " n"], bar: tuple[float, float]) -> Float[np.ndarray, " n"]:
    """The water's signal along the bar, above and below it, as a smooth curve with mean 1."""
    rows = [
        sample(image, pose, x, np.full(x.shape, y)) for y in (bar[0] - 4.0, bar[0] - 6.0, bar[1] + 4.0, bar[1] + 6.0)
    ]
    water = np.mean(rows, axis=0)
    inside = np.abs(x) < 75.0
    curve = np.polyval(np.polyfit(x[inside], water[inside], 6), np.clip(x, -75.0, 75.0))
    return np.asarray(curve / curve.mean())


def _box_px(pose: Pose, bar: tuple[float, float], ramp: Ramp, sign: float) -> Float[np.ndarray, "n 2"]:
    middle, height = (bar[0] + bar[1]) / 2, bar[1] - bar[0]
    near, far = middle + sign * 0.05 * height, middle + sign * 0.42 * height
    return polyline_px(pose, [(ramp.left_mm, near), (ramp.right_mm, near), (ramp.right_mm, far), (ramp.left_mm, far)])
