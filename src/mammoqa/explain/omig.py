r"""OMIG: which change of an image would make its contrast-detail curve better (Amanova et al. 2022, section 2.3).

The curve's midpoint, the mean over its K points, has the gradient R(x) = d midpoint / dx (eq 1). An image x moves
against it along a path of L steps of c / L (eq 2); the explanation is the difference of its ends (eq 3). Where it is
positive, a brighter pixel makes the network expect a better image quality.

Any model will do that gives curves and input gradients of images:

    Slopes:  x [n, rows, columns] -> (curve [n, K], R [n, rows, columns])

`omig` is algorithm 1, `upsample` algorithm 2; the lines of the paper's listings stand beside the code. Two things do
not change the result and are not as printed: line 5 of algorithm 1 is left out in the last round, whose gradient is
never used, so that L steps cost L gradients; and many images move at the same time.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Float, Float32, Int, Real

from mammoqa.models.cdmam_downsample import Draw, take

Images = Float32[np.ndarray, "n rows columns"]
Slopes = Callable[[Images], tuple[Float[np.ndarray, "n k"], Images]]
Explanation = Callable[[Images], Images]


@dataclass(frozen=True, slots=True)
class Descent:
    """How far an image moves: the paper's c = 1, L = 50, t = 3; `threshold` None leaves outliers in."""

    c: float = 1.0
    steps: int = 50
    threshold: float | None = 3.0


PAPER = Descent()
PAPER_DRAWS = 5000  # Amanova et al. 2022, section 3


def omig(slopes: Slopes, x: Images, path: Descent = PAPER) -> Images:
    """The OMIG explanation of each image: algorithm 1. Costs `path.steps` gradients an image."""
    epsilon = np.float32(path.c / path.steps)
    delta = np.zeros(x.shape, np.float32)  # line 1: x_0 = x; x_l is kept as x + delta, as steps are tiny beside x
    gradient = slopes(x)[1]  # line 2: R(x_0); outliers stay in, as printed
    for step in range(path.steps):  # line 3
        delta -= epsilon * gradient  # line 4: x_{l+1} = x_l - epsilon R(x_l)
        if step + 1 < path.steps:
            gradient = without_outliers(slopes(x + delta)[1], path.threshold)  # lines 5 to 11
    return delta  # line 13 and the output: x' - x


def without_outliers(gradient: Images, threshold: float | None) -> Images:
    """Components whose Z-score exceeds the threshold are set to zero, image by image: lines 6 to 11 of algorithm 1."""
    if threshold is None:
        return gradient
    mean = gradient.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    spread = gradient.std(axis=(1, 2), keepdims=True, dtype=np.float64)
    outside = np.abs(gradient - mean) > threshold * spread  # line 8: |Z| > t, without a division by zero
    return np.where(outside, np.float32(0.0), gradient)  # line 9


def midpoint(curve: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    """The mean over the points of each curve: its position as one number (section 2.3.1)."""
    return np.asarray(curve.mean(axis=1))


@dataclass(slots=True, eq=False)
class Upsampled:
    """An explanation at full resolution as it grows: the sum over draws and how often each pixel was drawn."""

    total: Float[np.ndarray, "rows columns"]
    visits: Int[np.ndarray, "rows columns"]
    draws: int = 0
    drawn_share: float = 0.0

    def printed(self) -> Float[np.ndarray, "rows columns"]:
        """Algorithm 2's output: the mean over draws, in which pixels that were not drawn count as zero."""
        return np.asarray(self.total / max(self.draws, 1))

    def per_visit(self) -> Float[np.ndarray, "rows columns"]:
        """The mean over each pixel's own visits, on the scale of `printed`: the same expectation, less scatter.

        Pixels that were never drawn are zero.
        """
        return np.asarray(self.total / np.maximum(self.visits, 1) * self.drawn_share)


def upsample(
    explain: Explanation,
    image: Real[np.ndarray, "rows columns"],
    drawn: Iterable[Draw],
    batch: int = 16,
) -> Upsampled:
    """An explanation of the image at its own resolution from those of random downsamplings: algorithm 2.

    Args:
        explain: explains downsampled images, such as `omig` of an ensemble.
        image: as the network reads it, but for the downsampling.
        drawn: the draws; `models.cdmam_downsample.draws` for the paper's, `passes` for those without replacement.
        batch: downsampled images that are explained at the same time.
    """
    stages = list(upsampling(explain, image, drawn, batch))  # the same object every time
    return stages[-1] if stages else _nothing(image.shape)


def upsampling(
    explain: Explanation,
    image: Real[np.ndarray, "rows columns"],
    drawn: Iterable[Draw],
    batch: int = 16,
) -> Iterator[Upsampled]:
    """As `upsample`, giving the growing map (always the same object) after every batch of draws."""
    grown = _nothing(image.shape)
    source = iter(drawn)
    while chosen := list(islice(source, batch)):  # lines 1 to 3
        for draw, delta in zip(chosen, explain(take(image, chosen)), strict=True):  # line 4
            where = np.ix_(draw.rows, draw.columns)
            grown.total[where] += delta  # lines 5 to 13; the division by N comes last
            grown.visits[where] += 1
        grown.draws += len(chosen)
        grown.drawn_share = len(chosen[0].rows) * len(chosen[0].columns) / image.size
        yield grown


def correlation(one: Real[np.ndarray, "rows columns"], other: Real[np.ndarray, "rows columns"]) -> float:
    """Pearson's correlation of two maps over all pixels; 0 where one is constant."""
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


def _nothing(shape: tuple[int, ...]) -> Upsampled:
    return Upsampled(np.zeros(shape), np.zeros(shape, np.int64))
