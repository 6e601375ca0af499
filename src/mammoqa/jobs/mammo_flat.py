"""The picture of a flat field: smaller, in a narrow window, with the regions in its pixels."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from mammoqa.core import Image, Pose, Region

_LONGEST_PX = 1200


def field_view(
    image: Image, pose: Pose, regions: Iterable[Region]
) -> tuple[UInt8[np.ndarray, "rows columns"], tuple[int, ...]]:
    """The field by means over blocks, from 80 to 120 % of its level, and the index of its only slice."""
    block = _block(image)
    rows, columns = (side // block for side in image.pixels.shape)
    coarse = image.pixels[: rows * block, : columns * block].reshape(rows, block, columns, block).mean(axis=(1, 3))
    low, high = pose.window
    return np.clip((coarse - low) * (255.0 / max(high - low, 1e-9)), 0, 255).astype(np.uint8), (0,)


def in_view(image: Image, regions: Iterable[Region]) -> tuple[Region, ...]:
    """Regions of the image in the pixels of its picture."""
    block = _block(image)
    return tuple(replace(r, points_px=(np.asarray(r.points_px, dtype=float) + 0.5) / block - 0.5) for r in regions)


def _block(image: Image) -> int:
    """Pixels of the image along a side of the picture's pixels."""
    longest: int = max(image.pixels.shape)
    return -(-longest // _LONGEST_PX)
