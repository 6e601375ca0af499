"""Analytic shapes and their chord lengths along the beam, averaged over pixels.

Local coordinates are in mm about the insert's centre, in the phantom frame (x right, y down). Each function gives the
thickness in mm of the object's material along a beam at (x, y); `pixel_average` integrates it over square sub-pixels.
"""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from mammoqa.core import Insert
from mammoqa.simulate.exposure import ObjectState

Map = Float[np.ndarray, "rows columns"]
Thickness = Callable[[Map, Map], Map]


def cylinder(x: Map, y: Map, diameter_mm: float, angle_deg: float) -> Map:
    """Chord of a lying cylinder of endless length whose axis makes `angle_deg` with +x."""
    angle = math.radians(angle_deg)
    across = x * -math.sin(angle) + y * math.cos(angle)
    radius = diameter_mm / 2
    return 2 * np.sqrt(np.clip(radius**2 - across**2, 0.0, None))


def sphere(x: Map, y: Map, diameter_mm: float) -> Map:
    """Chord of a sphere."""
    chord: Map = 2 * np.sqrt(np.clip((diameter_mm / 2) ** 2 - x**2 - y**2, 0.0, None))
    return chord


def lens(x: Map, y: Map, thickness_mm: float, diameter_mm: float) -> Map:
    """Thickness of a plano-convex lens: a spherical cap of the given height and base."""
    rim = diameter_mm / 2
    radius = (rim**2 + thickness_mm**2) / (2 * thickness_mm)
    height = np.sqrt(np.clip(radius**2 - x**2 - y**2, 0.0, None)) - (radius - thickness_mm)
    return np.where(x**2 + y**2 < rim**2, np.clip(height, 0.0, None), 0.0)


def fibre(insert: Insert, state: ObjectState) -> Thickness:
    """A fibre of finite length, drawn over `state.visible` only."""
    angle = math.radians(insert.angle_deg)

    def thickness(x: Map, y: Map) -> Map:
        along = (x * math.cos(angle) + y * math.sin(angle)) / insert.length_mm + 0.5
        drawn = np.zeros(x.shape, dtype=bool)
        for start, end in state.visible:
            drawn |= (along >= start) & (along <= end)
        return np.where(drawn, cylinder(x, y, insert.diameter_mm, insert.angle_deg), 0.0) * state.weight

    return thickness


def speck_centres_mm(insert: Insert) -> Float[np.ndarray, "specks 2"]:
    """Five specks on a ring, the first one on top, and one in the middle."""
    turns = np.arange(5) / 5
    ring = insert.ring_radius_mm * np.stack([np.sin(2 * np.pi * turns), -np.cos(2 * np.pi * turns)], axis=1)
    return np.concatenate([ring, np.zeros((1, 2))])


def speck_group(insert: Insert, state: ObjectState) -> Thickness:
    """Six spheres, those of `state.specks` only."""
    centres = speck_centres_mm(insert)[np.array(state.specks)]

    def thickness(x: Map, y: Map) -> Map:
        total = np.zeros_like(x)
        for cx, cy in centres:
            total += sphere(x - cx, y - cy, insert.diameter_mm)
        return total * state.weight

    return thickness


def mass(insert: Insert, state: ObjectState) -> Thickness:
    """A lens, over `state.sectors` only, and cut towards the inscribed square by `state.squareness`."""
    half = insert.diameter_mm / 2
    cut = half * (1 - state.squareness * (1 - 1 / math.sqrt(2)))

    def thickness(x: Map, y: Map) -> Map:
        turn = np.mod(np.arctan2(y, x) / (2 * np.pi), 1.0)
        drawn = np.zeros(x.shape, dtype=bool)
        for start, end in state.sectors:
            drawn |= (turn >= start) & (turn <= end)
        drawn &= np.maximum(np.abs(x), np.abs(y)) <= cut
        return np.where(drawn, lens(x, y, insert.size_mm, insert.diameter_mm), 0.0) * state.weight

    return thickness


SHAPES = {"fibre": fibre, "speck_group": speck_group, "mass": mass}


def reach_mm(insert: Insert) -> float:
    """Half the side of a square about the centre that holds the whole object."""
    return max(insert.length_mm, insert.diameter_mm, 2 * insert.ring_radius_mm + insert.diameter_mm) / 2 + 0.2


def pixel_average(
    thickness: Thickness,
    to_mm: Float[np.ndarray, "2 3"],
    window: tuple[int, int, int, int],
    oversampling: int,
) -> Map:
    """Mean thickness over each pixel of `window` (row0, row1, col0, col1).

    `to_mm` maps (x, y, 1) in pixels to local mm; each pixel is sampled `oversampling` times along both axes.
    """
    row0, row1, col0, col1 = window
    steps = (np.arange(oversampling) + 0.5) / oversampling - 0.5
    rows = (np.arange(row0, row1)[:, None] + steps).ravel()
    columns = (np.arange(col0, col1)[:, None] + steps).ravel()
    x = to_mm[0, 0] * columns + to_mm[0, 1] * rows[:, None] + to_mm[0, 2]
    y = to_mm[1, 0] * columns + to_mm[1, 1] * rows[:, None] + to_mm[1, 2]
    fine = thickness(x, y)
    shape = (row1 - row0, oversampling, col1 - col0, oversampling)
    mean: Map = fine.reshape(shape).mean(axis=(1, 3))
    return mean
