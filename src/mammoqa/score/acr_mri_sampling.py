"""Reading a slice in phantom mm: points, lines and regions of interest, and the limits that belong to a number."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from mammoqa.core import Criterion, Image, Measurement, Phantom, Pose, ScoreError, Stack
from mammoqa.core.result import ReasonCode

NORMAL_95 = 1.96  # half-width of a 95 % interval in standard errors


def slice_of(stack: Stack, pose: Pose, number: int) -> Image:
    """The image of slice `number` (1 to 11). Raises ScoreError (INCOMPLETE_STACK) when the pose names none."""
    if not 1 <= number <= len(pose.slices):
        raise ScoreError(
            ReasonCode.INCOMPLETE_STACK, f"Slice {number} was not found; send all slices of the axial series."
        )
    return stack.images[pose.slices[number - 1]]


def index_of(pose: Pose, number: int) -> int:
    """Index in `Stack.images` of slice `number`."""
    return pose.slices[number - 1]


def pitch_of(image: Image) -> tuple[float, float]:
    """Pixel pitch in mm (along y, along x). Raises ScoreError (NO_PIXEL_SPACING)."""
    if image.pitch_mm is None:
        raise ScoreError(ReasonCode.NO_PIXEL_SPACING, "The image gives no PixelSpacing; export it with its geometry.")
    return image.pitch_mm


def sample(image: Image, pose: Pose, x_mm: Float[np.ndarray, "*n"], y_mm: Float[np.ndarray, "*n"]) -> np.ndarray:
    """Pixel values, linearly interpolated, at points of the phantom frame (same shape as the points)."""
    points = pose.to_px(np.column_stack([np.ravel(x_mm), np.ravel(y_mm)]).astype(np.float64))
    values = ndimage.map_coordinates(
        image.pixels.astype(np.float64), [points[:, 1], points[:, 0]], order=1, mode="nearest"
    )
    return np.asarray(values).reshape(np.shape(x_mm))


def pixel_places_mm(image: Image, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Phantom coordinates (x, y) in mm of every pixel centre, each rows x columns."""
    rows, columns = np.indices(image.pixels.shape, dtype=np.float64)
    places = pose.to_mm(np.column_stack([columns.ravel(), rows.ravel()]))
    return places[:, 0].reshape(image.pixels.shape), places[:, 1].reshape(image.pixels.shape)


def circle_px(pose: Pose, x_mm: float, y_mm: float, radius_mm: float) -> Float[np.ndarray, "n 2"]:
    """A circle of the phantom frame as a polyline in pixels."""
    angle = np.linspace(0.0, 2 * np.pi, 73)[:-1]
    return pose.to_px(np.column_stack([x_mm + radius_mm * np.cos(angle), y_mm + radius_mm * np.sin(angle)]))


def polyline_px(pose: Pose, points_mm: Iterable[tuple[float, float]]) -> Float[np.ndarray, "n 2"]:
    """Points of the phantom frame in pixels."""
    return pose.to_px(np.array(list(points_mm), dtype=np.float64))


def field_strength(stack: Stack) -> float | None:
    """Field strength in tesla as the files say it."""
    return stack.images[0].acquisition.field_strength_t


def criterion_for(phantom: Phantom, name: str, field_strength_t: float | None) -> Criterion | None:
    """The criterion of that name that applies at this field strength; None where it depends on an unknown one."""
    for criterion in phantom.criteria:
        if criterion.name != name:
            continue
        if criterion.applies == "always":
            return criterion
        if field_strength_t is None:
            return None
        # 2.89 T and 2.9 T magnets are sold as 3 T
        if (field_strength_t >= 2.8) == (criterion.applies == "field >= 3 T"):
            return criterion
    return None


def measured(
    name: str,
    value: float,
    half_width: float,
    unit: str,
    criterion: Criterion | None,
    note: str | None = None,
    floor: float | None = None,
) -> Measurement:
    """A Measurement with a symmetric interval (cut at `floor`) and the limits of its criterion."""
    low = value - half_width
    return Measurement(
        name=name,
        value=value,
        unit=unit,
        low=low if floor is None else max(floor, low),
        high=value + half_width,
        limit_low=None if criterion is None else criterion.low,
        limit_high=None if criterion is None else criterion.high,
        note=note,
    )
