"""Percent signal ghosting (PSG) of slice 7: ACR, Large and Medium Phantom Test Guidance, 6.0.

PSG = 100 |((top + bottom) - (left + right)) / (2 large)|: means of four elliptical regions of 10 cm2, four times as
long as wide, in the background beside the phantom, and of the large region of the uniformity test.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mammoqa.core import Image, Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_mri_sampling import (
    NORMAL_95,
    circle_px,
    criterion_for,
    index_of,
    measured,
    pitch_of,
    slice_of,
)

_CLEAR_MM = 2.5  # kept free between a region and the phantom or the image border
_SEGMENTS = 8
_SIDES = {"top": (0.0, -1.0), "bottom": (0.0, 1.0), "left": (-1.0, 0.0), "right": (1.0, 0.0)}


@dataclass(frozen=True, slots=True)
class _Ellipse:
    """Centre and half axes (along x, along y) in pixels."""

    x_px: float
    y_px: float
    half_x_px: float
    half_y_px: float

    def mask(self, shape: tuple[int, ...]) -> Bool[np.ndarray, "rows columns"]:
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        inside = ((columns - self.x_px) / self.half_x_px) ** 2 + ((rows - self.y_px) / self.half_y_px) ** 2 <= 1.0
        return np.asarray(inside)

    def outline(self) -> Float[np.ndarray, "n 2"]:
        angle = np.linspace(0.0, 2 * np.pi, 61)[:-1]
        return np.column_stack([self.x_px + self.half_x_px * np.cos(angle), self.y_px + self.half_y_px * np.sin(angle)])


def score_ghosting(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """PSG with its interval, and the regions that were read; no measurement where a side has no room or no signal.

    The interval comes from the scatter of the mean along each background region. The note tells the phase-encoding
    direction, along which ghosts lie.
    """
    image = slice_of(stack, pose, 7)
    lengths = dict(phantom.lengths_mm)
    index = index_of(pose, 7)
    ellipses, notes = {}, []
    for side in _SIDES:
        ellipse, narrowed = _ellipse(image, phantom, pose, side)
        ellipses[side] = ellipse
        notes += [f"{side} region narrowed to fit beside the phantom"] if narrowed else []
    regions = tuple(Region(f"ghost {side}", ellipse.outline(), index=index) for side, ellipse in ellipses.items())
    read = {side: _mean(image, ellipse, side in ("top", "bottom")) for side, ellipse in ellipses.items()}
    masked = [side for side, (_, _, zeros) in read.items() if zeros > 0.9]
    if masked:
        notes.append(f"{', '.join(masked)}: the scanner has set the background to zero, so that ghosts may be hidden")
    large = _large_mean(image, pose, lengths)
    value = 100.0 * (read["top"][0] + read["bottom"][0] - read["left"][0] - read["right"][0]) / (2.0 * large)
    error = 100.0 * float(np.sqrt(sum(r[1] ** 2 for r in read.values()))) / (2.0 * large)
    criterion = criterion_for(phantom, "percent_signal_ghosting", None)
    note = "; ".join([_phase_note(image), *notes])
    psg = measured("percent_signal_ghosting", abs(value), NORMAL_95 * error, "%", criterion, note, floor=0.0)
    return (psg,), regions


def _ellipse(image: Image, phantom: Phantom, pose: Pose, side: str) -> tuple[_Ellipse, bool]:
    """The region on one side of the image, midway between phantom and border; narrower where there is less room."""
    lengths = dict(phantom.lengths_mm)
    pitch_y, pitch_x = pitch_of(image)
    height_mm, width_mm = image.pixels.shape[0] * pitch_y, image.pixels.shape[1] * pitch_x
    centre_x, centre_y = (float(pose.matrix[0, 2]) + 0.5) * pitch_x, (float(pose.matrix[1, 2]) + 0.5) * pitch_y
    radius = lengths["diameter"] / 2
    room = {
        "top": centre_y - radius,
        "bottom": height_mm - centre_y - radius,
        "left": centre_x - radius,
        "right": width_mm - centre_x - radius,
    }[side]
    area_mm2 = 100.0 * lengths["ghost_roi_area_cm2"]
    short = float(np.sqrt(area_mm2 / np.pi / lengths["ghost_roi_aspect"]))
    fits = max((room - 2 * _CLEAR_MM) / 2, pitch_x, pitch_y)
    narrowed = fits < short
    short = min(short, fits)
    long = min(area_mm2 / np.pi / short, 60.0)
    along_x, along_y = _SIDES[side]
    distance = radius + room / 2
    x, y = centre_x + along_x * distance, centre_y + along_y * distance
    half_x, half_y = (long, short) if along_x == 0 else (short, long)
    return _Ellipse(x / pitch_x - 0.5, y / pitch_y - 0.5, half_x / pitch_x, half_y / pitch_y), narrowed


def _mean(image: Image, ellipse: _Ellipse, lies_along_x: bool) -> tuple[float, float, float]:
    """Mean, its standard error from eight segments along the region, and the share of exact zeros."""
    mask = ellipse.mask(image.pixels.shape)
    rows, columns = np.nonzero(mask)
    values = image.pixels[rows, columns].astype(np.float64)
    order = np.argsort(columns if lies_along_x else rows, kind="stable")
    segments = [float(part.mean()) for part in np.array_split(values[order], _SEGMENTS)]
    return float(values.mean()), float(np.std(segments, ddof=1) / np.sqrt(_SEGMENTS)), float(np.mean(values == 0))


def _large_mean(image: Image, pose: Pose, lengths: dict[str, float]) -> float:
    outline = circle_px(pose, 0.0, lengths["uniformity_offset"], lengths["uniformity_radius"])
    low, high = outline.min(axis=0), outline.max(axis=0)
    centre, half = (low + high) / 2, (high - low) / 2
    ellipse = _Ellipse(float(centre[0]), float(centre[1]), float(half[0]), float(half[1]))
    return float(image.pixels[ellipse.mask(image.pixels.shape)].mean())


def _phase_note(image: Image) -> str:
    along = {"ROW": "left and right", "COL": "top and bottom"}.get(image.acquisition.phase_encoding or "")
    return "phase-encoding direction not given" if along is None else f"phase encoding towards {along}"
