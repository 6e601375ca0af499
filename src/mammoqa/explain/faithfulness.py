"""Does a map point at what the model uses? The deletion test (Petsiuk et al. 2018, RISE)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Real

from mammoqa.explain.saliency import Explainable


@dataclass(frozen=True, slots=True, eq=False)
class Deletion:
    """The weighted probability as blocks are deleted, most salient first and in random order.

    `curve` and `random_curve` are [n, steps + 1], against `shares` [steps + 1] of the patch deleted. `gain` [n] is the
    area between them: above 0 the map finds what matters sooner than chance does.
    """

    shares: Float[np.ndarray, " steps"]
    curve: Float[np.ndarray, "n steps"]
    random_curve: Float[np.ndarray, "n steps"]
    gain: Float[np.ndarray, " n"]


def deletion(
    model: Explainable,
    patches: Real[np.ndarray, "n size size"],
    kinds: Int[np.ndarray, " n"],
    sizes_mm: Real[np.ndarray, " n"],
    weights: Real[np.ndarray, "n 2"],
    maps: Real[np.ndarray, "n size size"],
    rng: np.random.Generator,
    *,
    block_px: int = 10,
    steps: int = 10,
    most: float = 0.5,
) -> Deletion:
    """Deletes blocks of each patch in the order of its map and, for comparison, at random.

    A deleted block is overwritten with background from the patch's own corner, so that its noise stays natural.

    Args:
        model: predicts probabilities.
        patches: raw pixel values.
        kinds: as in `saliency`.
        sizes_mm: as in `saliency`.
        weights: which output is followed, as in `saliency`.
        maps: one per patch, from any method.
        rng: the random order.
        block_px: side of a block; divides the patch.
        steps: number of points of the curve.
        most: share of the patch that is deleted in the end.
    """
    pixels = np.asarray(patches, dtype=np.float32)
    n, size, _ = pixels.shape
    across = size // block_px
    blocks = maps[:, : across * block_px, : across * block_px].reshape(n, across, block_px, across, block_px)
    order = np.argsort(-blocks.sum(axis=(2, 4)).reshape(n, -1), axis=1, kind="stable")
    chance = rng.permuted(np.tile(np.arange(across**2), (n, 1)), axis=1)
    shares = np.linspace(0.0, most, steps + 1)
    counts = np.round(shares * across**2).astype(int)

    def curve(orders: Int[np.ndarray, "n blocks"]) -> Float[np.ndarray, "n steps"]:
        values = [
            (weights * model.predict(_delete(pixels, orders[:, :count], block_px), kinds, sizes_mm)).sum(axis=1)
            for count in counts
        ]
        return np.stack(values, axis=1)

    salient, random = curve(order), curve(chance)
    gain = np.trapezoid(random - salient, shares, axis=1) / most
    return Deletion(shares, salient, random, gain)


def _delete(
    pixels: Real[np.ndarray, "n size size"], blocks: Int[np.ndarray, "n k"], block_px: int
) -> Real[np.ndarray, "n size size"]:
    out = pixels.copy()
    across = pixels.shape[1] // block_px
    for patch, chosen in zip(out, blocks, strict=True):
        background = patch[:block_px, :block_px].copy()
        for block in chosen:
            y, x = divmod(int(block), across)
            patch[y * block_px : (y + 1) * block_px, x * block_px : (x + 1) * block_px] = background
    return out
