r"""From a phantom and its placement to path lengths in each material, per detector pixel.

The canonical image has the chest wall at its lower edge; the focal spot stands above the middle of that edge at
`source_to_detector_mm`. A point at height h above the detector is magnified by SID / (SID - h) about the foot of the
focal spot.

          focal spot
             |\
             | \         SID
     ________|__\____    phantom: cover, wax insert, base
             |    \
     ========|======\=   detector
      chest wall
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mammoqa.core import Insert, Phantom
from mammoqa.simulate.exposure import SOUND, Exposure, ObjectState, Tape
from mammoqa.simulate.shapes import SHAPES, Map, pixel_average, reach_mm

Patch = Float[np.ndarray, "_ _"]  # a map of part of the image; each of its own size


LETTER_LEAD_MM = 0.05  # foil letters: a choice, so that they stand out as on printed phantoms
Window = tuple[int, int, int, int]  # row0, row1, col0, col1


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Path lengths in mm over the canonical image; `objects` are (window, material, thickness, displaces) patches."""

    body_mm: Map
    wax_mm: Map
    patches: tuple[tuple[Window, str, Patch, str | None], ...]
    matrix: Float[np.ndarray, "2 3"]
    box: Window


def heights_mm(phantom: Phantom, exposure: Exposure) -> dict[str, tuple[float, float]]:
    """Bottom and top of each layer and of the body above the detector."""
    top = exposure.support_gap_mm + sum(layer.thickness_mm for layer in phantom.layers)
    found = {"body": (exposure.support_gap_mm, top)}
    for layer in phantom.layers:
        found[layer.name] = (top - layer.thickness_mm, top)
        top -= layer.thickness_mm
    return found


def magnification(height_mm: float, exposure: Exposure) -> float:
    """Of a point at a height above the detector."""
    return exposure.source_to_detector_mm / (exposure.source_to_detector_mm - height_mm)


def canonical_matrix(
    phantom: Phantom, exposure: Exposure, height_mm: float, shape: tuple[int, int], pitch_mm: float
) -> Float[np.ndarray, "2 3"]:
    """Phantom frame (mm, at `height_mm`) to canonical pixels (x, y)."""
    scale = magnification(height_mm, exposure) / pitch_mm
    tilt = math.radians(exposure.tilt_deg)
    turn = np.array([[math.cos(tilt), -math.sin(tilt)], [math.sin(tilt), math.cos(tilt)]])
    if exposure.mirrored:
        turn = turn @ np.diag([-1.0, 1.0])
    rows, columns = shape
    foot = np.array([(columns - 1) / 2, rows - 0.5])
    wall_mm = phantom.outline.offset_mm[1] + phantom.outline.length_mm / 2  # from the origin to the chest-wall edge
    centre_mm = np.array([exposure.shift_mm[0], -wall_mm - exposure.shift_mm[1]])
    return np.column_stack([turn * scale, foot + centre_mm * scale])


def _inverse(matrix: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "2 3"]:
    inverse = np.linalg.inv(matrix[:, :2])
    return np.column_stack([inverse, -inverse @ matrix[:, 2]])


def cuboid_mm(
    half_mm: tuple[float, float],
    centre_mm: tuple[float, float],
    matrices: tuple[Float[np.ndarray, "2 3"], Float[np.ndarray, "2 3"]],
    height_mm: float,
    box: Window,
) -> Map:
    """Chord of each ray through a cuboid: the slab method along the height, where a ray's x and y are linear.

    `matrices` belong to its lower and upper face. A face edge that a ray does not cross at a slant is softened to one
    pixel, which is the area average for a straight edge.
    """
    row0, row1, col0, col1 = box
    columns = np.arange(col0, col1, dtype=np.float32)
    rows = np.arange(row0, row1, dtype=np.float32)[:, None]
    low, high = (_inverse(m).astype(np.float32) for m in matrices)
    enter = np.zeros((row1 - row0, col1 - col0), dtype=np.float32)
    leave = np.ones_like(enter)
    for axis in (0, 1):
        bottom = low[axis, 0] * columns + low[axis, 1] * rows + (low[axis, 2] - centre_mm[axis])
        top = high[axis, 0] * columns + high[axis, 1] * rows + (high[axis, 2] - centre_mm[axis])
        slope = top - bottom
        pixel = float(np.hypot(low[axis, 0], low[axis, 1]))
        slope = np.where(np.abs(slope) < pixel, np.copysign(pixel, slope), slope)
        middle = (top + bottom) / 2
        first = (-half_mm[axis] - middle) / slope + 0.5
        second = (half_mm[axis] - middle) / slope + 0.5
        np.maximum(enter, np.minimum(first, second), out=enter)
        np.minimum(leave, np.maximum(first, second), out=leave)
    chord: Map = height_mm * np.clip(leave - enter, 0.0, 1.0)
    return chord


def _window(
    matrix: Float[np.ndarray, "2 3"], centre: tuple[float, float], reach: float, shape: tuple[int, int]
) -> Window:
    corners = np.array([[sx * reach + centre[0], sy * reach + centre[1]] for sx in (-1, 1) for sy in (-1, 1)])
    px = corners @ matrix[:, :2].T + matrix[:, 2]
    col0, row0 = np.floor(px.min(axis=0)).astype(int).tolist()
    col1, row1 = (np.ceil(px.max(axis=0)).astype(int) + 1).tolist()
    return max(row0, 0), min(row1, shape[0]), max(col0, 0), min(col1, shape[1])


def _draw(
    insert: Insert, state: ObjectState, matrix: Float[np.ndarray, "2 3"], shape: tuple[int, int]
) -> tuple[Window, Map] | None:
    """An object's pixel-averaged thickness and where it lies; None when it is outside the image or left out."""
    centre = (insert.centre_mm[0] + state.offset_mm[0], insert.centre_mm[1] + state.offset_mm[1])
    window = _window(matrix, centre, reach_mm(insert), shape)
    if state.weight == 0 or window[0] >= window[1] or window[2] >= window[3]:
        return None
    to_mm = _inverse(matrix)
    to_mm[:, 2] -= centre
    pixel_mm = float(np.hypot(to_mm[0, 0], to_mm[0, 1]))
    finest = insert.diameter_mm if insert.kind != "mass" else 1.0
    oversampling = int(np.clip(math.ceil(12 * pixel_mm / finest), 3, 12))
    return window, pixel_average(SHAPES[insert.kind](insert, state), to_mm, window, oversampling)


def _disc(
    matrix: Float[np.ndarray, "2 3"], centre: tuple[float, float], marker: Insert, shape: tuple[int, int]
) -> tuple[Window, Map]:
    """A disc on top of the phantom, or a round cavity in its top."""
    radius = marker.diameter_mm / 2
    window = _window(matrix, centre, radius + 0.2, shape)
    to_mm = _inverse(matrix)
    to_mm[:, 2] -= centre

    def thickness(x: Map, y: Map) -> Map:
        return np.where(x**2 + y**2 <= radius**2, marker.size_mm, 0.0)

    return window, pixel_average(thickness, to_mm, window, 4)


def _tape(tape: Tape, matrix: Float[np.ndarray, "2 3"], shape: tuple[int, int]) -> tuple[Window, str, Map]:
    """An adhesive strip."""
    half_x, half_y = tape.size_mm[0] / 2, tape.size_mm[1] / 2
    window = _window(matrix, tape.centre_mm, max(half_x, half_y) + 0.2, shape)
    to_mm = _inverse(matrix)
    to_mm[:, 2] -= tape.centre_mm

    def thickness(x: Map, y: Map) -> Map:
        return np.where((np.abs(x) <= half_x) & (np.abs(y) <= half_y), tape.thickness_mm, 0.0)

    return window, "acrylic", pixel_average(thickness, to_mm, window, 2)


def _letters(
    exposure: Exposure, matrix: Float[np.ndarray, "2 3"], shape: tuple[int, int]
) -> Iterator[tuple[Window, Map]]:
    """Lead letters, drawn from a raster font at 20 dots per mm and sampled per pixel."""
    from PIL import Image as Picture
    from PIL import ImageDraw, ImageFont
    from scipy.ndimage import map_coordinates

    dots_per_mm = 20
    for letter in exposure.letters:
        font = ImageFont.load_default(letter.height_mm * dots_per_mm)
        left, top, right, bottom = font.getbbox(letter.text)
        picture = Picture.new("L", (math.ceil(right - left) + 8, math.ceil(bottom - top) + 8))
        ImageDraw.Draw(picture).text((4 - left, 4 - top), letter.text, font=font, fill=255)
        dots = np.asarray(picture, dtype=np.float32) / 255
        reach = max(dots.shape) / dots_per_mm / 2
        window = _window(matrix, letter.centre_mm, reach, shape)
        if window[0] >= window[1] or window[2] >= window[3]:
            continue
        to_mm = _inverse(matrix)
        to_mm[:, 2] -= letter.centre_mm

        def thickness(x: Map, y: Map, dots: Patch = dots) -> Map:
            at = np.stack([y * dots_per_mm + dots.shape[0] / 2, x * dots_per_mm + dots.shape[1] / 2])
            return np.asarray(map_coordinates(dots, at, order=1)) * LETTER_LEAD_MM

        yield window, pixel_average(thickness, to_mm, window, 3)


def build(phantom: Phantom, exposure: Exposure, shape: tuple[int, int], pitch_mm: float) -> Scene:
    """Path lengths of a whole exposure; `shape` is (rows, columns) of the canonical image."""
    levels = heights_mm(phantom, exposure)
    insert_layer = next(layer for layer in phantom.layers if layer.insert)
    at = {
        name: tuple(canonical_matrix(phantom, exposure, h, shape, pitch_mm) for h in pair)
        for name, pair in levels.items()
    }
    outline = phantom.outline
    reach = max(outline.width_mm, outline.length_mm) / 2 * 1.25
    low = at["body"][1]
    box = _window(low, outline.offset_mm, reach, shape)
    body = cuboid_mm(
        (outline.width_mm / 2, outline.length_mm / 2),
        outline.offset_mm,
        (at["body"][0], at["body"][1]),
        levels["body"][1] - levels["body"][0],
        box,
    )
    size = phantom.insert_mm or (0.0, 0.0)
    wax_at = at[insert_layer.name]
    wax = cuboid_mm(
        (size[0] / 2, size[1] / 2), exposure.insert_offset_mm, (wax_at[0], wax_at[1]), insert_layer.thickness_mm, box
    )
    middle = sum(levels[insert_layer.name]) / 2
    matrix = canonical_matrix(phantom, exposure, middle, shape, pitch_mm)
    matrix[:, 2] += matrix[:, :2] @ np.array(exposure.insert_offset_mm)
    states = exposure.objects or (SOUND,) * len(phantom.inserts)
    patches: list[tuple[Window, str, Patch, str | None]] = []
    for insert, state in zip(phantom.inserts, states, strict=True):
        drawn = _draw(insert, state, matrix, shape)
        if drawn is not None:
            patches.append((drawn[0], insert.material, drawn[1], insert_layer.material))
    top = at["body"][1]
    for marker in phantom.markers:
        if marker.kind == "disc" and exposure.disc_mm is not None:
            window, thickness = _disc(top, exposure.disc_mm, marker, shape)
            patches.append((window, marker.material, thickness, None))
        if marker.kind == "cavity":
            window, thickness = _disc(top, marker.centre_mm, marker, shape)
            patches.append((window, marker.material, thickness, phantom.layers[0].material))
    patches.extend((window, "lead", thickness, None) for window, thickness in _letters(exposure, top, shape))
    patches.extend((*_tape(tape, top, shape), None) for tape in exposure.tapes)
    return Scene(body, wax, tuple(patches), matrix, box)
