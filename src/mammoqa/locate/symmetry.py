"""Which way round the insert lies: match the objects in all eight symmetries of the square.

Everything here lives in the square frame (the fitted border, tilt removed) sampled on `GRID` x `GRID` points.
"""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from jaxtyping import Float

from mammoqa.core import Insert, Phantom

STEP_MM = 0.4
GRID = 200  # 80 mm: the insert without its border
_HALF = 17  # a cell's patch reaches 7 mm to each side
_MOST_VISIBLE = {"fibre": 4, "mass": 3, "speck_group": 3}
_WEIGHTS = {"fibre": 1.0, "mass": 1.0, "speck_group": 0.7}


@dataclass(frozen=True, slots=True)
class Symmetry:
    """Quarter turns from the phantom frame to the square frame, mirrored first or not; and how well it matches."""

    quarter_turns: int
    mirrored: bool
    score: float
    margin: float


def best_symmetries(
    view: Float[np.ndarray, "grid grid"], phantom: Phantom, prior: Float[np.ndarray, "4"]
) -> tuple[Symmetry, Symmetry]:
    """The symmetries whose objects match `view` (attenuating bright) best, and its negative.

    `prior` is added per quarter turn. The score sums normalised cross-correlations, at most about 9; the margin is the
    lead over the second best.
    """
    objects = _visible(phantom)
    templates = np.stack([template(item) for item in objects])
    weights = np.array([_WEIGHTS[item.kind] for item in objects])
    turned = [_turned(view, index % 4, index >= 4) for index in range(8)]
    cells = standardised(np.stack([_cell(upright, item) for upright in turned for item in objects]))
    matches = np.einsum("sorc,orc,o->s", cells.reshape(8, *templates.shape), templates, weights)
    chances = np.tile(prior, 2)
    return _best(matches + chances), _best(chances - matches)


def _best(scores: Float[np.ndarray, "8"]) -> Symmetry:
    order = np.argsort(scores)
    first = int(order[-1])
    return Symmetry(first % 4, first >= 4, float(scores[first]), float(scores[first] - scores[order[-2]]))


def _visible(phantom: Phantom) -> list[Insert]:
    kept = []
    for kind, count in _MOST_VISIBLE.items():
        kept += [item for item in phantom.inserts if item.kind == kind][:count]
    return kept


def _turned(view: Float[np.ndarray, "grid grid"], quarter_turns: int, mirrored: bool) -> Float[np.ndarray, "grid grid"]:
    """The phantom frame's view of a square frame that it entered mirrored first, then turned."""
    turned = np.rot90(view, quarter_turns)
    return np.asarray(turned[:, ::-1] if mirrored else turned)


def _cell(upright: Float[np.ndarray, "grid grid"], item: Insert) -> Float[np.ndarray, "n n"]:
    column, row = (round(centre / STEP_MM + (GRID - 1) / 2 - 1e-6) for centre in item.centre_mm)
    cell: Float[np.ndarray, "n n"] = upright[row - _HALF : row + _HALF + 1, column - _HALF : column + _HALF + 1]
    return cell


def standardised(cells: Float[np.ndarray, "n a a"]) -> Float[np.ndarray, "n a a"]:
    """Remove what varies slowly (a quadratic surface) from each cell, limit what sticks out, scale to unit length."""
    flat = cells.reshape(len(cells), -1)
    surface = _surface()
    left = flat - np.median(flat, axis=1, keepdims=True)
    left = left - (left @ surface) @ surface.T
    width = 1.48 * np.median(np.abs(left), axis=1, keepdims=True)
    left = np.clip(left, -12 * width, 12 * width)
    left = left - (left @ surface) @ surface.T
    left /= np.maximum(np.sqrt((left**2).sum(axis=1, keepdims=True)), 1e-12)
    return np.asarray(left.reshape(cells.shape))


@cache
def _surface() -> Float[np.ndarray, "m 6"]:
    """An orthonormal base of quadratic surfaces over a cell."""
    axis = np.linspace(-1, 1, 2 * _HALF + 1)
    x, y = (part.ravel() for part in np.meshgrid(axis, axis))
    base, _ = np.linalg.qr(np.column_stack([np.ones_like(x), x, y, x * x, x * y, y * y]))
    return np.asarray(base)


@lru_cache(maxsize=64)
def template(item: Insert) -> Float[np.ndarray, "n n"]:
    """What an object looks like in its cell, slightly blurred, to unit length."""
    axis = STEP_MM * np.arange(-_HALF, _HALF + 1)
    x, y = axis[None, :], axis[:, None]
    blur = 0.4
    if item.kind == "fibre":
        angle = np.radians(item.angle_deg)
        along = x * np.cos(angle) + y * np.sin(angle)
        across = -x * np.sin(angle) + y * np.cos(angle)
        width = np.hypot(item.diameter_mm / 2, blur)
        made = np.exp(-((across / width) ** 2) / 2) / (1 + np.exp((np.abs(along) - item.length_mm / 2) / 0.4))
    elif item.kind == "mass":
        made = np.clip(1 - (x**2 + y**2) / (item.diameter_mm / 2) ** 2, 0, None) ** 0.5
    else:
        made = np.exp(-(x**2 + y**2) / (2 * blur**2))
        for k in range(item.count - 1):
            angle = 2 * np.pi * k / (item.count - 1) - np.pi / 2
            at = item.ring_radius_mm * np.cos(angle), item.ring_radius_mm * np.sin(angle)
            made = made + np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * blur**2))
    left = made.ravel() - _surface() @ (_surface().T @ made.ravel())
    return np.asarray((left / np.sqrt((left**2).sum())).reshape(made.shape))
