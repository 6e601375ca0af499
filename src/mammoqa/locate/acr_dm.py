"""Place the ACR Digital Mammography phantom: border of its wax insert, which way round, and whether it can be read."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mammoqa.core import ChestWall, Image, Insert, LocateError, Phantom, Pose, ReasonCode, Stack
from mammoqa.locate.field import exposed_field
from mammoqa.locate.rectangle import Fit, Rectangle, refine, search, turned
from mammoqa.locate.sampling import Level, ends_of_scale, inside, level, sample
from mammoqa.locate.symmetry import standardised, template

FINE_MM = 0.2
COARSE_MM = 2.0
_SCALES = np.arange(0.99, 1.16, 0.01)  # contact images magnify the insert by 1.03 to 1.12
_GRID_MM = 0.4  # of the upright view for matching objects, the step of `symmetry`'s templates
_HALF = 17
_VISIBLE = {"fibre": 4, "speck_group": 3, "mass": 4}  # the largest of each kind
# Limits below were set on simulated images; right fits lie far on the good side of each.
MIN_SUPPORT = 0.25
MAX_RESIDUAL_MM = 0.40
MIN_USED = 0.5
MIN_SCORE = 1.2  # summed correlation of the objects; chance reaches 0.7
MIN_MARGIN = 0.3
MAX_CLIPPED = 0.05
_SIDES: tuple[ChestWall, ...] = ("right", "bottom", "left", "top")  # the way that +x turns


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The exposed field, where it starts in the image (row, column), its levels, and the best rectangle."""

    field: Image
    start_px: tuple[int, int]
    fine: Level
    coarse: Level
    rectangle: Rectangle | None


@dataclass(frozen=True, slots=True)
class _Match:
    quarter_turns: int
    mirrored: bool
    score: float
    margin: float


def mean_image(stack: Stack) -> Image:
    """The mean of a stack's slices, in which border and objects are found though only one slice shows them sharply."""
    total = np.zeros(stack.images[0].pixels.shape, dtype=np.float32)
    for image in stack.images:
        total += image.pixels
    return replace(stack.images[0], pixels=total / np.float32(len(stack.images)))


def looks_like_acr_dm(image: Image) -> bool:
    """Whether an image shows the phantom's insert and, in it, its objects."""
    from mammoqa.phantoms import PHANTOMS

    phantom = PHANTOMS["acr_dm"]
    found = find_insert(image, phantom)
    if found.rectangle is None or found.rectangle.support < MIN_SUPPORT:
        return False
    match = _match(found, refine(found.fine, found.rectangle).rectangle, phantom)
    return match.score >= MIN_SCORE and match.margin >= MIN_MARGIN


def locate_acr_dm(image: Image, phantom: Phantom) -> Pose:
    """Place the ACR DM phantom in an image, any side up, mirrored or not, tilted by up to 10 degrees.

    Raises LocateError: NO_PIXEL_SPACING, NOT_LOCATED, PARTLY_OUTSIDE or CLIPPED.
    """
    if image.pitch_mm is None:
        raise LocateError(
            ReasonCode.NO_PIXEL_SPACING,
            "The file gives no pixel spacing, so sizes cannot be checked: export the image as acquired, not a copy.",
        )
    found = find_insert(image, phantom)
    if found.rectangle is None or found.rectangle.support < MIN_SUPPORT:
        raise _cut_off(found, phantom) or LocateError(
            ReasonCode.NOT_LOCATED,
            "No wax insert of 130 x 70 mm was found: check that this is the ACR Digital Mammography phantom and that "
            "its insert is in the field.",
        )
    fit = refine(found.fine, found.rectangle)
    _check(found, fit, phantom)
    match = _match(found, fit.rectangle, phantom)
    if match.score < MIN_SCORE or match.margin < MIN_MARGIN:
        raise LocateError(
            ReasonCode.NOT_LOCATED,
            f"The insert was found, but not which way round it lies (best match {match.score:.2f}, lead "
            f"{match.margin:.2f}): too few objects are visible. Check exposure and phantom.",
        )
    return _pose(found, fit, match, phantom)


def find_insert(image: Image, phantom: Phantom) -> Found:
    """Search the insert's border: first hardly tilted, as the protocol asks, then up to 11 degrees."""
    field, fine, start = exposed_field(image, level(image, FINE_MM))
    coarse = level(field, COARSE_MM, finer=fine)
    sides = _sides(phantom)
    rectangle = search(coarse, sides, (-1.0, 0.0, 1.0))
    if rectangle is None or rectangle.support < 2 * MIN_SUPPORT:
        wider = search(coarse, sides, np.arange(-11.0, 11.1, 1.0))
        if wider is not None and (rectangle is None or wider.support > rectangle.support):
            rectangle = wider
    return Found(field, start, fine, coarse, rectangle)


def _sides(phantom: Phantom) -> list[tuple[float, float]]:
    width, length = phantom.insert_mm or (0.0, 0.0)
    pairs = [(width * s, length * s) for s in _SCALES.tolist()]
    return pairs + [pair[::-1] for pair in pairs]


def _cut_off(found: Found, phantom: Phantom) -> LocateError | None:
    """An insert that reaches beyond the image, if it looks like that."""
    cut = search(found.coarse, _sides(phantom), np.arange(-4.0, 4.1, 2.0), spare_mm=60.0)
    if cut is None or cut.support < 2 * MIN_SUPPORT or _covered(found.fine, cut, 1.0):
        return None
    return _partly_outside()


def _partly_outside() -> LocateError:
    return LocateError(
        ReasonCode.PARTLY_OUTSIDE,
        "Part of the wax insert lies outside the image or the collimated field: push the phantom to the chest wall, "
        "centre it and expose it again.",
    )


def _covered(fine: Level, rectangle: Rectangle, scale: float) -> bool:
    half = np.array(rectangle.half_mm) * scale
    corners = turned(np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]) * half, rectangle)
    return bool(inside(fine, corners / (np.array(fine.pitch_mm[::-1]) / fine.block)).all())


def _check(found: Found, fit: Fit, phantom: Phantom) -> None:
    """Raise what stands in the way of reading."""
    if not _covered(found.fine, fit.rectangle, 0.99):
        raise _partly_outside()
    if fit.residual_mm > MAX_RESIDUAL_MM or fit.used < MIN_USED:
        raise _cut_off(found, phantom) or LocateError(
            ReasonCode.NOT_LOCATED,
            f"The border of the wax insert could not be fitted (residual {fit.residual_mm:.2f} mm on "
            f"{100 * fit.used:.0f} % of the weakest side): check that the phantom lies flat and is evenly exposed.",
        )
    values = found.field.pixels
    axes = np.linspace(-0.95, 0.95, 160)
    half = np.array(fit.rectangle.half_mm)
    at = turned(np.stack(np.meshgrid(axes, axes), axis=-1) * half, fit.rectangle)
    at = at / np.array((found.field.pitch_mm or (1.0, 1.0))[::-1])
    columns = np.clip(np.rint(at[..., 0]).astype(int), 0, values.shape[1] - 1)
    rows = np.clip(np.rint(at[..., 1]).astype(int), 0, values.shape[0] - 1)
    seen = values[rows, columns]
    low, high = ends_of_scale(found.field)
    clipped = float(((seen <= low) | (seen >= high)).mean())
    if clipped > MAX_CLIPPED:
        raise LocateError(
            ReasonCode.CLIPPED,
            f"{100 * clipped:.0f} % of the insert is clipped at the end of the grey scale: expose again with less "
            "dose, or export the image without a fixed window.",
        )


def _view(found: Found, rectangle: Rectangle, phantom: Phantom) -> Float[np.ndarray, "rows columns"]:
    """The insert lying (long side across), attenuating bright, on a grid of `_GRID_MM` in phantom mm."""
    width, length = phantom.insert_mm or (1.0, 1.0)
    lying = rectangle.half_mm[0] >= rectangle.half_mm[1]
    scale = 2 * max(rectangle.half_mm) / width
    across = (np.arange(2 * round(width / _GRID_MM)) - (2 * round(width / _GRID_MM) - 1) / 2) * _GRID_MM / 2
    down = (np.arange(2 * round(length / _GRID_MM)) - (2 * round(length / _GRID_MM) - 1) / 2) * _GRID_MM / 2
    u, v = np.meshgrid(across * scale, down * scale)
    points = np.stack([u, v] if lying else [-v, u], axis=-1)
    pitch_px = np.array(found.fine.pitch_mm[::-1]) / found.fine.block
    fine = sample(found.fine, turned(points, rectangle) / pitch_px)
    shape = (fine.shape[0] // 2, 2, fine.shape[1] // 2, 2)
    return np.asarray(fine.reshape(shape).mean(axis=(1, 3)) * rectangle.sign)


def _match(found: Found, rectangle: Rectangle, phantom: Phantom) -> _Match:
    """Which of the four symmetries of the rectangle shows the phantom's largest objects."""
    view = _view(found, rectangle, phantom)
    objects = [i for kind, n in _VISIBLE.items() for i in [o for o in phantom.inserts if o.kind == kind][:n]]
    templates = np.stack([template(item) for item in objects])
    scores = []
    for half_turn in (False, True):
        for mirrored in (False, True):
            upright = view[::-1, ::-1] if half_turn else view
            upright = upright[:, ::-1] if mirrored else upright
            cells = standardised(np.stack([_cell(upright, item) for item in objects]))
            scores.append(float((cells * templates).sum()))
    first, second = np.argsort(scores)[::-1][:2]
    lying = rectangle.half_mm[0] >= rectangle.half_mm[1]
    turns = (2 if first >= 2 else 0) + (0 if lying else 1)
    return _Match(turns, bool(first % 2), scores[first], scores[first] - scores[second])


def _cell(upright: Float[np.ndarray, "rows columns"], item: Insert) -> Float[np.ndarray, "n n"]:
    column = round(item.centre_mm[0] / _GRID_MM + (upright.shape[1] - 1) / 2)
    row = round(item.centre_mm[1] / _GRID_MM + (upright.shape[0] - 1) / 2)
    cell: Float[np.ndarray, "n n"] = upright[row - _HALF : row + _HALF + 1, column - _HALF : column + _HALF + 1]
    return cell


def _pose(found: Found, fit: Fit, match: _Match, phantom: Phantom) -> Pose:
    rectangle = fit.rectangle
    pitch = found.field.pitch_mm or (1.0, 1.0)
    scale = 2 * max(rectangle.half_mm) / (phantom.insert_mm or (1.0, 1.0))[0]
    angle = np.radians(rectangle.tilt_deg + 90 * match.quarter_turns)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    if match.mirrored:
        turn = turn @ np.diag([-1.0, 1.0])
    per_px = 1 / np.array(pitch[::-1])
    origin = np.array([rectangle.x_mm, rectangle.y_mm]) * per_px + found.start_px[::-1]
    down = turn @ np.array([0.0, 1.0])
    side = _SIDES[round(np.degrees(np.arctan2(down[1], down[0])) / 90) % 4]
    return Pose(
        matrix=np.column_stack([turn * per_px[:, None], origin]),
        chest_wall=side,
        mirrored=match.mirrored,
        tilt_deg=rectangle.tilt_deg,
        magnification=scale * (found.field.acquisition.magnification or 1.0),
        attenuating_bright=rectangle.sign > 0,
        residual_mm=fit.residual_mm,
        window=_window(found, rectangle),
        confidence=float(1 - np.exp(-match.margin)),
    )


def _window(found: Found, rectangle: Rectangle) -> tuple[float, float]:
    """Grey levels for display: by percentiles of the inner insert, wide enough for the largest mass."""
    axis = np.linspace(-0.9, 0.9, 121)
    points = turned(np.stack(np.meshgrid(axis, axis), axis=-1) * np.array(rectangle.half_mm), rectangle)
    values = sample(found.fine, points / (np.array(found.fine.pitch_mm[::-1]) / found.fine.block))
    low, middle, high = np.percentile(values, (5, 50, 95))
    return float(middle - 3.0 * (middle - low)), float(middle + 3.0 * (high - middle))
