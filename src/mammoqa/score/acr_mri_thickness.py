"""Slice thickness from the two crossed 1:10 ramps of slice 1: ACR, Large and Medium Phantom Test Guidance, 3.0.

thickness = 0.2 top bottom / (top + bottom), with the lengths of the two ramps at half of their signal. The product of
lengths makes the value independent of a small rotation about the vertical axis.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import optimize, special

from mammoqa.core import Image, Measurement, Phantom, Pose, Region, Stack
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
_LEAST_CONTRAST = 4.0  # ramp signal over its scatter, below which the ramps are not read
_LEVEL_DOUBT = 0.05  # the half level is uncertain by this part of the ramp's signal (plateau and floor are not flat)
_STRIPS = ((0.09, 0.27), (0.12, 0.32), (0.15, 0.36))  # parts of the bar's height, from its middle, for the strips


@dataclass(frozen=True, slots=True)
class _Ramp:
    """A fitted ramp: ends in mm, standard error of its length, and strip (y from, to) in mm."""

    left_mm: float
    right_mm: float
    error_mm: float
    signal: float
    scatter: float

    @property
    def length_mm(self) -> float:
        return self.right_mm - self.left_mm


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


def _thickness_error(top: _Ramp, bottom: _Ramp) -> float:
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


def _ramp(image: Image, pose: Pose, bar: tuple[float, float], inner: float, outer: float) -> _Ramp | None:
    """A box with soft ends on a sloping floor, fitted to the mean along a strip of the bar."""
    middle, height = (bar[0] + bar[1]) / 2, bar[1] - bar[0]
    step = max(pitch_of(image))
    x = np.arange(-_ALONG_MM, _ALONG_MM + step / 2, step)
    y = middle + height * np.linspace(inner, outer, 7)
    lines = sample(image, pose, np.broadcast_to(x, (y.size, x.size)), np.broadcast_to(y[:, None], (y.size, x.size)))
    profile = lines.mean(axis=0) / _shading(image, pose, x, bar)
    return _fit(x, profile)


def _shading(image: Image, pose: Pose, x: Float[np.ndarray, " n"], bar: tuple[float, float]) -> Float[np.ndarray, " n"]:
    """The water's signal along the bar, above and below it, as a smooth curve with mean 1."""
    rows = [
        sample(image, pose, x, np.full(x.shape, y)) for y in (bar[0] - 4.0, bar[0] - 6.0, bar[1] + 4.0, bar[1] + 6.0)
    ]
    water = np.mean(rows, axis=0)
    inside = np.abs(x) < 75.0
    curve = np.polyval(np.polyfit(x[inside], water[inside], 6), np.clip(x, -75.0, 75.0))
    return np.asarray(curve / curve.mean())


def _model(p: Float[np.ndarray, "6"], x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    left, right, softness, signal, floor, slope = p
    box = special.erf((x - left) / softness) - special.erf((x - right) / softness)
    return np.asarray(floor + slope * x / 100.0 + 0.5 * signal * box)


def _fit(x: Float[np.ndarray, " n"], profile: Float[np.ndarray, " n"]) -> _Ramp | None:
    """Least squares from several starts; None where no ramp stands out from its scatter or its end is not seen."""
    floor = float(np.percentile(profile, 20))
    signal = float(np.percentile(profile, 97)) - floor
    if signal <= 0:
        return None
    best = None
    for centre in (-25.0, 0.0, 25.0):
        start = np.array([centre - 25.0, centre + 25.0, 8.0, signal, floor, 0.0])
        lower, upper = [-84.0, -84.0, 1.0, 0.0, -np.inf, -np.inf], [84.0, 84.0, 60.0, np.inf, np.inf, np.inf]
        fit = optimize.least_squares(
            lambda p: (_model(p, x) - profile) / signal, start, bounds=(lower, upper), loss="soft_l1", f_scale=0.1
        )
        if best is None or fit.cost < best.cost:
            best = fit
    if best is None:
        return None
    scatter = float(np.std(_model(best.x, x) - profile))
    ends = _half_ends(best.x)
    if ends is None or ends[2] < _LEAST_CONTRAST * scatter or not 8.0 < ends[1] - ends[0] < 150.0:
        return None
    covariance = np.linalg.pinv(best.jac.T @ best.jac) * (scatter / signal) ** 2
    steps = 1e-3 * np.maximum(np.abs(best.x), 1.0)
    gradient = np.zeros(best.x.size)
    for i, step in enumerate(steps):
        moved = _half_ends(best.x + step * np.eye(best.x.size)[i])
        if moved is not None:
            gradient[i] = (moved[1] - moved[0] - ends[1] + ends[0]) / step
    low, high = _half_ends(best.x, 0.5 - _LEVEL_DOUBT), _half_ends(best.x, 0.5 + _LEVEL_DOUBT)
    level = 0.0 if low is None or high is None else (low[1] - low[0] - high[1] + high[0]) / 2 / np.sqrt(3.0)
    error = float(np.hypot(np.sqrt(max(float(gradient @ covariance @ gradient), 0.0)), level))
    return _Ramp(ends[0], ends[1], error, ends[2], scatter)


def _half_ends(p: Float[np.ndarray, "6"], level: float = 0.5) -> tuple[float, float, float] | None:
    """Where the fitted ramp, without its floor, falls to `level` of its largest value; and that value."""
    x = np.linspace(-90.0, 90.0, 3601)
    curve = _model(np.array([p[0], p[1], p[2], p[3], 0.0, 0.0]), x)
    top = int(np.argmax(curve))
    half = float(curve[top]) * level
    if half <= 0 or curve[0] > half or curve[-1] > half:
        return None
    left = float(np.interp(half, curve[: top + 1], x[: top + 1]))
    right = float(np.interp(-half, -curve[top:], x[top:]))
    return left, right, float(curve[top])


def _box_px(pose: Pose, bar: tuple[float, float], ramp: _Ramp, sign: float) -> Float[np.ndarray, "n 2"]:
    middle, height = (bar[0] + bar[1]) / 2, bar[1] - bar[0]
    near, far = middle + sign * 0.05 * height, middle + sign * 0.42 * height
    return polyline_px(pose, [(ramp.left_mm, near), (ramp.right_mm, near), (ramp.right_mm, far), (ramp.left_mm, far)])
