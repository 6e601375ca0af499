"""Place the ACR 156 mammography phantom: border of the wax insert, which way round, and whether it can be read."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mammoqa.core import ChestWall, Image, LocateError, Phantom, Pose, ReasonCode
from mammoqa.locate.border import SIGMAS, Fit, Square, corners_mm, flatten, refine, search
from mammoqa.locate.field import exposed_field
from mammoqa.locate.outline import Body, bodies
from mammoqa.locate.sampling import Level, ends_of_scale, inside, level, sample
from mammoqa.locate.symmetry import GRID, STEP_MM, Symmetry, best_symmetries

FINE_MM = 0.2
COARSE_MM = 1.5
# Limits below were set on simulated images: correct fits lie far on the good side of each.
MIN_SUPPORT = 0.25  # of the worst side of the square
SURE_SUPPORT = 0.35  # enough to stop searching where it lies as the outline suggests
SATURATED = 0.9  # support from which many squares look alike
WELL_FITTED_MM = 0.12  # residual that leaves no doubt
MAX_RESIDUAL_MM = 0.25  # right fits reach 0.1, squares placed wrongly begin at 0.36
MIN_USED = 0.4  # share of segments of the worst side that lie on the fitted line
MIN_MARGIN = 0.25  # between the best two symmetries, in units of a normalised cross-correlation
# squares placed wrongly (blades, letters, body edges) have rough borders and scores below 1.7, right ones not both
ROUGH_MM = 0.15
MIN_SCORE_IF_ROUGH = 2.2
MAX_CLIPPED = 0.05  # share of the insert's pixels at the end of the range; disc and largest mass cover 2 %
_SIDES: tuple[ChestWall, ...] = ("right", "bottom", "left", "top")  # the way that +x turns
_CHEST_WALL_BONUS = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What the search came back with: the exposed field, its levels, the body's outline if any, and the square.

    Everything is in the frame of `field`, which starts at `start_px` (row, column) of the image.
    """

    field: Image
    start_px: tuple[int, int]
    fine: Level
    coarse: Level
    body: Body | None
    square: Square | None


def locate_acr156(image: Image, phantom: Phantom, found: Found | None = None) -> Pose:
    """Place the ACR 156 phantom in an image; `found` is what `identify.sight` came back with, if it was asked.

    `Pose.magnification` is the insert's size against `Image.pitch_mm`, times the magnification the file states.
    Raises LocateError: NO_PIXEL_SPACING, NOT_LOCATED, PARTLY_OUTSIDE or CLIPPED. Follows Yun 2025 where its steps
    suffice; symmetry and refusals are additions.
    """
    if image.pitch_mm is None:
        raise LocateError(
            ReasonCode.NO_PIXEL_SPACING,
            "The file gives no pixel spacing, so sizes cannot be checked: export the image as acquired, not a copy.",
        )
    first = _search(image, phantom, found)
    try:
        return _placed(first, phantom)
    except LocateError as error:
        if error.code is ReasonCode.CLIPPED:
            raise
        # rare: margins that were none, or a background that the usual compression of the range makes worse
        for other in _others(image, phantom, first.found):
            with suppress(LocateError):
                return _placed(other, phantom)
        raise


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """What a search found, and the square fitted to it, if any."""

    found: Found
    fit: Fit | None


def _placed(candidate: _Candidate, phantom: Phantom) -> Pose:
    """The pose of a fitted square that holds up; LocateError says what is wrong with others."""
    found, fit = candidate.found, candidate.fit
    if fit is None or found.square is None:
        raise refusal(found, phantom) or _not_found()
    sound = _is_sound(fit)
    square = fit.square if sound else found.square
    if not _covered(found.fine, square, 0.99):
        raise _partly_outside()
    clipped = _clipped(found.field, square, whole=sound)
    if clipped is not None:
        raise clipped
    if not sound:
        raise refusal(found, phantom) or LocateError(
            ReasonCode.NOT_LOCATED,
            f"The border of the wax insert could not be fitted (residual {fit.residual_mm:.2f} mm on "
            f"{100 * fit.used:.0f} % of the weakest side): check that the phantom lies flat and is evenly exposed.",
        )
    return _pose(found, phantom, fit, _symmetry(found, fit, phantom))


def _search(image: Image, phantom: Phantom, found: Found | None) -> _Candidate:
    """Search and fit; where many squares look alike, also with higher limits to the gradients, and keep the best.

    Where noise is low and processing bends the background, gradients reach the limit far from the border, too.
    """
    found = found or find_square(image, phantom)
    if found.square is None or found.square.support[0] < MIN_SUPPORT:
        return _Candidate(found, None)
    fit = refine(found.fine, found.square)
    if found.square.support[0] <= SATURATED or (_is_sound(fit) and fit.residual_mm < WELL_FITTED_MM):
        return _Candidate(found, fit)
    for sigmas in (8 * SIGMAS, 64 * SIGMAS):
        other = find_square(image, phantom, sigmas=sigmas)
        if other.square is not None:
            again = refine(other.fine, other.square)
            if (_is_sound(again), -again.residual_mm) > (_is_sound(fit), -fit.residual_mm):
                found, fit = other, again
    return _Candidate(found, fit)


def _others(image: Image, phantom: Phantom, first: Found) -> Iterator[_Candidate]:
    """Sound fits of searches in other ways: the whole image, the other end of the range compressed."""
    cut = any(first.start_px) or first.field.pixels.shape != image.pixels.shape
    for whole, negative in ((True, False), (False, True), (True, True)):
        if whole and not cut:
            continue
        found = find_square(image, phantom, whole=whole, negative=negative)
        if found.square is not None and found.square.support[0] >= MIN_SUPPORT:
            fit = refine(found.fine, found.square)
            if _is_sound(fit):
                yield _Candidate(found, fit)


def _is_sound(fit: Fit) -> bool:
    return fit.residual_mm <= MAX_RESIDUAL_MM and fit.used >= MIN_USED


def find_square(
    image: Image,
    phantom: Phantom,
    pitch_mm: tuple[float, float] | None = None,
    sigmas: float = SIGMAS,
    *,
    whole: bool = False,
    negative: bool = False,
) -> Found:
    """Search the insert's border, first near what the body's outline suggests, then everywhere.

    With `whole` no margin is taken for a blade; with `negative` the dark end of the range is compressed instead.
    """
    if pitch_mm is not None:
        image = Image(image.pixels, pitch_mm, image.source)
    fine, start = level(image, FINE_MM), (0, 0)
    if not whole:
        image, fine, start = exposed_field(image, fine)
    coarse = level(image, COARSE_MM, finer=fine)
    flat = -flatten(-coarse.values) if negative else flatten(coarse.values)
    side = (phantom.insert_mm or (0.0, 0.0))[0]
    for body in bodies(coarse, flat):
        scales = _scales(body, phantom)
        if body.fill < 0.85 or not scales:
            continue
        tilts = body.tilt_deg + np.array([-1.0, 0.0, 1.0])
        square = search(coarse, tilts, [side * scale for scale in scales], sigmas=sigmas, negative=negative)
        sure = SURE_SUPPORT * SIGMAS / sigmas
        if square is not None and square.support[0] > sure and _within(square, body):
            return Found(image, start, fine, coarse, body, square)
    tilts, sides = np.arange(-12.0, 12.1, 1.5), side * np.geomspace(0.88, 1.95, 34)
    square = search(coarse, tilts, sides, sigmas=sigmas, negative=negative)
    if sigmas == SIGMAS and (
        square is None or square.support[0] < MIN_SUPPORT
    ):  # no air in the field: the insert may be the largest step
        square = search(coarse, tilts, sides, jumps=True, negative=negative)
    body_seen = next((b for b in bodies(coarse, flat) if b.fill >= 0.85 and _scales(b, phantom)), None)
    return Found(image, start, fine, coarse, body_seen, square)


def _scales(body: Body, phantom: Phantom) -> list[float]:
    """Scales that explain the body's size, whichever way round it lies and where an image edge cuts it."""
    scales: list[float] = []
    names = (phantom.outline.width_mm, phantom.outline.length_mm)
    for width, length in (names, names[::-1]):
        across, down = body.size_mm[0] / width, body.size_mm[1] / length
        if 0.8 < across / down < 1.25:
            scales += list(max(across, down) * np.arange(0.93, 1.04, 0.015))
    return [scale for scale in scales if 0.85 < scale < 2.0]


def _within(square: Square, body: Body) -> bool:
    apart = np.hypot(square.x_mm - body.centre_mm[0], square.y_mm - body.centre_mm[1])
    return bool(apart < 0.2 * max(body.size_mm) and square.half_mm < 0.47 * max(body.size_mm))


def refusal(found: Found, phantom: Phantom) -> LocateError | None:
    """Why the insert cannot be seen as a whole: cut off, hidden or clipped; None where nothing like it was seen."""
    side = (phantom.insert_mm or (0.0, 0.0))[0]
    tilts, sides = np.arange(-10.0, 10.1, 2.0), side * np.geomspace(0.9, 1.95, 30)
    cut = search(level(found.field, 2 * COARSE_MM, finer=found.coarse), tilts, sides, spare_mm=70.0)
    if cut is not None and cut.support[0] > SURE_SUPPORT:
        return _partly_outside()
    hidden = search(found.coarse, tilts, sides[:20], missing=1)
    if hidden is not None and hidden.support[0] > SURE_SUPPORT:
        error = _clipped(found.field, hidden, whole=False)
        if error is not None:
            return error
    if any(_is_cut(body, phantom) for body in bodies(found.coarse, flatten(found.coarse.values))):
        return _partly_outside()
    if found.body is not None:
        half = 0.36 * max(found.body.size_mm)
        return _clipped(found.field, Square(*found.body.centre_mm, half, found.body.tilt_deg, 1), whole=True)
    return None


def _is_cut(body: Body, phantom: Phantom) -> bool:
    """Whether one edge of the image cuts the body so far in that the insert must be cut, too."""
    if body.fill < 0.9 or sum(body.touches) != 1:
        return False
    along = body.size_mm[::-1] if body.touches[0] or body.touches[2] else body.size_mm
    least = phantom.outline.width_mm / 2 + (phantom.insert_mm or (0.0, 0.0))[0] / 2
    scale = along[1] / phantom.outline.length_mm
    return 0.85 < scale < 2.0 and along[0] < 0.98 * least * scale


def _not_found() -> LocateError:
    return LocateError(
        ReasonCode.NOT_LOCATED,
        "No square wax insert was found: check that this is the ACR 156 type phantom and that its whole insert "
        "is in the field.",
    )


def _partly_outside() -> LocateError:
    return LocateError(
        ReasonCode.PARTLY_OUTSIDE,
        "Part of the wax insert lies outside the image or the collimated field: centre the phantom and "
        "expose it again.",
    )


def _covered(fine: Level, square: Square, scale: float) -> bool:
    pitch_px = np.array(fine.pitch_mm[::-1]) / fine.block
    return bool(inside(fine, corners_mm(square, scale) / pitch_px).all())


def _clipped(image: Image, square: Square, *, whole: bool) -> LocateError | None:
    """Why the insert's pixels cannot be used: a side is hidden (unless the `whole` border was seen), or many clip."""
    if image.pitch_mm is None:
        return None
    values = image.pixels
    axis = np.linspace(-0.97, 0.97, 120) * square.half_mm
    at = _square_points(square, np.stack(np.meshgrid(axis, axis), axis=-1)) / np.array(image.pitch_mm[::-1])
    columns = np.clip(np.rint(at[..., 0]).astype(int), 0, values.shape[1] - 1)
    rows = np.clip(np.rint(at[..., 1]).astype(int), 0, values.shape[0] - 1)
    seen = values[rows, columns]
    low, high = ends_of_scale(image)
    flat = (seen <= low) | (seen >= high)
    hidden = flat
    if not whole:
        middle = seen[30:-30, 30:-30].astype(float)
        width = 1.48 * float(np.median(np.abs(middle - np.median(middle))))
        hidden = flat | (np.abs(seen - np.median(middle)) > 15 * max(width, 1.0))
    strips = [float(part.mean()) for part in (hidden[:12], hidden[-12:], hidden[:, :12], hidden[:, -12:])]
    if max(strips) > 0.5 and hidden[45:-45, 45:-45].mean() < 0.5:
        return _partly_outside()
    if flat.mean() <= MAX_CLIPPED:
        return None
    return LocateError(
        ReasonCode.CLIPPED,
        f"{100 * flat.mean():.0f} % of the insert is clipped at the end of the grey scale: "
        "expose again with less dose, or export the image without a fixed window.",
    )


def _square_points(square: Square, points: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
    angle = np.radians(square.tilt_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    placed: Float[np.ndarray, "*n 2"] = points @ turn.T + (square.x_mm, square.y_mm)
    return placed


def _symmetry(found: Found, fit: Fit, phantom: Phantom) -> Symmetry:
    scale = 2 * fit.square.half_mm / (phantom.insert_mm or (1.0, 1.0))[0]
    axis = (np.arange(2 * GRID) - (2 * GRID - 1) / 2) * STEP_MM / 2 * scale
    points = _square_points(fit.square, np.stack(np.meshgrid(axis, axis), axis=-1))
    pitch_px = np.array(found.fine.pitch_mm[::-1]) / found.fine.block
    view = sample(found.fine, points / pitch_px).reshape(GRID, 2, GRID, 2).mean(axis=(1, 3)) * fit.square.sign
    prior = _chest_wall_prior(found, fit.square)
    symmetry, opposite = best_symmetries(view, phantom, prior)
    doubtful = fit.residual_mm > ROUGH_MM and symmetry.score < MIN_SCORE_IF_ROUGH
    if doubtful or symmetry.margin < MIN_MARGIN or opposite.score > symmetry.score + MIN_MARGIN:
        raise LocateError(
            ReasonCode.NOT_LOCATED,
            f"The insert was found, but not which way round it lies (best match {symmetry.score:.2f}, lead "
            f"{symmetry.margin:.2f}): too few objects are visible. Check exposure and phantom.",
        )
    return symmetry


def _chest_wall_prior(found: Found, square: Square) -> Float[np.ndarray, "4"]:
    """A bonus for the quarter turn that puts the chest-wall edge of the phantom nearest to an edge of the image."""
    rows, columns = found.coarse.values.shape
    height, width = rows * found.coarse.pitch_mm[0], columns * found.coarse.pitch_mm[1]
    # quarter turns 0, 1, 2, 3 bring the bottom to the bottom, left, top, right
    gaps = np.array([height - square.y_mm, square.x_mm, square.y_mm, width - square.x_mm]) - square.half_mm
    return np.where(gaps == gaps.min(), _CHEST_WALL_BONUS, 0.0)


def _pose(found: Found, phantom: Phantom, fit: Fit, symmetry: Symmetry) -> Pose:
    image, square = found.field, fit.square
    pitch = image.pitch_mm or (1.0, 1.0)
    scale = 2 * square.half_mm / (phantom.insert_mm or (1.0, 1.0))[0]
    angle = np.radians(square.tilt_deg + 90 * symmetry.quarter_turns)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    if symmetry.mirrored:
        turn = turn @ np.diag([-1.0, 1.0])
    per_px = 1 / np.array(pitch[::-1])
    origin = np.array([square.x_mm, square.y_mm]) * per_px + found.start_px[::-1]
    matrix = np.column_stack([turn * per_px[:, None], origin])
    down = turn @ np.array([0.0, 1.0])
    side = _SIDES[round(np.degrees(np.arctan2(down[1], down[0])) / 90) % 4]
    stated = image.acquisition.magnification or 1.0
    return Pose(
        matrix=matrix,
        chest_wall=side,
        mirrored=symmetry.mirrored,
        tilt_deg=square.tilt_deg,
        magnification=scale * stated,
        attenuating_bright=square.sign > 0,
        residual_mm=fit.residual_mm,
        window=_window(found.fine, square),
        confidence=float(1 - np.exp(-symmetry.margin)),
        notes=(),
    )


def _window(fine: Level, square: Square) -> tuple[float, float]:
    """Range of the inner rhombus (Yun 2025, Fig 6), by percentiles so that the disc does not count."""
    axis = np.linspace(-0.9, 0.9, 121)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    rhombus = grid[np.abs(grid).sum(axis=-1) <= 0.9] * square.half_mm
    pitch_px = np.array(fine.pitch_mm[::-1]) / fine.block
    values = sample(fine, _square_points(square, rhombus) / pitch_px)
    low, middle, high = np.percentile(values, (5, 50, 95))
    return float(middle - 2.5 * (middle - low)), float(middle + 3.5 * (high - middle))
