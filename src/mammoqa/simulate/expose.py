"""The whole chain of one exposure: scene, beam, scatter, detector, pixels, and the truth about each of them."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mammoqa import physics
from mammoqa.core import Acquisition, ChestWall, Image, Phantom, Source
from mammoqa.simulate import artefacts
from mammoqa.simulate.exposure import SOUND, Exposure, ObjectState
from mammoqa.simulate.scene import Scene, build, heights_mm
from mammoqa.simulate.stored_pixels import stored_pixels

PADDLE = (("polycarbonate", 2.0),)  # compression paddle in the beam


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What was simulated: the placement (phantom mm to image pixels), each object's state, dose and beam."""

    matrix: Float[np.ndarray, "2 3"]
    chest_wall: ChestWall
    mirrored: bool
    objects: tuple[ObjectState, ...]
    mas: float
    mean_glandular_dose_mgy: float
    exposure: Exposure


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """An image as a scanner would give it, and its truth."""

    image: Image
    truth: Truth


def expose(phantom: Phantom, exposure: Exposure, rng: np.random.Generator) -> Simulated:
    """Expose a phantom once.

    The same `rng` state gives the same pixels. Raises ConfigurationError for an unknown detector, beam or style.
    """
    detector = _detector(exposure.detector)
    spectrum = physics.spectrum(exposure.anode, exposure.filter_material, exposure.kvp, extra=PADDLE)
    thickness_mm = sum(layer.thickness_mm for layer in phantom.layers)
    dose_per_mas = physics.dose_per_mas_mgy(spectrum, breast_mm=42.0, sid_mm=exposure.source_to_detector_mm)
    mas = exposure.mas if exposure.mas is not None else exposure.target_mgd_mgy / dose_per_mas
    field = exposure.field_mm or usual_field_mm(phantom, detector)
    shape = (round(field[1] / detector.pitch_mm), round(field[0] / detector.pitch_mm))
    scene = build(phantom, exposure, shape, detector.pitch_mm)
    response = physics.response(
        spectrum, detector, sid_mm=exposure.source_to_detector_mm, grid="linear" if exposure.grid else "none"
    )
    primary = primary_map(scene, response, shape)
    _shade(primary, exposure, thickness_mm, detector.pitch_mm)
    scattering = np.zeros(shape, dtype=np.float32)
    row0, row1, col0, col1 = scene.box
    scattering[row0:row1, col0:col1] = scene.body_mm / thickness_mm
    spr = physics.scatter_to_primary(thickness_mm, "linear" if exposure.grid else "none")
    mean = primary
    mean += physics.scatter_field(primary, detector.pitch_mm, spr + exposure.faults.extra_scatter, scattering)
    mean *= mas
    artefacts.collimate(mean, exposure.collimation_mm, detector.pitch_mm)
    artefacts.spoil(mean, exposure.faults, detector.pitch_mm, rng)
    wax = next(layer for layer in phantom.layers if layer.insert)
    behind = {"acrylic": thickness_mm - wax.thickness_mm, "wax": wax.thickness_mm}
    quantum = float(np.ravel(response.quantum_kev(behind))[0])
    height_mm = sum(heights_mm(phantom, exposure)[wax.name]) / 2
    focal = physics.focal_sigma_mm(height_mm, exposure.source_to_detector_mm, exposure.focal_spot_mm)
    raw = physics.detect(
        mean,
        quantum * (1 + exposure.faults.extra_noise) ** 2,
        detector,
        rng,
        focal_sigma_mm=float(np.hypot(focal, exposure.faults.extra_blur_mm)),
        unit_seed=int(exposure.device_serial) if exposure.device_serial.isdigit() else 0,
    )
    artefacts.kill_lines(raw, exposure.faults.dead_lines, rng)
    image = _store(raw, scene, exposure, detector, phantom, mas, mas * dose_per_mas)
    matrix = orient_matrix(scene.matrix, exposure.chest_wall, shape)
    states = exposure.objects or (SOUND,) * len(phantom.inserts)
    truth = Truth(matrix, exposure.chest_wall, exposure.mirrored, states, mas, mas * dose_per_mas, exposure)
    return Simulated(image, truth)


def usual_field_mm(phantom: Phantom, detector: physics.Detector) -> tuple[float, float]:
    """The large field for a phantom that the small one cannot hold; (along the chest wall, away from it)."""
    small, large = detector.small_field_mm[::-1], detector.large_field_mm[::-1]
    return large if phantom.outline.width_mm > small[0] else small


def _detector(name: str) -> physics.Detector:
    from mammoqa.core import ConfigurationError

    if name not in physics.DETECTORS:
        raise ConfigurationError(f"There is no detector {name!r}; choose one of {', '.join(physics.DETECTORS)}.")
    return physics.DETECTORS[name]


def primary_map(scene: Scene, response: physics.Response, shape: tuple[int, int]) -> Float[np.ndarray, "rows columns"]:
    """Primary absorbed energy per mm2 and mAs; flat parts take one value, edges and objects are computed per pixel."""
    row0, row1, col0, col1 = scene.box
    primary = np.full(shape, _one(response, {"acrylic": 0.0, "wax": 0.0}), dtype=np.float32)
    body, wax = scene.body_mm, scene.wax_mm
    box = primary[row0:row1, col0:col1]
    thickest, insert = float(body.max()), float(wax.max())
    inside = body >= thickest - 1e-4
    in_wax = inside & (wax >= insert - 1e-4)
    in_frame = inside & (wax <= 1e-4)
    box[in_wax] = _one(response, {"acrylic": thickest - insert, "wax": insert})
    box[in_frame] = _one(response, {"acrylic": thickest, "wax": 0.0})
    edge = (body > 1e-4) & ~in_wax & ~in_frame
    box[edge] = response.signal({"acrylic": body[edge] - wax[edge], "wax": wax[edge]})
    for (r0, r1, c0, c1), material, thickness, displaced in scene.patches:
        local = np.s_[max(r0 - row0, 0) : r1 - row0, max(c0 - col0, 0) : c1 - col0]
        part = np.s_[max(row0 - r0, 0) :, max(col0 - c0, 0) :]
        there_body, there_wax = body[local], wax[local]
        extra = thickness[part][: there_body.shape[0], : there_body.shape[1]]
        drawn = extra > 0
        if not drawn.any():
            continue
        base = {"acrylic": (there_body - there_wax)[drawn], "wax": there_wax[drawn]}
        with_object = dict(base)
        if displaced is not None:
            with_object[displaced] = with_object[displaced] - extra[drawn]
        with_object[material] = with_object.get(material, 0.0) + extra[drawn]
        box[local][drawn] *= response.signal(with_object) / response.signal(base)
    return primary


def _one(response: physics.Response, path_mm: dict[str, float]) -> float:
    return float(np.ravel(response.signal(path_mm))[0])


def _shade(
    primary: Float[np.ndarray, "rows columns"], exposure: Exposure, thickness_mm: float, pitch_mm: float
) -> None:
    """Heel effect and inverse square, in place; rows count from the far edge to the chest wall."""
    rows, columns = primary.shape
    from_wall = (rows - 0.5 - np.arange(rows)) * pitch_mm
    heel = physics.heel(
        exposure.anode,
        exposure.filter_material,
        exposure.kvp,
        from_wall,
        sid_mm=exposure.source_to_detector_mm,
        acrylic_mm=thickness_mm,
    )
    across = (np.arange(columns) - (columns - 1) / 2) * pitch_mm
    primary *= (heel * physics.inverse_square(from_wall, exposure.source_to_detector_mm))[:, None].astype(np.float32)
    primary *= physics.inverse_square(across, exposure.source_to_detector_mm).astype(np.float32)


TURNS: dict[ChestWall, int] = {"bottom": 0, "left": -1, "top": 2, "right": 1}


def orient_matrix(
    matrix: Float[np.ndarray, "2 3"], chest_wall: ChestWall, shape: tuple[int, int]
) -> Float[np.ndarray, "2 3"]:
    """The placement after the canonical image (chest wall at the bottom) is turned; `shape` is the canonical one."""
    rows, columns = shape
    turn, move = {
        "bottom": ([[1, 0], [0, 1]], [0, 0]),
        "left": ([[0, -1], [1, 0]], [rows - 1, 0]),
        "top": ([[-1, 0], [0, -1]], [columns - 1, rows - 1]),
        "right": ([[0, 1], [-1, 0]], [0, columns - 1]),
    }[chest_wall]
    turned = np.array(turn, dtype=float) @ matrix
    turned[:, 2] += move
    return np.asarray(turned)


def _background_dn(raw: np.ndarray, scene: Scene) -> float:
    """The median detector value at the middle of the insert."""
    x, y = (round(v) for v in scene.matrix[:, 2])
    reach = max(4, round(abs(np.linalg.det(scene.matrix[:, :2])) ** 0.5 * 4))
    part = raw[max(y - reach, 0) : y + reach, max(x - reach, 0) : x + reach]
    return float(np.median(part)) if part.size else float(np.median(raw))


def _store(
    raw: np.ndarray,
    scene: Scene,
    exposure: Exposure,
    detector: physics.Detector,
    phantom: Phantom,
    mas: float,
    dose_mgy: float,
) -> Image:
    """Pixels as the unit keeps them, turned to its chest-wall side, with the acquisition facts."""
    pixels, bits, relation = stored_pixels(raw, exposure, detector, lambda: _background_dn(raw, scene))
    pixels = np.ascontiguousarray(np.rot90(pixels, TURNS[exposure.chest_wall]))
    pixels.setflags(write=False)
    acquisition = Acquisition(
        modality="MG",
        manufacturer="mammoqa simulation",
        model=detector.name,
        station=exposure.station,
        device_serial=exposure.device_serial,
        acquired_at=exposure.acquired_at,
        description=f"Simulated {phantom.title}"[:64],
        intent=exposure.intent,
        pixel_intensity=relation,
        kvp=exposure.kvp,
        mas=round(mas, 1),
        anode=exposure.anode,
        filter_material=exposure.filter_material,
        thickness_mm=phantom.outline.thickness_mm,
        organ_dose_mgy=round(dose_mgy, 3),
        magnification=1.0,
    )
    top = float((1 << bits) - 1)
    return Image(
        pixels=pixels,
        pitch_mm=(detector.pitch_mm, detector.pitch_mm),
        source=Source(path="simulated", sha256=""),
        acquisition=acquisition,
        bits_stored=bits,
        saturated=(0.0, top),
        inverted=exposure.monochrome1,
    )


def with_source(simulated: Simulated, path: str, sha256: str) -> Simulated:
    """The same exposure after it was written to a file."""
    image = replace(simulated.image, source=Source(path=path, sha256=sha256))
    return Simulated(image, simulated.truth)
