"""Which image of a stack is which slice of the ACR large MRI phantom, by what it shows.

Every image is brought upright into the phantom frame, divided by the water's own shading, and correlated with the
drawings of slice 1 and slice 11 that follow from the phantom's data.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from mammoqa.core import IdentifyError, Image, Insert, LocateError, Phantom, ReasonCode

_GRID_MM = 1.0
_HALF_MM = 92.0
_COMPARED_MM = 88.0  # radius inside which drawings are compared; outside lie bubbles and the border
_LIKE_FIRST = 0.7  # least correlation with the drawing of slice 1: own 0.89 to 0.95, others at most 0.58 (13 stacks)
_LIKE_LAST = 0.5  # of slice 11: own 0.65 to 0.94; slices without a ring at most 0.19
_POSITION_TOLERANCE_MM = 2.5  # half of the gap between two slices of 5 mm


@dataclass(frozen=True, slots=True, eq=False)
class Recognised:
    """Slice 1 by its index, whether the image is mirrored, its correlation, and every image's likeness to slice 11."""

    first: int
    mirrored: bool
    likeness: float
    ring: Float[np.ndarray, " images"]


def recognise(images: tuple[Image, ...], matrix: Float[np.ndarray, "2 3"], phantom: Phantom) -> Recognised:
    """Slice 1 among the images, `matrix` being that of a phantom that is not mirrored.

    Raises IdentifyError where nothing of the phantom is seen and LocateError (INCOMPLETE_STACK) where other slices of
    the phantom are there.
    """
    first_drawing, last_drawing = _drawing(phantom, first=True), _drawing(phantom, first=False)
    flattened = _flattened(images, matrix)
    ring = np.array([_correlation(flat, last_drawing) for flat in flattened])
    likeness = np.array(
        [[_correlation(flat, drawing) for flat in flattened] for drawing in (first_drawing, first_drawing[:, ::-1])]
    )
    side, index = (int(i) for i in np.unravel_index(int(np.argmax(likeness)), likeness.shape))
    best = Recognised(index, side == 1, float(likeness.max()), ring)
    if best.likeness >= _LIKE_FIRST:
        return best
    if float(ring.max()) >= _LIKE_LAST or best.likeness >= _LIKE_FIRST / 2:
        raise LocateError(
            ReasonCode.INCOMPLETE_STACK,
            f"Slice 1 (ramps and resolution block) is missing among the {len(images)} images, so that no slice can "
            "be counted; acquire or send all eleven slices, the first on the vertex of the wedges.",
        )
    raise IdentifyError(
        ReasonCode.NOT_A_PHANTOM,
        "A disc of 190 mm, but none of the slices of the ACR large MRI phantom; give the axial series of that phantom.",
    )


def choose_slices(images: tuple[Image, ...], seen: Recognised, phantom: Phantom) -> tuple[int, ...]:
    """Indices of slices 1 to 11, counted in mm from slice 1 towards the ring slices; slice 11 must look like itself.

    Raises LocateError: INCOMPLETE_STACK names the missing slices, NOT_LOCATED a slice 11 that shows other contents.
    """
    lengths = dict(phantom.lengths_mm)
    step_mm, count = lengths["slice_distance"], round(lengths["slice_count"])
    along_mm = _positions_mm(images, step_mm)
    ring = seen.ring
    offset = along_mm - along_mm[seen.first]
    # towards the ring slices, or towards the more images where no ring is seen
    towards = float(offset[int(np.argmax(ring))]) if float(ring.max()) >= _LIKE_LAST else float(offset.sum())
    direction = 1.0 if towards > 0 else -1.0
    chosen, missing = [], []
    for number in range(count):
        distance = np.abs(offset - direction * number * step_mm)
        nearest = int(np.argmin(distance))
        if distance[nearest] > _POSITION_TOLERANCE_MM:
            missing.append(number + 1)
        chosen.append(nearest)
    if missing:
        names = ", ".join(str(number) for number in missing)
        raise LocateError(
            ReasonCode.INCOMPLETE_STACK,
            f"{count - len(missing)} of {count} slices found among {len(images)} images; missing: {names} "
            f"({step_mm:g} mm apart, counted from the one with the ramps). Send the whole series.",
        )
    if ring[chosen[-1]] < _LIKE_LAST:
        raise LocateError(
            ReasonCode.NOT_LOCATED,
            f"The image {step_mm * (count - 1):g} mm from slice 1 does not show the low-contrast disc and the wedges "
            "of slice 11: the slices are misplaced, or the distances in the file are wrong; "
            "acquire the series again with slices 1 and 11 on the wedges.",
        )
    return tuple(chosen)


def bar_tilt_deg(image: Image, matrix: Float[np.ndarray, "2 3"]) -> float:
    """Remaining rotation of the phantom frame, from the centre line of the ramp bar in slice 1."""
    upright = _upright(image.pixels, matrix)
    axis = _axis_mm()
    band = np.abs(axis) <= 14.0
    columns = np.flatnonzero((np.abs(axis) >= 15.0) & (np.abs(axis) <= 75.0))
    strip = ndimage.uniform_filter1d(upright[band], 5, axis=1)[:, columns]
    dark = np.clip(1.0 - strip / np.maximum(np.percentile(strip, 90, axis=0), 1e-9), 0.0, 1.0)
    weight = np.where(dark > 0.3, dark, 0.0)
    total = weight.sum(axis=0)
    good = total > 4.0
    if int(good.sum()) < 20:
        return 0.0
    centre = (weight * axis[band][:, None]).sum(axis=0)[good] / total[good]
    slope, height = np.polyfit(axis[columns][good], centre, 1)
    residual = centre - slope * axis[columns][good] - height
    keep = np.abs(residual) <= 2.0 * np.median(np.abs(residual)) + 0.1
    slope = np.polyfit(axis[columns][good][keep], centre[keep], 1)[0]
    return float(np.rad2deg(np.arctan(slope)))


def inner_level(image: Image, matrix: Float[np.ndarray, "2 3"]) -> float:
    """The bright level (99.5th percentile) within 80 mm of the centre, in pixel values."""
    return float(np.percentile(_upright(image.pixels, matrix)[_within(80.0)], 99.5))


def _positions_mm(images: tuple[Image, ...], step_mm: float) -> Float[np.ndarray, " n"]:
    """Places along the normal of the slices; evenly `step_mm` apart where the files give none."""
    row = images[0].orientation
    if row is None or any(image.position_mm is None for image in images):
        return np.arange(len(images)) * step_mm
    normal = np.cross(row[:3], row[3:])
    return np.array([float(np.dot(normal, np.array(image.position_mm))) for image in images])


def _axis_mm() -> Float[np.ndarray, " n"]:
    return np.arange(-_HALF_MM, _HALF_MM + _GRID_MM / 2, _GRID_MM)


def _within(radius_mm: float) -> Bool[np.ndarray, "n n"]:
    x, y = np.meshgrid(_axis_mm(), _axis_mm())
    return np.asarray(np.hypot(x, y) < radius_mm)


def _upright(pixels: np.ndarray, matrix: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "n n"]:
    """The slice resampled into the phantom frame."""
    x, y = np.meshgrid(_axis_mm(), _axis_mm())
    columns = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
    rows = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
    return np.asarray(ndimage.map_coordinates(pixels.astype(np.float64), [rows, columns], order=1, mode="nearest"))


def _flattened(images: tuple[Image, ...], matrix: Float[np.ndarray, "2 3"]) -> list[Float[np.ndarray, "n n"]]:
    """Upright slices divided by the brightest that any slice has at that place: water becomes 1, plastic 0."""
    upright = []
    for image in images:
        plane = ndimage.uniform_filter(_upright(image.pixels, matrix), 3)
        upright.append(plane / max(float(np.percentile(plane, 95)), 1e-9))
    water = ndimage.gaussian_filter(np.max(upright, axis=0), 3.0)
    water = np.maximum(water, 0.4 * float(np.median(water)))
    return [np.clip(plane / water, 0.0, 1.3) for plane in upright]


def _correlation(flat: Float[np.ndarray, "n n"], wanted: Float[np.ndarray, "n n"]) -> float:
    inside = _within(_COMPARED_MM)
    if float(flat[inside].std()) < 1e-6:
        return 0.0
    return float(np.corrcoef(flat[inside], wanted[inside])[0, 1])


def _drawing(phantom: Phantom, *, first: bool) -> Float[np.ndarray, "n n"]:
    """Slice 1 or slice 11 as the data say: water 1, plastic 0."""
    names = ("wedges", "ramp bar", "resolution block", "tube") if first else ("wedges-11", "low-contrast ring")
    x, y = np.meshgrid(_axis_mm(), _axis_mm())
    drawing = np.ones(x.shape)
    for marker in phantom.markers:
        if marker.name in names:
            drawing = np.where(_covers(marker, x, y), 0.0, drawing)
    return drawing


def _covers(marker: Insert, x: Float[np.ndarray, "n n"], y: Float[np.ndarray, "n n"]) -> Bool[np.ndarray, "n n"]:
    """Where a marker lies: a ring of width `size_mm`, or a rectangle of `length_mm` by `size_mm`."""
    u, v = x - marker.centre_mm[0], y - marker.centre_mm[1]
    if marker.kind == "ring":
        return np.asarray(np.abs(np.hypot(u, v) - marker.ring_radius_mm) <= marker.size_mm / 2)
    upright = marker.kind == "wedge"
    width, height = (marker.size_mm, marker.length_mm) if upright else (marker.length_mm, marker.size_mm)
    return np.asarray((np.abs(u) <= width / 2) & (np.abs(v) <= height / 2))
