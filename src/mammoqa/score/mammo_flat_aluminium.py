"""CNR and SDNR of 0.2 mm aluminium, 10 mm wide, where it is seen. European guidelines; IAEA Human Health Series 17.

SDNR = (background - aluminium) / standard deviation of the background;
CNR = (background - aluminium) / root of the mean of both variances. Regions of 5 mm in the middle of the square, and
five times 5 mm on all sides of it.
"""

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from mammoqa.core import Image, Measurement, Phantom, Pose, Region
from mammoqa.score.mammo_flat_field import inner, pitch_of, usable

_BLOCK_MM = 0.5
_SIDE_MM = 10.0
_READ_MM = 5.0
_AWAY_MM = 12.0
_SEEN = 8.0  # times the scatter of the filter over the even field


def score_aluminium(image: Image, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """SDNR and CNR with intervals and the square's regions; nothing where no such square is seen."""
    at = find_square(image, phantom)
    if at is None:
        return (), ()
    inside = _cut(image, at)
    around = [_cut(image, (at[0] + dy, at[1] + dx)) for dy, dx in _sides(image)]
    level = float(np.mean([part.mean() for part in around]))
    variance = float(np.mean([part.var(ddof=1) for part in around]))
    difference = level - float(inside.mean())
    sdnr = difference / np.sqrt(variance)
    cnr = difference / np.sqrt((variance + float(inside.var(ddof=1))) / 2)
    # the means are known to 1 over the root of their pixels, of an area over which noise is alike
    half = 1.96 * float(np.hypot(1.0 / np.sqrt(inside.size / 4), sdnr / np.sqrt(2 * 4 * inside.size)))
    note = f"contrast {100 * difference / level:.2f} %"
    measurements = tuple(
        Measurement(name, float(v), "", low=float(v) - half, high=float(v) + half, note=note)
        for name, v in (("sdnr_aluminium", sdnr), ("cnr_aluminium", cnr))
    )
    regions = [Region("aluminium", _box(image, at))]
    regions += [Region("", _box(image, (at[0] + dy, at[1] + dx))) for dy, dx in _sides(image)]
    return measurements, tuple(regions)


def find_square(image: Image, phantom: Phantom) -> tuple[float, float] | None:
    """Row and column of the middle of a square of 10 mm that is darker than its surroundings; None without one."""
    pitch_y = pitch_of(image)[0]
    part = inner(image, phantom)
    block = max(1, round(_BLOCK_MM / pitch_y))
    cut = image.pixels[part].astype(np.float32)
    rows, columns = cut.shape[0] // block, cut.shape[1] // block
    coarse = np.median(cut[: rows * block, : columns * block].reshape(rows, block, columns, block), axis=(1, 3))
    clear = usable(image, 8)
    within = np.repeat(np.repeat(clear, 8, axis=0), 8, axis=1)
    within = np.pad(
        within, [(0, max(0, n - m)) for n, m in zip(image.pixels.shape, within.shape, strict=True)], mode="edge"
    )
    mask = within[part][: rows * block : block, : columns * block : block]
    size = max(3, round(_SIDE_MM / (block * pitch_y)))
    wide = round(2.2 * size)
    mean = ndimage.uniform_filter(coarse, size)
    ring = (ndimage.uniform_filter(coarse, wide) * wide**2 - mean * size**2) / (wide**2 - size**2)
    response = np.where(mask, 1.0 - mean / np.maximum(ring, 1e-6), 0.0)
    reach = wide // 2 + 1
    response[:reach], response[-reach:], response[:, :reach], response[:, -reach:] = 0.0, 0.0, 0.0, 0.0
    valid = response[reach:-reach, reach:-reach]
    if valid.size == 0:
        return None
    scatter = 1.4826 * float(np.median(np.abs(valid - np.median(valid))))
    row, column = (int(k) for k in np.unravel_index(int(np.argmax(response)), response.shape))
    height = float(response[row, column])
    if (
        height < _SEEN * max(scatter, 1e-9)
        or not 0.01 < height < 0.4
        or not _is_square(coarse, row, column, size, height)
    ):
        return None
    return part[0].start + (row + 0.5) * block, part[1].start + (column + 0.5) * block


def _is_square(coarse: Float[np.ndarray, "rows columns"], row: int, column: int, size: int, height: float) -> bool:
    """Whether the whole square is evenly darker: each quarter has most of the contrast."""
    half = size // 2
    around = float(np.median(coarse[max(0, row - size) : row + size, max(0, column - size) : column + size]))
    parts = [
        coarse[row - half + dy * half : row + dy * half, column - half + dx * half : column + dx * half]
        for dy in (0, 1)
        for dx in (0, 1)
    ]
    return all(1.0 - float(part.mean()) / max(around, 1e-6) > 0.4 * height for part in parts if part.size)


def _sides(image: Image) -> list[tuple[float, float]]:
    pitch_y, pitch_x = pitch_of(image)
    return [
        (-_AWAY_MM / pitch_y, 0.0),
        (_AWAY_MM / pitch_y, 0.0),
        (0.0, -_AWAY_MM / pitch_x),
        (0.0, _AWAY_MM / pitch_x),
    ]


def _cut(image: Image, at: tuple[float, float]) -> Float[np.ndarray, "rows columns"]:
    pitch_y, pitch_x = pitch_of(image)
    high, wide = round(_READ_MM / 2 / pitch_y), round(_READ_MM / 2 / pitch_x)
    row, column = round(at[0]), round(at[1])
    return image.pixels[row - high : row + high, column - wide : column + wide].astype(np.float64)


def _box(image: Image, at: tuple[float, float]) -> Float[np.ndarray, "4 2"]:
    pitch_y, pitch_x = pitch_of(image)
    high, wide = _READ_MM / 2 / pitch_y, _READ_MM / 2 / pitch_x
    row, column = at
    return np.array(
        [
            (column - wide, row - high),
            (column + wide, row - high),
            (column + wide, row + high),
            (column - wide, row + high),
        ]
    )
