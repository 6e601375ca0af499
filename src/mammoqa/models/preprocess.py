"""From raw patches to what the networks see; one implementation for training and for run time. numpy only.

Per patch, in this order:

1. a plane is fitted to the border of the patch, where no insert reaches, and taken off (level, heel effect, scatter);
2. the rest is divided by the noise of the patch, so that a network sees signal-to-noise and no detector units;
3. z is compressed to asinh(z / knee), so that bright specks, dust and letters do not drown a faint fibre.

The result does not change when raw pixels are scaled by a positive factor or shifted, and hardly with heel or tilt.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Real


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How patches are normalised; kept in the model card, since a network is only valid with its own numbers.

    `block_px` is the side of the blocks that are averaged before the plane is fitted, `border_blocks` how many rings of
    them belong to the border. `lag_px` is the reach of the second difference that measures the noise: 0.4 mm at 0.1 mm
    pitch, beyond the correlation of detector blur and resampling. `knee` is the signal-to-noise ratio from which on the
    compression acts. `floor` keeps the noise above a share of what the 90th percentile of the differences would give.
    """

    block_px: int = 8
    border_blocks: int = 3
    lag_px: int = 4
    knee: float = 3.0
    floor: float = 0.5


DEFAULT = Preprocessing()

_MAD_TO_SIGMA = 1.4826  # normal distribution: 1 / inverse-Phi(3/4)
_P90_TO_SIGMA = 0.6080  # normal distribution: 1 / inverse-Phi(0.95)
_ROUNDING = 1e-4  # of the root mean square; a median below this is the rounding of equal pixels
_SECOND_DIFFERENCE_GAIN = np.sqrt(6.0)  # sigma of a - 2b + c for independent a, b, c of unit sigma
_TUKEY = 4.685  # 95 % efficiency for normal residuals (Tukey's biweight)


def normalise(
    patches: Real[np.ndarray, "n rows columns"], settings: Preprocessing = DEFAULT
) -> Float32[np.ndarray, "n rows columns"]:
    """Patches as the networks see them: background plane off, in units of the patch's noise, compressed.

    Args:
        patches: raw pixel values, attenuating parts bright; any unit, finite.
        settings: the numbers of the card.
    """
    raw = np.ascontiguousarray(patches, dtype=np.float32)
    if len(raw) == 0:
        return raw
    level = raw[:, 0, 0].copy()  # single precision is only safe near zero
    raw = raw - level[:, None, None]
    slope_y, slope_x, offset = _border_plane(raw, settings).astype(np.float32).T
    flat = raw - (slope_y[:, None] * np.arange(raw.shape[1], dtype=np.float32) + offset[:, None])[:, :, None]
    flat -= (slope_x[:, None] * np.arange(raw.shape[2], dtype=np.float32))[:, None, :]
    sigma = noise_sigma(flat, settings)
    scale = np.where(sigma > 0, 1.0 / (settings.knee * np.where(sigma > 0, sigma, 1.0)), 0.0)
    flat *= scale.astype(np.float32)[:, None, None]
    compressed: np.ndarray = np.arcsinh(flat, out=flat)
    return compressed


def noise_sigma(
    patches: Float32[np.ndarray, "n rows columns"], settings: Preprocessing = DEFAULT
) -> Float[np.ndarray, " n"]:
    """Standard deviation of the pixel noise in each patch, in raw units; 0 for a constant patch.

    The median absolute second difference at a lag of several pixels, along rows and columns: slopes cancel, noise that
    is correlated over less than the lag counts in full, and the few pixels on an insert's edge do not move a median.
    Where coarse quantisation makes the median too small, a share (`floor`) of the 90th percentile takes over, and where
    that vanishes too, the root mean square.
    """
    lag = settings.lag_px
    along_x = patches[:, ::2, : -2 * lag : 2] + patches[:, ::2, 2 * lag :: 2] - 2 * patches[:, ::2, lag:-lag:2]
    along_y = patches[:, : -2 * lag : 2, ::2] + patches[:, 2 * lag :: 2, ::2] - 2 * patches[:, lag:-lag:2, ::2]
    n = len(patches)
    differences = np.concatenate([along_x.reshape(n, -1), along_y.reshape(n, -1)], axis=1)
    middle, high = differences.shape[1] // 2, differences.shape[1] * 9 // 10
    ordered = np.partition(np.abs(differences), (middle, high), axis=1)
    robust = np.maximum(ordered[:, middle] * _MAD_TO_SIGMA, settings.floor * ordered[:, high] * _P90_TO_SIGMA)
    rms = np.sqrt(np.mean(np.square(differences, dtype=np.float64), axis=1))
    sigma: np.ndarray = np.where(robust > _ROUNDING * rms, robust, rms).astype(np.float64) / _SECOND_DIFFERENCE_GAIN
    return sigma


def _border_plane(
    patches: Float32[np.ndarray, "n rows columns"], settings: Preprocessing
) -> Float[np.ndarray, "n three"]:
    """Slope along rows, slope along columns and offset of the border's plane, by Tukey-weighted least squares."""
    n, rows, columns = patches.shape
    block = settings.block_px
    high, wide = rows // block, columns // block
    means = (
        patches[:, : high * block, : wide * block].reshape(n, high, block, wide, block).mean(axis=4).mean(axis=2)
    )  # two means: numpy is fast along the last axis only
    y, x = np.meshgrid((np.arange(high) + 0.5) * block - 0.5, (np.arange(wide) + 0.5) * block - 0.5, indexing="ij")
    ring = np.minimum(
        np.minimum(np.arange(high), np.arange(high)[::-1])[:, None], np.minimum(np.arange(wide), np.arange(wide)[::-1])
    )
    border = ring < settings.border_blocks
    design = np.stack([y[border], x[border], np.ones(int(border.sum()))], axis=1)
    values = means[:, border].astype(np.float64)
    weights = np.ones_like(values)
    for _ in range(3):
        normal = np.einsum("nb,bi,bj->nij", weights, design, design)
        right = np.einsum("nb,bi,nb->ni", weights, design, values)
        plane = np.linalg.solve(normal, right[..., None])[..., 0]
        residuals = values - plane @ design.T
        spread = np.median(np.abs(residuals), axis=1, keepdims=True) * _MAD_TO_SIGMA
        weights = np.square(np.clip(1 - np.square(residuals / (_TUKEY * spread + 1e-12 + 1e-6 * np.abs(values))), 0, 1))
        weights += 1e-6  # never singular
    return plane
