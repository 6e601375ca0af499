"""Slice position from the crossed 45 degree wedges of slices 1 and 11: ACR, Phantom Test Guidance, 4.0.

The number is the difference in length of the two dark bars, right minus left as the observer sees them: twice the
distance of the slice from the vertex of the wedges, positive towards the head (sign recalled; hazen's agrees).
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

_ALONG_MM = (-84.0, -46.0)  # bars end near -63 mm (5 mm off: -58 and -68); the ring of slice 11 begins at -43
_WIDTHS_MM = (8.0, 16.0)
_LARGEST_MM = 24.0


@dataclass(frozen=True, slots=True)
class _End:
    y_mm: float
    error_mm: float


def score_position(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """Bar length differences of slices 1 and 11 with intervals, and the bars; a slice without both bars is left out.

    The interval joins the errors of the fitted ends with their change from line to line within a bar.
    """
    criterion = criterion_for(phantom, "slice_position", None)
    measurements: list[Measurement] = []
    regions: list[Region] = []
    for number in (1, 11):
        image = slice_of(stack, pose, number)
        sides = _bar_sides_mm(image, pose)
        if sides is None:
            continue
        middle, half = (sides[0] + sides[1]) / 2, (sides[1] - sides[0]) / 2
        left, right = _end(image, pose, middle - half / 2, half), _end(image, pose, middle + half / 2, half)
        if left is None or right is None or abs(right.y_mm - left.y_mm) > _LARGEST_MM:
            continue
        value = right.y_mm - left.y_mm
        error = float(np.hypot(left.error_mm, right.error_mm))
        note = f"slice {abs(value) / 2:.1f} mm off the vertex of the wedges"
        name = f"slice_{number}_position"
        measurements.append(measured(name, value, NORMAL_95 * error, "mm", criterion, note))
        for label, start, end in (("left bar", sides[0], left), ("right bar", middle, right)):
            corners = [(start, -88.0), (start + half, -88.0), (start + half, end.y_mm), (start, end.y_mm)]
            regions.append(Region(label, polyline_px(pose, corners), index=index_of(pose, number)))
    return tuple(measurements), tuple(regions)


def _bar_sides_mm(image: Image, pose: Pose) -> tuple[float, float] | None:
    """Left and right side of the pair of bars, at half of the water's signal, above where either can end."""
    x = np.arange(-18.0, 18.01, 0.1)
    y = np.arange(-84.0, -74.0, 0.5)
    plane = sample(image, pose, np.broadcast_to(x, (y.size, x.size)), np.broadcast_to(y[:, None], (y.size, x.size)))
    profile = plane.mean(axis=0)
    water = float(np.median(np.concatenate([profile[x < -12.0], profile[x > 12.0]])))
    floor = float(profile[np.abs(x) < 2.5].mean())
    if floor > 0.6 * water:
        return None
    dark = profile < (water + floor) / 2
    here = int(np.argmin(np.abs(x)))
    left, right = here, here
    while left > 0 and dark[left - 1]:
        left -= 1
    while right < x.size - 1 and dark[right + 1]:
        right += 1
    width = float(x[right] - x[left])
    return (float(x[left]), float(x[right])) if _WIDTHS_MM[0] < width < _WIDTHS_MM[1] else None


def _end(image: Image, pose: Pose, x_mm: float, width_mm: float) -> _End | None:
    """Where a bar ends: the middle of a soft step along the middle half of the bar, and its standard error."""
    step = 0.5 * min(pitch_of(image))
    y = np.arange(*_ALONG_MM, step)
    columns = x_mm + width_mm * np.linspace(-0.22, 0.22, 5)
    lines = sample(image, pose, np.broadcast_to(columns[:, None], (5, y.size)), np.broadcast_to(y, (5, y.size)))
    middle = _fit_step(y, lines.mean(axis=0))
    if middle is None:
        return None
    ends = [fit.y_mm for fit in (_fit_step(y, line) for line in lines[[0, 4]]) if fit is not None]
    lean = float(np.ptp(ends)) / 2 / np.sqrt(3.0) if len(ends) == 2 else 0.0
    # half-pixel steps share pixels, so that the fit's error is too small by about the square root of two
    return _End(middle.y_mm, float(np.hypot(np.sqrt(2.0) * middle.error_mm, lean)))


def _model(p: Float[np.ndarray, "5"], y: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    edge, softness, floor, height, slope = p
    return np.asarray(floor + 0.5 * (height + slope * (y - edge)) * (1.0 + special.erf((y - edge) / softness)))


def _fit_step(y: Float[np.ndarray, " n"], profile: Float[np.ndarray, " n"]) -> _End | None:
    water = float(np.median(profile[y > -52.0]))
    floor = float(np.percentile(profile, 5))
    if water <= 0 or floor > 0.6 * water:
        return None
    crossing = np.flatnonzero(profile > (water + floor) / 2)
    start = np.array([float(y[crossing[0]]) if crossing.size else -63.0, 2.0, floor / water, 1.0 - floor / water, 0.0])

    def misfit(p: Float[np.ndarray, "5"]) -> Float[np.ndarray, " n"]:
        return np.asarray(_model(p, y) - profile / water)

    fit = optimize.least_squares(
        misfit,
        start,
        bounds=([-84.0, 0.2, -1.0, 0.1, -0.05], [-46.0, 8.0, 1.0, 3.0, 0.05]),
        loss="soft_l1",
        f_scale=0.05,
    )
    if not -82.0 < fit.x[0] < -48.0:
        return None
    variance = float(2 * fit.cost) / max(y.size - 5, 1)
    jacobian = np.asarray(fit.jac, dtype=np.float64)
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * variance
    return _End(float(fit.x[0]), float(np.sqrt(covariance[0, 0])))
