"""Finds the ACR large MRI phantom in a stack: centre, rotation, mirroring, and which image is which slice.

Everything is decided from what the images show, never from slice numbers or orientation in the header: the disc from
the mean of all slices, "up" from the notch, slice 1 from its ramp bar, tube and resolution block, slice 11 from its
ring and wedges, the others from the positions between them. A header supplies the distances only.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from mammoqa.core import IdentifyError, Image, LocateError, Phantom, Pose, ReasonCode, Stack
from mammoqa.locate.acr_mri_slices import bar_tilt_deg, choose_slices, inner_level, recognise

_REVOLUTION_STEP_DEG = 0.25
_DISC_TOLERANCE_MM = 7.0  # a radius this far from 95 mm is another phantom (or a wrong pixel spacing)
_SMALLEST_PX = 64  # with fewer across, a pixel is wider than 3 mm and no insert shows
_ROUGHNESS_MM = 1.5  # robust scatter of the border around the circle; a sagittal view gives more than 8 mm


@dataclass(frozen=True, slots=True)
class _Disc:
    """A circle fitted to the border of the water: centre in pixels, radius and robust scatter in mm."""

    x_px: float
    y_px: float
    radius_mm: float
    scatter_mm: float
    extent_mm: tuple[float, float]  # height and width of the mask


def looks_like_acr_mri(item: Stack | Image) -> bool:
    """Whether this is an MR image or stack of something as large as the phantom, from any side.

    True for views that `locate_acr_mri` then refuses with the better reason (a sagittal localiser, a partial stack).
    """
    images = item.images if isinstance(item, Stack) else (item,)
    if not images or images[0].acquisition.modality != "MR" or images[0].pitch_mm is None:
        return False
    try:
        disc = _find_disc(_mean_slice(images), _pitch(images[0]))
    except LocateError:
        return False
    return _is_disc(disc) or _is_side_view(disc)


def locate_acr_mri(stack: Stack | Image, phantom: Phantom) -> Pose:
    """Places the phantom: matrix from phantom mm to pixels, and `Pose.slices` with the image of each slice.

    Raises LocateError with NO_PIXEL_SPACING, WRONG_VIEW, NOT_LOCATED, PARTLY_OUTSIDE or INCOMPLETE_STACK, and
    IdentifyError (NOT_A_PHANTOM) where no slice shows a part of this phantom. Slice contents: ACR, Large and Medium
    Phantom Test Guidance, 0.3.
    """
    images = stack.images if isinstance(stack, Stack) else (stack,)
    images, indices, notes = _one_echo(images)
    pitch_mm = _pitch(images[0])
    mean = _mean_slice(images)
    disc = _find_disc(mean, pitch_mm)
    if not _is_disc(disc):
        raise _not_a_disc(disc)
    _check_inside(disc, mean.shape, pitch_mm)
    centre = (disc.x_px, disc.y_px)
    tilt_deg = _notch_angle_deg(mean, centre, pitch_mm)
    seen = recognise(images, _matrix(centre, tilt_deg, False, pitch_mm), phantom)
    coarse = _matrix(centre, tilt_deg, seen.mirrored, pitch_mm)
    tilt_deg += bar_tilt_deg(images[seen.first], coarse) * (-1.0 if seen.mirrored else 1.0)
    matrix = _matrix(centre, tilt_deg, seen.mirrored, pitch_mm)
    chosen = choose_slices(images, seen, phantom)
    return Pose(
        matrix=matrix,
        chest_wall="bottom",
        mirrored=seen.mirrored,
        tilt_deg=tilt_deg,
        magnification=1.0,
        attenuating_bright=False,
        residual_mm=disc.scatter_mm,
        window=(0.0, 1.1 * inner_level(images[chosen[6]], matrix)),
        confidence=seen.likeness,
        notes=notes,
        slices=tuple(indices[i] for i in chosen),
    )


def _pitch(image: Image) -> tuple[float, float]:
    if image.pitch_mm is None:
        raise LocateError(
            ReasonCode.NO_PIXEL_SPACING, "The MR images give no PixelSpacing; export them with their geometry."
        )
    return image.pitch_mm


def _one_echo(images: tuple[Image, ...]) -> tuple[tuple[Image, ...], tuple[int, ...], tuple[str, ...]]:
    """Of a series with several echoes at each position, the last echo (the protocol reads the second one)."""
    shapes = {image.pixels.shape for image in images}
    if len(shapes) > 1:
        raise LocateError(ReasonCode.NOT_LOCATED, "The slices differ in matrix size; give one series at a time.")
    echoes = sorted({image.acquisition.echo_time_ms for image in images if image.acquisition.echo_time_ms is not None})
    if len(echoes) < 2 or len(images) % len(echoes):
        return images, tuple(range(len(images))), ()
    keep = [i for i, image in enumerate(images) if image.acquisition.echo_time_ms == echoes[-1]]
    if len(keep) * len(echoes) != len(images):
        return images, tuple(range(len(images))), ()
    note = f"{len(echoes)} echoes in the series; the last one ({echoes[-1]:g} ms) was measured"
    return tuple(images[i] for i in keep), tuple(keep), (note,)


def _mean_slice(images: tuple[Image, ...]) -> Float[np.ndarray, "rows columns"]:
    """The mean of all slices, each scaled to its own bright level: parts of single slices fade, the disc stays."""
    rows, columns = images[0].pixels.shape
    if min(rows, columns) < _SMALLEST_PX:
        raise LocateError(
            ReasonCode.NOT_LOCATED,
            f"Give the original images; these slices are too small for the phantom ({columns} x {rows} pixels).",
        )
    total = np.zeros((rows, columns), dtype=np.float64)
    for image in images:
        if image.pixels.shape != total.shape or not np.isfinite(image.pixels).all():
            continue
        level = float(np.percentile(image.pixels, 95))
        if level > 0:
            total += np.clip(image.pixels.astype(np.float64) / level, 0.0, 2.0)
    return total / len(images)


def _find_disc(mean: Float[np.ndarray, "rows columns"], pitch_mm: tuple[float, float]) -> _Disc:
    """Circle through the outer border of the brightest connected region, robust against bubbles and the notch."""
    smooth = ndimage.gaussian_filter(mean, 1.0)
    bright = smooth > 0.35 * np.percentile(smooth, 90)
    labels, count = ndimage.label(bright)
    if count == 0:
        raise LocateError(ReasonCode.NOT_LOCATED, "The slices hold no signal; acquire the series again.")
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    mask = np.asarray(ndimage.binary_fill_holes(largest), dtype=bool)
    rows, columns = np.nonzero(mask & ~np.asarray(ndimage.binary_erosion(mask), dtype=bool))
    y_mm, x_mm = rows * pitch_mm[0], columns * pitch_mm[1]
    start = ((x_mm.min() + x_mm.max()) / 2, (y_mm.min() + y_mm.max()) / 2, (x_mm.max() - x_mm.min()) / 2)

    def distance(circle: Float[np.ndarray, "3"]) -> Float[np.ndarray, " points"]:
        return np.asarray(np.hypot(x_mm - circle[0], y_mm - circle[1]) - circle[2])

    from scipy import optimize  # takes a tenth of a second, which other phantoms need not wait for

    fit = optimize.least_squares(distance, start, loss="soft_l1", f_scale=0.5)
    scatter = 1.4826 * float(np.median(np.abs(np.hypot(x_mm - fit.x[0], y_mm - fit.x[1]) - fit.x[2])))
    extent = (float(np.ptp(y_mm)) + pitch_mm[0], float(np.ptp(x_mm)) + pitch_mm[1])
    radius = float(fit.x[2]) + 0.25 * sum(pitch_mm)  # border pixels lie half a pixel inside
    return _Disc(float(fit.x[0] / pitch_mm[1]), float(fit.x[1] / pitch_mm[0]), radius, scatter, extent)


def _is_disc(disc: _Disc) -> bool:
    return abs(disc.radius_mm - 95.0) < _DISC_TOLERANCE_MM and disc.scatter_mm < _ROUGHNESS_MM


def _is_side_view(disc: _Disc) -> bool:
    """A cylinder of 190 mm by 148 mm seen from the side."""
    short, long = sorted(disc.extent_mm)
    return 138.0 < short < 160.0 and 178.0 < long < 202.0


def _not_a_disc(disc: _Disc) -> LocateError | IdentifyError:
    if _is_side_view(disc):
        reason = "This is a side view of the phantom (a localiser); give the eleven axial slices as well."
        return LocateError(ReasonCode.WRONG_VIEW, reason)
    return IdentifyError(
        ReasonCode.NOT_A_PHANTOM,
        f"No disc of 190 mm as of the ACR large MRI phantom: found {2 * disc.radius_mm:.0f} mm across, "
        f"border rough by {disc.scatter_mm:.1f} mm; give the axial series of this phantom.",
    )


def _check_inside(disc: _Disc, shape: tuple[int, ...], pitch_mm: tuple[float, float]) -> None:
    margins = (
        disc.x_px * pitch_mm[1],
        (shape[1] - 1 - disc.x_px) * pitch_mm[1],
        disc.y_px * pitch_mm[0],
        (shape[0] - 1 - disc.y_px) * pitch_mm[0],
    )
    if min(margins) < disc.radius_mm + 1.0:
        raise LocateError(
            ReasonCode.PARTLY_OUTSIDE, "The phantom reaches the edge of the field of view; centre it and use 250 mm."
        )


def _notch_angle_deg(
    mean: Float[np.ndarray, "rows columns"], centre: tuple[float, float], pitch_mm: tuple[float, float]
) -> float:
    """Rotation of the phantom from the darkest place, 12 mm wide, in the ring 81 to 87 mm from the centre."""
    angle = np.deg2rad(np.arange(0.0, 360.0, _REVOLUTION_STEP_DEG))
    radius = np.arange(81.0, 87.5, 1.0)[:, None]
    x = centre[0] + radius * np.cos(angle) / pitch_mm[1]
    y = centre[1] + radius * np.sin(angle) / pitch_mm[0]
    ring = ndimage.map_coordinates(mean, [y, x], order=1, mode="nearest").mean(axis=0)
    flat = ring / ndimage.median_filter(ring, size=161, mode="wrap")
    width = int(np.rad2deg(11.7 / 84.0) / _REVOLUTION_STEP_DEG)
    dark = ndimage.uniform_filter1d(flat, width, mode="wrap")
    if float(dark.min()) > 0.6:
        raise LocateError(
            ReasonCode.NOT_LOCATED,
            "The wedge block at the top of the disc was not found; give the axial series of the ACR large MRI phantom.",
        )
    return float(np.rad2deg(angle[int(np.argmin(dark))]) - 270.0)


def _matrix(
    centre: tuple[float, float], tilt_deg: float, mirrored: bool, pitch_mm: tuple[float, float]
) -> Float[np.ndarray, "2 3"]:
    """Phantom mm to pixels: mirror x, turn by `tilt_deg` (from +x towards +y), divide by the pitch, shift."""
    cos, sin = np.cos(np.deg2rad(tilt_deg)), np.sin(np.deg2rad(tilt_deg))
    turn = np.array([[cos, -sin], [sin, cos]]) @ np.diag([-1.0 if mirrored else 1.0, 1.0])
    return np.column_stack([np.diag([1 / pitch_mm[1], 1 / pitch_mm[0]]) @ turn, np.array(centre)])
