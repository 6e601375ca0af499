"""Scattered radiation: how much there is, and how broadly it spreads.

Scatter-to-primary ratios of PMMA: beam-stop measurements of Salvagnini et al. 2012 (Med Phys 39:3167), whose abstract
gives the ends of each range, 20 and 80 mm: 0.268 to 1.124 without grid, 0.052 to 0.187 with a linear and 0.012 to 0.064
with a cellular grid. Between the ends the ratio is taken as linear in thickness (Boone et al. 2000, Med Phys 27:2408).
"""

from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Float32

from mammoqa.core import ConfigurationError

THICKNESS_MM = (0.0, 20.0, 80.0)
RATIOS: MappingProxyType[str, tuple[float, float, float]] = MappingProxyType(
    {"none": (0.0, 0.268, 1.124), "linear": (0.0, 0.052, 0.187), "hctc": (0.0, 0.012, 0.064)}
)
# Point spread of scatter as a mixture of Gaussians, (weight, sigma in mm). The mean radial extent of scatter at the
# detector is 10 to 20 mm for 40 mm of breast (Boone and Cooper 2000, Med Phys 27:1818, recalled); here it is 15 mm.
KERNEL = ((0.35, 3.5), (0.40, 10.0), (0.25, 26.0))
_COARSE_MM = 2.0


def scatter_to_primary(thickness_mm: float, grid: str = "linear") -> float:
    """Scatter-to-primary ratio in the middle of a large PMMA block; extrapolated beyond 80 mm."""
    if grid not in RATIOS:
        raise ConfigurationError(f"unknown grid {grid!r}; known: {', '.join(RATIOS)}")
    low, high = RATIOS[grid][1:]
    if thickness_mm <= THICKNESS_MM[2]:
        return float(np.interp(thickness_mm, THICKNESS_MM, RATIOS[grid]))
    return high + (high - low) / (THICKNESS_MM[2] - THICKNESS_MM[1]) * (thickness_mm - THICKNESS_MM[2])


def scatter_field(
    primary: Float[np.ndarray, "rows columns"],
    pitch_mm: float,
    ratio: float,
    scattering: Float[np.ndarray, "rows columns"] | None = None,
) -> Float32[np.ndarray, "rows columns"]:
    """The scatter that `primary` comes with, same unit and shape.

    Each point sends out `ratio` times its primary, times `scattering` (the local thickness over that of the phantom; 1
    where it is left out), spread by KERNEL. Nothing scatters from outside the map, so the field falls to about half at
    a chest wall that is also the edge of the image. Computed on a grid of about 2 mm and interpolated.
    """
    rows, columns = primary.shape
    step = max(1, min(round(_COARSE_MM / pitch_mm), rows, columns))
    source = primary if scattering is None else primary * scattering
    coarse = _block_mean(np.asarray(source, dtype=np.float32), step) * np.float32(ratio)
    spread = np.zeros_like(coarse)
    for weight, sigma_mm in KERNEL:
        spread += np.float32(weight) * _blur(coarse, sigma_mm / (pitch_mm * step))
    return _interpolate(spread, step, (rows, columns))


def _blur(values: Float32[np.ndarray, "rows columns"], sigma: float) -> Float32[np.ndarray, "rows columns"]:
    from scipy.ndimage import gaussian_filter

    blurred: np.ndarray = gaussian_filter(values, sigma, mode="constant", truncate=4.0)
    return blurred


def _block_mean(
    values: Float32[np.ndarray, "rows columns"], step: int
) -> Float32[np.ndarray, "coarse_rows coarse_columns"]:
    """Means over step x step blocks; the last block of each axis may be smaller."""
    starts = [np.arange(0, size, step) for size in values.shape]
    sums = np.add.reduceat(np.add.reduceat(values, starts[0], axis=0), starts[1], axis=1)
    counts = [np.diff(np.append(start, size)) for start, size in zip(starts, values.shape, strict=True)]
    return np.asarray(sums / np.outer(counts[0], counts[1]), dtype=np.float32)


def _interpolate(
    coarse: Float32[np.ndarray, "coarse_rows coarse_columns"], step: int, shape: tuple[int, int]
) -> Float32[np.ndarray, "rows columns"]:
    rows, columns = (_hat_weights(size, step, coarse.shape[axis]) for axis, size in enumerate(shape))
    along = np.empty((shape[0], coarse.shape[1]), dtype=np.float32)
    low, share = rows
    along[:] = coarse[low] * (1.0 - share)[:, None] + coarse[low + (share > 0)] * share[:, None]
    low, share = columns
    return np.asarray(along[:, low] * (1.0 - share) + along[:, low + (share > 0)] * share, dtype=np.float32)


def _hat_weights(size: int, step: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """For each fine pixel the coarse one below it and the share of the next; constant beyond the outer centres."""
    starts = np.arange(0, size, step)
    centres = (starts + np.minimum(starts + step, size) - 1) / 2.0
    position = np.interp(np.arange(size), centres, np.arange(count))
    low = np.floor(position).astype(np.intp)
    return low, (position - low).astype(np.float32)
