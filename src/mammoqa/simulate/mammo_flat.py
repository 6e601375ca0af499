"""Simulated flat fields: PMMA over the whole detector, with aluminium, an edge plate and faults, and their truth.

The mean map comes from the same spectra, scatter and detectors as the phantoms' exposures.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from jaxtyping import Float

from mammoqa import physics
from mammoqa.core import Acquisition, Image, Intent, Source

_PLATE_MM = 50.0
_PLATE_PASSES = 0.01  # of the exposure, through the metal
_ALUMINIUM_MM = 0.2


@dataclass(frozen=True, slots=True)
class FlatExposure:
    """One flat field. Places are (x, y) in mm from the middle of the field; None leaves the object out."""

    detector: str = "csi-100"
    anode: str = "W"
    filter_material: str = "Rh"
    kvp: float = 28.0
    pmma_mm: float = 45.0
    mgd_mgy: float = 1.2
    field_mm: tuple[float, float] = (180.0, 140.0)
    aluminium_at_mm: tuple[float, float] | None = None
    plate_at_mm: tuple[float, float] | None = None
    plate_slant_deg: float = 3.0
    falloff: float = 0.04  # of the level, from the middle to the corners
    dead_pixels: int = 0
    dead_lines: int = 0
    dust: int = 0  # discs of 1 mm that take off 6 %
    intent: Intent = Intent.FOR_PROCESSING
    overexposure: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class FlatTruth:
    """What was simulated: SNR of the middle, contrast of the aluminium, mean energy per pixel, and the quantum."""

    snr: float
    aluminium_contrast: float
    kev_per_pixel: float
    quantum_kev: float
    mgd_mgy: float


def expose_flat(exposure: FlatExposure, rng: np.random.Generator) -> tuple[Image, FlatTruth]:
    """One flat field as a unit stores it raw, and the truth of it; the same `rng` state gives the same pixels."""
    detector = physics.detector(exposure.detector)
    beam = physics.spectrum(exposure.anode, exposure.filter_material, exposure.kvp, extra=(("polycarbonate", 2.0),))
    response = physics.response(beam, detector, grid="linear")
    mas = physics.mas_for_dose(exposure.mgd_mgy, beam, breast_mm=exposure.pmma_mm)
    pmma = {"acrylic": exposure.pmma_mm}
    primary = float(np.ravel(response.signal(pmma))[0]) * mas * exposure.overexposure
    behind = float(np.ravel(response.signal({**pmma, "aluminium": _ALUMINIUM_MM}))[0]) / float(
        np.ravel(response.signal(pmma))[0]
    )
    scattered = physics.scatter_to_primary(exposure.pmma_mm, "linear")
    level = primary * (1.0 + scattered)
    quantum = float(np.ravel(response.quantum_kev(pmma))[0])
    mean, contrast = _map(exposure, detector.pitch_mm, level, behind, scattered)
    _soil(mean, exposure, detector.pitch_mm, rng)
    pixels = physics.detect(mean, quantum, detector, rng)
    _kill(pixels, exposure, rng)
    kev = level * detector.pitch_mm**2
    truth = FlatTruth(_snr(detector, kev, quantum), contrast, kev, quantum, exposure.mgd_mgy)
    return _image(pixels, exposure, detector, mas), truth


def _map(
    exposure: FlatExposure, pitch_mm: float, level: float, behind: float, scattered: float
) -> tuple[Float[np.ndarray, "rows columns"], float]:
    """Mean absorbed energy per mm2, and the aluminium's contrast in it."""
    columns, rows = (round(side / pitch_mm) for side in exposure.field_mm)
    x = (np.arange(columns) - (columns - 1) / 2)[None, :] * pitch_mm
    y = (np.arange(rows) - (rows - 1) / 2)[:, None] * pitch_mm
    far = float(np.hypot(*exposure.field_mm)) / 2
    mean = level * (1.0 - exposure.falloff * (x**2 + y**2) / far**2)
    contrast = (1.0 - behind) / (1.0 + scattered)  # scatter lies over the shadow as well
    if exposure.aluminium_at_mm is not None:
        at = exposure.aluminium_at_mm
        mean *= 1.0 - contrast * _soft(5.0 - np.abs(x - at[0]), pitch_mm) * _soft(5.0 - np.abs(y - at[1]), pitch_mm)
    if exposure.plate_at_mm is not None:
        turn = np.deg2rad(exposure.plate_slant_deg)
        u = (x - exposure.plate_at_mm[0]) * np.cos(turn) + (y - exposure.plate_at_mm[1]) * np.sin(turn)
        v = -(x - exposure.plate_at_mm[0]) * np.sin(turn) + (y - exposure.plate_at_mm[1]) * np.cos(turn)
        half = _PLATE_MM / 2
        covered = _soft(half - np.abs(u), pitch_mm) * _soft(half - np.abs(v), pitch_mm)
        mean *= 1.0 - (1.0 - _PLATE_PASSES) * covered
    return mean.astype(np.float32), contrast


def _soft(inside_mm: Float[np.ndarray, "..."], pitch_mm: float) -> Float[np.ndarray, "..."]:
    """Share of a pixel that a straight edge covers, `inside_mm` from it; exact for upright edges, close for others."""
    return np.asarray(np.clip(inside_mm / pitch_mm + 0.5, 0.0, 1.0))


def _soil(
    mean: Float[np.ndarray, "rows columns"], exposure: FlatExposure, pitch_mm: float, rng: np.random.Generator
) -> None:
    rows, columns = mean.shape
    reach = round(0.5 / pitch_mm)
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.hypot(x, y) <= reach
    for _ in range(exposure.dust):
        row, column = (int(rng.integers(round(20 / pitch_mm), n - round(20 / pitch_mm))) for n in (rows, columns))
        mean[row - reach : row + reach + 1, column - reach : column + reach + 1][disc] *= 0.94


def _kill(pixels: np.ndarray, exposure: FlatExposure, rng: np.random.Generator) -> None:
    rows, columns = pixels.shape
    for _ in range(exposure.dead_lines):
        pixels[:, int(rng.integers(columns // 4, 3 * columns // 4))] = 0
    for _ in range(exposure.dead_pixels):
        pixels[int(rng.integers(rows // 6, 5 * rows // 6)), int(rng.integers(columns // 6, 5 * columns // 6))] = 0


def _snr(detector: physics.Detector, kev: float, quantum_kev: float) -> float:
    """SNR of a pixel value, offset included, by the model's equations: every noise of the detector, and rounding."""
    half = np.linspace(-0.5, 0.5, 201)[:-1] / detector.pitch_mm
    passed = float(np.mean([physics.noise_power(detector, half, float(across)).mean() for across in half]))
    variance = kev * quantum_kev * passed + kev / detector.secondary_per_kev + detector.electronic_kev**2
    variance = variance * (1.0 + detector.structure**2) + (detector.structure * kev) ** 2
    level = detector.offset_dn + detector.gain_dn_per_kev * kev
    return float(level / np.sqrt(detector.gain_dn_per_kev**2 * variance + 1.0 / 12.0))


def _image(pixels: np.ndarray, exposure: FlatExposure, detector: physics.Detector, mas: float) -> Image:
    pixels.setflags(write=False)
    facts = Acquisition(
        modality="MG",
        manufacturer="mammoqa simulation",
        model=detector.name,
        acquired_at=datetime(2026, 1, 5, 8, 0),
        description="Simulated flat field",
        intent=exposure.intent,
        pixel_intensity="LIN",
        kvp=exposure.kvp,
        mas=round(mas, 1),
        anode=exposure.anode,
        filter_material=exposure.filter_material,
        thickness_mm=exposure.pmma_mm,
        organ_dose_mgy=round(exposure.mgd_mgy, 3),
        magnification=1.0,
    )
    return Image(
        pixels=pixels,
        pitch_mm=(detector.pitch_mm, detector.pitch_mm),
        source=Source(path="simulated", sha256=""),
        acquisition=facts,
        bits_stored=detector.bits,
        saturated=(0.0, float(detector.max_dn)),
    )
