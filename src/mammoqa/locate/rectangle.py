"""Find the rectangular border of a wax insert by the steps along its four sides, and fit it to a fraction of a pixel.

As in `border`, which looks for squares: wax attenuates a few per cent less than the acrylic around it, which shows up
when gradients are summed along whole sides. Plane frame: mm, x to the right, y downwards, origin at pixel (0, 0).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mammoqa.locate.border import flatten
from mammoqa.locate.sampling import Level, bilinear, sample

_SIGMAS = 6.0  # gradients beyond this many noise widths count no more, so that letters and air do not outvote an edge
_INSET = 0.06  # of a side, left out at its corners
_STEP_MM = 0.1
_ARM_MM = 1.5  # lengths of wax and of frame whose difference is the step
_SEGMENTS = 16

Plane = Float[np.ndarray, "rows columns"]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Centre, half sides along its own axes u and v, tilt of u from +x towards +y.

    `sign` is +1 where the frame around is brighter; `support` how much of the worst side shows the step, 0 to 1.
    """

    x_mm: float
    y_mm: float
    half_mm: tuple[float, float]
    tilt_deg: float
    sign: int
    support: float = 0.0


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted rectangle, the rms distance of its border points in mm, and their share on the worst side."""

    rectangle: Rectangle
    residual_mm: float
    used: float


def turned(points: Float[np.ndarray, "*n 2"], rectangle: Rectangle) -> Float[np.ndarray, "*n 2"]:
    """Points in the rectangle's own axes to the plane frame."""
    placed: Float[np.ndarray, "*n 2"] = points @ _rotation(rectangle.tilt_deg).T + (rectangle.x_mm, rectangle.y_mm)
    return placed


def _rotation(angle_deg: float) -> Float[np.ndarray, "2 2"]:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[c, -s], [s, c]])


def search(
    coarse: Level, sides_mm: Iterable[tuple[float, float]], tilts_deg: Iterable[float], spare_mm: float = 0.0
) -> Rectangle | None:
    """The best supported rectangle of the given sides (along u, along v) and tilts; None where none fits in.

    With `spare_mm` it may reach that far beyond the image; a side that lies beyond needs no support.
    """
    sides = list(sides_mm)
    values = flatten(coarse.values)
    grid = float(np.sqrt(coarse.pitch_mm[0] * coarse.pitch_mm[1]))
    best: Rectangle | None = None
    for tilt in tilts_deg:
        gx, gy, origin = _gradients(values, coarse.pitch_mm, float(tilt), grid, spare_mm)
        along_v = np.pad(np.cumsum(gx, axis=0, dtype=np.float32), ((1, 0), (0, 0)))
        along_u = np.pad(np.cumsum(gy, axis=1, dtype=np.float32), ((0, 0), (1, 0)))
        for width, length in sides:
            found = _best(along_v, along_u, round(width / grid), round(length / grid), cut=spare_mm > 0)
            if found is None or (best is not None and found[0] <= best.support):
                continue
            support, sign, row, column = found
            steps = np.array([round(width / grid), round(length / grid)])
            at = _rotation(float(tilt)) @ ((np.array([column, row]) + steps / 2) * grid + origin)
            at = at + (coarse.block - 1) / 2 / coarse.block * np.array(coarse.pitch_mm[::-1])
            half = (float(steps[0] * grid / 2), float(steps[1] * grid / 2))
            best = Rectangle(float(at[0]), float(at[1]), half, float(tilt), sign, support)
    return best


def _gradients(
    values: Plane, pitch_mm: tuple[float, float], tilt_deg: float, grid_mm: float, spare_mm: float
) -> tuple[Float[np.ndarray, "v u"], Float[np.ndarray, "v u"], Float[np.ndarray, "2"]]:
    """Gradients along u and v on a turned grid, in units of the noise and clipped to -1..1; nan beyond the image."""
    rows, columns = values.shape
    turn = _rotation(tilt_deg)
    corners = np.array([[x, y] for x in (0, columns - 1) for y in (0, rows - 1)]) * pitch_mm[::-1]
    ends = corners @ turn
    low, high = ends.min(axis=0) - spare_mm, ends.max(axis=0) + spare_mm
    count = np.ceil((high - low) / grid_mm).astype(int) + 1
    u = low[0] + grid_mm * np.arange(count[0])
    v = low[1] + grid_mm * np.arange(count[1])[:, None]
    x = (turn[0, 0] * u + turn[0, 1] * v) / pitch_mm[1]
    y = (turn[1, 0] * u + turn[1, 1] * v) / pitch_mm[0]
    on_grid = bilinear(values, x, y)
    on_grid[(x < -0.5) | (y < -0.5) | (x > columns - 0.5) | (y > rows - 0.5)] = np.nan
    parts = []
    for axis in (1, 0):
        gradient = np.full_like(on_grid, np.nan)
        middle: list[slice] = [slice(None), slice(None)]
        middle[axis] = slice(1, -1)
        ahead, behind = list(middle), list(middle)
        ahead[axis], behind[axis] = slice(2, None), slice(None, -2)
        gradient[tuple(middle)] = on_grid[tuple(ahead)] - on_grid[tuple(behind)]
        known = gradient[np.isfinite(gradient)]
        centre = float(np.median(known)) if known.size else 0.0
        width = 1.48 * float(np.median(np.abs(known - centre))) + 1e-9 if known.size else 1.0
        parts.append(np.clip((gradient - centre) / width, -_SIGMAS, _SIGMAS) / _SIGMAS)
    outside = ~np.isfinite(parts[0]) | ~np.isfinite(parts[1])
    for part in parts:
        part[outside] = 0.0
    return parts[0], parts[1], low


def _best(
    along_v: Float[np.ndarray, "v1 u"], along_u: Float[np.ndarray, "v u1"], width: int, length: int, *, cut: bool
) -> tuple[float, int, int, int] | None:
    """Support of the worst side, sign, row and column of the best place of a rectangle of `width` x `length` steps."""
    rows, columns = along_u.shape[0], along_v.shape[1]
    if rows <= length or columns <= width:
        return None
    inset = max(1, round(_INSET * min(width, length)))
    n_rows, n_columns = rows - length, columns - width
    high, wide = length - 2 * inset, width - 2 * inset
    vertical = (along_v[inset + high : inset + high + n_rows] - along_v[inset : inset + n_rows]) / high
    level = (along_u[:, inset + wide : inset + wide + n_columns] - along_u[:, inset : inset + n_columns]) / wide
    sides = (-vertical[:, :n_columns], vertical[:, width:], -level[:n_rows], level[length:])
    best: tuple[float, int, int, int] | None = None
    for sign in (1, -1):
        ordered = np.sort(np.stack([sign * side for side in sides]), axis=0)
        worst = ordered[1] if cut else ordered[0]
        row, column = divmod(int(np.argmax(worst)), worst.shape[1])
        if best is None or worst[row, column] > best[0]:
            best = (float(worst[row, column]), sign, row, column)
    return best


_NORMALS = np.array([[-1.0, 0.0], [0.0, -1.0], [1.0, 0.0], [0.0, 1.0]])
_TANGENTS = np.column_stack([-_NORMALS[:, 1], _NORMALS[:, 0]])


def refine(fine: Level, start: Rectangle) -> Fit:
    """Fit centre, size and tilt to the steps of short profiles across all sides by robust least squares."""
    fit = Fit(start, np.inf, 0.0)
    for reach_mm in (3.0, 1.5, 1.0, 0.8):
        fit = _fit_once(fine, fit.rectangle, reach_mm)
    return fit


def _fit_once(fine: Level, rectangle: Rectangle, reach_mm: float) -> Fit:
    profiles, along, half = _profiles(fine, rectangle, reach_mm + _ARM_MM)
    arm = round(_ARM_MM / _STEP_MM)
    total = np.cumsum(np.pad(profiles * rectangle.sign, ((0, 0), (0, 0), (1, 0))), axis=-1)
    outer = total[..., 2 * arm + 1 :] - total[..., arm + 1 : -arm]
    inner = total[..., arm : -arm - 1] - total[..., : -2 * arm - 1]
    rise = (outer - inner) / arm
    at = np.argmax(rise, axis=-1)
    offset = (_middle(rise, at) - (rise.shape[-1] - 1) / 2) * _STEP_MM
    height = np.take_along_axis(rise, at[..., None], axis=-1)[..., 0]
    step = max(float(np.median(height)), 1e-9)
    weight = ((height > 0.3 * step) & (height < 3 * step)).astype(float).ravel()
    d = offset.ravel()
    normals = np.repeat(_NORMALS, _SEGMENTS, axis=0)
    size = np.repeat(half, _SEGMENTS)
    design = np.column_stack([normals, size, -along.ravel()])
    change, left = np.zeros(4), d
    for _ in range(6):
        if (weight > 0).sum() < 12:
            return Fit(rectangle, np.inf, 0.0)
        change, *_rest = np.linalg.lstsq(design * weight[:, None], d * weight, rcond=None)
        left = d - design @ change
        width = max(1.48 * float(np.median(np.abs(left[weight > 0]))), 0.03)
        weight = np.where((height.ravel() > 0.3 * step) & (np.abs(left) < 4 * width), 1.0, 0.0)
    used = weight > 0
    shift = _rotation(rectangle.tilt_deg) @ change[:2]
    better = replace(
        rectangle,
        x_mm=rectangle.x_mm + float(shift[0]),
        y_mm=rectangle.y_mm + float(shift[1]),
        half_mm=(rectangle.half_mm[0] * (1 + float(change[2])), rectangle.half_mm[1] * (1 + float(change[2]))),
        tilt_deg=rectangle.tilt_deg + float(np.degrees(change[3])),
    )
    share = float(used.reshape(4, _SEGMENTS).mean(axis=1).min())
    return Fit(better, float(np.sqrt(np.mean(left[used] ** 2))), share)


def _middle(rise: Float[np.ndarray, "4 segments places"], at: np.ndarray) -> Float[np.ndarray, "4 segments"]:
    """The middle of each profile's rise: a beam that runs askew through the insert's side spreads the step."""
    places = np.arange(rise.shape[-1])
    top = np.take_along_axis(rise, at[..., None], axis=-1)
    weight = np.clip(rise - 0.5 * top, 0.0, None) * (np.abs(places - at[..., None]) <= round(1.2 / _STEP_MM))
    total = weight.sum(axis=-1)
    return np.where(total > 0, (weight * places).sum(axis=-1) / np.maximum(total, 1e-12), at)


def _profiles(
    fine: Level, rectangle: Rectangle, reach_mm: float
) -> tuple[Float[np.ndarray, "4 segments steps"], Float[np.ndarray, "4 segments"], Float[np.ndarray, "4"]]:
    """Mean line profiles across each side, inside to outside; each segment's place along it; each side's distance."""
    parts = 12
    share = ((np.arange(_SEGMENTS * parts) + 0.5) / (_SEGMENTS * parts) * 2 - 1) * 0.93
    half = np.array([rectangle.half_mm[0], rectangle.half_mm[1]] * 2)
    length = half[[1, 0, 3, 2]]
    count = round(reach_mm / _STEP_MM)
    steps = np.arange(-count, count + 1) * _STEP_MM
    along = share[None, :] * length[:, None]
    points = (
        _NORMALS[:, None, None, :] * (half[:, None, None, None] + steps[None, None, :, None])
        + _TANGENTS[:, None, None, :] * along[:, :, None, None]
    )
    pitch_px = np.array(fine.pitch_mm[::-1]) / fine.block
    found = sample(fine, turned(points, rectangle) / pitch_px)
    shaped = found.reshape(4, _SEGMENTS, parts, steps.size).mean(axis=2)
    return shaped, along.reshape(4, _SEGMENTS, parts).mean(axis=2), half
