"""The phantom upright: one patch per test object, and the whole phantom, resampled by area."""

import numpy as np
from jaxtyping import Float32, Real

from mammoqa.core import Image, Phantom, Pose
from mammoqa.locate.sampling import bilinear, block_mean
from mammoqa.phantoms.gaps import gaps_mm


def patches(
    image: Image, phantom: Phantom, pose: Pose, size_px: int = 160, pitch_mm: float = 0.1
) -> Float32[np.ndarray, "n size size"]:
    """Each insert in the middle of a patch: chest wall at the bottom, unmirrored, attenuating bright.

    Values are raw pixel values averaged over the patch's pixels, negated where the image shows attenuation dark.
    """
    centres = np.array([item.centre_mm for item in phantom.inserts])
    axis = (np.arange(size_px) - (size_px - 1) / 2) * pitch_mm
    return _resampled(image, pose, centres, axis, axis, pitch_mm)


def between(
    image: Image, phantom: Phantom, pose: Pose, size_px: int = 100, pitch_mm: float = 0.1
) -> Float32[np.ndarray, "n size size"]:
    """The object-free squares between neighbouring inserts of a phantom with a regular grid, as `patches` gives them.

    Those that reach beyond the image are left out while any other is left.
    """
    centres = gaps_mm(phantom)
    half = size_px * pitch_mm / 2
    corners = centres[:, None] + np.array([(a, b) for a in (-half, half) for b in (-half, half)])
    at_px = pose.to_px(corners.reshape(-1, 2)).reshape(corners.shape)
    inside = ((at_px >= 0) & (at_px <= np.array(image.pixels.shape[::-1]) - 1)).all(axis=(1, 2))
    axis_mm = (np.arange(size_px) - (size_px - 1) / 2) * pitch_mm
    return _resampled(image, pose, centres[inside] if inside.any() else centres, axis_mm, axis_mm, pitch_mm)


def upright(
    image: Image, phantom: Phantom, pose: Pose, pitch_mm: float = 0.25, size: tuple[int, int] | None = None
) -> Float32[np.ndarray, "rows columns"]:
    """The whole phantom with a margin, upright, unmirrored and attenuating bright; `size` is (rows, columns).

    Centred on the body. Beyond the image the nearest pixel repeats.
    """
    body = phantom.outline
    if size is None:
        size = (round((body.length_mm + 6) / pitch_mm), round((body.width_mm + 6) / pitch_mm))
    across = (np.arange(size[1]) - (size[1] - 1) / 2) * pitch_mm
    down = (np.arange(size[0]) - (size[0] - 1) / 2) * pitch_mm
    view: Float32[np.ndarray, "rows columns"] = _resampled(
        image, pose, np.array([body.offset_mm]), across, down, pitch_mm
    )[0]
    return view


def _resampled(
    image: Image,
    pose: Pose,
    centres_mm: Real[np.ndarray, "n 2"],
    across_mm: Real[np.ndarray, " columns"],
    down_mm: Real[np.ndarray, " rows"],
    pitch_mm: float,
) -> Float32[np.ndarray, "n rows columns"]:
    """Sample grids around centres; the image is first averaged over what one sample covers."""
    reach = np.array([[x, y] for x in across_mm[[0, -1]] for y in down_mm[[0, -1]]])
    ends = pose.to_px((centres_mm[:, None] + reach).reshape(-1, 2))
    shape = np.array(image.pixels.shape[::-1])
    footprint = float(np.sqrt(abs(np.linalg.det(pose.matrix[:, :2])))) * pitch_mm
    block = max(1, int(footprint + 0.15))
    # the means of whole blocks must reach beyond the outermost samples
    low = np.clip(np.floor(ends.min(axis=0)).astype(int) - max(4, block), 0, shape - 2)
    high = np.clip(np.ceil(ends.max(axis=0)).astype(int) + 5 + block, low + 2, shape)
    cropped = image.pixels[low[1] : high[1], low[0] : high[0]]
    block = min(block, *cropped.shape)
    crop = _smoothed(block_mean(cropped, block), footprint / block)
    matrix = pose.matrix[:, :2] / block
    origin = (pose.matrix[:, 2] - low + 0.5) / block - 0.5
    starts = centres_mm @ matrix.T + origin
    # single precision from here on: at worst 0.0002 pixels, and half of the time
    x, y = (
        (starts[:, k, None] + matrix[k, 1] * down_mm).astype(np.float32)[:, :, None]
        + (matrix[k, 0] * across_mm).astype(np.float32)
        for k in (0, 1)
    )
    found = bilinear(crop, x, y)
    return found if pose.attenuating_bright else -found


def _smoothed(values: Float32[np.ndarray, "rows columns"], width: float) -> Float32[np.ndarray, "rows columns"]:
    """Average over `width` pixels a side (1 to 2) by a three-point kernel in each direction."""
    if width < 1.1:
        return values
    side = np.float32((width - 1) / 2)
    for _ in range(2):
        out = values * (1 - 2 * side / np.float32(width))
        out[1:-1] += (values[2:] + values[:-2]) * (side / np.float32(width))
        out[0] += values[[0, 1]].sum(axis=0) * (side / np.float32(width))
        out[-1] += values[[-1, -2]].sum(axis=0) * (side / np.float32(width))
        values = out.T
    return values
