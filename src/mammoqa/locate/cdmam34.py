"""Where a CDMAM lies: its lattice of lines to a tenth of a pixel, and which way it is turned and mirrored.

A square lattice fits itself in eight ways and at any whole shift. Which cells exist (the outline) tells the shift and
all but a mirror image apart; where the discs lie in the corners tells that, too. The place is then fitted to every side
of every cell as a projective map, since a phantom on the breast support need not be parallel to the detector.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mammoqa.core import ChestWall, Image, LocateError, Phantom, Pose, ReasonCode
from mammoqa.locate.cdmam_lattice import Lattice, Sides, find_lattice, measure_sides
from mammoqa.locate.sampling import Level, inside, level, sample

MIN_CONTRAST = 10.0  # of the lattice; other images reach 5, phantom images 50 and more
MIN_SIDES = 0.6  # of the cells' sides seen as lines
SEEN = 5.0  # strength from which a side counts as seen
MIN_DISCS = 6.0  # standard deviations by which the discs must support the orientation
_FINE_MM = 0.14
_REACH_CELLS = 14  # lines looked for on either side of the image's middle
_TURNS = tuple(
    np.array(m, float)
    for m in (
        [[1, 0], [0, 1]],
        [[0, -1], [1, 0]],
        [[-1, 0], [0, -1]],
        [[0, 1], [-1, 0]],
        [[-1, 0], [0, 1]],
        [[0, 1], [1, 0]],
        [[1, 0], [0, -1]],
        [[0, -1], [-1, 0]],
    )
)
_SHORTLIST = 3  # shifts per turn that the discs decide between


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A phantom's cells in units of their side: middles (u, v) of all cells and the ends of each side, once each."""

    cells: Float[np.ndarray, "n 2"]
    sides: Float[np.ndarray, "m 2 2"]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Strengths of the lattice's sides: at [a, b] along e2 from (a, b) to (a, b + 1), and along e1; from -reach on."""

    along_e2: Float[np.ndarray, "k k"]
    along_e1: Float[np.ndarray, "k k"]


def locate_cdmam34(image: Image, phantom: Phantom) -> Pose:
    """Locate a CDMAM 3.4 in an image, to about a tenth of a pixel.

    Raises LocateError: NO_PIXEL_SPACING, NOT_LOCATED, PARTLY_OUTSIDE, each with what to do.
    """
    if image.pitch_mm is None:
        raise LocateError(
            ReasonCode.NO_PIXEL_SPACING,
            "The image states no pixel size, so the grid's cells cannot be sized: use the unit's original image.",
        )
    cell_mm = phantom.cells[0].side_mm
    lattice = find_lattice(image, cell_mm)
    if lattice.contrast < MIN_CONTRAST:
        raise _not_found("no grid of lines at 45 degrees is visible")
    grid, fine = grid_of(phantom), level(image, _FINE_MM)
    lattice, seen = _sharpened(fine, lattice)
    turn, shift = _which_way(fine, lattice, seen, grid, phantom)
    start = _affine(lattice, turn, shift, cell_mm)
    coarse_fit, _ = _fit(fine, grid, cell_mm, start, lattice.dark, (0.9, 0.5))
    full = level(image, min(image.pitch_mm))
    matrix, sides = _fit(full, grid, cell_mm, coarse_fit, lattice.dark, (0.35, 0.25))
    share = float((sides.strength > SEEN).mean())
    if share < MIN_SIDES:
        raise _not_found(f"lines are seen around {100 * share:.0f} % of the cells only")
    return _pose(image, fine, phantom, matrix, sides, lattice.dark)


def looks_like_cdmam(image: Image, cell_mm: float) -> bool:
    """Whether a lattice of lines at about 45 degrees fills the image; `image.pitch_mm` must be known."""
    return find_lattice(image, cell_mm).contrast >= MIN_CONTRAST


def grid_of(phantom: Phantom) -> Grid:
    """The cells of a phantom and their sides, in units of the cell's side, from the middle of the square."""
    side_mm = phantom.cells[0].side_mm
    centres = np.array([cell.centre_mm for cell in phantom.cells]) / side_mm
    uv = np.stack([centres[:, 0] + centres[:, 1], centres[:, 1] - centres[:, 0]], axis=-1) / math.sqrt(2.0)
    found: dict[tuple[float, ...], None] = {}
    for u, v in np.round(uv * 2) / 2:
        for sign in (-0.5, 0.5):
            found[(u + sign, v - 0.5, u + sign, v + 0.5)] = None
            found[(u - 0.5, v + sign, u + 0.5, v + sign)] = None
    return Grid(np.round(uv * 2) / 2, np.array(list(found)).reshape(-1, 2, 2))


def _not_found(why: str) -> LocateError:
    return LocateError(
        ReasonCode.NOT_LOCATED,
        f"The CDMAM could not be placed: {why}. Repeat the image with the whole phantom in the field, its lines sharp.",
    )


def _sharpened(fine: Level, lattice: Lattice) -> tuple[Lattice, Seen]:
    """The lattice fitted to its clearest sides, and the strength of all sides near it."""
    for reach_mm in (0.9, 0.6):
        ends, index = _lattice_sides()
        ends_px = lattice.to_px(ends)
        within = inside(fine, ends_px).all(axis=1)
        sides = measure_sides(fine, ends_px[within], reach_mm, lattice.dark)
        lattice = _refitted(lattice, ends[within], sides)
    strength = np.zeros(len(ends))
    strength[within] = np.clip(sides.strength, 0.0, 2 * SEEN)
    size = 2 * _REACH_CELLS
    maps = np.zeros((2, size, size))
    maps[index[:, 0], index[:, 1], index[:, 2]] = strength
    return lattice, Seen(maps[0], maps[1])


def _lattice_sides() -> tuple[Float[np.ndarray, "n 2 2"], Int[np.ndarray, "n 3"]]:
    """Ends of the sides near the lattice's origin, and their place in the maps of `Seen`."""
    a, b = (part.ravel() for part in np.meshgrid(*(np.arange(2 * _REACH_CELLS),) * 2, indexing="ij"))
    start = np.stack([a, b], axis=-1) - float(_REACH_CELLS)
    ends = [np.stack([start, start + np.array(step)], axis=1) for step in ((0.0, 1.0), (1.0, 0.0))]
    index = [np.stack([np.full(a.size, k), a, b], axis=-1) for k in (0, 1)]
    return np.concatenate(ends), np.concatenate(index)


def _refitted(lattice: Lattice, ends: np.ndarray, sides: Sides) -> Lattice:
    """Affine least squares of origin, e1 and e2 on the sides that are clearly seen."""
    weight = np.where(sides.strength > SEEN, 1.0, 0.0)
    middle = ends.mean(axis=1)
    design = np.concatenate(
        [sides.normal, sides.normal * middle[:, :1], sides.normal * middle[:, 1:]], axis=1
    )  # moves of origin, e1 and e2 along the normal
    change = np.zeros(6)
    for _ in range(3):
        left = sides.offset_px - design @ change
        width = 1.48 * float(np.median(np.abs(left[weight > 0]))) + 1e-3 if np.any(weight > 0) else 1.0
        w = weight / (1.0 + (left / (2 * width)) ** 2)
        normal = design.T @ (design * w[:, None]) + 1e-6 * np.eye(6)
        change = np.linalg.solve(normal, design.T @ (w * sides.offset_px))
    return Lattice(
        lattice.origin_px + change[:2],
        lattice.e1_px + change[2:4],
        lattice.e2_px + change[4:],
        lattice.contrast,
        lattice.dark,
    )


def _which_way(
    fine: Level, lattice: Lattice, seen: Seen, grid: Grid, phantom: Phantom
) -> tuple[np.ndarray, np.ndarray]:
    """The turn and shift (in cells) of the phantom in the lattice that lines and discs support best."""
    blobs = _Blobs.of(fine, lattice, phantom)
    found: list[tuple[float, float, np.ndarray, np.ndarray]] = []
    for turn in _TURNS:
        for lines, shift in _best_shifts(seen, grid, turn):
            found.append((lines, blobs.support(turn, shift, grid, phantom), turn, shift))
    most = max(lines for lines, *_ in found)
    kept = sorted((f for f in found if f[0] > 0.85 * most), key=lambda f: -f[1])
    _, best, turn, shift = kept[0]
    second = next((f[1] for f in kept[1:] if not (np.array_equal(f[2], turn))), 0.0)
    if best < MIN_DISCS or second > 0.6 * best:
        raise _not_found("the discs do not tell which way it lies (too few are visible)")
    cells_px = lattice.to_px(grid.cells @ turn.T + shift)
    if not inside(fine, cells_px).all():
        raise LocateError(
            ReasonCode.PARTLY_OUTSIDE,
            "Part of the CDMAM's cells lies outside the image: repeat it with the whole phantom in the field.",
        )
    return turn, shift


def _best_shifts(seen: Seen, grid: Grid, turn: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """Sums of the strengths of the phantom's sides at the best shifts."""
    size = seen.along_e1.shape[0]
    ends = np.sort(grid.sides @ turn.T, axis=1)
    start = np.rint(ends[:, 0]).astype(int)
    along_e1 = ends[:, 1, 0] > ends[:, 0, 0] + 0.5
    masks = np.zeros((2, size, size))
    for which, picked in ((0, ~along_e1), (1, along_e1)):
        masks[which, start[picked, 0] + 9, start[picked, 1] + 9] = 1.0  # the square reaches from -8 to 8
    spectra = np.fft.rfft2(np.stack([seen.along_e2, seen.along_e1])) * np.conj(np.fft.rfft2(masks))
    total = np.fft.irfft2(spectra.sum(axis=0), s=(size, size))
    order = np.argsort(total, axis=None)[::-1][:_SHORTLIST]
    found = []
    for flat in order:
        moved = np.array(divmod(int(flat), size), dtype=float)
        moved = np.where(moved > size / 2, moved - size, moved)
        found.append((float(total.ravel()[flat]), moved + 9 - _REACH_CELLS))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Blobs:
    """How much darker (or brighter) than its surroundings each possible disc place of each lattice cell is.

    `values` [2 reach, 2 reach, 3, 3]: at the offsets -1, 0, 1 along e1 and e2; nan outside the image.
    """

    values: np.ndarray

    @staticmethod
    def of(fine: Level, lattice: Lattice, phantom: Phantom) -> "_Blobs":
        """Mean of a disc of 0.35 mm less that of a ring, at every place."""
        lengths = dict(phantom.lengths_mm)
        off = lengths["corner_offset"] / lengths["cell_pitch"]
        count = 2 * _REACH_CELLS
        a, b = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
        cells = np.stack([a, b], axis=-1) - _REACH_CELLS + 0.5
        sides = np.array([-off, 0.0, off])
        offsets = np.stack(np.meshgrid(sides, sides, indexing="ij"), axis=-1)
        places = lattice.to_px(cells[:, :, None, None] + offsets)
        pixel = fine.block
        reach = math.ceil(1.5 / fine.pitch_mm[0])
        dx, dy = np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1))
        radius_mm = np.hypot(dx, dy) * fine.pitch_mm[0]
        inner, ring = radius_mm <= 0.4, (radius_mm >= 1.1) & (radius_mm <= 1.5)
        used = inner | ring
        weight = np.where(inner, 1.0 / inner.sum(), -1.0 / ring.sum())[used]
        moves = np.stack([dx[used], dy[used]], axis=-1) * float(pixel)
        known = inside(fine, places)
        values = np.full(known.shape, np.nan)
        values[known] = sample(fine, places[known][:, None] + moves) @ weight
        return _Blobs(-values if lattice.dark else values)

    def support(self, turn: np.ndarray, shift: np.ndarray, grid: Grid, phantom: Phantom) -> float:
        """Standard deviations by which true places of discs exceed empty corners, weighted by what is expected."""
        index = np.rint(grid.cells @ turn.T + shift - 0.5).astype(int) + _REACH_CELLS
        size = len(self.values)
        known = ((index >= 0) & (index < size)).all(axis=1)
        index = np.clip(index, 0, size - 1)
        found = self.values[index[:, 0], index[:, 1]]
        corners = (
            np.array([_corner_uv(cell.corners_mm, cell.corner, cell.centre_mm) for cell in phantom.cells]) @ turn.T
        )
        place = np.rint(corners).astype(int) + 1
        at = np.arange(len(found))
        true = found[at, place[:, 0], place[:, 1]]
        four = found[:, [0, 0, 2, 2], [0, 2, 0, 2]]
        others = (four.sum(axis=1) - true) / 3
        expected = np.array([c.thickness_um * min(1.0, (c.diameter_mm / 0.8) ** 2) for c in phantom.cells])
        gain = np.where(known & np.isfinite(four).all(axis=1), (true - others) * expected, 0.0)
        noise = 1.48 * float(np.nanmedian(np.abs(others - np.nanmedian(others)))) * math.sqrt(4.0)
        return float(np.nansum(gain) / (noise * math.sqrt(float((expected**2).sum())) + 1e-12))


def _corner_uv(corners_mm: tuple[tuple[float, float], ...], corner: int, centre_mm: tuple[float, float]) -> np.ndarray:
    x, y = corners_mm[corner][0] - centre_mm[0], corners_mm[corner][1] - centre_mm[1]
    return np.asarray(np.sign(np.array([x + y, y - x])))


def _affine(lattice: Lattice, turn: np.ndarray, shift: np.ndarray, cell_mm: float) -> Float[np.ndarray, "3 3"]:
    """Phantom frame (mm) to pixels through cells: u = (x + y) / sqrt 2, v = (y - x) / sqrt 2."""
    to_cells = turn @ np.array([[1.0, 1.0], [-1.0, 1.0]]) / (math.sqrt(2.0) * cell_mm)
    steps = np.column_stack([lattice.e1_px, lattice.e2_px])
    whole = np.eye(3)
    whole[:2, :2] = steps @ to_cells
    whole[:2, 2] = lattice.origin_px + steps @ shift
    return whole


def _fit(
    of: Level, grid: Grid, cell_mm: float, start: np.ndarray, dark: bool, reaches_mm: tuple[float, ...]
) -> tuple[Float[np.ndarray, "3 3"], Sides]:
    """Gauss and Newton on the projective map from mm to pixels; also the sides, measured once more."""
    ends_mm = grid.sides @ (cell_mm / math.sqrt(2.0) * np.array([[1.0, 1.0], [-1.0, 1.0]]))
    middle = ends_mm.mean(axis=1) / 100.0  # of order one
    whole = start
    for round_, reach_mm in enumerate((*reaches_mm, reaches_mm[-1])):
        ends_px = to_pixels(whole, ends_mm.reshape(-1, 2)).reshape(ends_mm.shape)
        within = inside(of, ends_px).all(axis=1)
        sides = measure_sides(of, ends_px[within], reach_mm, dark)
        m, p, n = middle[within], sides.middle_px, sides.normal
        along = (n * p).sum(axis=1, keepdims=True)
        design = np.concatenate([n, n * m[:, :1], n * m[:, 1:], -along * m], axis=1)
        weight = np.where(sides.strength > SEEN / 2, np.minimum(sides.strength, 4 * SEEN), 0.0)
        change = np.zeros(8)
        kept = weight
        if round_ == len(reaches_mm):  # only measured again, for the residuals
            break
        scale = np.sqrt((design**2).mean(axis=0)) + 1e-12
        for _ in range(4):
            left = sides.offset_px - design @ change
            width = 1.48 * float(np.median(np.abs(left[kept > 0]))) + 1e-3 if np.any(kept > 0) else 1.0
            kept = weight / (1.0 + (left / (2 * width)) ** 2) ** 2
            scaled = design / scale
            normal = scaled.T @ (scaled * kept[:, None])
            normal += 1e-9 * np.trace(normal) * np.eye(8)
            change = np.linalg.solve(normal, scaled.T @ (kept * sides.offset_px)) / scale
        whole = _moved(whole, change)
    return whole, sides


def _moved(whole: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Add a change of (origin, x column, y column, projective row), per 100 mm, at the present denominator."""
    step = np.array(
        [[change[2] / 100, change[4] / 100, change[0]], [change[3] / 100, change[5] / 100, change[1]], [0.0, 0.0, 0.0]]
    )
    step[2, :2] = change[6:] / 100
    moved = whole + step
    return np.asarray(moved / moved[2, 2])


def to_pixels(whole: Float[np.ndarray, "3 3"], points_mm: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """Points in mm through a projective map to pixels."""
    straight = points_mm @ whole[:2, :2].T + whole[:2, 2]
    return np.asarray(straight / (points_mm @ whole[2, :2] + 1.0)[:, None])


def _pose(image: Image, fine: Level, phantom: Phantom, whole: np.ndarray, sides: Sides, dark: bool) -> Pose:
    assert image.pitch_mm is not None
    linear = whole[:2, :2]
    pixel_mm = math.sqrt(image.pitch_mm[0] * image.pitch_mm[1])
    seen = sides.strength > SEEN
    left = sides.offset_px[seen]
    residual_px = 1.48 * float(np.median(np.abs(left))) if seen.any() else math.inf
    mirrored = bool(np.linalg.det(linear) < 0)
    up = linear @ np.array([0.0, 1.0])  # the frame's y axis in the image
    angle = math.degrees(math.atan2(-up[0], up[1]))
    quarter = round(angle / 90.0)
    centres = to_pixels(whole, np.array([cell.centre_mm for cell in phantom.cells]))
    values = sample(fine, centres)
    low, high = (float(v) for v in np.percentile(values, (1, 99)))
    margin = 0.6 * (high - low) + 0.02 * abs(high)
    sides_of_image: tuple[ChestWall, ...] = ("bottom", "left", "top", "right")
    return Pose(
        matrix=whole[:2],
        chest_wall=sides_of_image[quarter % 4],
        mirrored=mirrored,
        tilt_deg=angle - 90.0 * quarter,
        magnification=math.sqrt(abs(float(np.linalg.det(linear)))) * pixel_mm,
        attenuating_bright=not dark,
        residual_mm=residual_px * pixel_mm,
        window=(low - margin, high + margin),
        confidence=float(seen.mean()),
        projective=(float(whole[2, 0]), float(whole[2, 1])),
        line_mm=sides.line_px * pixel_mm,
    )
