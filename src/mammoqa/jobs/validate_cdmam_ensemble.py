"""Readings of one CDMAM image against the truth and against many images: scenarios of Amanova et al. 2022, table 1.

Compute only; the page is written by `validate_cdmam_ensemble_page`. Everything but the independent images is simulated.
The truth of a scenario is the human curve that the conventional reading gives in the end (`cdmam34_truth`); the pooled
conventional reading of all its images stands beside, as the paper has it.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mammoqa.core import ConfigurationError, LocateError, Phantom
from mammoqa.jobs.cdmam34 import axes_of
from mammoqa.jobs.cdmam34_single import curves_of
from mammoqa.jobs.cdmam34_truth import known_curve
from mammoqa.jobs.validate_cdmam import cdcom_decisions
from mammoqa.jobs.validate_cdmam_paper import Members, PaperReadings, Reading, read_draws
from mammoqa.models.cdmam_cells import CellsModel, Evidence
from mammoqa.models.cdmam_downsample import draws, take
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate.cdmam import expose_cdmam
from mammoqa.simulate.cdmam_scenarios import SCENARIOS, TRAINED_ON, scenario_draw
from mammoqa.stats.contrast_detail import Method, contrast_detail
from mammoqa.stats.deep_ensemble import EXPANSION

OOD = "ood"
GROUP = 4  # images of a conventional reading that one image is compared with
AT_MM = (1.0, 0.5, 0.25, 0.1)
_FIELDS = tuple(f.name for f in fields(Evidence))


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The images of one scenario as both kinds of reading take them; `refused` were not located."""

    name: str
    evidence: list[Evidence]
    corner: np.ndarray
    draws: np.ndarray
    known_um: Float[np.ndarray, " k"]
    diameters_mm: Float[np.ndarray, " k"]
    refused: int


@dataclass(frozen=True, slots=True)
class Line:
    """One way of reading in one scenario, against one truth: shares and mean sizes with bootstrap intervals."""

    scenario: str
    way: str
    truth: str
    images: int
    error: tuple[float, float, float]
    coverage: tuple[float, float, float]
    half: float
    bias: float


@dataclass(frozen=True, slots=True)
class Independent:
    """Pooled conventional and single-image thresholds (um) of the independent images at one diameter."""

    diameter_mm: float
    pooled_um: tuple[float, float, float]
    image: str
    single_um: tuple[float, float, float]
    unlike: bool

    @property
    def apart(self) -> float:
        """Relative distance of the single-image estimate from the pooled threshold."""
        return self.single_um[0] / self.pooled_um[0] - 1.0


def scene(name: str, images: int, seed: int, draws_each: int = 1) -> Scene:
    """Simulate and read the images of a scenario, each located for itself."""
    from mammoqa.locate import locate_cdmam34
    from mammoqa.score.cdmam34 import decisions, read_cells
    from mammoqa.score.cdmam34_evidence import evidence

    phantom = PHANTOMS["cdmam34"]
    read, corner, drawn, refused, known = [], [], [], 0, None
    streams = np.random.default_rng([seed, list(SCENARIOS).index(name)]).spawn(images)
    for number, rng in enumerate(streams):
        made = expose_cdmam(phantom, *scenario_draw(SCENARIOS[name], phantom, number, rng), rng)
        try:
            pose = locate_cdmam34(made.image, phantom)
        except LocateError:
            refused += 1
            continue
        one, filters = evidence(made.image, phantom, pose)
        if known is None:
            known = known_curve(made.truth, one, filters, phantom, np.random.default_rng(seed))
        read.append(one)
        corner.append(decisions(read_cells(made.image, phantom, pose).corner_hit, phantom))
        picked = draws(made.image.pixels.shape, rng)
        drawn.append(take(made.image.pixels, [next(picked) for _ in range(draws_each)]))
    if known is None:
        raise ValueError(f"none of the {images} images of {name} was located")
    return Scene(name, read, np.stack(corner), np.stack(drawn).astype(np.uint16), known[1], known[2], refused)


def save(of: Scene, path: Path) -> None:
    """Keep a scene for another run."""
    stacked: dict[str, Any] = {name: np.stack([getattr(one, name) for one in of.evidence]) for name in _FIELDS}
    np.savez_compressed(
        path,
        **stacked,
        corner=of.corner,
        draws=of.draws,
        known_um=of.known_um,
        diameters_mm=of.diameters_mm,
        refused=of.refused,
    )


def load(name: str, path: Path) -> Scene:
    """A scene that was kept."""
    table = np.load(path)
    count = len(table["corner"])
    parts = {name: table[name] for name in _FIELDS if name != "blur_px"}
    evidence = [
        Evidence(**{name: value[i] for name, value in parts.items()}, blur_px=float(table["blur_px"][i]))
        for i in range(count)
    ]
    return Scene(
        name,
        evidence,
        table["corner"],
        table["draws"],
        table["known_um"],
        table["diameters_mm"],
        int(table["refused"]),
    )


def by_cells(of: Scene, model: CellsModel) -> Reading:
    """Every image by the shipped single-image reading."""
    spread, distance = curves_of(model, of.evidence)
    return Reading(spread.mean, EXPANSION * spread.total, distance)


def by_paper(of: Scene, ensemble: Members | PaperReadings) -> Reading:
    """Every image by an ensemble of the paper's kind, from one random downsampling each.

    Raises:
        ConfigurationError: the readings were kept of other images, or the ensemble reads another size.
    """
    if not isinstance(ensemble, PaperReadings):
        return read_draws(of.draws, ensemble)
    found = ensemble.by_scenario.get(of.name)
    if found is None or len(found.mean) != len(of.draws):
        raise ConfigurationError(f"the kept readings are not of these {len(of.draws)} images of {of.name}")
    return found


def by_convention(of: Scene, group: int, phantom: Phantom, resamples: int = 200) -> Reading:
    """Groups of images, pooled by the conventional reading."""
    means, halves = [], []
    for start in range(0, len(of.corner) - group + 1, group):
        found = contrast_detail(
            of.corner[start : start + group],
            *axes_of(phantom),
            np.random.default_rng(start),
            Method(resamples=resamples),
        ).curve
        low, high = found.interval_um()
        means.append(np.log(found.value_um))
        halves.append(np.stack([np.log(found.value_um / low), np.log(high / found.value_um)]))
    return Reading(np.array(means), np.array(halves).mean(axis=1), np.zeros(len(means)))


def pooled(of: Scene, phantom: Phantom) -> Float[np.ndarray, " k"]:
    """The human curve (um) of the conventional reading of all images."""
    return contrast_detail(of.corner, *axes_of(phantom), np.random.default_rng(0), Method(resamples=100)).curve.value_um


def line(scenario: str, way: str, truth: str, found: Reading, true_um: Float[np.ndarray, " k"]) -> Line:
    """How good a reading is in one scenario; intervals by resampling images."""
    apart = found.mean - np.log(true_um)
    error = np.abs(np.expm1(apart)).mean(axis=1)
    covered = (np.abs(apart) <= found.half).mean(axis=1)
    return Line(
        scenario,
        way,
        truth,
        len(error),
        with_interval(error),
        with_interval(covered),
        float(found.half.mean()),
        float(apart.mean()),
    )


def with_interval(values: Float[np.ndarray, " n"]) -> tuple[float, float, float]:
    """The mean, and the ends of its 95 % interval by resampling."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(values.mean()), float(low), float(high)


def auc(inside: Float[np.ndarray, " n"], outside: Float[np.ndarray, " m"]) -> tuple[float, float, float]:
    """Area under the curve that tells foreign images by a score that grows with strangeness; bootstrap interval."""

    def area(a: np.ndarray, b: np.ndarray) -> float:
        return float((b[:, None] > a).mean() + 0.5 * (b[:, None] == a).mean())

    rng = np.random.default_rng(0)
    again = [area(rng.choice(inside, len(inside)), rng.choice(outside, len(outside))) for _ in range(1000)]
    low, high = np.quantile(again, (0.025, 0.975))
    return area(inside, outside), float(low), float(high)


def independent(folder: Path, model: CellsModel) -> tuple[Independent, ...]:
    """Each independent image alone beside the conventional reading of all of them."""
    from mammoqa import dicom
    from mammoqa.jobs.cdmam34_single import read_single
    from mammoqa.locate import locate_cdmam34
    from mammoqa.score.cdmam34 import decisions, read_cells
    from mammoqa.score.cdmam34_evidence import evidence

    phantom = PHANTOMS["cdmam34"]
    corner, singles = [], []
    for path in sorted(folder.glob("*.dcm")):
        (image,) = dicom.read_file(path)
        pose = locate_cdmam34(image, phantom)
        corner.append(decisions(read_cells(image, phantom, pose).corner_hit, phantom))
        singles.append(read_single(path.name, evidence(image, phantom, pose)[0], model))
    found = contrast_detail(np.stack(corner), *axes_of(phantom), np.random.default_rng(1)).curve
    low, high = found.interval_um()
    rows = []
    for diameter_mm in AT_MM:
        k = int(np.argmin(np.abs(found.diameters_mm - diameter_mm)))
        for one in singles:
            point = min(one.points, key=lambda p: abs(p.diameter_mm - diameter_mm))
            rows.append(
                Independent(
                    diameter_mm,
                    (float(found.value_um[k]), float(low[k]), float(high[k])),
                    one.path,
                    (point.value_um, point.low_um, point.high_um),
                    one.unlike,
                )
            )
    return tuple(rows)


def by_cdcom(folder: Path) -> tuple[tuple[float, float, float, float], ...]:
    """Diameter (mm), pooled threshold (um) and its interval from cdcom's decisions on the independent images."""
    found = contrast_detail(cdcom_decisions(folder), *axes_of(PHANTOMS["cdmam34"]), np.random.default_rng(1)).curve
    low, high = found.interval_um()
    places = [int(np.argmin(np.abs(found.diameters_mm - d))) for d in AT_MM]
    return tuple(
        (d, float(found.value_um[k]), float(low[k]), float(high[k])) for d, k in zip(AT_MM, places, strict=True)
    )


def scenes_of(names: tuple[str, ...], images: int, foreign: int, seed: int, keep: Path | None) -> list[Scene]:
    """The scenarios' images, from `keep` where they are kept there."""
    found = []
    for name in names:
        count = foreign if name == OOD else images
        path = None if keep is None else keep / f"{name}-{count}-{seed}.npz"
        if path is not None and path.is_file():
            found.append(load(name, path))
            continue
        found.append(scene(name, count, seed))
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            save(found[-1], path)
    return found


def covers(found: Reading, true_um: Float[np.ndarray, " k"]) -> Bool[np.ndarray, "n k"]:
    """Whether each interval holds the truth."""
    return np.asarray(np.abs(found.mean - np.log(true_um)) <= found.half)


NAMES: tuple[str, ...] = (*TRAINED_ON, OOD)
