"""Reading a CDMAM image: in each cell, which corner holds the disc, and whether the disc at the centre is seen.

The background of a cell is a quadratic surface fitted to what lies between the lines and beside the places of discs.
What is left is compared with a disc as the system blurs it (a matched filter for white noise); the blur is that of the
grid's lines, which are thin but not without width, so that it is taken a little too large. The corner with the
largest answer is chosen: right by chance in one of four cells. The centre counts as seen where its answer exceeds those
of the three empty corners: again one of four by chance.

The places of discs are known from the grid. EUREF's reader looks for each disc in a small area about its place instead
(euref.org/cdmam-readout, on cdcom 1.5.2 and 1.6; how large is not published). `search_mm` does so here: every place
answers with its best within that distance. That costs small discs most, as noise then has more chances to look like
one.

The filter's answer does not depend on the scale of the pixel values, and within one cell a logarithm is as good as a
straight line: FOR PROCESSING images are read on a linear or a logarithmic scale alike.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import special

from mammoqa.core import Cell, Image, Intent, Phantom, Pose, ReasonCode, ScoreError

BLURS_PX = (0.76, 2.5)  # at least 0.7 pixels (detector blur of PTB's public simulator) and the pixel's own width
INNER_MM = 4.55  # from a cell's middle to where its lines must not reach, along both axes
_BESIDE_MM = 0.25  # kept clear around each place of a disc
TAIL = 3.0  # of the blur, beyond a disc's edge
# How far cdcom looks, as the published ratios of people's thresholds to cdcom's tell with simulated images
# (docs/validation/cdmam_reach.md). `read_cells` looks nowhere else than told.
CDCOM_SEARCH_MM = 0.2
_CLIPPED = 0.01  # share of a phantom's pixels that may be clipped


@dataclass(frozen=True, slots=True, eq=False)
class CellReadings:
    """What was read of every cell of `Phantom.cells`, in their order.

    `answers` are the filter's, positive where something attenuates, in units of its noise: the centre, then the four
    corners in the order of `Cell.corners_mm`. `chosen` is the corner with the largest.
    """

    answers: Float[np.ndarray, "cells 5"]
    chosen: Int[np.ndarray, " cells"]
    corner_hit: Bool[np.ndarray, " cells"]
    centre_hit: Bool[np.ndarray, " cells"]


def read_cells(image: Image, phantom: Phantom, pose: Pose, search_mm: float = 0.0) -> CellReadings:
    """Read both discs of every cell, each looked for within `search_mm` of its place, in steps of whole pixels.

    Raises ScoreError: NEEDS_RAW for an image FOR PRESENTATION, CLIPPED where the phantom is saturated.
    """
    check_readable(image, phantom, pose)
    pixels = image.pixels
    answers = np.empty((len(phantom.cells), 5))
    rows = np.array([cell.row for cell in phantom.cells])
    for row in np.unique(rows):
        picked = np.flatnonzero(rows == row)
        answers[picked] = _answers(pixels, [phantom.cells[i] for i in picked], pose, search_mm)
    return decide(answers, phantom)


def decide(answers: Float[np.ndarray, "cells 5"], phantom: Phantom) -> CellReadings:
    """Choices from the filter's answers (centre, four corners)."""
    true = np.array([cell.corner for cell in phantom.cells])
    corners = answers[:, 1:]
    chosen = np.argmax(corners, axis=1)
    empty = np.where(np.arange(4) == true[:, None], -np.inf, corners).max(axis=1)
    return CellReadings(answers, chosen, chosen == true, answers[:, 0] > empty)


def decisions(found: Bool[np.ndarray, " cells"], phantom: Phantom) -> Int[np.ndarray, "rows columns"]:
    """Hits as a matrix: 1 hit, 0 miss, -1 no such cell."""
    rows = [cell.row for cell in phantom.cells]
    columns = [cell.column for cell in phantom.cells]
    matrix = np.full((max(rows) + 1, max(columns) + 1), -1, np.int64)
    matrix[rows, columns] = found
    return matrix


def check_readable(image: Image, phantom: Phantom, pose: Pose) -> None:
    """Raise ScoreError for an image FOR PRESENTATION, and where the phantom is saturated."""
    if image.acquisition.intent is Intent.FOR_PRESENTATION:
        raise ScoreError(
            ReasonCode.NEEDS_RAW,
            "Thresholds are defined on unprocessed images and this one is FOR PRESENTATION: export it FOR PROCESSING.",
        )
    if image.saturated is None:
        return
    centres = pose.to_px(np.array([cell.centre_mm for cell in phantom.cells]))
    (left, top), (right, bottom) = np.floor(centres.min(axis=0)).astype(int), np.ceil(centres.max(axis=0)).astype(int)
    part = image.pixels[max(top, 0) : bottom : 5, max(left, 0) : right : 5]
    low, high = image.saturated
    if part.size and float(((part <= low) | (part >= high)).mean()) > _CLIPPED:
        raise ScoreError(
            ReasonCode.CLIPPED,
            "The image is clipped where the phantom lies: repeat it with an exposure that stays within the range.",
        )


def _answers(pixels: np.ndarray, cells: list[Cell], pose: Pose, search_mm: float) -> Float[np.ndarray, "n 5"]:
    """The filter's answers in cells with discs of one size, positive where something attenuates."""
    places_mm = np.array([(cell.centre_mm, *cell.corners_mm) for cell in cells])
    places = pose.to_px(places_mm.reshape(-1, 2)).reshape(places_mm.shape)
    turn = pose.matrix[:, :2]
    scale = math.sqrt(abs(float(np.linalg.det(turn))))
    radius = cells[0].diameter_mm / 2 * scale
    blur = float(np.clip(pose.line_mm / pose.magnification * scale, *BLURS_PX))
    moves = beside(places_mm[0] - places_mm[0, 0], turn, cells[0].diameter_mm / 2 + _BESIDE_MM)
    middle = np.rint(places[:, 0])
    values = pixels_at(pixels, middle[:, None] + moves)
    base = values.mean(axis=1, keepdims=True)
    values -= base
    size = INNER_MM * scale
    terms = surface(moves, size)
    coefficients = values @ np.linalg.pinv(terms).T
    noise = 1.48 * np.median(np.abs(values - coefficients @ terms.T), axis=1) + 1e-9
    near = np.rint(places)[:, :, None] + square(radius, blur)
    weight = blurred_disc(near - places[:, :, None], radius, blur)
    best = np.full(places.shape[:2], -np.inf)
    for move in within(search_mm * scale):
        moved = near + move
        found = pixels_at(pixels, moved) - base[:, :, None]
        found -= np.einsum("npmk,nk->npm", surface(moved - middle[:, None, None], size), coefficients)
        sums = (found * weight).sum(axis=-1)
        best = np.maximum(best, sums if pose.attenuating_bright else -sums)
    return np.asarray(best / np.sqrt((weight**2).sum(axis=-1)) / noise[:, None])


def beside(places_mm: np.ndarray, turn: np.ndarray, clear_mm: float) -> Float[np.ndarray, "m 2"]:
    """Whole-pixel moves from a cell's middle to its background: between the lines and clear of discs (every other)."""
    reach = 2 * math.ceil(INNER_MM * math.sqrt(2.0) * float(np.abs(turn).max()) / 2 + 1)
    dy, dx = (part.ravel() for part in np.mgrid[-reach : reach + 1 : 2, -reach : reach + 1 : 2])
    moves = np.stack([dx, dy], axis=-1).astype(float)
    mm = moves @ np.linalg.inv(turn).T
    along = np.abs(np.stack([mm[:, 0] + mm[:, 1], mm[:, 1] - mm[:, 0]], axis=-1)) / math.sqrt(2.0)
    distance = np.hypot(*(mm[:, None] - places_mm).transpose(2, 0, 1))
    return np.asarray(moves[(along < INNER_MM).all(axis=1) & (distance > clear_mm).all(axis=1)])


def surface(moves: Float[np.ndarray, "*shape 2"], size: float) -> Float[np.ndarray, "*shape 6"]:
    """Terms of a quadratic surface."""
    x, y = moves[..., 0] / size, moves[..., 1] / size
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def within(distance: float) -> Float[np.ndarray, "m 2"]:
    """Whole-pixel moves of at most a distance."""
    reach = math.floor(distance)
    dy, dx = (part.ravel() for part in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    return np.asarray(np.stack([dx, dy], axis=-1)[np.hypot(dx, dy) <= distance + 1e-9], float)


def square(radius: float, blur: float) -> Float[np.ndarray, "m 2"]:
    """Whole-pixel moves over a disc and its blurred edge."""
    reach = math.ceil(radius + TAIL * blur) + 1
    dy, dx = (part.ravel() for part in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    return np.asarray(np.stack([dx, dy], axis=-1)[np.hypot(dx, dy) <= reach], float)


def blurred_disc(moves: Float[np.ndarray, "*shape 2"], radius: float, blur: float) -> Float[np.ndarray, "*shape"]:
    """A disc blurred by a Gaussian: the chance that a point moved by the blur falls onto it (exact)."""
    distance = np.hypot(moves[..., 0], moves[..., 1])
    at = np.linspace(0.0, float(distance.max()), 400)
    profile = special.chndtr((radius / blur) ** 2, 2.0, (at / blur) ** 2)
    return np.asarray(np.interp(distance, at, profile))


def pixels_at(pixels: np.ndarray, places: Float[np.ndarray, "*shape 2"]) -> Float[np.ndarray, "*shape"]:
    """Pixel values at whole places (x, y); outside, those of the nearest edge."""
    rows, columns = pixels.shape
    x = np.clip(places[..., 0], 0, columns - 1).astype(np.int64)
    y = np.clip(places[..., 1], 0, rows - 1).astype(np.int64)
    return np.asarray(pixels[y, x], float)
