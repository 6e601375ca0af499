"""Random 250 x 250 downsampling that keeps the order of rows and columns (Amanova et al. 2022, sections 2.2, 2.3.2).

A draw picks rows and columns at random and keeps them in their order, so that what was left of a disc stays left of it
(the set J of algorithm 2). Training and run time use the same code.

`draws` picks with replacement between draws, as algorithm 2 does. `passes` picks without: the rows are dealt at random
into groups of 250, the columns likewise, and every group of rows meets every group of columns once, so that one pass
covers every pixel once. Each draw of a pass is still a uniformly random one, so averages mean the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Real

from mammoqa.core import ModelError

SIZE_PX = 250  # Amanova et al. 2022, section 2.2


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """The rows and columns of an image that a downsampled one is made of, both in rising order."""

    rows: Int[np.ndarray, " size"]
    columns: Int[np.ndarray, " size"]


def draws(shape: tuple[int, int], rng: np.random.Generator, size_px: int = SIZE_PX) -> Iterator[Draw]:
    """Endless independent draws; ModelError where the image has fewer than `size_px` rows or columns."""
    _check(shape, size_px)
    while True:
        rows, columns = (np.sort(rng.choice(n, size_px, replace=False)) for n in shape)
        yield Draw(rows, columns)


def passes(shape: tuple[int, int], rng: np.random.Generator, size_px: int = SIZE_PX) -> Iterator[Draw]:
    """Endless draws of which every `draws_a_pass` cover the image: no pixel twice before every pixel once.

    Where 250 does not divide a side, its last group is filled up with rows (columns) of the others.
    """
    _check(shape, size_px)
    while True:
        rows, columns = (_groups(n, size_px, rng) for n in shape)
        meetings = [Draw(r, c) for r in rows for c in columns]
        for k in rng.permutation(len(meetings)):
            yield meetings[k]


def draws_a_pass(shape: tuple[int, int], size_px: int = SIZE_PX) -> int:
    """How many draws cover an image of `shape` (rows, columns) once."""
    return -(-shape[0] // size_px) * -(-shape[1] // size_px)


def take(image: Real[np.ndarray, "rows columns"], chosen: Iterable[Draw]) -> Float[np.ndarray, "n size size"]:
    """The downsampled images of several draws, as float32."""
    return np.stack([image[np.ix_(draw.rows, draw.columns)] for draw in chosen]).astype(np.float32)


def _groups(n: int, size_px: int, rng: np.random.Generator) -> list[Int[np.ndarray, " size"]]:
    order = rng.permutation(n)
    missing = -n % size_px
    dealt = np.concatenate([order, rng.choice(order[: n - n % size_px], missing, replace=False)]) if missing else order
    return [np.sort(group) for group in dealt.reshape(-1, size_px)]


def _check(shape: tuple[int, int], size_px: int) -> None:
    if min(shape) < size_px:
        raise ModelError(f"an image of {shape[0]} x {shape[1]} pixels has no {size_px} rows and columns to draw")
