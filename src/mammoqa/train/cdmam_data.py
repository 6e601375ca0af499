"""Training data of the CDMAM networks: downsampled images, and the curve that a conventional reading gives of each.

A folder holds

    images.npy      uint16 [images, draws, 250, 250]  random downsamplings of every image, raw pixel values
    table.npz       setting, margin_mm, recorded, evaluation [images], curve_um [images, 12], diameters_mm [12],
                    mean_dn, std_dn of the training images' pixels
    data.json       what they are, in words

Amanova et al. 2022 label each image with the curve of the CDMAM Analyser from at least 16 images of the same setting
(section 2.1). Here the conventional reading of this program does the same, at the known places of the discs. A setting
is a beam and a noise level: the paper's scenarios 1 to 4 first, then others drawn between them (how the paper's
settings were spread is not published). The images differ in margin, placement and noise. Mirrored copies, which the
paper has, are made when they are used.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt16

from mammoqa.core import ConfigurationError, Phantom, Pose
from mammoqa.jobs.side_by_side import Task, in_order, processes
from mammoqa.models.cdmam_downsample import SIZE_PX, draws, take
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate.cdmam import SimulatedCdmam, expose_cdmam
from mammoqa.simulate.cdmam_scenarios import MARGINS_MM, SCENARIOS, TRAINED_ON, Scenario, scenario_draw

LABEL_IMAGES = 16  # Amanova et al. 2022, section 2.1
_BETWEEN = {"kvp": (25.0, 28.0), "mas": (110.0, 115.0), "noise_level": (9.55, 22.91)}  # what scenarios 1 to 4 span
_FILES = ("images.npy", "table.npz", "data.json")


@dataclass(frozen=True, slots=True, eq=False)
class CdmamData:
    """A training set, its images on disk (memory-mapped); `sha256` is of the table."""

    images: UInt16[np.ndarray, "n draws size size"]
    setting: Int[np.ndarray, " n"]
    margin_mm: Float[np.ndarray, " n"]
    recorded: Bool[np.ndarray, " n"]
    evaluation: Bool[np.ndarray, " n"]
    curve_um: Float[np.ndarray, "n k"]
    diameters_mm: Float[np.ndarray, " k"]
    mean_dn: float
    std_dn: float
    description: str
    sha256: str


def settings(count: int, rng: np.random.Generator) -> list[Scenario]:
    """Scenarios 1 to 4, then settings drawn evenly between their extremes (a choice)."""
    chosen = [SCENARIOS[name] for name in TRAINED_ON[:count]]
    for number in range(len(chosen), count):
        kvp, mas, noise = (float(rng.uniform(*ends)) for ends in _BETWEEN.values())
        first = SCENARIOS[TRAINED_ON[0]]
        chosen.append(replace(first, name=f"setting-{number + 1}", kvp=kvp, mas=mas, noise_level=noise))
    return chosen


def write_cdmam_data(
    out: Path,
    scenarios: list[Scenario],
    images_each: int,
    seed: int,
    draws_each: int = 8,
    held_out: int = 0,
    size_px: int = SIZE_PX,
    label_images: int = LABEL_IMAGES,
    report: bool = False,
    jobs: int = 1,
) -> Path:
    """Simulate `images_each` images of every setting, read them, store `draws_each` random downsamplings of each.

    The last `held_out` images of a setting are for evaluation: not trained on, and not in its label. `jobs` processes
    work side by side (0: one for each core), with the same result.

    Raises:
        ConfigurationError: fewer than `label_images` images of a setting would label it.
    """
    from rich.progress import track

    if images_each - held_out < label_images:
        raise ConfigurationError(
            f"a curve is read from {label_images} images of a setting, {images_each - held_out} are given: "
            f"use --images {label_images + held_out} or more"
        )
    phantom = PHANTOMS["cdmam34"]
    out.mkdir(parents=True, exist_ok=True)
    count = len(scenarios) * images_each
    stored = np.lib.format.open_memmap(
        out / "images.npy", mode="w+", dtype=np.uint16, shape=(count, draws_each, size_px, size_px)
    )
    decided, sums = [], np.zeros(3)
    with processes(jobs) as crew:
        work = in_order(crew, _tasks(scenarios, images_each, phantom.name, seed, draws_each, size_px))
        for k, (picked, hits_of, moments) in enumerate(track(work, "simulating", total=count, disable=not report)):
            stored[k] = picked
            decided.append(hits_of)
            if k % images_each < images_each - held_out:
                sums += moments
    stored.flush()
    hits = np.array(decided).reshape(len(scenarios), images_each, *decided[0].shape)
    curves = [label_um(hits[s, : images_each - held_out], phantom) for s in range(len(scenarios))]
    mean = sums[1] / sums[0]
    number = np.tile(np.arange(images_each), len(scenarios))
    np.savez(
        out / "table.npz",
        setting=np.repeat(np.arange(len(scenarios)), images_each),
        margin_mm=np.array([MARGINS_MM[i % len(MARGINS_MM)] for i in number]),
        recorded=np.zeros(count, bool),
        evaluation=number >= images_each - held_out,
        curve_um=np.repeat(np.array([curve for _, curve in curves]), images_each, axis=0),
        diameters_mm=curves[0][0],
        mean_dn=mean,
        std_dn=np.sqrt(sums[2] / sums[0] - mean**2),
    )
    names = ", ".join(f"{s.name} ({s.kvp:.1f} kV, {s.mas:.0f} mAs, noise {s.noise_level:.2f})" for s in scenarios[:8])
    described = (
        f"simulated: {len(scenarios)} settings x {images_each} images, {draws_each} downsamplings each, seed {seed}: "
        f"{names}{', and others between them' if len(scenarios) > 8 else ''}; labels: conventional reading of "
        f"{images_each - held_out} images of each setting"
    )
    (out / "data.json").write_text(json.dumps({"description": described}) + "\n", encoding="utf-8")
    return out


def read_cdmam_data(folder: Path) -> CdmamData:
    """A training set from its folder; ConfigurationError where it is not complete."""
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise ConfigurationError(
            f"{folder} holds no CDMAM training data ({', '.join(missing)} not there); simulate some with --units N"
        )
    table = np.load(folder / "table.npz")
    described = json.loads((folder / "data.json").read_text(encoding="utf-8"))["description"]
    return CdmamData(
        images=np.load(folder / "images.npy", mmap_mode="c"),  # torch takes no read-only array
        setting=table["setting"],
        margin_mm=table["margin_mm"],
        recorded=table["recorded"],
        evaluation=table["evaluation"],
        curve_um=table["curve_um"],
        diameters_mm=table["diameters_mm"],
        mean_dn=float(table["mean_dn"]),
        std_dn=float(table["std_dn"]),
        description=str(described),
        sha256=hashlib.sha256((folder / "table.npz").read_bytes()).hexdigest(),
    )


def corner_decisions(simulated: SimulatedCdmam, phantom: Phantom) -> Int[np.ndarray, "rows columns"]:
    """Hits of the conventional reading, at the known place of the phantom."""
    from mammoqa.score.cdmam34 import decisions, read_cells

    truth = simulated.truth
    pose = Pose(
        matrix=truth.matrix,
        chest_wall=truth.chest_wall,
        mirrored=truth.mirrored,
        tilt_deg=truth.exposure.tilt_deg,
        magnification=truth.magnification,
        attenuating_bright=False,
        residual_mm=0.0,
        window=(0.0, 1.0),
    )
    return decisions(read_cells(simulated.image, phantom, pose).corner_hit, phantom)


def label_um(
    decided: Int[np.ndarray, "images rows columns"], phantom: Phantom
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """The 12 diameters (mm) of the curve and its human thresholds (um) there, from images of one setting."""
    from mammoqa.stats.contrast_detail import HUMAN_OVER_AUTOMATIC, Method, contrast_detail

    diameters = np.array([d for _, d in sorted({(cell.row, cell.diameter_mm) for cell in phantom.cells})])
    thicknesses = np.array([t for _, t in sorted({(cell.column, cell.thickness_um) for cell in phantom.cells})])
    found = contrast_detail(decided, diameters, thicknesses, np.random.default_rng(0), Method(resamples=2))
    if len(found.curve.value_um) != len(HUMAN_OVER_AUTOMATIC):
        raise ConfigurationError("a setting is so bad that its curve has gaps; leave it out")
    return found.curve.diameters_mm, found.curve.value_um


def _tasks(
    scenarios: list[Scenario], images_each: int, phantom_name: str, seed: int, draws_each: int, size_px: int
) -> Iterator[Task]:
    streams = iter(np.random.default_rng(seed).spawn(len(scenarios) * images_each))
    for scenario in scenarios:
        for number in range(images_each):
            yield _one, scenario, phantom_name, number, next(streams), draws_each, size_px


def _one(
    scenario: Scenario, phantom_name: str, number: int, rng: np.random.Generator, draws_each: int, size_px: int
) -> tuple[UInt16[np.ndarray, "draws size size"], Int[np.ndarray, "rows columns"], Float[np.ndarray, "3"]]:
    """Downsamplings of one image, its corner decisions, and number, sum and sum of squares of its pixels."""
    phantom = PHANTOMS[phantom_name]
    simulated = expose_cdmam(phantom, *scenario_draw(scenario, phantom, number, rng), rng)
    pixels = simulated.image.pixels
    picked = draws(pixels.shape, rng, size_px)
    taken = take(pixels, [next(picked) for _ in range(draws_each)]).astype(np.uint16)
    values = pixels.astype(np.float64)
    return (
        taken,
        corner_decisions(simulated, phantom),
        np.array([values.size, values.sum(), np.vdot(values, values)]),
    )
