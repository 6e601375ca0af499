"""How an image asks to be shown: its VOI table or window, as brightness from 0 to 1."""

import numpy as np
from jaxtyping import Float, Real

from mammoqa.core import Image, VoiTable, Window


def display(image: Image, index: int = 0) -> Float[np.ndarray, "rows columns"]:
    """Brightness 0 to 1 (float32) after the VOI transformation number `index` (tables first, then windows).

    Without any, the range of the pixels is stretched. DICOM PS3.3 C.11.2.1. Raises IndexError if the image has
    transformations but not that many.
    """
    ways: tuple[VoiTable | Window, ...] = (*image.voi_tables, *image.windows)
    if not ways:
        low, high = float(image.pixels.min()), float(image.pixels.max())
        return _ramp(image.pixels, low, max(high - low, 1e-12))
    way = ways[index]
    return by_table(image.pixels, way) if isinstance(way, VoiTable) else by_window(image.pixels, way)


def by_window(pixels: Real[np.ndarray, "rows columns"], window: Window) -> Float[np.ndarray, "rows columns"]:
    """Apply LINEAR, LINEAR_EXACT or SIGMOID (PS3.3 C.11.2.1.2 and C.11.2.1.3); other names count as LINEAR."""
    if window.function == "SIGMOID":
        steps = np.clip(-4 * (pixels.astype(np.float32) - window.centre) / window.width, -80, 80)
        brightness: Float[np.ndarray, "rows columns"] = (1 / (1 + np.exp(steps))).astype(np.float32)
        return brightness
    if window.function == "LINEAR_EXACT":
        return _ramp(pixels, window.centre - window.width / 2, window.width)
    return _ramp(pixels, window.centre - 0.5 - (window.width - 1) / 2, max(window.width - 1, 1e-6))


def by_table(pixels: Real[np.ndarray, "rows columns"], table: VoiTable) -> Float[np.ndarray, "rows columns"]:
    """Apply a VOI lookup table."""
    index = np.clip(np.rint(pixels - table.first), 0, len(table.values) - 1).astype(np.intp)
    entries = np.asarray(table.values, np.float32) / np.float32(2**table.bits - 1)
    return np.take(entries, index)


def _ramp(pixels: Real[np.ndarray, "rows columns"], low: float, width: float) -> Float[np.ndarray, "rows columns"]:
    shown = pixels.astype(np.float32)
    shown -= np.float32(low)
    shown /= np.float32(width)
    return np.clip(shown, 0, 1, out=shown)
