"""What each cell of a CDMAM says about its discs, as numbers: the evidence that the single-image reading works with.

The matched filter of `cdmam34` is asked not only at the five places of a cell but also between them, where there is
nothing, so that the scatter of its answer is known for each diameter even where the detector's noise is correlated. A
second filter, a ring about each place, knows nothing of the disc and much of its background.

All answers are linear in the pixels but for their scale (the noise of the cell), which cancels in what is made of
them. `Filters` keeps them as weights, so that a gradient by the answers becomes one by the pixels.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int, Real

from mammoqa.core import Cell, Image, Phantom, Pose
from mammoqa.models.cdmam_cells import Evidence
from mammoqa.score.cdmam34 import (
    BLURS_PX,
    INNER_MM,
    TAIL,
    beside,
    blurred_disc,
    check_readable,
    pixels_at,
    square,
    surface,
)
from mammoqa.stats.psychometric import GOLD_PER_UM

PLACES = 5  # the centre, then the four corners
EMPTY = 20  # places of the grid in a cell that are none of these
_CLEAR_MM = 0.25  # kept clear around each place of a disc, as in `cdmam34`
_STEPS = np.linspace(-1.0, 1.0, 5)  # of the corners' offset: a grid of places in the cell
_ROOMY_MM = 1.0  # discs up to this size find room at every place of that grid
_RING_BLURS = (2.0, 5.0)  # from the disc's edge: where the ring begins and ends


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """The filters of cells with discs of one size, as weights of pixels.

    `near` [n, p, m, 2] are whole places (x, y) about each of the p asked places and `weights` [n, 2, p, m] the disc's
    and the ring's there; `beside` [n, b, 2] the places of the background, to which `lever` [n, 2, p, b] belongs: what
    the fitted surface takes from each answer. `scale` [n] turns sums into answers; `place` [p] says where in `empty`.
    """

    cells: Int[np.ndarray, " n"]
    near: Int[np.ndarray, "n p m 2"]
    weights: Float[np.ndarray, "n 2 p m"]
    beside: Int[np.ndarray, "n b 2"]
    lever: Float[np.ndarray, "n 2 p b"]
    scale: Float[np.ndarray, " n"]
    place: Int[np.ndarray, " p"]


@dataclass(frozen=True, slots=True, eq=False)
class Filters:
    """Every filter of an image, so that gradients find back to its pixels."""

    rows: tuple[Row, ...]
    shape: tuple[int, int]

    def read(self, pixels: Real[np.ndarray, "rows columns"], like: Evidence) -> Evidence:
        """The evidence in other pixels of the same shape by the same filters, in the same units; linear in the pixels.

        What is no answer (contrast, noise, sizes) is that of `like`.
        """
        discs, rings = np.full((len(like.contrast), PLACES + EMPTY), np.nan), np.zeros_like(like.rings)
        for row in self.rows:
            around = pixels[_index(row.beside, self.shape)].astype(float)
            base = around.mean(axis=1, keepdims=True)
            sums = np.einsum("ncpm,npm->ncp", row.weights, pixels[_index(row.near, self.shape)] - base[:, :, None])
            sums -= np.einsum("ncpb,nb->ncp", row.lever, around - base)
            sums *= row.scale[:, None, None]
            discs[np.ix_(row.cells, row.place)] = sums[:, 0]
            rings[row.cells] = sums[:, 1, :PLACES]
        return replace(like, answers=discs[:, :PLACES], empty=discs[:, PLACES:], rings=rings)

    def to_pixels(
        self,
        answers: Float[np.ndarray, "cells 5"],
        empty: Float[np.ndarray, "cells 20"],
        rings: Float[np.ndarray, "cells 5"],
    ) -> Float[np.ndarray, "rows columns"]:
        """The gradient by the pixels that belongs to gradients by the three parts of the evidence."""
        found = np.zeros(self.shape)
        of_discs = np.concatenate([answers, np.nan_to_num(empty)], axis=1)
        of_rings = np.concatenate([rings, np.zeros_like(empty)], axis=1)
        for row in self.rows:
            by = np.stack([of_discs[row.cells][:, row.place], of_rings[row.cells][:, row.place]], axis=1)
            by = by * row.scale[:, None, None]
            np.add.at(found, _index(row.near, self.shape), np.einsum("ncp,ncpm->npm", by, row.weights))
            np.add.at(found, _index(row.beside, self.shape), -np.einsum("ncp,ncpb->nb", by, row.lever))
        return found


def evidence(image: Image, phantom: Phantom, pose: Pose) -> tuple[Evidence, Filters]:
    """The evidence of every cell, and the filters behind it.

    Raises ScoreError: NEEDS_RAW for an image FOR PRESENTATION, CLIPPED where the phantom is saturated.
    """
    check_readable(image, phantom, pose)
    logarithmic = image.acquisition.pixel_intensity == "LOG"
    return evidence_of(image.pixels, phantom, pose, logarithmic=logarithmic)


def evidence_of(pixels: np.ndarray, phantom: Phantom, pose: Pose, *, logarithmic: bool) -> tuple[Evidence, Filters]:
    """As `evidence`, of pixels that need no check."""
    count = len(phantom.cells)
    discs, rings = np.full((count, PLACES + EMPTY), np.nan), np.zeros((count, PLACES))
    noise, radius_px, found = np.zeros(count), np.zeros(count), []
    scale_px = math.sqrt(abs(float(np.linalg.det(pose.matrix[:, :2]))))
    blur_px = float(np.clip(pose.line_mm / pose.magnification * scale_px, *BLURS_PX))
    sizes = np.array([cell.row for cell in phantom.cells])
    for size in np.unique(sizes):
        index = np.flatnonzero(sizes == size)
        cells = [phantom.cells[i] for i in index]
        radius_px[index] = cells[0].diameter_mm / 2 * scale_px
        row, answers, noise[index] = _row(pixels, cells, index, pose, (float(radius_px[index[0]]), blur_px, scale_px))
        discs[np.ix_(index, row.place)] = answers[:, 0]
        rings[index] = answers[:, 1, :PLACES]
        found.append(row)
    thickness_um = np.array([cell.thickness_um for cell in phantom.cells])
    contrast = GOLD_PER_UM * thickness_um if logarithmic else -np.expm1(-GOLD_PER_UM * thickness_um)
    made = Evidence(discs[:, :PLACES], discs[:, PLACES:], rings, contrast, noise, radius_px, blur_px)
    return made, Filters(tuple(found), (pixels.shape[0], pixels.shape[1]))


def empty_places_mm(cell: Cell) -> tuple[Float[np.ndarray, "p 2"], Int[np.ndarray, " p"]]:
    """Places without a disc in a cell, and their numbers among the twenty of the grid."""
    centre = np.array(cell.centre_mm)
    first, _, third, fourth = (np.array(corner) - centre for corner in cell.corners_mm)  # +u -v, +u +v, -u +v, -u -v
    along_u, along_v = (first - fourth) / 2, (third - fourth) / 2
    steps = [(a, b) for a in _STEPS for b in _STEPS if not ((abs(a) == 1.0 and abs(b) == 1.0) or (a == 0.0 == b))]
    if cell.diameter_mm <= _ROOMY_MM:
        kept = np.arange(len(steps))
    else:  # the middles of the sides, and half way to the corners
        kept = np.array([k for k, (a, b) in enumerate(steps) if {abs(a), abs(b)} in ({0.0, 1.0}, {0.5})])
    return np.array([centre + steps[k][0] * along_u + steps[k][1] * along_v for k in kept]), kept


def _row(
    pixels: np.ndarray, cells: list[Cell], index: np.ndarray, pose: Pose, sizes: tuple[float, float, float]
) -> tuple[Row, Float[np.ndarray, "n 2 p"], Float[np.ndarray, " n"]]:
    """The filters of cells with discs of one size, their answers, and the relative noise of each cell."""
    radius, blur, scale_px = sizes
    empty = [empty_places_mm(cell) for cell in cells]
    places_mm = np.array(
        [(cell.centre_mm, *cell.corners_mm, *mm) for cell, (mm, _) in zip(cells, empty, strict=True)], dtype=float
    )
    places = pose.to_px(places_mm.reshape(-1, 2)).reshape(places_mm.shape)
    known = places_mm[0, :PLACES] - places_mm[0, 0]
    moves = beside(known, pose.matrix[:, :2], cells[0].diameter_mm / 2 + _CLEAR_MM)
    middle = np.rint(places[:, 0])
    around = middle[:, None] + moves
    values = pixels_at(pixels, around)
    base = values.mean(axis=1, keepdims=True)
    values -= base
    terms = surface(moves, INNER_MM * scale_px)
    solve = np.linalg.pinv(terms)
    noise = (values - (values @ solve.T) @ terms.T).std(axis=1) + 1e-9
    near = np.rint(places)[:, :, None] + square(radius + _RING_BLURS[1] * blur - TAIL * blur, blur)
    weights = _weights(near - places[:, :, None], radius, blur)
    on_surface = np.einsum("ncpm,npmk->ncpk", weights, surface(near - middle[:, None, None], INNER_MM * scale_px))
    lever = on_surface @ solve
    sums = np.einsum("ncpm,npm->ncp", weights, pixels_at(pixels, near) - base[:, :, None])
    sums -= np.einsum("ncpb,nb->ncp", lever, values)
    sign = 1.0 if pose.attenuating_bright else -1.0
    scale = sign / noise
    place = np.concatenate([np.arange(PLACES), PLACES + empty[0][1]])
    weights = weights.astype(np.float32)
    row = Row(index, near.astype(np.int32), weights, around.astype(np.int32), lever.astype(np.float32), scale, place)
    return row, sums * scale[:, None, None], noise / np.maximum(np.abs(base[:, 0]), 1e-9)


def _weights(moves: Float[np.ndarray, "n p m 2"], radius: float, blur: float) -> Float[np.ndarray, "n 2 p m"]:
    """The blurred disc and the ring about it, each of unit length, so that white noise answers with its own spread."""
    distance = np.hypot(moves[..., 0], moves[..., 1])
    disc = np.where(distance <= radius + TAIL * blur + 1.0, blurred_disc(moves, radius, blur), 0.0)
    inner, outer = (radius + edge * blur for edge in _RING_BLURS)
    ring = np.clip(distance - inner + 0.5, 0.0, 1.0) * np.clip(outer - distance + 0.5, 0.0, 1.0)
    both = np.stack([disc, ring], axis=1)
    return np.asarray(both / np.sqrt((both**2).sum(axis=-1, keepdims=True)))


def _index(places: Int[np.ndarray, "*shape 2"], shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.clip(places[..., 1], 0, shape[0] - 1), np.clip(places[..., 0], 0, shape[1] - 1)


def seen_corner(phantom: Phantom) -> Bool[np.ndarray, "cells 5"]:
    """Where each cell's discs are among its five places: the centre and the true corner."""
    true = np.array([cell.corner for cell in phantom.cells])
    return np.concatenate([np.ones((len(true), 1), bool), np.arange(4) == true[:, None]], axis=1)
