"""The exposed field: what is left of an image when the margins that blades or dead borders hide are cut off.

Behind the blades a detector sees about a thousandth of the exposure. That is far beyond everything else in the image,
on the dark or on the bright end of the scale, in straight bands that follow the image's edges. Left in, they outweigh
the body in every threshold.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

from mammoqa.core import Image
from mammoqa.locate.sampling import Level

# of the way from a blade to the body: noisy blades need the first, a bright frame beside them the second
_CUTS = (0.5, 0.15)
_TEXT_MM = 8.0  # height of a line of text burned into a blade's shadow
_TEXT_FREE = 0.4  # share of a line of the image that such text leaves hidden
_FULL = 0.97  # share of a line that lies behind a blade
_FREE = 0.05  # share of the first line beside it that may look so, too
_DEEPEST = 0.4  # of the image's width or height
_PENUMBRA_MM = 0.6  # lies between; blur and scatter reach little further
_THIN_MM = 1.0  # lines that differ (dead lines) may be this thick

Margins = tuple[int, int, int, int]  # top, bottom, left, right


def exposed_field(image: Image, fine: Level) -> tuple[Image, Level, tuple[int, int]]:
    """Cut off collimated margins; also return what of `fine` is left, and the (row, column) where the rest starts."""
    margins = collimated(fine)
    if not any(margins):
        return image, fine, (0, 0)
    top, bottom, left, right = margins
    rows, columns = fine.values.shape
    kept = fine.values[top : rows - bottom, left : columns - right]
    row, column = top * fine.block, left * fine.block
    pixels = image.pixels[row : (rows - bottom) * fine.block, column : (columns - right) * fine.block]
    return replace(image, pixels=pixels), replace(fine, values=kept), (row, column)


def collimated(fine: Level) -> Margins:
    """Lines of the level behind blades at the top, bottom, left and right; zeros where there are none."""
    values = fine.values
    rows, columns = values.shape
    middle = values[rows // 4 : -(rows // 4) or None : 4, columns // 4 : -(columns // 4) or None : 4]
    low, high = np.percentile(middle, (1, 99)) if middle.size else (0.0, 0.0)
    outer = (values[1], values[-2], values[:, 1], values[:, -2]) if min(rows, columns) > 20 else ()
    levels = [float(np.median(line)) for line in outer]
    found: Margins = (0, 0, 0, 0)
    for sign, end in ((1, float(low)), (-1, -float(high))):
        beyond = [sign * value for value in levels if sign * value < end]
        if not beyond:
            continue
        for share in _CUTS:
            # the level of one blade; where two overlap it is darker still
            blade = max(beyond)
            hidden = _hidden(values, sign, blade + share * (end - blade))
            found = _merged(found, _bands(hidden, fine.pitch_mm))
    return found


def _hidden(values: Float[np.ndarray, "rows columns"], sign: int, cut: float) -> Bool[np.ndarray, "rows columns"]:
    return np.asarray(values < cut if sign > 0 else values > -cut)


def _merged(one: Margins, other: Margins) -> Margins:
    a, b, c, d = (max(pair) for pair in zip(one, other, strict=True))
    return a, b, c, d


def _bands(hidden: Bool[np.ndarray, "rows columns"], pitch_mm: tuple[float, float]) -> Margins:
    """Depths of the bands of `hidden` at the four edges, the penumbra included."""
    rows, columns = hidden.shape
    thin = [max(1, round(_THIN_MM / pitch)) for pitch in pitch_mm]
    along_y, along_x = hidden.mean(axis=1), hidden.mean(axis=0)
    text = [round(_TEXT_MM / pitch) for pitch in pitch_mm]
    depths = [_depth(share, thin[0], text[0]) for share in (along_y, along_y[::-1])]
    depths += [_depth(share, thin[1], text[1]) for share in (along_x, along_x[::-1])]
    soft = [max(1, round(_PENUMBRA_MM / pitch)) for pitch in pitch_mm]
    ends = [depth + soft[k // 2] if depth else 0 for k, depth in enumerate(depths)]
    inner = hidden[ends[0] : rows - ends[1], ends[2] : columns - ends[3]]
    if min(inner.shape) < 10:
        return 0, 0, 0, 0
    beside = (inner[0], inner[-1], inner[:, 0], inner[:, -1])
    free = [float(line.mean()) < _FREE for line in beside]
    top, bottom, left, right = (end if clear else 0 for end, clear in zip(ends, free, strict=True))
    return top, bottom, left, right


def _depth(share: Float[np.ndarray, " lines"], thin: int, text: int) -> int:
    """How many lines from the edge are hidden, thin gaps and text passed over; 0 where too many for a margin."""
    full = np.flatnonzero(share > _FULL)
    if full.size == 0 or full[0] > thin:
        return 0
    depth = int(full[0]) + 1
    for start, end in pairwise(full):
        between = share[start + 1 : end]
        if end - start > thin and (end - start > text or between.min() < _TEXT_FREE):
            break
        depth = int(end) + 1
    return depth if depth <= _DEEPEST * share.size else 0
