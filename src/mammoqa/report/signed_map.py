"""Maps with a sign as pictures, in the colours of Amanova et al. 2022: red above 0, blue below, black at 0."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Real, UInt8

_EDGE_PX = 4
_EDGE_GREY = 128
_BRIGHT_PERCENTILE = 99.5  # of the map's size, shown at full colour


def signed_maps(maps: Sequence[Float[np.ndarray, "_ _"]], height_px: int = 700) -> UInt8[np.ndarray, "rows columns 3"]:
    """Maps side by side, averaged over blocks of pixels so that each is at most `height_px` high."""
    return _side_by_side([_coloured(_blocks(one, height_px)) for one in maps])


def map_beside_image(
    image: Real[np.ndarray, "rows columns"], found: Float[np.ndarray, "rows columns"], height_px: int = 1000
) -> UInt8[np.ndarray, "_ _ 3"]:
    """The image, and beside it its map."""
    small = _blocks(image, height_px)
    low, high = np.percentile(small, (1, 99))
    grey = np.clip((small - low) / max(high - low, 1e-9), 0, 1)
    shown = np.repeat(np.round(255 * grey).astype(np.uint8)[:, :, None], 3, axis=2)
    return _side_by_side([shown, _coloured(_blocks(found, height_px))])


def _blocks(values: Real[np.ndarray, "rows columns"], height_px: int) -> Float[np.ndarray, "r c"]:
    step = -(-values.shape[0] // height_px)
    rows, columns = (n // step * step for n in values.shape)
    parts = values[:rows, :columns].reshape(rows // step, step, columns // step, step)
    return np.asarray(parts.mean(axis=(1, 3)))


def _coloured(small: Float[np.ndarray, "rows columns"]) -> UInt8[np.ndarray, "rows columns 3"]:
    top = max(float(np.percentile(np.abs(small), _BRIGHT_PERCENTILE)), 1e-30)
    value = np.clip(small / top, -1, 1)
    drawn = np.stack([np.maximum(value, 0), np.zeros_like(value), np.maximum(-value, 0)], axis=-1)
    return np.asarray(np.round(255 * drawn).astype(np.uint8))


def _side_by_side(pictures: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> UInt8[np.ndarray, "rows columns 3"]:
    """Pictures in a grey frame, aligned at their tops."""
    height = max(len(one) for one in pictures) + 2 * _EDGE_PX
    framed = []
    for one in pictures:
        frame = np.full((height, one.shape[1] + 2 * _EDGE_PX, 3), _EDGE_GREY, np.uint8)
        frame[_EDGE_PX : _EDGE_PX + len(one), _EDGE_PX:-_EDGE_PX] = one
        framed.append(frame)
    return np.concatenate(framed, axis=1)
