"""Coarser copies of an image, and sampling between its pixels.

Positions are (x, y) in pixels of the image, (0, 0) the centre of the top-left pixel. A `Level` is a block mean of the
image with the block size remembered, so that everything can be asked in the image's own pixels.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Real

from mammoqa.core import Image

_STRIP = 1 << 14  # samples that are taken at a time, so that what is computed of them stays in the cache


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """A block mean of an image; `block` pixels a side, so that level column j lies at (j + 1/2) block - 1/2."""

    values: Float[np.ndarray, "rows columns"]
    block: int
    pitch_mm: tuple[float, float]  # of the level's own pixels, (y, x)


def block_mean(pixels: Real[np.ndarray, "rows columns"], block: int) -> Float[np.ndarray, "r c"]:
    """Mean over blocks of `block` x `block` pixels as float32; what does not fill a block is left out."""
    rows, columns = pixels.shape[0] // block, pixels.shape[1] // block
    if block == 1:
        return pixels.astype(np.float32)
    lines = np.zeros((rows, columns * block), np.float32)
    for i in range(block):
        lines += pixels[i : rows * block : block, : columns * block]
    means = lines.reshape(rows, columns, block) @ np.full(block, 1.0 / block**2, np.float32)
    return means.astype(np.float32, copy=False)


def level(image: Image, target_mm: float, finer: Level | None = None) -> Level:
    """Reduce an image to pixels of about `target_mm`, from `finer` where given; `image.pitch_mm` must be known."""
    pitch = finer.pitch_mm if finer else image.pitch_mm
    if pitch is None:
        raise ValueError("an image without pixel spacing has no size")
    block = max(1, round(target_mm / min(pitch)))
    values = block_mean(finer.values if finer else image.pixels, block)
    return Level(values, block * (finer.block if finer else 1), (pitch[0] * block, pitch[1] * block))


def ends_of_scale(image: Image) -> tuple[float, float]:
    """The grey values at which pixels are clipped, if many are: the file's, or nearer ones that nothing passes."""
    low, high = float(image.pixels.min()), float(image.pixels.max())
    if image.saturated is None:
        return low, high
    return max(low, image.saturated[0]), min(high, image.saturated[1])


def bilinear(
    values: Float[np.ndarray, "rows columns"], x: Real[np.ndarray, "*shape"], y: Real[np.ndarray, "*shape"]
) -> Float[np.ndarray, "*shape"]:
    """Sample `values` between its pixels, float32; positions outside take the value of the nearest edge."""
    rows, columns = values.shape
    flat = np.ascontiguousarray(values).ravel()
    if x.size <= 2 * _STRIP:
        return _between(flat, rows, columns, x, y)
    across, down = x.reshape(-1), y.reshape(-1)
    found = np.empty(x.size, np.float32)
    for start in range(0, x.size, _STRIP):
        strip = slice(start, start + _STRIP)
        found[strip] = _between(flat, rows, columns, across[strip], down[strip])
    return found.reshape(x.shape)


def _between(
    flat: Float[np.ndarray, " pixels"],
    rows: int,
    columns: int,
    x: Real[np.ndarray, "*shape"],
    y: Real[np.ndarray, "*shape"],
) -> Float[np.ndarray, "*shape"]:
    x = np.clip(x, 0, columns - 1.001).astype(np.float32, copy=False)
    y = np.clip(y, 0, rows - 1.001).astype(np.float32, copy=False)
    left, top = x.astype(np.int32), y.astype(np.int32)
    x, y = x - left, y - top
    at = top * np.int32(columns) + left
    below = at + np.int32(columns)
    upper = flat.take(at)
    upper += x * (flat.take(at + np.int32(1)) - upper)
    lower = flat.take(below)
    lower += x * (flat.take(below + np.int32(1)) - lower)
    upper += y * (lower - upper)
    return upper


def sample(of: Level, points_px: Real[np.ndarray, "*shape 2"]) -> Float[np.ndarray, "*shape"]:
    """Sample a level at positions in pixels of the full image."""
    x = (points_px[..., 0] + 0.5) / of.block - 0.5
    y = (points_px[..., 1] + 0.5) / of.block - 0.5
    return bilinear(of.values, x, y)


def inside(of: Level, points_px: Real[np.ndarray, "*shape 2"]) -> Bool[np.ndarray, "*shape"]:
    """Whether positions in pixels of the full image lie on the level."""
    x = (points_px[..., 0] + 0.5) / of.block
    y = (points_px[..., 1] + 0.5) / of.block
    rows, columns = of.values.shape
    return np.asarray((x >= 0) & (x <= columns) & (y >= 0) & (y <= rows))


def otsu(values: Float[np.ndarray, "*shape"], bins: int = 256) -> float:
    """Threshold that separates two classes best (Otsu 1979, as in Yun 2025)."""
    low, high = np.percentile(values, (0.1, 99.9))
    if high <= low:
        return float(low)
    counts, edges = np.histogram(values, bins=bins, range=(float(low), float(high)))
    centres = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    moment = np.cumsum(counts * centres)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (moment[-1] * below / below[-1] - moment) ** 2 / (below * above.astype(float))
    return float(centres[int(np.argmax(np.nan_to_num(between, nan=-1.0, posinf=-1.0)))])
