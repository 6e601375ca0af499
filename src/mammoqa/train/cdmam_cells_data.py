"""Training data of the single-image reading: evidence of every cell of simulated images, and the curve that is true.

A folder holds

    evidence.npz    the fields of `score.cdmam34_evidence.Evidence`, stacked [images, ...]; setting, family [images];
                    curve_um [images, 12], automatic_um [images, 16]: the labels; diameters_mm [12];
                    log_k [n, 16], limit_um [n, 12]: detectabilities per contrast, and the curves that belong to them
    data.json       what they are, in words, and every setting

A label is the curve that the conventional reading gives in the end, as from endless images of the setting, because the
detectability of every cell is known: that of its filter on the simulated blur and noise, pixel by pixel of theory and
without a single draw (`simulate.cdmam_detectability.filtered_detectability`). What the fit of the background adds to
the noise of large discs is taken from the filter itself. `validate cdmam-ensemble` compares such labels with readings
of many images.

Two families share the forward model of `physics`: settings that span the paper's scenarios 1 to 4 (Amanova et al. 2022,
table 1) and a little more, and units of several makes. The others are invented units that share nothing with it
(`simulate.cdmam_invented`), so that the answers decide and not what units of one simulator have in common. Training and
held-out images never share a setting. What is known besides: which curve belongs to which detectabilities, for laws of
any shape; it needs no image.
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
from mammoqa.jobs.cdmam34_invented import draw_evidence
from mammoqa.jobs.cdmam34_truth import curve_of_chances, known_curve
from mammoqa.models.cdmam_cells import Evidence
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.cdmam34_evidence import Filters, evidence_of
from mammoqa.simulate.cdmam import STANDARD, CdmamTruth, SimulatedCdmam, expose_cdmam
from mammoqa.simulate.cdmam_detectability import share_correct
from mammoqa.simulate.cdmam_invented import TRAINED, invented_unit
from mammoqa.simulate.cdmam_scenarios import REFERENCE, scenario_exposure
from mammoqa.simulate.cdmam_scene import Arrangement
from mammoqa.simulate.exposure import Exposure, Faults
from mammoqa.stats.psychometric import GOLD_PER_UM

FIELDS = ("answers", "empty", "rings", "contrast", "noise", "radius_px", "blur_px")
HELD_OUT = 4  # every fourth setting of each family
MODELLED = ("scenario-like", "known unit")  # families that share the forward model, in turn
INVENTED_PER_SETTING, INVENTED_IMAGES = 2.5, 3
_CONVENTION = 2000  # curves that are computed from detectabilities alone
_LEVEL, _BENT, _OWN = (5.6, 0.8), (1.3, 0.25, 0.08), 0.04  # of their ln: mean and spread; along ln d; each diameter's
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
    family: np.ndarray
    held_out: Bool[np.ndarray, " n"]
    curve_um: Float[np.ndarray, "n k"]
    automatic_um: Float[np.ndarray, "n rows"]
    diameters_mm: Float[np.ndarray, " k"]
    log_k: Float[np.ndarray, "m rows"]
    limit_um: Float[np.ndarray, "m k"]
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


def write_cells_data(
    out: Path, exposures: list[Exposure], images_each: int, seed: int, report: bool = False, invented: int = 0
) -> Path:
    """Simulate `images_each` images of every setting and some of invented units, write their evidence and labels."""
    from rich.progress import track

    phantom = PHANTOMS["cdmam34"]
    out.mkdir(parents=True, exist_ok=True)
    settings_made: list[_Setting] = []
    streams = np.random.default_rng(seed).spawn(len(exposures))
    for number, (exposure, rng) in enumerate(
        track(zip(exposures, streams, strict=True), "simulating", total=len(exposures), disable=not report)
    ):
        settings_made.append(_modelled(exposure, MODELLED[number % 2], images_each, phantom, rng))
    streams = np.random.default_rng([seed, 1]).spawn(invented)
    for number, rng in enumerate(track(streams, "inventing", total=invented, disable=not report)):
        settings_made.append(_invented(TRAINED[number % len(TRAINED)], phantom, rng))
    _store(out, settings_made, convention_limits(phantom, _CONVENTION, np.random.default_rng([seed, 3])))
    described: dict[str, Any] = {
        "description": f"simulated: {len(exposures)} settings x {images_each} images and {invented} invented units x "
        f"{INVENTED_IMAGES}, seed {seed}; labels from the known detectability of the conventional reading's filter",
        "settings": [_plain(exposure) for exposure in exposures],
    }
    (out / "data.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Setting:
    """The images of one setting and its labels."""

    family: str
    images: list[Evidence]
    automatic_um: Float[np.ndarray, " rows"]
    curve_um: Float[np.ndarray, " k"]
    diameters_mm: Float[np.ndarray, " k"]


def _modelled(exposure: Exposure, family: str, count: int, phantom: Phantom, rng: np.random.Generator) -> _Setting:
    label, images = None, []
    for made, read, filters in _images(exposure, count, phantom, rng):
        if label is None:
            label = known_curve(made.truth, read, filters, phantom, rng)
        images.append(read)
    assert label is not None
    return _Setting(family, images, *label)


def _invented(family: str, phantom: Phantom, rng: np.random.Generator) -> _Setting:
    unit = invented_unit(family, len({cell.row for cell in phantom.cells}), rng)
    return _Setting(family, *draw_evidence(unit, phantom, INVENTED_IMAGES, rng))


def _store(out: Path, made: list[_Setting], limits: tuple[np.ndarray, np.ndarray]) -> None:
    images = [one for setting in made for one in setting.images]
    count = [len(setting.images) for setting in made]
    stacked: dict[str, Any] = {name: np.stack([getattr(e, name) for e in images]).astype(np.float32) for name in FIELDS}
    np.savez_compressed(
        out / "evidence.npz",
        **stacked,
        setting=np.repeat(np.arange(len(made)), count),
        family=np.repeat([setting.family for setting in made], count),
        automatic_um=np.repeat(np.stack([setting.automatic_um for setting in made]), count, axis=0),
        curve_um=np.repeat(np.stack([setting.curve_um for setting in made]), count, axis=0),
        diameters_mm=made[0].diameters_mm,
        log_k=limits[0],
        limit_um=limits[1],
    )


def convention_limits(
    phantom: Phantom, count: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "m rows"], Float[np.ndarray, "m k"]]:
    """Detectabilities per contrast (ln) of many shapes over the diameters, and the curve (um) of each."""
    sizes = np.array([d for _, d in sorted({(cell.row, cell.diameter_mm) for cell in phantom.cells})])
    x = np.log(sizes)
    level, tilt, bend = (rng.normal(size=(count, 1)) for _ in range(3))
    mean = _LEVEL[0] + _LEVEL[1] * level + (_BENT[0] + _BENT[1] * tilt) * x
    log_k = mean + _BENT[2] * bend * (x - x.mean()) ** 2 + _OWN * rng.normal(size=(count, len(x)))
    rows = np.array([cell.row for cell in phantom.cells])
    contrast = -np.expm1(-GOLD_PER_UM * np.array([cell.thickness_um for cell in phantom.cells]))
    return log_k, np.stack(
        [curve_of_chances(share_correct(np.exp(one[rows]) * contrast), phantom, rng)[1] for one in log_k]
    )


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
        family=table["family"],
        held_out=_held_out(table["setting"], table["family"]),
        curve_um=table["curve_um"],
        automatic_um=table["automatic_um"],
        diameters_mm=table["diameters_mm"],
        log_k=table["log_k"],
        limit_um=table["limit_um"],
        description=str(described),
        sha256=hashlib.sha256((folder / "evidence.npz").read_bytes()).hexdigest(),
    )


def _held_out(setting: Int[np.ndarray, " n"], family: np.ndarray) -> Bool[np.ndarray, " n"]:
    """Every fourth setting of each family."""
    found = np.zeros(len(setting), bool)
    for name in np.unique(family):
        numbers = np.unique(setting[family == name])
        found |= np.isin(setting, numbers[HELD_OUT - 1 :: HELD_OUT])
    return found


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
