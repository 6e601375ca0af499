"""The weekly test of the ACR Digital Mammography phantom on the same exposure: SNR, CNR and artefacts.

SNR is the mean over the standard deviation of the background beside the contrast cavity; CNR the difference between
cavity and background over that standard deviation (ACR 2018, technologist's test, recalled). Both need raw pixels that
are proportional to exposure; of other pixels they are measured but not judged. Artefacts: the largest deviation of a
5 mm square from its surroundings (limit 15 %, as the European guidelines' homogeneity test has it, recalled), and the
number of spots that deviate by more than 8 standard deviations (a choice).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mammoqa.core import Image, Intent, Measurement, Phantom, Pose, Region

_COARSE_MM = 1.0
_IMAGE_MARGIN = 6  # mm from the image's edges, where scatter falls off
_BODY_MARGIN_MM = 18.0  # from the body's edges: beams leave its far sides askew, over up to 16 mm
_FOUND_SIGMAS = 8.0  # a cavity stands out by at least so much
_CORE = 0.7  # of the cavity's radius: clear of its edge
_BESIDE_MM = 14.0  # background discs lie so far to either side of the cavity
_SQUARE_MM, _SURROUNDINGS_MM = 5.0, 35.0
_SPOT_SIGMAS = 8.0
_NOT_LINEAR = "pixels are not proportional to exposure, so the limit does not apply: give the raw (LIN) image"


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The phantom on an upright grid of 1 mm in its frame; `x`, `y` are its places, `body` where it can be judged."""

    values: Float[np.ndarray, "rows columns"]
    x: Float[np.ndarray, "rows columns"]
    y: Float[np.ndarray, "rows columns"]
    body: Bool[np.ndarray, "rows columns"]
    insert: Bool[np.ndarray, "rows columns"]


def weekly(
    image: Image, phantom: Phantom, pose: Pose, *, raw: bool = True
) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """SNR, CNR and artefacts, and the regions that they were measured in; `raw` is False for reconstructed slices."""
    ground = _ground(image, phantom, pose)
    cavity = find_cavity(ground, phantom)
    linear = (
        raw and image.acquisition.pixel_intensity == "LIN" and image.acquisition.intent is not Intent.FOR_PRESENTATION
    )
    marker = next(m for m in phantom.markers if m.kind == "cavity")
    centre = cavity or marker.centre_mm
    radius = marker.diameter_mm / 2 * _CORE
    beside = [(centre[0] + side * _BESIDE_MM, centre[1]) for side in (-1.0, 1.0)]
    levels = [s for s in (_disc_statistics(image, pose, place, radius) for place in beside) if s is not None]
    if not levels:
        return _artefacts(ground, pose, phantom, centre)
    mean, spread = (float(np.mean([level[k] for level in levels])) for k in (0, 1))
    found = [_judged("snr", mean / max(spread, 1e-9), linear)]
    regions = [_circle(pose, place, radius, "background") for place in beside]
    inside = _disc_statistics(image, pose, centre, radius) if cavity else None
    if inside is not None:
        found.append(_judged("cnr", abs(inside[0] - mean) / max(spread, 1e-9), linear))
        regions.append(_circle(pose, centre, radius, "cavity"))
    else:
        note = "no contrast cavity was found in the phantom around the insert"
        found.append(Measurement("contrast_cavities", 0.0, "objects", note=note))
    more, outlines = _artefacts(ground, pose, phantom, centre)
    return (*found, *more), (*regions, *outlines)


def _judged(name: str, value: float, linear: bool) -> Measurement:
    """Named apart where the limit does not apply, since criteria go by name."""
    return (
        Measurement(name, value, "") if linear else Measurement(f"{name}_of_stored_pixels", value, "", note=_NOT_LINEAR)
    )


def _ground(image: Image, phantom: Phantom, pose: Pose) -> Ground:
    """Means of about 1 mm; the nearest pixel block per grid point, which is fine for levels."""
    width, length = phantom.outline.width_mm, phantom.outline.length_mm
    at_x, at_y = phantom.outline.offset_mm
    axis_x = np.arange(-width / 2 + 0.5, width / 2, _COARSE_MM) + at_x
    axis_y = np.arange(-length / 2 + 0.5, length / 2, _COARSE_MM) + at_y
    x, y = np.meshgrid(axis_x, axis_y)
    per_mm = float(np.sqrt(abs(np.linalg.det(pose.matrix[:, :2]))))
    block = max(1, int(per_mm * _COARSE_MM))
    rows, columns = (n // block for n in image.pixels.shape)
    lines = np.add.reduceat(
        image.pixels[: rows * block, : columns * block], np.arange(0, rows * block, block), 0, float
    )
    means = np.add.reduceat(lines, np.arange(0, columns * block, block), 1) / block**2
    px = pose.to_px(np.stack([x.ravel(), y.ravel()], axis=1))
    at = np.rint((px + 0.5) / block - 0.5).astype(int).reshape(*x.shape, 2)
    inside = (at.min(axis=-1) >= _IMAGE_MARGIN) & (at[..., 0] < columns - _IMAGE_MARGIN)
    inside &= at[..., 1] < rows - _IMAGE_MARGIN
    values = means[np.clip(at[..., 1], 0, rows - 1), np.clip(at[..., 0], 0, columns - 1)]
    margin = _BODY_MARGIN_MM
    body = inside & (np.abs(x - at_x) < width / 2 - margin) & (y > at_y - length / 2 + margin)
    body &= y < at_y + length / 2 - _IMAGE_MARGIN
    half_x, half_y = (side / 2 + 3.0 for side in phantom.insert_mm or (0.0, 0.0))
    return Ground(values, x, y, body, (np.abs(x) < half_x) & (np.abs(y) < half_y))


def _residual(ground: Ground) -> Float[np.ndarray, "rows columns"]:
    """Relative deviation from the surroundings: the median of a wide window, the heel effect thus taken off."""
    from scipy.ndimage import median_filter, uniform_filter, zoom

    usable = ground.body & ~ground.insert
    level = float(np.median(ground.values[usable])) if usable.any() else 1.0
    filled = np.where(usable, ground.values, np.nan)
    row_level = np.nanmedian(np.where(usable.any(axis=1, keepdims=True), filled, level), axis=1, keepdims=True)
    flat = np.where(usable, ground.values / row_level, 1.0)
    step = 3
    coarse = median_filter(flat[::step, ::step], round(_SURROUNDINGS_MM / step))
    factors = (flat.shape[0] / coarse.shape[0], flat.shape[1] / coarse.shape[1])
    slow = uniform_filter(zoom(coarse, factors, order=1), 5)[: flat.shape[0], : flat.shape[1]]
    return np.where(usable, flat / slow - 1.0, 0.0)


def find_cavity(ground: Ground, phantom: Phantom) -> tuple[float, float] | None:
    """Where a disc of the cavity's size stands out most beside the insert, in phantom mm; None where none does."""
    from scipy.signal import fftconvolve

    marker = next(m for m in phantom.markers if m.kind == "cavity")
    left = np.clip(_residual(ground), -0.3, 0.3)
    reach = round(marker.diameter_mm)
    axis = np.arange(-reach, reach + 1) * _COARSE_MM
    away = np.hypot(axis[:, None], axis)
    disc = (away <= marker.diameter_mm / 2).astype(float)
    ring = ((away > marker.diameter_mm / 2 + 1.0) & (away <= reach)).astype(float)
    found = np.abs(fftconvolve(left, disc / disc.sum() - ring / ring.sum(), mode="same"))
    usable = ground.body & ~ground.insert
    if not usable.any():
        return None
    found[~usable] = 0.0
    width = 1.48 * float(np.median(found[usable]))
    best = int(np.argmax(found))
    if found.flat[best] < _FOUND_SIGMAS * max(width, 1e-9):
        return None
    near = np.s_[
        max(best // found.shape[1] - 2, 0) : best // found.shape[1] + 3,
        max(best % found.shape[1] - 2, 0) : best % found.shape[1] + 3,
    ]
    weight = found[near] / found[near].sum()
    return float((ground.x[near] * weight).sum()), float((ground.y[near] * weight).sum())


def _disc_statistics(
    image: Image, pose: Pose, centre_mm: tuple[float, float], radius_mm: float
) -> tuple[float, float] | None:
    """Mean and standard deviation of the pixels in a disc; None where it leaves the image."""
    (x, y) = pose.to_px(np.array([centre_mm]))[0]
    radius = radius_mm * float(np.sqrt(abs(np.linalg.det(pose.matrix[:, :2]))))
    low_x, low_y = int(x - radius), int(y - radius)
    high_x, high_y = int(x + radius) + 2, int(y + radius) + 2
    rows, columns = image.pixels.shape
    if low_x < 0 or low_y < 0 or high_x > columns or high_y > rows:
        return None
    part = image.pixels[low_y:high_y, low_x:high_x].astype(np.float64)
    yy, xx = np.mgrid[low_y:high_y, low_x:high_x]
    values = part[np.hypot(xx - x, yy - y) <= radius]
    return float(values.mean()), float(values.std(ddof=1))


def _artefacts(
    ground: Ground, pose: Pose, phantom: Phantom, cavity_mm: tuple[float, float]
) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """Squares and spots that differ from their surroundings, the insert and the cavity left out."""
    from scipy.ndimage import label, uniform_filter

    marker = next(m for m in phantom.markers if m.kind == "cavity")
    usable = ground.body & ~ground.insert
    usable &= np.hypot(ground.x - cavity_mm[0], ground.y - cavity_mm[1]) > marker.diameter_mm / 2 + 3.0
    if not usable.any():
        return (), ()
    left = np.where(usable, _residual(ground), 0.0)
    squares = uniform_filter(left, round(_SQUARE_MM))
    whole = uniform_filter(usable.astype(float), round(_SQUARE_MM)) > 0.999
    worst = float(100 * np.abs(squares[whole]).max()) if whole.any() else 0.0
    width = 1.48 * float(np.median(np.abs(left[usable])))
    spots, count = label(np.abs(left) > _SPOT_SIGMAS * max(width, 1e-9), np.ones((3, 3)))
    regions = []
    for spot in range(1, min(count, 20) + 1):
        rows, columns = np.nonzero(spots == spot)
        at = (float(ground.x[0, columns].mean()), float(ground.y[rows, 0].mean()))
        regions.append(_circle(pose, at, 3.0, "artefact"))
    found = (
        Measurement("artefact_deviation", worst, "%"),
        Measurement("artefact_spots", float(count), "objects"),
    )
    return found, tuple(regions)


def _circle(pose: Pose, centre_mm: tuple[float, float], radius_mm: float, label: str) -> Region:
    turns = np.linspace(0, 2 * np.pi, 25)[:-1]
    points = np.array(centre_mm) + radius_mm * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    return Region(label, pose.to_px(points))
