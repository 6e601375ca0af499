"""Recognises a mammography flat field: one broad, even level, with at most a metal plate on it."""

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from mammoqa.core import Image, Intent, LocateError, Phantom, Pose, ReasonCode
from mammoqa.locate.sampling import block_mean

_BLOCK_MM = 2.0
_PLATE_LEVEL = 0.35  # of the field's level; a metal plate lets next to nothing through
_PLATE_MM = (15.0, 85.0)  # sides of a plate; phantoms are wider
_EVEN = 0.4  # part of the level between its 2nd and 98th percentile
_STEP = 0.05  # largest change between neighbouring blocks that is not the plate's
_CLIPPED_PART = 0.001


def looks_like_flat(image: Image) -> bool:
    """Whether the image is one even field, apart from a plate."""
    if image.pitch_mm is None or min(image.pixels.shape) < 400:
        return False
    values = _blocks(image)
    plate = plate_mask(values)
    rest = values[~ndimage.binary_dilation(plate, iterations=3)] if plate.any() else values
    if rest.size < 0.5 * values.size:
        return False
    low, middle, high = np.percentile(rest, (2, 50, 98))
    if middle <= 0 or high - low > _EVEN * middle:
        return False
    clear = ~ndimage.binary_dilation(plate, iterations=3)
    changes = [np.abs(np.diff(values, axis=axis))[_both(clear, axis)] for axis in (0, 1)]
    return all(float(np.percentile(change, 95)) < _STEP * float(middle) for change in changes)


def locate_mammo_flat(image: Image, phantom: Phantom) -> Pose:
    """The middle of the field and its pixels per mm.

    Raises LocateError: NO_PIXEL_SPACING, NEEDS_RAW for processed or logarithmic pixels, CLIPPED, and NOT_LOCATED where
    the field is not even.
    """
    if image.pitch_mm is None:
        raise LocateError(ReasonCode.NO_PIXEL_SPACING, "The image gives no pixel spacing; export the original.")
    facts = image.acquisition
    if facts.intent is Intent.FOR_PRESENTATION or facts.pixel_intensity in ("LOG", "DISP"):
        raise LocateError(
            ReasonCode.NEEDS_RAW,
            "A flat field is measured in raw pixels that are linear in exposure; export it FOR PROCESSING.",
        )
    _check_clipped(image)
    if not looks_like_flat(image):
        raise LocateError(
            ReasonCode.NOT_LOCATED,
            "The field is not one even level: cover the whole detector with PMMA and take everything else away but the "
            "aluminium or the edge plate.",
        )
    rows, columns = image.pixels.shape
    pitch_y, pitch_x = image.pitch_mm
    level = float(np.median(image.pixels[::7, ::7]))
    matrix = np.array([[1 / pitch_x, 0.0, (columns - 1) / 2], [0.0, 1 / pitch_y, (rows - 1) / 2]])
    return Pose(matrix, "bottom", False, 0.0, 1.0, False, 0.0, (0.8 * level, 1.2 * level))


def plate_mask(values: Float[np.ndarray, "rows columns"]) -> Bool[np.ndarray, "rows columns"]:
    """Blocks of a metal plate: a dark region of its size, the largest; nothing where there is none."""
    none = np.zeros(values.shape, dtype=bool)
    labels, count = ndimage.label(values < _PLATE_LEVEL * float(np.median(values)))
    if count == 0:
        return none
    largest = 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    rows, columns = np.nonzero(labels == largest)
    sides = (np.ptp(rows) + 1) * _BLOCK_MM, (np.ptp(columns) + 1) * _BLOCK_MM
    if not all(_PLATE_MM[0] <= side <= _PLATE_MM[1] for side in sides):
        return none
    return np.asarray(labels == largest)


def _blocks(image: Image) -> Float[np.ndarray, "rows columns"]:
    pitch = image.pitch_mm or (0.1, 0.1)
    return np.asarray(block_mean(image.pixels, max(1, round(_BLOCK_MM / pitch[0]))), dtype=np.float64)


def _both(clear: Bool[np.ndarray, "rows columns"], axis: int) -> Bool[np.ndarray, "fewer less"]:
    """Whether both neighbours along an axis are clear of the plate."""
    return np.asarray(clear[1:] & clear[:-1] if axis == 0 else clear[:, 1:] & clear[:, :-1])


def _check_clipped(image: Image) -> None:
    if image.saturated is None:
        return
    top = float((image.pixels[::3, ::3] >= image.saturated[1]).mean())
    if top > _CLIPPED_PART:
        raise LocateError(
            ReasonCode.CLIPPED,
            f"{100 * top:.1f} % of the pixels are at the largest value; repeat with a lower dose.",
        )
