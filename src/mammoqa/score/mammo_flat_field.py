"""What the tests of a flat field share: the part of the field to read, and levels of regions."""

import numpy as np
from jaxtyping import Bool, Float, Real
from scipy import ndimage

from mammoqa.core import Image, Phantom

_PLATE = 0.5  # of the field's level: darker is a plate or its penumbra


def pitch_of(image: Image) -> tuple[float, float]:
    """Pixel pitch in mm (along y, along x); 0.1 mm where the image gives none."""
    return image.pitch_mm or (0.1, 0.1)


def length(phantom: Phantom, name: str) -> float:
    """A length of the phantom's data."""
    return dict(phantom.lengths_mm)[name]


def inner(image: Image, phantom: Phantom) -> tuple[slice, slice]:
    """The field without its border."""
    border = length(phantom, "border")
    (rows, columns), (pitch_y, pitch_x) = image.pixels.shape, pitch_of(image)
    top, left = round(border / pitch_y), round(border / pitch_x)
    return slice(top, rows - top), slice(left, columns - left)


def usable(image: Image, step: int) -> Bool[np.ndarray, "rows columns"]:
    """Of every `step`-th pixel, those that are no part of a plate or within 5 mm of one."""
    values = ndimage.uniform_filter(image.pixels[::step, ::step].astype(np.float32), 5)
    dark = values < _PLATE * float(np.median(values))
    if float(dark.mean()) < 0.001:  # dead lines and pixels are no plate
        return np.ones(values.shape, dtype=bool)
    dark = ndimage.binary_opening(dark, iterations=max(1, round(2.0 / (step * pitch_of(image)[0]))))
    return ~np.asarray(ndimage.binary_dilation(dark, iterations=max(1, round(5.0 / (step * pitch_of(image)[0])))))


def tiles(image: Image, phantom: Phantom) -> list[tuple[slice, slice]]:
    """Regions of 20 mm side by side over the field, clear of a plate."""
    side = length(phantom, "roi")
    rows, columns = inner(image, phantom)
    high, wide = round(side / pitch_of(image)[0]), round(side / pitch_of(image)[1])
    step = 8
    clear = usable(image, step)
    found = []
    for top in range(rows.start, rows.stop - high + 1, high):
        for left in range(columns.start, columns.stop - wide + 1, wide):
            if clear[top // step : (top + high) // step, left // step : (left + wide) // step].all():
                found.append((slice(top, top + high), slice(left, left + wide)))
    return found


def detrended(values: Real[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
    """A region without its shading: less a surface of second degree, its mean kept."""
    rows, columns = values.shape
    v, u = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=-1).reshape(-1, 6)
    flat = values.reshape(-1).astype(np.float64)
    fitted = terms @ np.linalg.solve(terms.T @ terms, terms.T @ flat)
    return np.asarray((flat - fitted).reshape(rows, columns) + flat.mean())
