"""The picture that goes with an analysis: the image as a person should see it, in 8 bits."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float32, Real, UInt8

from mammoqa.core import Image, ObjectScore, Outline, Phantom, Pose, Region, Stack
from mammoqa.models import Model

VIEW_PITCH_MM = 0.125  # fine enough for the smallest specks (0.16 mm) to be seen, 0.8 megapixels


def upright_view(image: Image, phantom: Phantom, pose: Pose) -> Float32[np.ndarray, "rows columns"]:
    """The phantom upright, attenuating parts bright, in raw pixel values at `VIEW_PITCH_MM`."""
    from mammoqa.locate import upright

    return upright(image, phantom, pose, pitch_mm=VIEW_PITCH_MM)


def insert_alone(phantom: Phantom) -> Phantom:
    """The phantom cut to its insert and 3 mm around, for views of phantoms that are far larger than their insert."""
    width_mm, length_mm = phantom.insert_mm or (phantom.outline.width_mm, phantom.outline.length_mm)
    return replace(phantom, outline=Outline(width_mm, length_mm, phantom.outline.thickness_mm))


def mammogram_view(
    seen: Float32[np.ndarray, "rows columns"], pose: Pose
) -> tuple[UInt8[np.ndarray, "rows columns"], float]:
    """The upright view, windowed on the insert; and the pixels per mm."""
    low, high = pose.window if pose.attenuating_bright else (-pose.window[1], -pose.window[0])
    return _levels(seen, low, high), 1.0 / VIEW_PITCH_MM


def even_view(seen: Float32[np.ndarray, "rows columns"]) -> tuple[UInt8[np.ndarray, "rows columns"], float]:
    """The upright view without its slow shading (a quadratic surface), windowed; and the pixels per mm.

    For raw images of wide phantoms, where the heel effect would take up most of the grey scale. What lies within 6 mm
    of the view's border, the insert's frame, does not count.
    """
    rows, columns = (np.linspace(-1, 1, n, dtype=np.float32) for n in seen.shape)

    def terms(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)

    edge = round(6.0 / VIEW_PITCH_MM)
    some = np.s_[edge:-edge:4, edge:-edge:4]
    y, x = np.meshgrid(rows, columns, indexing="ij")
    fitted, *_ = np.linalg.lstsq(terms(y[some], x[some]).reshape(-1, 6), seen[some].ravel(), rcond=None)
    even = seen - (terms(y, x) @ fitted.astype(np.float32))
    low, middle, high = (float(v) for v in np.percentile(even[some], (5, 50, 95)))
    return _levels(even, middle - 2.5 * (middle - low), middle + 3.5 * (high - middle)), 1.0 / VIEW_PITCH_MM


def explanations(
    method: str,
    patches: Float32[np.ndarray, "n rows columns"],
    objects: Sequence[ObjectScore],
    phantom: Phantom,
    model: Model,
    of_presence: Float32[np.ndarray, "n rows columns"] | None = None,
) -> Float32[np.ndarray, "n rows columns"]:
    """What each object's score rests on, 0..1, normalised per kind.

    `method` is a key of `explain.METHODS`; `of_presence` are saliency maps of all objects' presence, where these are
    known already: then only the maps of abnormality are made.
    """
    from mammoqa import explain
    from mammoqa.score.acr156 import kinds_and_sizes

    kinds, sizes_mm = kinds_and_sizes(phantom)
    weights = explain.weights_for(np.array([found.score for found in objects]))
    if of_presence is None:
        maps = explain.METHODS[method](model, patches, kinds, sizes_mm, weights)
    else:
        maps, left = of_presence.copy(), weights[:, 1] > 0
        if left.any():
            maps[left] = explain.METHODS[method](model, patches[left], kinds[left], sizes_mm[left], weights[left])
    return explain.normalise_per_kind(maps, kinds)


def maps_view(
    maps: Float32[np.ndarray, "n side side"],
    phantom: Phantom,
    shape: tuple[int, int],
    scale: float,
    side_mm: float,
) -> Float32[np.ndarray, "rows columns"]:
    """Maps of `side_mm` at the places of the phantom's inserts in its view (see `mammogram_view`)."""
    from mammoqa import explain

    centres_mm = np.array([insert.centre_mm for insert in phantom.inserts]) - np.array(phantom.outline.offset_mm)
    middle = (np.array(shape[::-1]) - 1) / 2
    return explain.assemble(maps, middle + centres_mm * scale, shape, side_mm * scale)


def slices_view(
    stack: Stack, pose: Pose, regions: Iterable[Region]
) -> tuple[UInt8[np.ndarray, "rows columns"], tuple[int, ...]]:
    """The slices that were measured, side by side, and their indices in the stack."""
    indices = tuple(sorted({region.index for region in regions}) or pose.slices[:1] or (0,))
    low, high = pose.window
    return np.hstack([_levels(stack.images[index].pixels, low, high) for index in indices]), indices


def _levels(pixels: Real[np.ndarray, "rows columns"], low: float, high: float) -> UInt8[np.ndarray, "rows columns"]:
    """Pixel values from `low` (black) to `high` (white)."""
    scale = 255.0 / max(high - low, 1e-9)
    scaled = (np.asarray(pixels, dtype=np.float32) - np.float32(low)) * np.float32(scale)
    return np.asarray(np.clip(scaled, 0, 255).astype(np.uint8))
