"""Slice width from the two ramps of wires of module 1: ACR, Phantom Testing: CT.

From wire to wire a ramp rises by 0.5 mm along z and 2 mm along y, in two columns of which each shows every second
wire. The brightness of the wires over y is therefore the slice's sensitivity profile, stretched fourfold. A box with
soft ends is fitted to it; its full width at half of its height is the slice width. The protocol's count of visible
wires, halved, is told in the note.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage, optimize, special

from mammoqa.core import Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_ct_sampling import Slice, phantom_length, slice_of_module
from mammoqa.score.acr_mri_sampling import NORMAL_95, measured, polyline_px, sample

_STEP_MM = 0.1
_PERIOD_MM = 2.0  # from wire to wire, both columns together
_COLUMNS_MM = ((-9.5, -0.8), (0.8, 9.5))
_BESIDE_MM = ((-20.0, -12.0), (12.0, 20.0))  # no wires: what the body itself shows at the same height
_MARKS_MM = ((-53.6, 51.8), 3.5, -7.3)  # marks of the middle: places in y, half height, and how far right x is clear
_LOOKED_MM = ((-92.0, -8.0), (8.0, 92.0))
_WIDTHS_MM = (0.3, 14.0)
_RAMP_NAMES = ("upper", "lower")


@dataclass(frozen=True, slots=True)
class Ramp:
    """One fitted ramp: middle and width along y in mm of the phantom, how many wires are seen, and the fit's error."""

    middle_mm: float
    width_mm: float
    error_mm: float
    wires: int


def score_slice_width(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """Slice width in mm, its difference from the prescribed one, and where the slice lies; nothing without ramps.

    The interval joins the errors of the two fits with the difference between the ramps.
    """
    part = slice_of_module(stack, pose, 1)
    if part is None:
        return (), ()
    scale = phantom_length(phantom, "wire_y_per_z")
    found = [(name, _ramp(part, *limits)) for name, limits in zip(_RAMP_NAMES, _LOOKED_MM, strict=True)]
    ramps = [(name, ramp) for name, ramp in found if ramp is not None]
    if not ramps:
        return (), ()
    widths = np.array([ramp.width_mm / scale for _, ramp in ramps])
    fits = float(np.sqrt(sum((ramp.error_mm / scale) ** 2 for _, ramp in ramps))) / len(ramps)
    apart = float(np.ptp(widths)) / 2
    half = NORMAL_95 * float(np.hypot(fits, apart / np.sqrt(len(ramps))))
    width = float(widths.mean())
    count = sum(ramp.wires for _, ramp in ramps) / len(ramps)
    note = ", ".join(f"{name} ramp {ramp.width_mm / scale:.2f} mm" for name, ramp in ramps)
    note += f"; {count:g} wires at half height or above, {count / 2:g} mm by the protocol's count"
    measurements = [measured("slice_width", width, half, "mm", None, note, floor=0.0)]
    nominal = part.image.acquisition.slice_thickness_mm
    if nominal is not None:
        told = f"prescribed {nominal:g} mm"
        measurements.append(measured("slice_width_error", width - nominal, half, "mm", None, told))
    return tuple(measurements), tuple(_region(part, name, ramp, scale) for name, ramp in ramps)


def _ramp(part: Slice, low_mm: float, high_mm: float) -> Ramp | None:
    """A box with soft ends fitted to one ramp's wires; None where no wires are seen or they run out of the ramp."""
    y = np.arange(low_mm, high_mm, _STEP_MM)
    lines = [_column(part, y, left, right) for left, right in _COLUMNS_MM]
    ground = np.mean([_column(part, y, left, right) for left, right in _BESIDE_MM], axis=0)
    ground = ndimage.gaussian_filter1d(ground, 5.0 / _STEP_MM)
    lines = [line - ground for line in lines]
    comb = np.mean(lines, axis=0)
    # over one period the comb of wires becomes their envelope
    profile = ndimage.uniform_filter1d(comb, round(_PERIOD_MM / _STEP_MM))
    start = int(np.argmax(ndimage.uniform_filter1d(profile, 40)))
    height = float(np.clip(profile, 0, None)[max(0, start - 20) : start + 20].mean())
    guess = (y[start], float(np.clip(profile, 0, None).sum() * _STEP_MM / max(height, 1e-9)), 2.0, height, 0.0)
    lower = (low_mm, 4 * _WIDTHS_MM[0], 0.4, 0.0, -20.0)
    upper = (high_mm, 4 * _WIDTHS_MM[1], 8.0, 10 * max(height, 1.0), 20.0)
    start_at = np.clip(guess, np.array(lower) + 1e-6, np.array(upper) - 1e-6)

    def away(box: Float[np.ndarray, "5"]) -> Float[np.ndarray, " n"]:
        return np.asarray(_box(y, *(float(value) for value in box)) - profile)

    fit = optimize.least_squares(away, start_at, bounds=(lower, upper))
    middle, width, soft, top, _ = (float(v) for v in fit.x)
    noise = float(np.std(fit.fun))
    if top < 4.0 * noise or top <= 0:
        return None
    seen = _half_width(width, soft)
    # neighbouring samples share the averaging period
    jacobian = np.asarray(fit.jac, dtype=np.float64)
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * noise**2 * (_PERIOD_MM / _STEP_MM)
    slope = np.array([_half_width(width + 0.1, soft) - seen, _half_width(width, soft + 0.1) - seen]) / 0.1
    error = float(np.sqrt(max(float(slope @ covariance[1:3, 1:3] @ slope), 0.0)))
    half_height = float(_box(np.array([middle]), middle, width, soft, top, 0.0)[0]) / 2
    return Ramp(middle, seen, error, _wires(y, lines, half_height))


def _column(part: Slice, y: Float[np.ndarray, " n"], left: float, right: float) -> Float[np.ndarray, " n"]:
    """Mean across one column of wires, beside the mark of the ramp's middle where that lies in it."""
    x = np.arange(left, right, 0.25)
    grid = np.broadcast_to(x, (y.size, x.size)), np.broadcast_to(y[:, None], (y.size, x.size))
    values = sample(part.image, part.pose, *grid)
    places, half, clear = _MARKS_MM
    marked = np.min([np.abs(y - place) for place in places], axis=0) < half
    whole, aside = values.mean(axis=1), values[:, x < clear].mean(axis=1) if left < clear else values.mean(axis=1)
    return np.asarray(np.where(marked, aside, whole))


def _box(
    y: Float[np.ndarray, " n"], middle: float, width: float, soft: float, top: float, floor: float
) -> Float[np.ndarray, " n"]:
    """A box whose ends are Gaussian edges of standard deviation `soft`."""
    scale = soft * np.sqrt(2.0)
    rise = special.erf((y - middle + width / 2) / scale) - special.erf((y - middle - width / 2) / scale)
    return np.asarray(floor + top * rise / 2)


def _half_width(width: float, soft: float) -> float:
    """Full width at half maximum of the box, less what averaging over a period adds."""
    y = np.arange(0.0, width / 2 + 4 * soft, 0.01)
    shape = _box(y, 0.0, width, soft, 1.0, 0.0)
    full = 2 * float(np.interp(-shape[0] / 2, -shape, y))
    spread = full / np.sqrt(12.0)  # the standard deviation of a box of that width
    return float(np.sqrt(12.0) * np.sqrt(max(spread**2 - _PERIOD_MM**2 / 12.0, 0.01)))


def _wires(y: Float[np.ndarray, " n"], lines: list[np.ndarray], half_height: float) -> int:
    """Wires of both columns that reach half of the brightest one's height."""
    tops = []
    for line in lines:
        smooth = ndimage.gaussian_filter1d(line - np.median(line), 3)
        peaks = np.flatnonzero((smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:])) + 1
        tops += [float(smooth[k]) for k in peaks if smooth[k] > half_height]
    if not tops:
        return 0
    return int(np.sum(np.array(tops) >= 0.5 * float(np.percentile(tops, 90))))


def _region(part: Slice, name: str, ramp: Ramp, scale: float) -> Region:
    near, far = ramp.middle_mm - ramp.width_mm / 2, ramp.middle_mm + ramp.width_mm / 2
    corners = [(-13.0, near), (13.0, near), (13.0, far), (-13.0, far)]
    return Region(f"{name} ramp {ramp.width_mm / scale:.1f} mm", polyline_px(part.pose, corners), index=part.index)
