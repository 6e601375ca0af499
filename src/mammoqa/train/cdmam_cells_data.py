"""Training data of the single-image reading: evidence of every cell of simulated images, and the curve that is true.

A folder holds

    evidence.npz    the fields of `score.cdmam34_evidence.Evidence`, stacked [images, ...]; setting [images];
                    curve_um [images, 12], automatic_um [images, 16]: the labels; diameters_mm [12]
    data.json       what they are, in words, and every setting

A label is the curve that the conventional reading gives in the end, as from endless images of the setting, because the
detectability of every cell is known: that of its filter on the simulated blur and noise, pixel by pixel of theory and
without a single draw (`simulate.cdmam_detectability.filtered_detectability`). What the fit of the background adds to
the noise of large discs is taken from the filter itself. `validate cdmam-ensemble` compares such labels with readings
of many images.

Half of the settings span the paper's scenarios 1 to 4 (Amanova et al. 2022, table 1) and a little more, the others are
units of several makes. Training and held-out images never share a setting.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from mammoqa.core import ConfigurationError, Intent, Phantom, Pose
from mammoqa.jobs.cdmam34_truth import known_curve
from mammoqa.models.cdmam_cells import Evidence
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.cdmam34_evidence import Filters, evidence_of
from mammoqa.simulate.cdmam import STANDARD, CdmamTruth, SimulatedCdmam, expose_cdmam
from mammoqa.simulate.cdmam_scenarios import REFERENCE, scenario_exposure
from mammoqa.simulate.cdmam_scene import Arrangement
from mammoqa.simulate.exposure import Exposure, Faults

FIELDS = ("answers", "empty", "rings", "contrast", "noise", "radius_px", "blur_px")
HELD_OUT = 4  # every fourth setting
_MARGIN_MM = 4.0
_TILT_DEG, _SHIFT_MM, _PLACE_PX = 1.0, 1.0, 0.03  # spread of placements, and of the grid's place (choices)
_LEVELS = (8.8, 25.0)  # noise: scenarios 1 to 4 have 9.55 to 22.91
_DOSE_MGY = (0.8, 2.5)
UNITS: tuple[tuple[str, str, str, float], ...] = (  # detector, anode, filter, kV: a choice of common ones
    ("a-se-70", "W", "Rh", 28.0),
    ("a-se-70", "W", "Rh", 30.0),
    ("a-se-70", "Mo", "Rh", 28.0),
    ("a-se-85", "W", "Rh", 28.0),
    ("a-se-85", "W", "Rh", 30.0),
    ("csi-100", "Mo", "Rh", 28.0),
    ("csi-100", "Rh", "Rh", 29.0),
    ("cr-50", "Mo", "Mo", 28.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class CellsData:
    """A training set. Arrays have an image along their first axis; `held_out` images are not trained on."""

    evidence: dict[str, np.ndarray]
    setting: Int[np.ndarray, " n"]
    held_out: Bool[np.ndarray, " n"]
    curve_um: Float[np.ndarray, "n k"]
    automatic_um: Float[np.ndarray, "n rows"]
    diameters_mm: Float[np.ndarray, " k"]
    description: str
    sha256: str


def settings(count: int, rng: np.random.Generator) -> list[Exposure]:
    """Exposures: in turn one in the range of the paper's scenarios and one of some unit."""
    phantom = PHANTOMS["cdmam34"]
    return [_scenario_like(phantom, rng) if number % 2 == 0 else _unit(rng) for number in range(count)]


def _scenario_like(phantom: Phantom, rng: np.random.Generator) -> Exposure:
    level = float(np.exp(rng.uniform(*np.log(_LEVELS))))
    kvp, mas = float(rng.integers(25, 29)), float(rng.uniform(108.0, 117.0))
    chosen = replace(REFERENCE, kvp=kvp, mas=mas, noise_level=level)
    return replace(scenario_exposure(chosen, phantom), shift_mm=(0.0, 0.0))


def _unit(rng: np.random.Generator) -> Exposure:
    detector, anode, filter_material, kvp = UNITS[int(rng.integers(len(UNITS)))]
    faults = Faults()
    if rng.random() < 0.5:
        faults = Faults(
            extra_blur_mm=float(rng.uniform(0.0, 0.04)),
            extra_noise=float(rng.uniform(0.0, 0.8)),
            extra_scatter=float(rng.uniform(0.0, 0.2)),
        )
    return replace(
        STANDARD,
        detector=detector,
        anode=anode,
        filter_material=filter_material,
        kvp=kvp,
        mas=None,
        target_mgd_mgy=float(np.exp(rng.uniform(*np.log(_DOSE_MGY)))),
        intent=Intent.FOR_PROCESSING,
        pixel_intensity="LOG" if rng.random() < 0.25 else "LIN",
        faults=faults,
    )


def write_cells_data(out: Path, exposures: list[Exposure], images_each: int, seed: int, report: bool = False) -> Path:
    """Simulate `images_each` images of every setting and write their evidence and labels."""
    from rich.progress import track

    phantom = PHANTOMS["cdmam34"]
    out.mkdir(parents=True, exist_ok=True)
    parts: list[tuple[Evidence, np.ndarray, np.ndarray]] = []
    diameters_mm = np.zeros(0)
    streams = np.random.default_rng(seed).spawn(len(exposures))
    for exposure, rng in track(
        zip(exposures, streams, strict=True), "simulating", total=len(exposures), disable=not report
    ):
        label = None
        for made, read, filters in _images(exposure, images_each, phantom, rng):
            if label is None:
                label = known_curve(made.truth, read, filters, phantom, rng)
                diameters_mm = label[2]
            parts.append((read, label[0], label[1]))
    stacked: dict[str, Any] = {
        name: np.stack([getattr(p[0], name) for p in parts]).astype(np.float32) for name in FIELDS
    }
    np.savez_compressed(
        out / "evidence.npz",
        **stacked,
        setting=np.repeat(np.arange(len(exposures)), images_each),
        automatic_um=np.stack([p[1] for p in parts]),
        curve_um=np.stack([p[2] for p in parts]),
        diameters_mm=diameters_mm,
    )
    described: dict[str, Any] = {
        "description": f"simulated: {len(exposures)} settings x {images_each} images, seed {seed}; labels from the "
        "known detectability of the conventional reading's filter",
        "settings": [_plain(exposure) for exposure in exposures],
    }
    (out / "data.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    return out


def read_cells_data(folder: Path) -> CellsData:
    """A training set from its folder; ConfigurationError where it is not complete."""
    missing = [name for name in ("evidence.npz", "data.json") if not (folder / name).is_file()]
    if missing:
        raise ConfigurationError(
            f"{folder} holds no evidence of CDMAM cells ({', '.join(missing)} not there); simulate some with --units N"
        )
    table = np.load(folder / "evidence.npz")
    described = json.loads((folder / "data.json").read_text(encoding="utf-8"))["description"]
    return CellsData(
        evidence={name: table[name] for name in FIELDS},
        setting=table["setting"],
        held_out=table["setting"] // 2 % HELD_OUT == HELD_OUT - 1,
        curve_um=table["curve_um"],
        automatic_um=table["automatic_um"],
        diameters_mm=table["diameters_mm"],
        description=str(described),
        sha256=hashlib.sha256((folder / "evidence.npz").read_bytes()).hexdigest(),
    )


def _images(
    exposure: Exposure, count: int, phantom: Phantom, rng: np.random.Generator
) -> Iterator[tuple[SimulatedCdmam, Evidence, Filters]]:
    """Images of a setting, moved and tilted; the width of the lines is measured in the first."""
    from mammoqa.locate import locate_cdmam34

    line_mm = None
    for stream in rng.spawn(count):
        along_mm, away_mm = (float(v) for v in stream.uniform(-_SHIFT_MM, _SHIFT_MM, 2))
        moved = replace(
            exposure,
            tilt_deg=float(stream.uniform(-_TILT_DEG, _TILT_DEG)),
            shift_mm=(exposure.shift_mm[0] + along_mm, exposure.shift_mm[1] + abs(away_mm)),
        )
        made = expose_cdmam(phantom, moved, Arrangement(margin_mm=_MARGIN_MM, writing=False), stream)
        if line_mm is None:
            line_mm = locate_cdmam34(made.image, phantom).line_mm
        pose = _pose(made.truth, line_mm, stream)
        read, filters = evidence_of(made.image.pixels, phantom, pose, logarithmic=exposure.pixel_intensity == "LOG")
        yield made, read, filters


def _pose(truth: CdmamTruth, line_mm: float, rng: np.random.Generator) -> Pose:
    """The true place, off by as much as the grid's search may be."""
    matrix = np.array(truth.matrix)
    matrix[:, 2] += rng.normal(0.0, _PLACE_PX, 2)
    return Pose(
        matrix=matrix,
        chest_wall=truth.chest_wall,
        mirrored=truth.mirrored,
        tilt_deg=truth.exposure.tilt_deg,
        magnification=truth.magnification,
        attenuating_bright=False,
        residual_mm=0.0,
        window=(0.0, 1.0),
        line_mm=line_mm,
    )


def _plain(exposure: Exposure) -> dict[str, Any]:
    """What differs between settings."""
    kept = ("detector", "anode", "filter_material", "kvp", "mas", "target_mgd_mgy", "pixel_intensity")
    faults = {name: value for name, value in asdict(exposure.faults).items() if value}
    return {name: getattr(exposure, name) for name in kept} | {"faults": faults}
