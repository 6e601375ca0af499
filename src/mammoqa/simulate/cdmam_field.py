"""The mean exposure of a CDMAM on the detector: what the beam does, what is smooth, and the edges of the phantom.

What is smooth (heel effect, distance, scatter) is kept on a grid of 2 mm or along rows and columns, what is small
(discs, lines, writing) is drawn on windows, and the edges of the phantom on strips, so that the full field is touched
only to put these together. All arithmetic on it is in single precision.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from mammoqa import physics
from mammoqa.core import Phantom
from mammoqa.simulate.cdmam_scene import (
    Arrangement,
    Matrix,
    draw_discs,
    draw_line,
    draw_writing,
    grid_lines_mm,
    placed,
    thickness_mm,
)
from mammoqa.simulate.expose import PADDLE
from mammoqa.simulate.exposure import Exposure
from mammoqa.simulate.scene import Window, cuboid_mm

COARSE_MM = 2.0
REFERENCE_MM = (
    60.0  # European guidelines: pixel values are compared 60 mm from the chest wall, in the middle (recalled)
)
PLATE_AS_ACRYLIC_MM = 10.0  # what cover and aluminium attenuate like, by the manufacturer


@dataclass(frozen=True, slots=True, eq=False)
class Beam:
    """What the beam does to this phantom: signal per mAs behind it and beside it, loss through gold."""

    response: physics.Response
    path_mm: dict[str, float]
    behind: float
    quantum_kev: float
    dose_per_mas_mgy: float
    ratio: float

    def loss(self, gold_um: float) -> float:
        """Share of the primary signal that gold of this thickness takes away."""
        through = self.response.signal({**self.path_mm, "gold": gold_um / 1000.0})
        return 1.0 - float(through) / self.behind


def beam_of(phantom: Phantom, exposure: Exposure, arrangement: Arrangement, detector: physics.Detector) -> Beam:
    """The beam behind this phantom and these plates; ConfigurationError for an unknown beam."""
    grid = "linear" if exposure.grid else "none"
    sid_mm = exposure.source_to_detector_mm
    spectrum = physics.spectrum(exposure.anode, exposure.filter_material, exposure.kvp, extra=PADDLE)
    response = physics.response(spectrum, detector, sid_mm=sid_mm, grid=grid)
    path_mm = {"acrylic": arrangement.above_mm + arrangement.below_mm}
    for layer in phantom.layers:
        path_mm[layer.material] = path_mm.get(layer.material, 0.0) + layer.thickness_mm
    pmma_mm = arrangement.above_mm + arrangement.below_mm + PLATE_AS_ACRYLIC_MM
    top_mm = exposure.support_gap_mm + thickness_mm(phantom, arrangement)
    kerma_mgy = physics.air_kerma_mgy_per_mas(spectrum, sid_mm - top_mm)  # at the top of the plates (EUREF)
    dose = physics.pmma_dose_mgy(
        kerma_mgy, physics.hvl_mm_al(spectrum), exposure.anode, exposure.filter_material, pmma_mm
    )
    ratio = physics.scatter_to_primary(pmma_mm, grid) + exposure.faults.extra_scatter
    behind = float(response.signal(path_mm))
    return Beam(response, path_mm, behind, float(response.quantum_kev(path_mm)), dose, ratio)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """The whole canonical field, the window of it that is simulated, and the placement in that window."""

    shape: tuple[int, int]
    window: Window
    pitch_mm: float
    matrix: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class Smooth:
    """The slow parts of the exposure per mAs: shading by row and column, and scatter on a coarse grid."""

    rows: Float32[np.ndarray, " rows"]
    columns: Float32[np.ndarray, " columns"]
    scatter: Float32[np.ndarray, "coarse_rows coarse_columns"]
    even: Float32[np.ndarray, "coarse_rows coarse_columns"]  # an even slab's image, 1 at the reference point
    place: Place
    step: int

    def spread(self, coarse: Float32[np.ndarray, "coarse_rows coarse_columns"]) -> Float32[np.ndarray, "rows columns"]:
        """A coarse map interpolated to the window."""
        return np.asarray(self.weights(0) @ (coarse @ self.weights(1).T))

    def flat(self) -> Float32[np.ndarray, "rows columns"]:
        """What flat-fielding divides by: the image of an even slab as thick as phantom and plates."""
        return self.spread(self.even)

    def weights(self, axis: int) -> Float32[np.ndarray, "fine coarse"]:
        """Linear interpolation from the coarse grid to the rows (0) or columns (1) of the window."""
        start, stop = self.place.window[2 * axis : 2 * axis + 2]
        count = self.scatter.shape[axis]
        at = np.clip((np.arange(start, stop) - (self.step - 1) / 2) / self.step, 0, count - 1)
        low = np.minimum(at.astype(int), count - 2)
        weights = np.zeros((stop - start, count), dtype=np.float32)
        index = np.arange(stop - start)
        weights[index, low] = 1 - (at - low)
        weights[index, low + 1] = at - low
        return weights


def smooth_parts(phantom: Phantom, exposure: Exposure, arrangement: Arrangement, beam: Beam, place: Place) -> Smooth:
    """Shading and scatter of the whole field, ready for the window of `place`."""
    row0, row1, col0, col1 = place.window
    rows, columns = place.shape
    step = max(1, round(COARSE_MM / place.pitch_mm))
    centres = [np.arange((step - 1) / 2, size + step - 1, step) for size in place.shape]
    down, across = (_shading(exposure, beam, axis, place) for axis in (0, 1))
    shade = np.outer(np.interp(centres[0], np.arange(rows), down), np.interp(centres[1], np.arange(columns), across))
    shade = shade.astype(np.float32)
    box = (0, centres[0].size, 0, centres[1].size)
    acrylic, plate = _fractions(phantom, exposure, arrangement, place, box, step)
    coarse_mm = step * place.pitch_mm
    primary = shade * _signal(beam, arrangement, phantom, acrylic, plate)
    scatter = physics.scatter_field(primary, coarse_mm, beam.ratio, acrylic)
    even = shade + physics.scatter_field(shade, coarse_mm, beam.ratio)
    even /= even[max(shade.shape[0] - round(REFERENCE_MM / coarse_mm), 0), shade.shape[1] // 2]
    return Smooth(down[row0:row1].astype(np.float32), across[col0:col1].astype(np.float32), scatter, even, place, step)


def _shading(exposure: Exposure, beam: Beam, axis: int, place: Place) -> Float[np.ndarray, " pixels"]:
    """Inverse square along an axis of the whole field, and the heel effect away from the chest wall."""
    count = place.shape[axis]
    if axis == 1:
        across_mm = (np.arange(count) - (count - 1) / 2) * place.pitch_mm
        return np.asarray(physics.inverse_square(across_mm, exposure.source_to_detector_mm))
    from_wall_mm = (count - 0.5 - np.arange(count)) * place.pitch_mm
    heel = physics.heel(
        exposure.anode,
        exposure.filter_material,
        exposure.kvp,
        from_wall_mm,
        sid_mm=exposure.source_to_detector_mm,
        acrylic_mm=beam.path_mm["acrylic"] + PLATE_AS_ACRYLIC_MM,
    )
    return np.asarray(heel * physics.inverse_square(from_wall_mm, exposure.source_to_detector_mm))


def _fractions(
    phantom: Phantom, exposure: Exposure, arrangement: Arrangement, place: Place, box: Window, step: int = 1
) -> tuple[Float32[np.ndarray, "rows columns"], Float32[np.ndarray, "rows columns"]]:
    """Share of the acrylic's and of the phantom's thickness that each ray of `box` meets; pixels of `step` x `step`."""
    size = (phantom.outline.width_mm, phantom.outline.length_mm)
    bottom_mm = exposure.support_gap_mm
    plate_mm = sum(layer.thickness_mm for layer in phantom.layers)
    levels = (
        (arrangement.plates_mm or size, bottom_mm, bottom_mm + thickness_mm(phantom, arrangement)),
        (size, bottom_mm + arrangement.below_mm, bottom_mm + arrangement.below_mm + plate_mm),
    )
    found = []
    for (width_mm, length_mm), low_mm, high_mm in levels:
        pair = []
        for height_mm in (low_mm, high_mm):
            matrix = placed(phantom, arrangement, exposure, height_mm, place.shape, place.pitch_mm)
            matrix[:, 2] -= (step - 1) / 2
            pair.append(matrix / step)
        found.append(cuboid_mm((width_mm / 2, length_mm / 2), (0.0, 0.0), (pair[0], pair[1]), 1.0, box))
    return found[0].astype(np.float32), found[1].astype(np.float32)


def _signal(
    beam: Beam,
    arrangement: Arrangement,
    phantom: Phantom,
    acrylic: Float32[np.ndarray, "rows columns"],
    plate: Float32[np.ndarray, "rows columns"],
) -> Float32[np.ndarray, "rows columns"]:
    """Primary signal for these shares of the path; only where a ray is neither inside nor outside is it summed."""
    signal = np.full(acrylic.shape, beam.behind, dtype=np.float32)
    signal[(acrylic <= 0) & (plate <= 0)] = float(beam.response.signal({"acrylic": 0.0}))
    partly = ((acrylic < 1) | (plate < 1)) & ((acrylic > 0) | (plate > 0))
    if partly.any():
        plates_mm = arrangement.above_mm + arrangement.below_mm
        paths: dict[str, np.ndarray] = {"acrylic": plates_mm * acrylic[partly]}
        for layer in phantom.layers:
            paths[layer.material] = paths.get(layer.material, 0.0) + layer.thickness_mm * plate[partly]
        signal[partly] = beam.response.signal(paths)
    return signal


def mean_kev(
    phantom: Phantom, exposure: Exposure, arrangement: Arrangement, beam: Beam, smooth: Smooth
) -> Float32[np.ndarray, "rows columns"]:
    """Mean absorbed energy per mm² and mAs over the window."""
    matrix = smooth.place.matrix
    mean = np.multiply.outer(smooth.rows, smooth.columns * np.float32(beam.behind))
    for strip in _strips(phantom, exposure, arrangement, smooth):
        r0, r1, c0, c1 = strip
        box = (r0 + smooth.place.window[0], r1 + smooth.place.window[0])
        box_columns = (c0 + smooth.place.window[2], c1 + smooth.place.window[2])
        shares = _fractions(phantom, exposure, arrangement, smooth.place, (*box, *box_columns))
        mean[r0:r1, c0:c1] *= _signal(beam, arrangement, phantom, *shares) / np.float32(beam.behind)
    losses = {cell.thickness_um: beam.loss(cell.thickness_um) for cell in phantom.cells}
    draw_discs(mean, phantom.cells, matrix, losses)
    paint = beam.loss(arrangement.line_gold_um)
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    for ends in grid_lines_mm(phantom):
        start, end = (matrix[:, :2] @ np.array(point) + matrix[:, 2] for point in ends)
        draw_line(mean, start, end, arrangement.line_mm * scale, paint)
    if arrangement.writing:
        draw_writing(mean, phantom, matrix, paint)
    mean += smooth.spread(smooth.scatter)
    return np.asarray(mean)


def _strips(phantom: Phantom, exposure: Exposure, arrangement: Arrangement, smooth: Smooth) -> list[Window]:
    """Parts of the window where a ray may miss some of the phantom: what is left about the largest clear rectangle."""
    step, place = smooth.step, smooth.place
    shape = smooth.scatter.shape
    acrylic, plate = _fractions(phantom, exposure, arrangement, place, (0, shape[0], 0, shape[1]), step)
    row0, row1, col0, col1 = place.window
    missing = (acrylic < 1) | (plate < 1)
    low = [row0 // step, col0 // step]
    high = [min(-(-row1 // step), shape[0]), min(-(-col1 // step), shape[1])]
    while low[0] < high[0] and low[1] < high[1]:
        inner = missing[low[0] : high[0], low[1] : high[1]]
        sides = (inner[0].mean(), inner[-1].mean(), inner[:, 0].mean(), inner[:, -1].mean())
        worst = int(np.argmax(sides))
        if sides[worst] == 0:
            break
        if worst % 2:
            high[worst // 2] -= 1
        else:
            low[worst // 2] += 1
    else:
        return [(0, row1 - row0, 0, col1 - col0)]
    rows, columns = row1 - row0, col1 - col0
    # a clear coarse node says nothing of the pixels beyond it: keep clear of the last one
    top, left = (0 if low[a] == first // step else (low[a] + 1) * step - first for a, first in ((0, row0), (1, col0)))
    bottom = rows if high[0] * step >= row1 else (high[0] - 1) * step - row0
    right = columns if high[1] * step >= col1 else (high[1] - 1) * step - col0
    strips = [
        (0, top, 0, columns),
        (bottom, rows, 0, columns),
        (top, bottom, 0, left),
        (top, bottom, right, columns),
    ]
    return [s for s in strips if s[0] < s[1] and s[2] < s[3]]
