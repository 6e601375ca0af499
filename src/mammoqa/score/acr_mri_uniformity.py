"""Percent image uniformity (PIU) of slice 7: ACR, Large and Medium Phantom Test Guidance, 5.0.

PIU = 100 (1 - (high - low) / (high + low)), high and low being the largest and smallest mean of a 1 cm2 region within
a region of 200 cm2 (195 to 205 cm2).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import signal

from mammoqa.core import Image, Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_mri_sampling import (
    NORMAL_95,
    circle_px,
    criterion_for,
    field_strength,
    index_of,
    measured,
    pitch_of,
    pixel_places_mm,
    slice_of,
)

_PLACEMENTS_MM = ((0.0, 1.5), (0.0, 4.0), (-2.0, 2.0), (2.0, 2.0))  # where careful readers may put the large region
_RADII_MM = (78.8, 80.8)  # 195 and 205 cm2, the protocol's range


@dataclass(frozen=True, slots=True)
class _Extremes:
    high: float
    low: float
    high_mm: tuple[float, float]
    low_mm: tuple[float, float]

    @property
    def piu(self) -> float:
        return 100.0 * (1.0 - (self.high - self.low) / (self.high + self.low))


def score_uniformity(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """PIU with its interval, and the regions that were read.

    The interval joins the noise of the two region means with the spread over the placements and areas of the large
    region that the protocol leaves open. Raises ScoreError where slice 7 is missing.
    """
    lengths = dict(phantom.lengths_mm)
    image = slice_of(stack, pose, 7)
    radius, offset, small = lengths["uniformity_radius"], lengths["uniformity_offset"], lengths["small_roi_radius"]
    means = _region_means(image, small)
    x_mm, y_mm = pixel_places_mm(image, pose)
    read = _extremes(means, x_mm, y_mm, (0.0, offset), radius - small)
    others = [_extremes(means, x_mm, y_mm, (x, y), radius - small).piu for x, y in _PLACEMENTS_MM]
    others += [_extremes(means, x_mm, y_mm, (0.0, offset), r - small).piu for r in _RADII_MM]
    total = (read.high + read.low) ** 2
    noise = 200.0 * np.hypot(read.low, read.high) * _noise(means, x_mm, y_mm, radius - small) / total
    placement = float(np.std(others, ddof=1))
    field_t = field_strength(stack)
    note = f"highest 1 cm2 mean {read.high:.0f}, lowest {read.low:.0f}"
    if field_t is None:
        note += "; the files do not give the field strength, on which the limit depends"
    criterion = criterion_for(phantom, "percent_image_uniformity", field_t)
    half = float(NORMAL_95 * np.hypot(noise, placement))
    piu = measured("percent_image_uniformity", read.piu, half, "%", criterion, note)
    index = index_of(pose, 7)
    regions = (
        Region("PIU region", circle_px(pose, 0.0, offset, radius), index=index),
        Region("highest", circle_px(pose, *read.high_mm, small), index=index),
        Region("lowest", circle_px(pose, *read.low_mm, small), index=index),
    )
    return (piu,), regions


def _region_means(image: Image, radius_mm: float) -> Float[np.ndarray, "rows columns"]:
    """Mean over a disc around each pixel; border pixels weigh by the part of them that lies in the disc."""
    pitch_y, pitch_x = pitch_of(image)
    half_y, half_x = int(np.ceil(radius_mm / pitch_y)), int(np.ceil(radius_mm / pitch_x))
    part = 8
    y = (np.arange(-half_y * part - part / 2 + 0.5, half_y * part + part / 2, 1.0) / part) * pitch_y
    x = (np.arange(-half_x * part - part / 2 + 0.5, half_x * part + part / 2, 1.0) / part) * pitch_x
    fine = (np.hypot(y[:, None], x[None, :]) <= radius_mm).astype(np.float64)
    kernel = fine.reshape(2 * half_y + 1, part, 2 * half_x + 1, part).mean(axis=(1, 3))
    return np.asarray(signal.fftconvolve(image.pixels.astype(np.float64), kernel / kernel.sum(), mode="same"))


def _extremes(
    means: Float[np.ndarray, "rows columns"],
    x_mm: Float[np.ndarray, "rows columns"],
    y_mm: Float[np.ndarray, "rows columns"],
    centre_mm: tuple[float, float],
    radius_mm: float,
) -> _Extremes:
    """Largest and smallest region mean with the region wholly inside."""
    inside = np.hypot(x_mm - centre_mm[0], y_mm - centre_mm[1]) <= radius_mm
    values, x, y = means[inside], x_mm[inside], y_mm[inside]
    high, low = int(np.argmax(values)), int(np.argmin(values))
    return _Extremes(
        float(values[high]), float(values[low]), (float(x[high]), float(y[high])), (float(x[low]), float(y[low]))
    )


def _noise(
    means: Float[np.ndarray, "rows columns"],
    x_mm: Float[np.ndarray, "rows columns"],
    y_mm: Float[np.ndarray, "rows columns"],
    radius_mm: float,
) -> float:
    """Standard error of a region mean: scatter of the means around a smooth surface (polynomial of degree 6)."""
    inside = np.flatnonzero(np.hypot(x_mm, y_mm) <= radius_mm)
    some = inside[:: max(1, inside.size // 1500)]
    u, v, values = x_mm.ravel()[some] / radius_mm, y_mm.ravel()[some] / radius_mm, means.ravel()[some]
    terms = np.column_stack([u**i * v**j for i in range(7) for j in range(7 - i)])
    # normal equations: 28 terms within -1 to 1, and no long decomposition
    return float(np.std(values - terms @ np.linalg.solve(terms.T @ terms, terms.T @ values)))
