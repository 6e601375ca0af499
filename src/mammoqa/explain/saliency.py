"""Which pixels a score hangs on: one map per object, and all of them put together.

Every method has the same call, `method(model, patches, kinds, sizes_mm, weights) -> maps`, with

    patches   [n, size, size]  raw pixel values, as the model reads them
    weights   [n, 2]           which output of each object is explained (present, abnormal)
    maps      [n, size, size]  not negative; larger where the output hangs on a pixel more

`model` is anything with `predict` and `saliency`, such as `models.Model`.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32, Int, Real

_ROBUST_PERCENTILE = 99.5  # Yun et al. 2025, Fig 11
_MAXIMUM_FACTOR = 2.0  # Yun et al. 2025, Fig 11


@runtime_checkable
class Explainable(Protocol):
    """What the methods need of a model."""

    def predict(
        self,
        patches: Real[np.ndarray, "n rows columns"],
        kinds: Int[np.ndarray, " n"],
        sizes_mm: Real[np.ndarray, " n"],
    ) -> Float[np.ndarray, "n 2"]:
        """Probabilities (present, abnormal)."""
        ...

    def saliency(
        self,
        patches: Real[np.ndarray, "n rows columns"],
        kinds: Int[np.ndarray, " n"],
        sizes_mm: Real[np.ndarray, " n"],
        weights: Real[np.ndarray, "n 2"],
    ) -> Float32[np.ndarray, "n rows columns"]:
        """Absolute input gradients of the weighted outputs."""
        ...


def saliency(
    model: Explainable,
    patches: Real[np.ndarray, "n rows columns"],
    kinds: Int[np.ndarray, " n"],
    sizes_mm: Real[np.ndarray, " n"],
    weights: Real[np.ndarray, "n 2"],
) -> Float32[np.ndarray, "n rows columns"]:
    """Image-specific class saliency: the absolute input gradient (Simonyan et al. 2014, as in Yun et al. 2025)."""
    return model.saliency(patches, kinds, sizes_mm, weights)


def smoothgrad(
    model: Explainable,
    patches: Real[np.ndarray, "n rows columns"],
    kinds: Int[np.ndarray, " n"],
    sizes_mm: Real[np.ndarray, " n"],
    weights: Real[np.ndarray, "n 2"],
    *,
    repeats: int = 8,
    share: float = 0.5,
    seed: int = 0,
) -> Float32[np.ndarray, "n rows columns"]:
    """Saliency averaged over `repeats` noisy copies of each patch (Smilkov et al. 2017).

    The added noise has `share` of the spread between neighbouring pixels; the map is the same for the same `seed`.
    """
    rng = np.random.default_rng(seed)
    pixels = np.asarray(patches, dtype=np.float32)
    spread = np.std(np.diff(pixels, axis=2), axis=(1, 2), keepdims=True) / np.sqrt(2)
    total = np.zeros(pixels.shape, dtype=np.float32)
    for _ in range(repeats):
        noisy = pixels + share * spread * rng.standard_normal(pixels.shape, dtype=np.float32)
        total += model.saliency(noisy, kinds, sizes_mm, weights)
    total /= repeats
    return total


def occlusion(
    model: Explainable,
    patches: Real[np.ndarray, "n rows columns"],
    kinds: Int[np.ndarray, " n"],
    sizes_mm: Real[np.ndarray, " n"],
    weights: Real[np.ndarray, "n 2"],
    *,
    window_px: int = 20,
    step_px: int = 10,
) -> Float32[np.ndarray, "n rows columns"]:
    """How far the weighted probabilities move when a window is replaced by background (Zeiler and Fergus 2014).

    The background comes from the patch itself, so its noise stays: a window is overwritten with the corner region that
    no insert reaches. Needs no gradient, and so checks the gradient methods.
    """
    pixels = np.asarray(patches, dtype=np.float32)
    size = pixels.shape[1]
    before = model.predict(pixels, kinds, sizes_mm)
    moved = np.zeros(pixels.shape, dtype=np.float64)
    covered = np.zeros((size, size))
    background = pixels[:, :window_px, :window_px]
    for y in range(0, size - window_px + 1, step_px):
        for x in range(0, size - window_px + 1, step_px):
            changed = pixels.copy()
            changed[:, y : y + window_px, x : x + window_px] = background
            change = np.abs(weights * (before - model.predict(changed, kinds, sizes_mm))).sum(axis=1)
            moved[:, y : y + window_px, x : x + window_px] += change[:, None, None]
            covered[y : y + window_px, x : x + window_px] += 1
    return (moved / np.maximum(covered, 1)).astype(np.float32)


METHODS: MappingProxyType[str, Callable[..., Float32[np.ndarray, "n rows columns"]]] = MappingProxyType(
    {"saliency": saliency, "smoothgrad": smoothgrad, "occlusion": occlusion}
)


def weights_for(scores: Real[np.ndarray, " n"]) -> Float[np.ndarray, "n 2"]:
    """Which output explains a score: presence for 0 and 1, abnormality for 0.5."""
    half = np.asarray(scores) == 0.5
    return np.stack([~half, half], axis=1).astype(np.float64)


def normalise_per_kind(
    maps: Real[np.ndarray, "n rows columns"], kinds: Int[np.ndarray, " n"]
) -> Float32[np.ndarray, "n rows columns"]:
    """Maps in 0..1: one is twice the 99.5th percentile of all maps of the same kind (Yun et al. 2025, Fig 11)."""
    out = np.zeros(maps.shape, dtype=np.float32)
    for kind in np.unique(kinds):
        of_kind = maps[kinds == kind]
        maximum = _MAXIMUM_FACTOR * float(np.percentile(of_kind, _ROBUST_PERCENTILE))
        if maximum > 0:
            out[kinds == kind] = np.clip(of_kind / maximum, 0, 1)
    return out


def assemble(
    maps: Real[np.ndarray, "n size size"],
    centres_px: Float[np.ndarray, "n 2"],
    shape: tuple[int, int],
    patch_side_px: float,
) -> Float32[np.ndarray, "rows columns"]:
    """The maps of all objects at their places in an upright view; where they overlap the larger value shows.

    Args:
        maps: one square map per object.
        centres_px: (x, y) of each object's centre in the view; its centre of the top-left pixel is (0, 0).
        shape: rows and columns of the view.
        patch_side_px: side of a patch in pixels of the view; maps are sampled bilinearly.
    """
    out = np.zeros(shape, dtype=np.float32)
    size = maps.shape[1]
    scale = size / patch_side_px
    for one, (cx, cy) in zip(maps, centres_px, strict=True):
        rows = _within(cy, patch_side_px, shape[0])
        columns = _within(cx, patch_side_px, shape[1])
        if len(rows) == 0 or len(columns) == 0:
            continue
        middle = (size - 1) / 2
        drawn = _bilinear(one, middle + (rows - cy) * scale, middle + (columns - cx) * scale)
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        out[part] = np.maximum(out[part], drawn)
    return out


def _within(centre: float, side: float, limit: int) -> Int[np.ndarray, " k"]:
    first = max(0, int(np.ceil(centre - side / 2)))
    last = min(limit - 1, int(np.ceil(centre + side / 2)) - 1)
    return np.arange(first, last + 1)


def _bilinear(
    image: Real[np.ndarray, "size size"], y: Float[np.ndarray, " r"], x: Float[np.ndarray, " c"]
) -> Float32[np.ndarray, "r c"]:
    """Values on a grid of rows y and columns x, held constant beyond the border."""
    last = len(image) - 1
    y, x = np.clip(y, 0, last), np.clip(x, 0, last)
    y0, x0 = np.minimum(y.astype(int), last - 1), np.minimum(x.astype(int), last - 1)
    fy, fx = (y - y0)[:, None], (x - x0)[None, :]
    top = image[np.ix_(y0, x0)] * (1 - fx) + image[np.ix_(y0, x0 + 1)] * fx
    bottom = image[np.ix_(y0 + 1, x0)] * (1 - fx) + image[np.ix_(y0 + 1, x0 + 1)] * fx
    sampled: np.ndarray = (top * (1 - fy) + bottom * fy).astype(np.float32)
    return sampled
