"""Evidence of a CDMAM on an invented unit, and the curve that is true there, without drawing a whole image.

The filters' answers are linear in the pixels. So for each diameter one cell is laid on a patch of pixels, its filters
are the reading's own (`score.cdmam34_evidence`), and their answers to the unit's discs, lines and background and the
covariance of their answers to its noise follow from Fourier sums. Images are then drawn as answers. The conventional
reading asks the same filter at the four corners, so its chances and its curve are known exactly.

What a patch leaves out: neighbouring cells, and noise that changes over the phantom.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy import fft

from mammoqa.core import Cell, Phantom, Pose
from mammoqa.jobs.cdmam34_truth import curve_of_chances
from mammoqa.models.cdmam_cells import Evidence
from mammoqa.score.cdmam34 import INNER_MM
from mammoqa.score.cdmam34_evidence import EMPTY, PLACES, Filters, evidence_of
from mammoqa.simulate.cdmam_detectability import share_correct
from mammoqa.simulate.cdmam_invented import InventedUnit
from mammoqa.simulate.cdmam_scene import Factor, disc_coverage, draw_line
from mammoqa.stats.psychometric import GOLD_PER_UM

_ROOM_PX = 12
_ASKED = 2 * PLACES + EMPTY  # disc's filter at 25 places, ring's at 5
_LINE_LOSS, _LINE_MM = 0.08, 0.10  # of the drawn lines (choices, as in `simulate.cdmam_scene`)
_PLACE_MM = 0.002  # how far the grid's search may be off
_NOISE_DRAWS = 6
_BENDS = 4  # directions of the bent background


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """What the filters of one diameter answer: to discs of unit contrast, to all else, and how noise scatters it.

    Filters are in the order: disc's at centre and corners, disc's at empty places, ring's at centre and corners; nan
    where there is no room. `corner` is where the second disc lies in this.
    """

    to_disc: Float[np.ndarray, " asked"]
    to_rest: Float[np.ndarray, " asked"]
    spread: Float[np.ndarray, "asked asked"]
    corner: int


def draw_evidence(
    unit: InventedUnit, phantom: Phantom, images: int, rng: np.random.Generator
) -> tuple[list[Evidence], Float[np.ndarray, " rows"], Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Evidence of images of a unit; automatic thresholds, the human curve (um) and its diameters (mm)."""
    pose, size = _patch(unit, rng)
    cells = _one_of_each(phantom, unit, rng)
    patch = replace(phantom, cells=cells)
    read, filters = evidence_of(_noise(unit, size, rng), patch, pose, logarithmic=False)
    noise = _pixel_noise(unit, filters, size, rng)
    rows = [_row(unit, cells, k, filters, pose, size, rng) for k in range(len(cells))]
    contrast = _contrasts(unit, phantom)
    chances = share_correct(_corner_detectability(rows, phantom) * contrast)
    automatic, curve, diameters_mm = curve_of_chances(chances, phantom, rng)
    drawn = [_drawn(rows, contrast, noise, phantom, read, rng) for _ in range(images)]
    return drawn, automatic, curve, diameters_mm


def _patch(unit: InventedUnit, rng: np.random.Generator) -> tuple[Pose, int]:
    """Where the frame of a cell lies on a square of pixels, and how large that is."""
    scale = unit.magnification / unit.pitch_mm
    size = int(fft.next_fast_len(2 * (math.ceil(INNER_MM * math.sqrt(2.0) * scale) + _ROOM_PX), real=True))
    angle = math.radians(270.0 + float(rng.uniform(-1.0, 1.0)))
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    pose = Pose(
        matrix=np.column_stack([turn, [size / 2, size / 2]]),
        chest_wall="left",
        mirrored=False,
        tilt_deg=0.0,
        magnification=unit.magnification,
        attenuating_bright=False,
        residual_mm=0.0,
        window=(0.0, 1.0),
        line_mm=unit.line_mm,
    )
    return pose, size


def _one_of_each(phantom: Phantom, unit: InventedUnit, rng: np.random.Generator) -> tuple[Cell, ...]:
    """A cell of each diameter, moved to the frame's origin and off it by part of a pixel."""
    found = []
    for row in sorted({cell.row for cell in phantom.cells}):
        those = [cell for cell in phantom.cells if cell.row == row]
        cell = those[int(rng.integers(len(those)))]
        to = rng.uniform(-0.5, 0.5, 2) * unit.pitch_mm / unit.magnification
        by = to - np.array(cell.centre_mm)
        corners = tuple((float(x + by[0]), float(y + by[1])) for x, y in cell.corners_mm)
        found.append(replace(cell, centre_mm=(float(to[0]), float(to[1])), corners_mm=corners))
    return tuple(found)


def _frequencies(size: int, pitch_mm: float) -> Float[np.ndarray, "size half"]:
    return np.hypot(fft.fftfreq(size, pitch_mm)[:, None], fft.rfftfreq(size, pitch_mm))


def _noise(unit: InventedUnit, size: int, rng: np.random.Generator) -> Float[np.ndarray, "size size"]:
    """A patch of background with noise, and no disc."""
    power = unit.noise_power(_frequencies(size, unit.pitch_mm))
    white = fft.rfft2(rng.standard_normal((size, size)))
    return 1.0 + np.asarray(fft.irfft2(white * np.sqrt(power), s=(size, size)))


def _pixel_noise(unit: InventedUnit, filters: Filters, size: int, rng: np.random.Generator) -> float:
    """Standard deviation of a pixel about the surface that is fitted to a cell's background."""
    beside = filters.rows[len(filters.rows) // 2].beside[0]
    x, y = ((beside - beside.mean(axis=0)) / size).T
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    left = []
    for _ in range(_NOISE_DRAWS):
        values = _noise(unit, size, rng)[beside[:, 1], beside[:, 0]]
        left.append(values - terms @ np.linalg.lstsq(terms, values, rcond=None)[0])
    return float(np.std(left)) * math.hypot(1.0, unit.grid[0] / math.sqrt(2.0))


def _row(
    unit: InventedUnit,
    cells: tuple[Cell, ...],
    k: int,
    filters: Filters,
    pose: Pose,
    size: int,
    rng: np.random.Generator,
) -> Row:
    """One diameter's filters against everything that the unit does."""
    row, cell = filters.rows[k], cells[k]
    maps = np.zeros((2, len(row.place), size, size), np.float32)
    for kind in range(2):
        for p in range(len(row.place)):
            np.add.at(maps[kind, p], (row.near[0, p, :, 1], row.near[0, p, :, 0]), row.weights[0, kind, p])
            maps[kind, p, row.beside[0, :, 1], row.beside[0, :, 0]] -= row.lever[0, kind, p]
    asked = np.concatenate([row.place, PLACES + EMPTY + np.arange(PLACES)])
    patches = np.concatenate([maps[0], maps[1, :PLACES]])
    spectra = fft.rfft2(patches).reshape(len(asked), -1)
    frequency = _frequencies(size, unit.pitch_mm)
    over = np.full(frequency.shape, 2.0 / size**2, np.float32)  # the half of the plane that is left out counts, too
    over[:, 0] /= 2.0
    if size % 2 == 0:
        over[:, -1] /= 2.0
    power = over.ravel() * unit.noise_power(frequency).ravel().astype(np.float32)
    still = patches.reshape(len(asked), -1) @ _stills(unit, cell, pose, size, math.sqrt(float(power.sum()))).T
    spread = ((spectra * power) @ spectra.conj().T).real + still @ still.T
    answers = [
        (spectra.conj() @ (over.ravel() * (fft.rfft2(picture) * unit.transfer(frequency)).ravel())).real
        for picture in _pictures(unit, cell, pose, size, rng)
    ]
    full = np.full((2, _ASKED), np.nan)
    full[:, asked] = answers
    whole = np.full((_ASKED, _ASKED), np.nan)
    whole[np.ix_(asked, asked)] = spread
    return Row(full[0], full[1], whole, cell.corner)


def _stills(
    unit: InventedUnit, cell: Cell, pose: Pose, size: int, noise: float
) -> Float[np.ndarray, "patterns pixels"]:
    """Patterns that are not noise but differ from cell to cell: the bent background and the grid, phases at random."""
    scale = float(np.sqrt(abs(np.linalg.det(pose.matrix[:, :2]))))
    y, x = (np.mgrid[:size, :size] - size / 2) / (cell.side_mm / 2 * scale)
    found = []
    for angle in np.pi * np.arange(_BENDS) / _BENDS:
        along = x * math.cos(angle) + y * math.sin(angle)
        found += [unit.trend[0] / math.sqrt(_BENDS) * along**3, unit.trend[1] / math.sqrt(_BENDS) * along**4]
    strength, per_mm, angle_deg = unit.grid
    wave = x * math.cos(math.radians(angle_deg)) + y * math.sin(math.radians(angle_deg))
    phase = 2.0 * np.pi * per_mm * cell.side_mm / 2 * unit.magnification * wave
    found += [strength * noise / math.sqrt(2.0) * part(phase) for part in (np.sin, np.cos)]
    return np.array(found, np.float32).reshape(len(found), -1)


def _pictures(unit: InventedUnit, cell: Cell, pose: Pose, size: int, rng: np.random.Generator) -> tuple[Factor, Factor]:
    """What discs of unit contrast and the lines take away, before any blur; negative."""
    shape, scale = (size, size), float(np.sqrt(abs(np.linalg.det(pose.matrix[:, :2]))))
    off = np.array(unit.beside_mm[cell.row] if unit.beside_mm else (0.0, 0.0)) + rng.normal(0.0, _PLACE_MM, 2)
    disc = np.zeros(shape, np.float32)
    for place in (cell.centre_mm, cell.corners_mm[cell.corner]):
        x, y = pose.to_px((np.array(place) + off)[None])[0]
        (r0, r1, c0, c1), cover = disc_coverage(float(x), float(y), cell.diameter_mm / 2 * scale, shape)
        disc[r0:r1, c0:c1] -= cover.astype(np.float32)
    through = np.ones(shape, np.float32)
    corners = np.array([(-1.0, -1.0), (-1.0, 1.0), (1.0, 1.0), (1.0, -1.0)]) * cell.side_mm / 2  # along u and v
    turned = np.stack([corners[:, 0] - corners[:, 1], corners.sum(axis=1)], axis=1) / math.sqrt(2.0)
    ends = pose.to_px(turned + np.array(cell.centre_mm))
    for k in range(4):
        draw_line(through, ends[k], ends[(k + 1) % 4], _LINE_MM * scale, _LINE_LOSS)
    return disc, through - np.float32(1.0)


def _contrasts(unit: InventedUnit, phantom: Phantom) -> Float[np.ndarray, " cells"]:
    """What each cell's discs take away."""
    sizes = np.array([cell.diameter_mm for cell in phantom.cells])
    gold_um = np.array([cell.thickness_um for cell in phantom.cells])
    return np.asarray(unit.contrast(sizes, gold_um) * np.array([unit.rows[cell.row] for cell in phantom.cells]))


def _corner_detectability(rows: list[Row], phantom: Phantom) -> Float[np.ndarray, " cells"]:
    """The d' of unit contrast for the conventional reading, which compares the corners."""
    by_row = []
    for row in rows:
        corners = 1 + np.arange(4)
        others = corners[corners != 1 + row.corner]
        signal = -(row.to_disc[1 + row.corner] - row.to_disc[others].mean())
        apart = row.spread[np.ix_(corners, corners)]
        between = apart[~np.eye(4, dtype=bool)].mean()
        by_row.append(signal / math.sqrt(np.diag(apart).mean() - between))  # what all four share decides nothing
    return np.array([by_row[cell.row] for cell in phantom.cells])


def _drawn(
    rows: list[Row],
    contrast: Float[np.ndarray, " cells"],
    noise: float,
    phantom: Phantom,
    like: Evidence,
    rng: np.random.Generator,
) -> Evidence:
    """The evidence of one image."""
    answers = np.full((len(phantom.cells), _ASKED), np.nan)
    for number, row in enumerate(rows):
        those = [k for k, cell in enumerate(phantom.cells) if cell.row == number]
        there = ~np.isnan(row.to_disc)
        root = np.linalg.cholesky(
            row.spread[np.ix_(there, there)] + 1e-9 * np.nanmax(row.spread) * np.eye(int(there.sum()))
        )
        scattered = rng.standard_normal((len(those), int(there.sum()))) @ root.T
        for k, one in zip(those, scattered, strict=True):
            found = np.full(_ASKED, np.nan)
            found[there] = -(contrast[k] * row.to_disc[there] + row.to_rest[there] + one) / noise
            answers[k] = _swapped(found, row.corner, phantom.cells[k].corner)
    gold_um = np.array([cell.thickness_um for cell in phantom.cells])
    return Evidence(
        answers=answers[:, :PLACES],
        empty=answers[:, PLACES : PLACES + EMPTY],
        rings=answers[:, PLACES + EMPTY :],
        contrast=-np.expm1(-GOLD_PER_UM * gold_um),
        noise=np.full(len(gold_um), noise),
        radius_px=np.array([like.radius_px[cell.row] for cell in phantom.cells]),
        blur_px=like.blur_px,
    )


def _swapped(found: Float[np.ndarray, " asked"], drawn: int, wanted: int) -> Float[np.ndarray, " asked"]:
    """Answers of a cell whose second disc lies in another corner: the two corners change places."""
    for start in (1, PLACES + EMPTY + 1):
        found[[start + drawn, start + wanted]] = found[[start + wanted, start + drawn]]
    return found
