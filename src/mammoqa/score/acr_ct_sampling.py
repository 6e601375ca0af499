"""Reading a slice of the ACR CT phantom: its module's image, its own centre, and regions of interest."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage, optimize

from mammoqa.core import Image, Phantom, Pose, Region, Stack
from mammoqa.score.acr_mri_sampling import circle_px, pitch_of

CLOCK = {"12": -90.0, "3": 0.0, "6": 90.0, "9": 180.0}  # where beads lie on the surface
BEAD_HU = 150.0  # how far a bead rises above the rim, at least (a choice: 860 to 2000 HU are seen)
_HALF_SECTOR_DEG = 8.0
_BORDER_HU = -500.0  # half-way between air and the phantom's body
_LOOKED_MM = (90.0, 108.0)


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """The image of one module, its index in the stack, and the pose with the centre of this very slice."""

    image: Image
    index: int
    pose: Pose


@dataclass(frozen=True, slots=True)
class Disc:
    """Mean, standard deviation and count of the pixels of a round region of interest."""

    mean: float
    deviation: float
    count: int


def slice_of_module(stack: Stack, pose: Pose, module: int) -> Slice | None:
    """The slice of module 1 to 4; None where it was not scanned."""
    index = pose.slices[module - 1] if len(pose.slices) >= module else -1
    if index < 0:
        return None
    image = stack.images[index]
    return Slice(image, index, centred(image, pose))


def centred(image: Image, pose: Pose) -> Pose:
    """The pose moved to the centre of this slice's outline, which differs a little from slice to slice."""
    pitch_y, pitch_x = pitch_of(image)
    x_mm, y_mm = float(pose.matrix[0, 2]) * pitch_x, float(pose.matrix[1, 2]) * pitch_y
    found = _outline(image, x_mm, y_mm)
    if found is None:
        return pose
    matrix = pose.matrix.copy()
    matrix[:, 2] = (found[0] / pitch_x, found[1] / pitch_y)
    return replace(pose, matrix=matrix)


def diameter_mm(image: Image, pose: Pose) -> float | None:
    """Diameter of the circle through the outline of a slice at half of its height."""
    pitch_y, pitch_x = pitch_of(image)
    found = _outline(image, float(pose.matrix[0, 2]) * pitch_x, float(pose.matrix[1, 2]) * pitch_y)
    return None if found is None else 2 * found[2]


def _outline(image: Image, x_mm: float, y_mm: float) -> tuple[float, float, float] | None:
    """Centre and radius in mm of the circle through the outermost crossings of half height along 360 rays."""
    pitch_y, pitch_x = pitch_of(image)
    angle = np.deg2rad(np.arange(0.0, 360.0, 1.0))
    radius = np.arange(*_LOOKED_MM, 0.1)
    x = (x_mm + radius[:, None] * np.cos(angle)) / pitch_x
    y = (y_mm + radius[:, None] * np.sin(angle)) / pitch_y
    rays = ndimage.map_coordinates(image.pixels.astype(np.float32), [y, x], order=1, mode="constant", cval=np.nan)
    known = np.isfinite(rays).all(axis=0)
    above = rays > _BORDER_HU
    last = above.shape[0] - 1 - np.argmax(above[::-1], axis=0)
    use = known & above.any(axis=0) & (last < above.shape[0] - 1)
    if int(use.sum()) < 90:
        return None
    at_x, at_y = x_mm + radius[last[use]] * np.cos(angle[use]), y_mm + radius[last[use]] * np.sin(angle[use])

    def away(circle: Float[np.ndarray, "3"]) -> Float[np.ndarray, " n"]:
        return np.asarray(np.hypot(at_x - circle[0], at_y - circle[1]) - circle[2])

    fit = optimize.least_squares(away, (x_mm, y_mm, 99.6), loss="soft_l1", f_scale=0.2)
    return float(fit.x[0]), float(fit.x[1]), float(fit.x[2])


def bead_heights(image: Image, pose: Pose) -> dict[str, float]:
    """For each place of a bead, how far the brightest point of the surface rises above the rim."""
    found = {}
    radius = np.arange(96.5, 102.1, 0.3)[:, None]
    for clock, middle in CLOCK.items():
        angle = np.deg2rad(np.arange(middle - _HALF_SECTOR_DEG, middle + _HALF_SECTOR_DEG, 0.15))
        points = np.column_stack([(radius * np.cos(angle)).ravel(), (radius * np.sin(angle)).ravel()])
        px = pose.to_px(points)
        values = ndimage.map_coordinates(
            image.pixels.astype(np.float32), [px[:, 1], px[:, 0]], order=1, mode="constant", cval=-1000.0
        )
        tops = values.reshape(radius.size, angle.size).max(axis=0)
        found[clock] = float(tops.max() - np.median(tops))
    return found


def inside(image: Image, pose: Pose, centre_mm: tuple[float, float], radius_mm: float) -> Bool[np.ndarray, "rows cols"]:
    """Pixels whose centre lies in a circle of the phantom frame."""
    pitch_y, pitch_x = pitch_of(image)
    at = pose.to_px(np.array([centre_mm]))[0]
    rows, columns = np.ogrid[: image.pixels.shape[0], : image.pixels.shape[1]]
    return np.asarray(np.hypot((columns - at[0]) * pitch_x, (rows - at[1]) * pitch_y) <= radius_mm)


def read_disc(image: Image, pose: Pose, centre_mm: tuple[float, float], radius_mm: float) -> Disc | None:
    """Mean and scatter in a round region; None where it reaches beyond the image."""
    pitch_y, pitch_x = pitch_of(image)
    at = pose.to_px(np.array([centre_mm]))[0]
    rows, columns = image.pixels.shape
    clear_x, clear_y = min(at[0], columns - 1 - at[0]) * pitch_x, min(at[1], rows - 1 - at[1]) * pitch_y
    if min(clear_x, clear_y) < radius_mm:
        return None
    values = image.pixels[inside(image, pose, centre_mm, radius_mm)].astype(np.float64)
    return Disc(float(values.mean()), float(values.std(ddof=1)), int(values.size))


def circle(part: Slice, label: str, centre_mm: tuple[float, float], radius_mm: float) -> Region:
    """A round region to draw."""
    return Region(label, circle_px(part.pose, *centre_mm, radius_mm), index=part.index)


def mean_error(disc: Disc, pitch_mm: float) -> float:
    """Standard error of a region's mean; noise in CT is alike over about 1 mm, so that pixels are not independent.

    The count of independent values is the area over 1 mm2 (a choice, on the safe side of body filters).
    """
    return disc.deviation / float(np.sqrt(max(disc.count * pitch_mm**2, 1.0)))


def phantom_length(phantom: Phantom, name: str) -> float:
    """A length of the phantom's data."""
    return dict(phantom.lengths_mm)[name]
