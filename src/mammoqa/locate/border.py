"""Find the square border of the wax insert, and fit it to a fraction of a pixel.

The wax attenuates 1 to 3 % less than the acrylic frame around it, too little for a threshold; averaged along an
edge of 81 mm it stands out clearly. The search sums gradients along the four sides of squares of every place, size
and tilt; the fit takes line profiles across each side (Yun 2025, Fig 5), places the step in each and fits all four
sides as one square.

The plane frame: mm, x to the right, y downwards, origin at the centre of pixel (0, 0).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from mammoqa.locate.sampling import Level, bilinear, otsu, sample

SIGMAS = 6.0  # gradients beyond this many noise widths count no more: letters and the air must not outvote an edge
_JUMP = 0.3  # of the range of the image: from air to the body
_PROFILE_STEP_MM = 0.1
_ARM_MM = 2.0  # length of wax and of frame that find a step
_NEAR_MM = 0.3  # from the fitted line, a step counts as its border
_FAR_MM = 1.5  # one pixel of the coarse search; a start further off may not have had every side within reach
_SHORT_ARM_MM = 1.0  # that place it: short, so that the processing's slopes near edges pull less


@dataclass(frozen=True, slots=True)
class Square:
    """A square in the plane frame: centre, half side, tilt; `sign` is +1 where the frame around it is brighter.

    `support` is how much of the worst and of the mean side shows the step, 0 to 1.
    """

    x_mm: float
    y_mm: float
    half_mm: float
    tilt_deg: float
    sign: int
    support: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted square, the rms distance of its border points, their share, and the step in pixel values."""

    square: Square
    residual_mm: float
    used: float
    step: float


def corners_mm(square: Square, scale: float = 1.0) -> Float[np.ndarray, "4 2"]:
    """The corners of a square in the plane frame, `scale` times as large."""
    unit = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]) * square.half_mm * scale
    return np.asarray(unit @ _rotation(square.tilt_deg).T + (square.x_mm, square.y_mm))


def _rotation(angle_deg: float) -> Float[np.ndarray, "2 2"]:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[c, -s], [s, c]])


def flatten(values: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
    """Compress the range by a shifted logarithm, so that bright air does not outweigh the phantom."""
    low, high = np.percentile(values, (0.1, 99.9))
    floor = 0.05 * max(float(high - low), 1e-6)
    return np.asarray(np.log(np.clip(values - low, 0, None) + floor))


@dataclass(frozen=True, slots=True, eq=False)
class _Noise:
    """Otsu's threshold, the usual size of gradients below and above it, and the size from which a step is a jump."""

    cut: float
    widths: Float[np.ndarray, "2"]
    jump: float


def _noise(values: Float[np.ndarray, "rows columns"], jumps: bool) -> _Noise:
    """Gradients of flat parts (masked air) do not count."""
    cut = otsu(values)
    change = values[1:-1, 2:] - values[1:-1, :-2]
    bright = values[1:-1, 1:-1] > cut
    widths = []
    for part in (~bright, bright):
        found = change[part & (change != 0)]
        spread = np.abs(found - np.median(found)) if found.size > 50 else np.array([np.inf])
        widths.append(1.48 * float(np.median(spread)) + 1e-9)
    if not np.isfinite(widths).any():
        widths = [1.0, 1.0]
    low, high = np.percentile(values, (0.1, 99.9))
    return _Noise(cut, np.array(widths), np.inf if jumps else _JUMP * max(float(high - low), 1e-9))


def search(
    coarse: Level,
    tilts_deg: Iterable[float],
    sides_mm: Iterable[float],
    spare_mm: float = 0.0,
    missing: int = 0,
    jumps: bool = False,
    sigmas: float = SIGMAS,
    negative: bool = False,
) -> Square | None:
    """The best supported square among the tilts and sides; `missing` of its sides need no support.

    With `spare_mm` it looks only for squares that the image cuts, and reaches that far beyond the image. Steps as
    large as that from air to the body do not count unless `jumps`. None when no square fits in the image.
    Gradients beyond `sigmas` noise widths count no more. With `negative` the dark end of the range is compressed.
    """
    values = -flatten(-coarse.values) if negative else flatten(coarse.values)
    noise = _noise(values, jumps)
    grid = float(np.sqrt(coarse.pitch_mm[0] * coarse.pitch_mm[1]))
    sides = sorted({round(side / grid) for side in sides_mm})
    best: Square | None = None
    for tilt in tilts_deg:
        gx, gy, outside, origin = _gradients(values, coarse.pitch_mm, noise, float(tilt), grid, spare_mm, sigmas)
        sums = (_running(gx, 0), _running(gy, 1))
        hidden = (_running(outside, 0), _running(outside, 1)) if spare_mm else None
        for side in sides:
            found = _best_cut_off(sums, hidden, side) if hidden else _best_of_side(sums, side, missing)
            if found is None or (best is not None and found[0] <= best.support[0]):
                continue
            low, mean, sign, row, column = found
            at = _rotation(tilt) @ (np.array([column, row]) + side / 2) * grid + origin
            offset = (coarse.block - 1) / 2 / coarse.block  # level pixel 0 is centred on its block
            x_mm, y_mm = at + offset * np.array(coarse.pitch_mm[::-1])
            best = Square(float(x_mm), float(y_mm), side * grid / 2, float(tilt), sign, (low, mean))
    return best


def _gradients(
    values: Float[np.ndarray, "rows columns"],
    pitch_mm: tuple[float, float],
    noise: _Noise,
    tilt_deg: float,
    grid_mm: float,
    spare_mm: float,
    sigmas: float,
) -> tuple[Float[np.ndarray, "r c"], Float[np.ndarray, "r c"], Float[np.ndarray, "r c"], Float[np.ndarray, "2"]]:
    """Clipped gradients on a tilted grid that covers the image, what lies outside, and the grid's origin."""
    height, width = values.shape[0] * pitch_mm[0], values.shape[1] * pitch_mm[1]
    turn = _rotation(tilt_deg)
    ends = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ turn
    low, high = ends.min(axis=0) - spare_mm, ends.max(axis=0) + spare_mm
    columns, rows = np.ceil((high - low) / grid_mm).astype(int) + 1
    u = low[0] + grid_mm * np.arange(columns)
    v = low[1] + grid_mm * np.arange(rows)[:, None]
    x = (turn[0, 0] * u + turn[0, 1] * v) / pitch_mm[1]
    y = (turn[1, 0] * u + turn[1, 1] * v) / pitch_mm[0]
    on_grid = bilinear(values, x, y)
    outside = (x < -0.5) | (y < -0.5) | (x > values.shape[1] - 0.5) | (y > values.shape[0] - 0.5)
    weight = np.where(on_grid > noise.cut, 1 / noise.widths[1], 1 / noise.widths[0]).astype(np.float32)
    weight[outside] = 0
    gx, gy = np.zeros_like(on_grid), np.zeros_like(on_grid)
    gx[:, 1:-1] = on_grid[:, 2:] - on_grid[:, :-2]
    gy[1:-1] = on_grid[2:] - on_grid[:-2]
    gx[:, 1:-1] *= (weight[:, 2:] > 0) & (weight[:, :-2] > 0)
    gy[1:-1] *= (weight[2:] > 0) & (weight[:-2] > 0)
    bright = on_grid > noise.cut
    for gradient in (gx, gy):  # the heel effect is a slope all over the body
        for part in (bright & ~outside, ~bright & ~outside):
            if part.any():
                gradient[part] -= np.median(gradient[part])
    jump = ndimage.maximum_filter(np.maximum(np.abs(gx), np.abs(gy)), 3) > noise.jump
    gx[jump] = 0
    gy[jump] = 0
    return (
        np.clip(gx * weight, -sigmas, sigmas) / np.float32(sigmas),
        np.clip(gy * weight, -sigmas, sigmas) / np.float32(sigmas),
        outside.astype(np.float32),
        turn @ low,
    )


def _running(gradient: Float[np.ndarray, "r c"], axis: int) -> Float[np.ndarray, "r1 c1"]:
    pad = ((1, 0), (0, 0)) if axis == 0 else ((0, 0), (1, 0))
    return np.pad(np.cumsum(gradient, axis=axis, dtype=np.float32), pad)


_Sides = tuple[Float[np.ndarray, "n m"], Float[np.ndarray, "n m"], Float[np.ndarray, "p q"], Float[np.ndarray, "p q"]]


def _along_sides(sums: tuple[Float[np.ndarray, "r1 c"], Float[np.ndarray, "r c1"]], side: int) -> _Sides | None:
    """Means along the left, right, top and bottom side of every square of `side` grid steps."""
    rows, columns = sums[0].shape[0] - 1, sums[0].shape[1]
    if rows <= side or columns <= side:
        return None
    inset = max(1, round(0.06 * side))
    length = side - 2 * inset
    n_rows, n_columns, end = rows - side, columns - side, inset + length
    along_y = (sums[0][end : end + n_rows] - sums[0][inset : inset + n_rows]) / length
    along_x = (sums[1][:, end : end + n_columns] - sums[1][:, inset : inset + n_columns]) / length
    return along_y[:, :-side], along_y[:, side:], along_x[:-side], along_x[side:]


def _best_cut_off(
    sums: tuple[Float[np.ndarray, "r1 c"], Float[np.ndarray, "r c1"]],
    hidden: tuple[Float[np.ndarray, "r1 c"], Float[np.ndarray, "r c1"]],
    side: int,
) -> tuple[float, float, int, int, int] | None:
    """As `_best_of_side`, for squares one or two sides of which lie beyond the image; two count for less."""
    parts, outside = _along_sides(sums, side), _along_sides(hidden, side)
    if parts is None or outside is None:
        return None
    away = [out > 0.5 for out in outside]
    missing = sum(out.astype(int) for out in away)
    trust = np.where(missing == 1, 1.0, np.where(missing == 2, 0.6, 0.0))
    best: tuple[float, float, int, int, int] | None = None
    for sign in (1, -1):
        worst = np.ones_like(parts[0])
        for turn, part, out, gone in zip((-1, 1, -1, 1), parts, outside, away, strict=True):
            worst = np.minimum(worst, np.where(gone, 1.0, sign * turn * part / np.maximum(1 - out, 0.3)))
        worst *= trust
        row, column = divmod(int(np.argmax(worst)), worst.shape[1])
        if best is None or worst[row, column] > best[0]:
            best = (float(worst[row, column]), float(worst[row, column]), sign, row, column)
    return best


def _best_of_side(
    sums: tuple[Float[np.ndarray, "r1 c"], Float[np.ndarray, "r c1"]], side: int, missing: int
) -> tuple[float, float, int, int, int] | None:
    """Worst and mean side support, sign, row and column of the best square of `side` grid steps."""
    parts = _along_sides(sums, side)
    if parts is None:
        return None
    left, right, top, bottom = parts
    sides = (-left, right, -top, bottom)
    best: tuple[float, float, int, int, int] | None = None
    for sign in (1, -1):
        worst = _nth_smallest(sides, missing) if sign > 0 else -_nth_smallest(sides, 3 - missing)
        at = int(np.argmax(worst))
        row, column = divmod(at, worst.shape[1])
        if best is None or worst[row, column] > best[0]:
            mean = sign * float(np.mean([part[row, column] for part in sides]))
            best = (float(worst[row, column]), mean, sign, row, column)
    return best


def _nth_smallest(parts: tuple[Float[np.ndarray, "r c"], ...], n: int) -> Float[np.ndarray, "r c"]:
    a, b, c, d = parts
    low1, high1, low2, high2 = np.minimum(a, b), np.maximum(a, b), np.minimum(c, d), np.maximum(c, d)
    if n == 0:
        return np.asarray(np.minimum(low1, low2))
    if n == 3:
        return np.asarray(np.maximum(high1, high2))
    middle1, middle2 = np.maximum(low1, low2), np.minimum(high1, high2)
    return np.asarray(np.minimum(middle1, middle2) if n == 1 else np.maximum(middle1, middle2))


def refine(fine: Level, start: Square) -> Fit:
    """Fit all four sides as one square to the steps of line profiles.

    First all profiles of a side vote together, which finds the border where single profiles drown in noise; then the
    steps of short segments are fitted by robust least squares, which gives the residual. Where the start lay far off,
    once more from where that led.
    """
    fit = _refined(fine, start)
    for _ in range(2):
        if max(abs(fit.square.x_mm - start.x_mm), abs(fit.square.y_mm - start.y_mm)) < _FAR_MM and (
            abs(fit.square.half_mm - start.half_mm) < _FAR_MM
        ):
            break
        start = fit.square
        fit = _refined(fine, start)
    return fit


def _refined(fine: Level, square: Square) -> Fit:
    for reach_mm, tilts_deg in ((3.0, np.arange(-1.5, 1.51, 0.15)), (1.2, np.arange(-0.3, 0.31, 0.05))):
        square = _align(fine, square, reach_mm, tilts_deg)
    fit = _fit_once(fine, square, 1.0, _ARM_MM)
    return _fit_once(fine, fit.square, 0.8, _SHORT_ARM_MM)


def _align(fine: Level, square: Square, reach_mm: float, tilts_deg: Float[np.ndarray, " tilts"]) -> Square:
    """Move, size and turn a square so that the rises summed along its sides are largest."""
    profiles, along = _profiles(fine, square, reach_mm + _ARM_MM, _SEGMENTS)
    rise = _rises(profiles * square.sign, _ARM_MM)
    # a disc or a letter counts no more than the border itself
    cap = 2 * np.median(np.max(rise, axis=-1))
    rise = np.clip(rise, -cap, cap)
    steps = rise.shape[-1]
    # turning by a moves the border at place p along a side by -a p
    shift = np.rint(-np.radians(tilts_deg)[:, None] * along / _PROFILE_STEP_MM).astype(int)
    at = np.clip(np.arange(steps) + shift[..., None], 0, steps - 1)
    summed = np.take_along_axis(rise[None], at[:, None], axis=-1).sum(axis=2)
    best = int(np.argmax(summed.max(axis=-1).sum(axis=-1)))
    offset = (np.argmax(summed[best], axis=-1) - (steps - 1) / 2) * _PROFILE_STEP_MM
    left, top, right, bottom = offset
    return _changed(square, np.array([(right - left) / 2, (bottom - top) / 2, offset.mean(), 0.0]), tilts_deg[best])


def _changed(square: Square, change: Float[np.ndarray, "4"], more_tilt_deg: float = 0.0) -> Square:
    """A square moved by (x, y) in its own axes, its half side and its tilt (radians) changed."""
    shift = _rotation(square.tilt_deg) @ change[:2]
    return replace(
        square,
        x_mm=square.x_mm + float(shift[0]),
        y_mm=square.y_mm + float(shift[1]),
        half_mm=square.half_mm + float(change[2]),
        tilt_deg=square.tilt_deg + float(np.degrees(change[3]) + more_tilt_deg),
    )


_NORMALS = np.array([[-1.0, 0.0], [0.0, -1.0], [1.0, 0.0], [0.0, 1.0]])
_SEGMENTS = 12


def _fit_once(fine: Level, square: Square, reach_mm: float, arm_mm: float, segments: int = _SEGMENTS) -> Fit:
    profiles, along = _profiles(fine, square, reach_mm + arm_mm, segments)
    offset, height = _steps(_rises(profiles * square.sign, arm_mm), reach_mm)
    place = np.tile(along, 4)
    d, h = offset.ravel(), height.ravel()
    step = float(np.median(h))
    sound = (h > 0.3 * max(step, 0.0)) & (h < 3 * max(step, 0.0))
    design = np.column_stack([np.repeat(_NORMALS, segments, axis=0), np.ones_like(place), -place])
    change, left, weight = np.zeros(4), d, sound.astype(float)
    for _ in range(6):
        if (weight > 0).sum() < 8:
            return Fit(square, np.inf, 0.0, 0.0)
        change, *_ = np.linalg.lstsq(design * weight[:, None], d * weight, rcond=None)
        left = d - design @ change
        width = max(1.48 * float(np.median(np.abs(left[weight > 0]))), 0.02)
        weight = np.where(sound, np.clip(1.5 * width / (np.abs(left) + 1e-9), 0, 1) ** 0.5, 0)
        weight[np.abs(left) > 4 * width] = 0
    used = (weight > 0) | (sound & (np.abs(left) < _NEAR_MM))  # where noise is low, weights vanish within the border
    worst_side = float(used.reshape(4, segments).mean(axis=1).min())
    residual = float(np.sqrt(np.mean(left[used] ** 2)))
    return Fit(_changed(square, change), residual, worst_side, step)


def _profiles(
    fine: Level, square: Square, reach_mm: float, segments: int
) -> tuple[Float[np.ndarray, "4 segments steps"], Float[np.ndarray, " segments"]]:
    """Mean line profiles across each side, from inside to outside, per segment; and the segments' places in mm."""
    parts = max(2, round(2 * 0.92 * square.half_mm / segments / 0.35))
    along = (np.arange(segments * parts) + 0.5) / (segments * parts) * 2 - 1
    along = along * 0.92 * square.half_mm
    count = round(reach_mm / _PROFILE_STEP_MM)
    steps = np.arange(-count, count + 1) * _PROFILE_STEP_MM
    turn = _rotation(square.tilt_deg)
    tangents = np.column_stack([-_NORMALS[:, 1], _NORMALS[:, 0]])
    normals, tangents = _NORMALS @ turn.T, tangents @ turn.T
    points = (
        np.array([square.x_mm, square.y_mm])
        + normals[:, None, None, :] * (square.half_mm + steps)[None, None, :, None]
        + tangents[:, None, None, :] * along[None, :, None, None]
    )
    pitch_px = np.array(fine.pitch_mm[::-1]) / fine.block
    found = sample(fine, points / pitch_px)
    return found.reshape(4, segments, parts, steps.size).mean(axis=2), along.reshape(segments, parts).mean(axis=1)


def _rises(profiles: Float[np.ndarray, "4 segments steps"], arm_mm: float) -> Float[np.ndarray, "4 segments places"]:
    """At each place of a profile how much the arm outside it is brighter than the arm inside it."""
    arm = round(arm_mm / _PROFILE_STEP_MM)
    total = np.cumsum(np.concatenate([np.zeros_like(profiles[..., :1]), profiles], axis=-1, dtype=float), axis=-1)
    outer = (total[..., 2 * arm + 1 :] - total[..., arm + 1 : -arm]) / arm
    inner = (total[..., arm : -arm - 1] - total[..., : -2 * arm - 1]) / arm
    return np.asarray(outer - inner)


def _steps(
    rise: Float[np.ndarray, "4 segments places"], reach_mm: float
) -> tuple[Float[np.ndarray, "4 segments"], Float[np.ndarray, "4 segments"]]:
    """Where each profile rises most, in mm from its middle, and by how much."""
    at = np.argmax(rise, axis=-1)
    half = round(0.6 / _PROFILE_STEP_MM)
    centre = np.clip(at, half, rise.shape[-1] - 1 - half)
    window = np.arange(-half, half + 1)
    near = np.take_along_axis(rise, centre[..., None] + window, axis=-1)
    bend = window**2 - (window**2).mean()
    curve = (near * bend).sum(-1) / (bend**2).sum()
    slope = (near * window).sum(-1) / (window**2).sum()
    vertex = np.where(curve < 0, -slope / (2 * np.where(curve < 0, curve, -1.0)), 0.0)
    offset = (centre + np.clip(vertex, -half, half)) * _PROFILE_STEP_MM - reach_mm
    return offset, np.take_along_axis(rise, at[..., None], axis=-1)[..., 0]
