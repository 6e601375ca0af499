"""One exposure of a CDMAM: beam, gold and paint, scatter, detector, pixels, and the truth of each cell."""

from dataclasses import dataclass, field

import numpy as np

from mammoqa import physics
from mammoqa.core import ChestWall, ConfigurationError, Image, Intent, Phantom
from mammoqa.simulate import artefacts
from mammoqa.simulate.cdmam_field import Beam, Place, Smooth, beam_of, mean_kev, smooth_parts
from mammoqa.simulate.cdmam_pixels import stored_image
from mammoqa.simulate.cdmam_scene import Arrangement, Matrix, disc_height_mm, placed, region, thickness_mm
from mammoqa.simulate.expose import orient_matrix
from mammoqa.simulate.exposure import Exposure

# A good unit as the product's requirements name it: W/Rh, 28 to 30 kV, direct detector, 60 mm breast at 2 mGy.
STANDARD = Exposure(
    kvp=29.0,
    target_mgd_mgy=2.0,
    detector="a-se-70",
    chest_wall="left",
    intent=Intent.FOR_PROCESSING,
    pixel_intensity="LIN",
)


@dataclass(frozen=True, slots=True)
class CellTruth:
    """One cell: what it holds, where its discs are in the image (x, y in pixels), how the detector sees them.

    `contrast` is the discs' share of the total signal there, before any blur; `background_kev` the mean energy that a
    pixel beside them absorbs, scatter included.
    """

    row: int
    column: int
    diameter_mm: float
    thickness_um: float
    corner: int
    centre_px: tuple[float, float]
    disc_px: tuple[float, float]
    contrast: float
    background_kev: float


@dataclass(frozen=True, slots=True, eq=False)
class CdmamTruth:
    """What was simulated. `matrix` takes phantom mm in the plane of the discs to image pixels (x, y)."""

    matrix: Matrix
    chest_wall: ChestWall
    mirrored: bool
    mas: float
    mean_glandular_dose_mgy: float
    quantum_kev: float
    magnification: float
    cells: tuple[CellTruth, ...]
    exposure: Exposure
    arrangement: Arrangement = field(default_factory=Arrangement)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedCdmam:
    """An image as a unit would give it, and its truth."""

    image: Image
    truth: CdmamTruth


def expose_cdmam(
    phantom: Phantom,
    exposure: Exposure = STANDARD,
    arrangement: Arrangement | None = None,
    rng: np.random.Generator | None = None,
) -> SimulatedCdmam:
    """Expose a CDMAM once; the same state of `rng` gives the same pixels, None leaves every noise and fault out.

    Raises ConfigurationError for an unknown detector, beam or style, and where the margin leaves nothing of the field.
    """
    arrangement = arrangement or Arrangement()
    detector = physics.detector(exposure.detector)
    beam = beam_of(phantom, exposure, arrangement, detector)
    mas = exposure.mas if exposure.mas is not None else exposure.target_mgd_mgy / beam.dose_per_mas_mgy
    shape = _field(exposure, detector)
    height_mm = disc_height_mm(phantom, arrangement, exposure)
    canonical = placed(phantom, arrangement, exposure, height_mm, shape, detector.pitch_mm)
    window = region(phantom, arrangement, canonical, shape)
    if window[0] >= window[1] or window[2] >= window[3]:
        raise ConfigurationError("the phantom lies outside the field; make shift_mm smaller")
    fine = canonical.copy()
    fine[:, 2] -= window[2], window[0]

    smooth = smooth_parts(phantom, exposure, arrangement, beam, Place(shape, window, detector.pitch_mm, fine))
    mean = mean_kev(phantom, exposure, arrangement, beam, smooth)
    mean *= np.float32(mas)
    if arrangement.margin_mm is None:
        artefacts.collimate(mean, exposure.collimation_mm, detector.pitch_mm)
    if rng is not None:
        artefacts.spoil(mean, exposure.faults, detector.pitch_mm, rng)
    focal_mm = physics.focal_sigma_mm(height_mm, exposure.source_to_detector_mm, exposure.focal_spot_mm)
    energy = physics.absorbed(
        mean,
        beam.quantum_kev * (1 + exposure.faults.extra_noise) ** 2,
        detector,
        rng,
        focal_sigma_mm=float(np.hypot(focal_mm, exposure.faults.extra_blur_mm)),
        unit_seed=int(exposure.device_serial) if exposure.device_serial.isdigit() else 0,
    )
    if arrangement.flat_field and detector.film is None:
        energy /= smooth.flat()
    raw = physics.digitise(energy, detector, rng)
    if rng is not None:
        artefacts.kill_lines(raw, exposure.faults.dead_lines, rng)
    dose_mgy = mas * beam.dose_per_mas_mgy
    facts = (mas, dose_mgy, thickness_mm(phantom, arrangement), phantom.title)
    image = stored_image(raw, fine, exposure, detector, facts)
    matrix = orient_matrix(fine, exposure.chest_wall, (raw.shape[0], raw.shape[1]))
    cells = _cell_truths(phantom, matrix, smooth, mas * detector.pitch_mm**2, beam)
    truth = CdmamTruth(
        matrix=matrix,
        chest_wall=exposure.chest_wall,
        mirrored=exposure.mirrored,
        mas=mas,
        mean_glandular_dose_mgy=dose_mgy,
        quantum_kev=beam.quantum_kev,
        magnification=float(np.sqrt(abs(np.linalg.det(matrix[:, :2])))) * detector.pitch_mm,
        cells=cells,
        exposure=exposure,
        arrangement=arrangement,
    )
    return SimulatedCdmam(image, truth)


def _field(exposure: Exposure, detector: physics.Detector) -> tuple[int, int]:
    """Rows and columns of the canonical field: the long side at the chest wall."""
    along_mm, away_mm = exposure.field_mm or detector.small_field_mm[::-1]
    return round(away_mm / detector.pitch_mm), round(along_mm / detector.pitch_mm)


def _cell_truths(
    phantom: Phantom, matrix: Matrix, smooth: Smooth, per_pixel: float, beam: Beam
) -> tuple[CellTruth, ...]:
    """The truth of each cell; `per_pixel` is mAs times the area of a pixel."""
    rows, columns = smooth.rows.size, smooth.columns.size
    weights = [smooth.weights(axis) for axis in (0, 1)]
    found = []
    for cell in phantom.cells:
        # the smooth parts live in the canonical window, before the image is turned
        x, y = smooth.place.matrix[:, :2] @ np.array(cell.centre_mm) + smooth.place.matrix[:, 2]
        r, c = int(np.clip(round(y), 0, rows - 1)), int(np.clip(round(x), 0, columns - 1))
        primary = float(smooth.rows[r] * smooth.columns[c]) * beam.behind
        total = primary + float(weights[0][r] @ smooth.scatter @ weights[1][c])
        centre, disc = (
            (float(px), float(py))
            for px, py in (
                matrix[:, :2] @ np.array(point) + matrix[:, 2]
                for point in (cell.centre_mm, cell.corners_mm[cell.corner])
            )
        )
        found.append(
            CellTruth(
                cell.row,
                cell.column,
                cell.diameter_mm,
                cell.thickness_um,
                cell.corner,
                centre,
                disc,
                beam.loss(cell.thickness_um) * primary / total,
                total * per_pixel,
            )
        )
    return tuple(found)
