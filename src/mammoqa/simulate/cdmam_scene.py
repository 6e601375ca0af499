r"""CDMAM on the detector: where the phantom and its plates lie, and what gold and paint take away from the beam.

The canonical image and the geometry of projection are those of `scene`. From the tube down: acrylic plates, the cover,
the discs on the aluminium plate, acrylic plates, the breast support, the detector.

Discs, lines and writing are thin, so what a pixel receives is a mixture by area: it loses the fraction of it that is
covered, times the contrast of what covers it. Coverage is exact for discs and for the sides of lines.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from mammoqa.core import Cell, Phantom
from mammoqa.simulate.exposure import Exposure
from mammoqa.simulate.scene import Window, magnification

Matrix = Float[np.ndarray, "2 3"]
Factor = Float32[np.ndarray, "rows columns"]
_DOTS_PER_MM = 12.0  # of the writing before it is projected


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How a CDMAM lies in the beam, beside what `Exposure` says of tilt, shift and mirroring.

    `above_mm` and `below_mm` are the acrylic over and under it; `plates_mm` its (width, length) in the phantom frame,
    None for the size of the phantom. `quarter_turns` turn the phantom clockwise in the canonical image: 1 and 3 put a
    long edge at the chest wall (the right, the left one of the phantom frame). `margin_mm` crops the image to the cells
    and this margin about them; None keeps the whole field. Paint is given by the gold that attenuates as much.
    `flat_field` divides by the image of an even slab, as digital units do before they store raw pixels (film cannot).
    """

    above_mm: float = 20.0
    below_mm: float = 20.0
    plates_mm: tuple[float, float] | None = None
    quarter_turns: int = 3
    margin_mm: float | None = None
    line_mm: float = 0.10  # width and paint of lines and writing are choices: no source states them
    line_gold_um: float = 0.60
    writing: bool = True
    flat_field: bool = True


def thickness_mm(phantom: Phantom, arrangement: Arrangement) -> float:
    """Of phantom and plates together."""
    return arrangement.above_mm + arrangement.below_mm + sum(layer.thickness_mm for layer in phantom.layers)


def disc_height_mm(phantom: Phantom, arrangement: Arrangement, exposure: Exposure) -> float:
    """Height of the discs above the detector: on the lowest layer of the phantom."""
    return exposure.support_gap_mm + arrangement.below_mm + phantom.layers[-1].thickness_mm


def placed(
    phantom: Phantom,
    arrangement: Arrangement,
    exposure: Exposure,
    height_mm: float,
    shape: tuple[int, int],
    pitch_mm: float,
) -> Matrix:
    """Phantom frame (mm, at `height_mm`) to canonical pixels (x, y) of a field of `shape` (rows, columns)."""
    scale = magnification(height_mm, exposure) / pitch_mm
    angle = math.radians(exposure.tilt_deg + 90.0 * arrangement.quarter_turns)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    if exposure.mirrored:
        turn = turn @ np.diag([-1.0, 1.0])
    depth_mm = phantom.outline.width_mm if arrangement.quarter_turns % 2 else phantom.outline.length_mm
    rows, columns = shape
    foot = np.array([(columns - 1) / 2, rows - 0.5])
    centre_mm = np.array([exposure.shift_mm[0], -depth_mm / 2 - exposure.shift_mm[1]])
    return np.column_stack([turn * scale, foot + centre_mm * scale])


def region(
    phantom: Phantom, arrangement: Arrangement, matrix: Matrix, shape: tuple[int, int], tilt_deg: float = 0.0
) -> Window:
    """The part of the canonical field that becomes the image: all of it, or the cells with the margin about them.

    Its size does not depend on small tilts and shifts. Where the margin does not fit into the field, it is cut.
    """
    if arrangement.margin_mm is None:
        return 0, shape[0], 0, shape[1]
    centres = np.array([cell.centre_mm for cell in phantom.cells])
    corner_mm = phantom.cells[0].side_mm / math.sqrt(2.0)  # the squares stand on their corners
    low, high = centres.min(axis=0) - corner_mm, centres.max(axis=0) + corner_mm
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    size = (high - low + 2 * arrangement.margin_mm) * scale
    if arrangement.quarter_turns % 2:
        size = size[::-1]
    x, y = (low + high) / 2 @ matrix[:, :2].T + matrix[:, 2]
    columns, rows = (round(float(v)) for v in size)
    row0, col0 = round(float(y) - rows / 2), round(float(x) - columns / 2)
    return max(row0, 0), min(row0 + rows, shape[0]), max(col0, 0), min(col0 + columns, shape[1])


def _quadrant(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    """Area of a disc about the origin within [0, x] x [0, y], odd in both (vectors x and y span a grid)."""
    sign = np.sign(y)[:, None] * np.sign(x)
    a, b = np.minimum(np.abs(x), radius)[None, :], np.minimum(np.abs(y), radius)[:, None]
    meets = np.sqrt(np.maximum(radius**2 - b**2, 0.0))  # where the arc leaves the upper side

    def under_arc(t: np.ndarray) -> np.ndarray:
        return 0.5 * (t * np.sqrt(np.maximum(radius**2 - t**2, 0.0)) + radius**2 * np.arcsin(np.clip(t / radius, 0, 1)))

    return np.asarray(sign * np.where(a <= meets, a * b, b * meets + under_arc(a) - under_arc(meets)))


def disc_coverage(
    x_px: float, y_px: float, radius_px: float, shape: tuple[int, int]
) -> tuple[Window, Float[np.ndarray, "_ _"]]:
    """Share of each pixel that a disc covers, exact, and the window of `shape` that it touches (it may be empty)."""
    row0, row1 = max(math.floor(y_px - radius_px), 0), min(math.ceil(y_px + radius_px) + 1, shape[0])
    col0, col1 = max(math.floor(x_px - radius_px), 0), min(math.ceil(x_px + radius_px) + 1, shape[1])
    if row0 >= row1 or col0 >= col1:
        return (0, 0, 0, 0), np.zeros((0, 0))
    corners = _quadrant(np.arange(col0, col1 + 1) - 0.5 - x_px, np.arange(row0, row1 + 1) - 0.5 - y_px, radius_px)
    cover = corners[1:, 1:] - corners[:-1, 1:] - corners[1:, :-1] + corners[:-1, :-1]
    return (row0, row1, col0, col1), np.clip(cover, 0.0, None)  # rounding leaves some just below nothing


def draw_discs(
    factor: Factor, cells: Iterable[Cell], matrix: Matrix, loss_by_um: dict[float, float], thin: float = 1.0
) -> None:
    """Multiply `factor` by what passes both discs of each cell; `loss_by_um` is 1 less the transmission of gold."""
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    for cell in cells:
        for centre_mm in (cell.centre_mm, cell.corners_mm[cell.corner]):
            x, y = matrix[:, :2] @ np.array(centre_mm) + matrix[:, 2]
            (r0, r1, c0, c1), cover = disc_coverage(x, y, cell.diameter_mm / 2 * scale, factor.shape)
            factor[r0:r1, c0:c1] *= 1.0 - thin * loss_by_um[cell.thickness_um] * cover.astype(np.float32)


def grid_lines_mm(phantom: Phantom) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Ends (x, y) in mm of the lines that enclose every cell."""
    side = phantom.cells[0].side_mm
    lines: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for along_row in (True, False):
        indices = [(c.row, c.column) if along_row else (c.column, c.row) for c in phantom.cells]
        for level in range(max(i for i, _ in indices) + 2):
            beside = [j for i, j in indices if i in (level - 1, level)]
            across_mm, start_mm, end_mm = (level - 8) * side, (min(beside) - 8) * side, (max(beside) - 7) * side
            ends = [(start_mm, across_mm), (end_mm, across_mm)]
            turned = [e if along_row else (e[1], e[0]) for e in ends]
            root = math.sqrt(2.0)
            lines.append(
                (
                    ((turned[0][0] - turned[0][1]) / root, (turned[0][0] + turned[0][1]) / root),
                    ((turned[1][0] - turned[1][1]) / root, (turned[1][0] + turned[1][1]) / root),
                )
            )
    return lines


def _half_plane(distance_px: np.ndarray, normal: tuple[float, float]) -> np.ndarray:
    """Share of a pixel on the near side of an edge `distance_px` from its centre: a square's projected mass, summed."""
    wide, narrow = max(abs(normal[0]), abs(normal[1])) / 2, min(abs(normal[0]), abs(normal[1])) / 2
    outer, inner = wide + narrow, wide - narrow
    d = np.clip(distance_px, -outer, outer)
    if narrow < 1e-9:
        return np.asarray(0.5 + d / (2 * wide))
    corner = (outer - np.abs(d)) ** 2 / (8 * wide * narrow)  # the triangle that is still to come
    sloped = np.where(d > 0, 1.0 - corner, corner)
    return np.asarray(np.where(np.abs(d) <= inner, 0.5 + d / (2 * wide), sloped))


def draw_line(factor: Factor, start_px: np.ndarray, end_px: np.ndarray, width_px: float, loss: float) -> None:
    """Multiply `factor` by what passes a painted line; its sides are exact, its ends are softened over a pixel."""
    along = end_px - start_px
    length = float(np.hypot(*along))
    along = along / length
    normal = (-along[1], along[0])
    steep = abs(along[1]) >= abs(along[0])
    map_ = factor if steep else factor.T  # rows run along the line
    major, minor = (1, 0) if steep else (0, 1)
    first, last = sorted((float(start_px[major]), float(end_px[major])))
    rows = np.arange(max(math.floor(first) - 1, 0), min(math.ceil(last) + 2, map_.shape[0]))
    if rows.size == 0:
        return
    centre = start_px[minor] + (rows - start_px[major]) * along[minor] / along[major]
    reach = math.ceil((width_px / 2 + 0.75) / abs(along[major])) + 1
    columns = np.round(centre).astype(int)[:, None] + np.arange(-reach, reach + 1)
    minors, majors = columns, np.broadcast_to(rows[:, None], columns.shape)
    x, y = (minors, majors) if steep else (majors, minors)
    across = (x - start_px[0]) * normal[0] + (y - start_px[1]) * normal[1]
    cover = _half_plane(across + width_px / 2, normal) - _half_plane(across - width_px / 2, normal)
    position = (x - start_px[0]) * along[0] + (y - start_px[1]) * along[1]
    cover *= np.clip(position + 0.5, 0, 1) * np.clip(length - position + 0.5, 0, 1)
    inside = (columns >= 0) & (columns < map_.shape[1])
    map_[majors[inside], minors[inside]] *= (1.0 - loss * cover[inside]).astype(np.float32)


def labels(phantom: Phantom) -> list[tuple[str, tuple[float, float], float, float]]:
    """Text, centre in mm, height in mm and angle in degrees of the writing about the cells.

    Diameters stand at the thin end of the rows and thicknesses at the head of the columns, as a reader needs them;
    the places on the real plate are not known.
    """
    cells = {(cell.row, cell.column): cell for cell in phantom.cells}
    side, root = phantom.cells[0].side_mm, math.sqrt(2.0)
    found: list[tuple[str, tuple[float, float], float, float]] = []
    for row in sorted({r for r, _ in cells}):
        column = min(c for r, c in cells if r == row)
        u, v = (column - 8) * side - 4.0, (row - 7.5) * side
        if (row + 1, column - 1) in cells:
            continue  # the notch at the top holds one label only
        found.append((f"{cells[(row, column)].diameter_mm:.2f}", ((u - v) / root, (u + v) / root), 2.5, 45.0))
    for column in sorted({c for _, c in cells}):
        row = min(r for r, c in cells if c == column)
        u, v = (column - 7.5) * side, (row - 8) * side - 4.0
        found.append((f"{cells[(row, column)].thickness_um:.2f}", ((u - v) / root, (u + v) / root), 2.5, -45.0))
    found.append(("CDMAM 3.4", (-52.0, -104.0), 5.0, 0.0))
    found.append(("SIMULATED", (-52.0, 104.0), 5.0, 0.0))
    return found


def draw_writing(factor: Factor, phantom: Phantom, matrix: Matrix, loss: float) -> None:
    """Multiply `factor` by what passes the painted writing."""
    from scipy.ndimage import map_coordinates

    for text, centre_mm, height_mm, angle_deg in labels(phantom):
        dots = _dots(text, height_mm)
        angle = math.radians(angle_deg)
        local = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) / _DOTS_PER_MM
        to_px = matrix[:, :2] @ local
        middle = matrix[:, :2] @ np.array(centre_mm) + matrix[:, 2]
        half = np.array(dots.shape[::-1]) / 2
        reach = np.abs(to_px) @ half
        col0, row0 = np.maximum(np.floor(middle - reach), 0).astype(int)
        col1, row1 = np.minimum(np.ceil(middle + reach) + 1, factor.shape[::-1]).astype(int)
        if row0 >= row1 or col0 >= col1:
            continue
        back = np.linalg.inv(to_px)
        x, y = np.arange(col0, col1) - middle[0], (np.arange(row0, row1) - middle[1])[:, None]
        at = np.stack(
            [back[1, 0] * x + back[1, 1] * y + half[1] - 0.5, back[0, 0] * x + back[0, 1] * y + half[0] - 0.5]
        )
        factor[row0:row1, col0:col1] *= 1.0 - loss * map_coordinates(dots, at, order=1).astype(np.float32)


def _dots(text: str, height_mm: float) -> Float32[np.ndarray, "rows columns"]:
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=height_mm * _DOTS_PER_MM)
    left, top, right, bottom = font.getbbox(text)
    picture = Image.new("L", (math.ceil(right - left) + 4, math.ceil(bottom - top) + 4))
    ImageDraw.Draw(picture).text((2 - left, 2 - top), text, font=font, fill=255)
    return np.asarray(picture, dtype=np.float32) / 255
