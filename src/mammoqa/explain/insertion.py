"""Is a map of a contrast-detail curve faithful? Insertion and deletion as numbers (Petsiuk et al. 2018, RISE).

`faithfulness` ranks pixels by the size of a map, as directions and contributions alike allow. Deletion replaces them by
a baseline, the largest first: after a faithful map the curve's midpoint moves soon. Insertion begins with the baseline
and puts them back: it is soon where it was. The baseline is each image's own mean, which keeps its brightness and
leaves no structure.

`evidence_kept` is RISE's own measure: maps are contributions with a sign, the pixels that keep the curve lowest come
first, and what is followed is the fall itself, from the baseline's midpoint (0) to the image's (1).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from mammoqa.explain.omig import Images, midpoint

Curve = Callable[[Images], Float[np.ndarray, "n k"]]
SHARES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1.0)  # of the pixels; a choice


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """What was followed while pixels were deleted and inserted, [n, shares], and the areas under it [n].

    Shares are evenly spaced in the areas, so that the few pixels that a map puts first count.
    """

    shares: Float[np.ndarray, " shares"]
    deletion: Float[np.ndarray, "n shares"]
    insertion: Float[np.ndarray, "n shares"]

    @property
    def deletion_area(self) -> Float[np.ndarray, " n"]:
        """Area under the deletion curve."""
        return _area(self.deletion)

    @property
    def insertion_area(self) -> Float[np.ndarray, " n"]:
        """Area under the insertion curve."""
        return _area(self.insertion)


@dataclass(frozen=True, slots=True, eq=False)
class Faithfulness(Followed):
    """Distance of the midpoint from that of the whole image, over its mean distance when everything is deleted.

    The mean is over the images, as the distance of one may be near zero by chance. `deletion_area` [n] is larger,
    `insertion_area` [n] smaller for a better map; `score` [n] is their difference.
    """

    @property
    def score(self) -> Float[np.ndarray, " n"]:
        """Deletion less insertion area."""
        return np.asarray(self.deletion_area - self.insertion_area)


def faithfulness(
    curve: Curve,
    x: Images,
    maps: Images,
    shares: tuple[float, ...] = SHARES,
    batch: int = 64,
    baseline: Images | None = None,
) -> Faithfulness:
    """Deletion and insertion curves of maps of the same images; ties in a map are taken in the order of pixels.

    Args:
        curve: the model's curves of images.
        x: images as the model reads them.
        maps: one per image, of any method.
        shares: rising, from 0 to 1.
        batch: images at a time.
        baseline: what pixels are replaced by; each image's own mean where None.
    """
    if baseline is None:
        baseline = np.broadcast_to(x.mean(axis=(1, 2), keepdims=True, dtype=np.float64).astype(np.float32), x.shape)
    places = _midpoints(curve, x, np.abs(maps), baseline, shares, batch)
    whole, nothing = places[0, :, :1], places[0, :, -1:]
    distance = np.abs(places - whole) / max(float(np.abs(nothing - whole).mean()), 1e-9)
    return Faithfulness(np.array(shares), distance[0], distance[1])


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceKept(Followed):
    """The share of the midpoint's fall that is left as evidence is deleted and there as it is inserted [n, shares].

    `insertion_area` [n] is larger, `deletion_area` [n] smaller for a better map; `score` [n] is their difference. Below
    0 and above 1 lie images in which only what speaks against (or for) a low curve is left.
    """

    @property
    def score(self) -> Float[np.ndarray, " n"]:
        """Insertion less deletion area."""
        return np.asarray(self.insertion_area - self.deletion_area)


def evidence_kept(
    curve: Curve,
    x: Images,
    contributions: Images,
    baseline: Images,
    shares: tuple[float, ...] = SHARES,
    batch: int = 64,
) -> EvidenceKept:
    """Deletion and insertion of evidence for a low curve: contributions in falling order, signs and all."""
    places = _midpoints(curve, x, contributions, baseline, shares, batch)
    whole, nothing = places[0, :, :1], places[0, :, -1:]
    kept = (nothing - places) / np.where(np.abs(nothing - whole) < 1e-9, 1e-9, nothing - whole)
    return EvidenceKept(np.array(shares), kept[0], kept[1])


def _midpoints(
    curve: Curve, x: Images, importance: Images, baseline: Images, shares: tuple[float, ...], batch: int
) -> Float[np.ndarray, "2 n shares"]:
    """Midpoints as shares of the pixels, the most important first, are deleted and inserted."""
    n, size = len(x), x[0].size
    counts = np.round(np.array(shares) * size).astype(int)
    flat, plain = x.reshape(n, size), baseline.reshape(n, size)
    pairs = zip(flat, plain, importance.reshape(n, size), strict=True)
    masked = (
        np.stack([np.where(chosen, away, kept), np.where(chosen, kept, away)])
        for kept, away, of in pairs
        for chosen in _chosen(of, counts)
    )
    curves = []
    while images := list(islice(masked, max(1, batch // 2))):
        curves.append(curve(np.concatenate(images).reshape(-1, *x.shape[1:])))
    return np.asarray(midpoint(np.concatenate(curves)).reshape(n, len(counts), 2).transpose(2, 0, 1))


def _chosen(
    importance: Float32[np.ndarray, " pixels"], counts: Int[np.ndarray, " shares"]
) -> Iterator[Bool[np.ndarray, " pixels"]]:
    """Where the most important pixels are, for each count; ties are taken in the order of pixels."""
    falling = -importance
    inside = (counts[(counts > 0) & (counts < len(falling))] - 1).tolist()
    parted = np.partition(falling, inside) if inside else falling
    for count in counts.tolist():
        if count in (0, len(falling)):
            yield np.full(len(falling), count > 0)
            continue
        last = parted[count - 1]
        chosen = falling < last
        chosen[np.flatnonzero(falling == last)[: count - np.count_nonzero(chosen)]] = True
        yield chosen


def _area(curves: Float[np.ndarray, "n shares"]) -> Float[np.ndarray, " n"]:
    return np.asarray(np.trapezoid(curves, dx=1.0 / (curves.shape[1] - 1), axis=1))
