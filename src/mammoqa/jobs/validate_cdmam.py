"""The conventional CDMAM reading against an independent reader, and against simulations whose truth is known.

Compute only; the page is written by `validate_cdmam_page`. Everything but the comparison with cdcom is simulated.
"""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mammoqa.core import ChestWall, Image, Phantom, Pose
from mammoqa.jobs.cdmam34 import axes_of
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.cdmam34 import CellReadings, decisions
from mammoqa.simulate.cdmam import CdmamTruth
from mammoqa.stats import contrast_detail as curves
from mammoqa.stats.psychometric import Form

CDCOM = "cdcom_1.5.2.json"
# Chest wall, quarter turns (the phantom's long side along the field's), mirrored, tilt in degrees.
PLACINGS: tuple[tuple[ChestWall, int, bool, float], ...] = (
    ("left", 3, False, 0.0),
    ("top", 1, False, 1.5),
    ("right", 1, True, -1.5),
    ("bottom", 3, True, 2.0),
)
SEARCHES_MM = (0.0, 0.07, 0.14, 0.21)  # whole pixels of both kinds of images
SMALL_MM = 0.31  # up to this size, the reading finds more discs than cdcom
_MARGIN_MM = 6.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """One image read by both programs: shares of cells with the same decision, and hits of the corners."""

    name: str
    corner: float
    centre: float
    hits: int
    cdcom_hits: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CdcomThreshold:
    """Automatic thresholds (um) of one diameter, pooled over the images, with our decisions and with cdcom's."""

    diameter_mm: float
    ours_um: float
    low_um: float
    high_um: float
    cdcom_um: float


@dataclass(frozen=True, slots=True)
class Searched:
    """Reading with a search about each place: thresholds over those without, beside cdcom's over those without.

    `small` and `large` are geometric means over diameters up to `SMALL_MM` and above. `images` are simulated ones.
    """

    search_mm: float
    corners: tuple[float, ...]
    hits: int
    small: float
    large: float
    simulated_small: float
    simulated_large: float


@dataclass(frozen=True, slots=True)
class Searches:
    """How cdcom's thresholds compare with those at known places, and what a search makes of the latter."""

    images: int
    cdcom_hits: int
    cdcom_small: float
    cdcom_large: float
    found: tuple[Searched, ...]


@dataclass(frozen=True, slots=True)
class Placing:
    """Grid accuracy in one simulated image: distances of all discs' places from the truth, in pixels."""

    chest_wall: str
    quarter_turns: int
    mirrored: bool
    tilt_deg: float
    right_way: bool
    rms_px: float
    largest_px: float


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A simulated series: thresholds by diameter (um) of the reader, its intervals, and of the ideal observer.

    `limit_um` is what the convention gives for the ideal observer's chances, as from endless images. `share` are hits
    found and expected of the ideal observer; `errors_px` the grid's in every image.
    """

    images: int
    diameters_mm: np.ndarray
    found_um: np.ndarray
    low_um: np.ndarray
    high_um: np.ndarray
    limit_um: np.ndarray
    ideal_um: np.ndarray
    share: tuple[float, float]
    errors_px: np.ndarray
    human_um: np.ndarray
    human_mm: np.ndarray
    chances: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Repeats of a series of `images` drawn from known chances, read with one form of the psychometric curve.

    `bias` and `scatter` are of ln threshold against where the chance is 0.625, by diameter; `limit_bias` against the
    form's own limit for endless images; `covered` is the share of 95 % intervals that hold that limit.
    """

    form: Form
    images: int
    repeats: int
    diameters_mm: np.ndarray
    bias: np.ndarray
    limit_bias: np.ndarray
    scatter: np.ndarray
    covered: np.ndarray
    curve_mm: np.ndarray
    curve_covered: np.ndarray
    curve_scatter: np.ndarray


def compare_cdcom(folder: Path, search_mm: float = 0.0) -> tuple[tuple[Agreement, ...], tuple[CdcomThreshold, ...]]:
    """Every image of `folder` that cdcom's answers name, read within `search_mm` of the discs' places."""
    from mammoqa import dicom

    phantom = PHANTOMS["cdmam34"]
    answers = json.loads((folder / CDCOM).read_text("utf-8"))
    rows, ours, theirs = [], [], []
    for name, said in sorted(answers.items()):
        (image,) = dicom.read_file(folder / name)
        start = time.process_time()
        _, cells = read_image(image, phantom, search_mm)
        seconds = time.process_time() - start
        mine = {"corner": decisions(cells.corner_hit, phantom), "centre": decisions(cells.centre_hit, phantom)}
        other = {kind: _from_cdcom(np.array(said[kind])) for kind in mine}
        used = mine["corner"] >= 0
        same = {kind: float((mine[kind] == other[kind])[used].mean()) for kind in mine}
        hits = [int((found["corner"] == 1).sum()) for found in (mine, other)]
        rows.append(Agreement(name, same["corner"], same["centre"], hits[0], hits[1], seconds))
        ours.append(mine["corner"])
        theirs.append(other["corner"])
    fits = [_fitted(np.stack(found), phantom) for found in (ours, theirs)]
    low, high = fits[0].automatic.interval_um()
    values = zip(
        fits[0].automatic.diameters_mm, fits[0].automatic.value_um, low, high, fits[1].automatic.value_um, strict=True
    )
    return tuple(rows), tuple(CdcomThreshold(*(float(v) for v in row)) for row in values)


def cdcom_decisions(folder: Path) -> np.ndarray:
    """Which corner discs cdcom finds in the images of `folder`: 1 hit, 0 miss, -1 no such cell."""
    answers = json.loads((folder / CDCOM).read_text("utf-8"))
    return np.stack([_from_cdcom(np.array(said["corner"])) for _, said in sorted(answers.items())])


def compare_searches(folder: Path, images: int, seed: int) -> Searches:
    """Every reach of a search on the images that cdcom has read, and on simulated ones of the standard exposure."""
    from mammoqa import dicom

    phantom = PHANTOMS["cdmam34"]
    names = sorted(json.loads((folder / CDCOM).read_text("utf-8")))
    theirs = cdcom_decisions(folder)
    ours = _all_searches((dicom.read_file(folder / name)[0] for name in names), phantom)
    made = _all_searches((image for image, _ in _series_images(phantom, images, seed)), phantom)
    known = _fitted(ours[0], phantom).automatic.value_um
    plain = _fitted(made[0], phantom).automatic.value_um
    found = []
    for search_mm, own, simulated in zip(SEARCHES_MM, ours, made, strict=True):
        same = tuple(float((a == b)[a >= 0].mean()) for a, b in zip(own, theirs, strict=True))
        ratios = _small_and_large(_fitted(own, phantom).automatic.value_um / known, phantom)
        others = _small_and_large(_fitted(simulated, phantom).automatic.value_um / plain, phantom)
        found.append(Searched(search_mm, same, int((own == 1).sum()), *ratios, *others))
    of_cdcom = _small_and_large(_fitted(theirs, phantom).automatic.value_um / known, phantom)
    return Searches(images, int((theirs == 1).sum()), *of_cdcom, tuple(found))


def _all_searches(images: Iterable[Image], phantom: Phantom) -> tuple[np.ndarray, ...]:
    """Corner decisions [images, rows, columns] for each of `SEARCHES_MM`."""
    found = [[decisions(cells.corner_hit, phantom) for cells in _searches(image, phantom)] for image in images]
    return tuple(np.stack(of_one) for of_one in zip(*found, strict=True))


def _searches(image: Image, phantom: Phantom) -> Iterator[CellReadings]:
    from mammoqa.locate import locate_cdmam34
    from mammoqa.score.cdmam34 import read_cells

    pose = locate_cdmam34(image, phantom)
    for search_mm in SEARCHES_MM:
        yield read_cells(image, phantom, pose, search_mm)


def _small_and_large(ratios: np.ndarray, phantom: Phantom) -> tuple[float, float]:
    small = axes_of(phantom)[0] <= SMALL_MM
    return tuple(float(np.exp(np.log(ratios[which]).mean())) for which in (small, ~small))  # type: ignore[return-value]


def read_image(image: Image, phantom: Phantom, search_mm: float = 0.0) -> tuple[Pose, CellReadings]:
    """Locate and read one image."""
    from mammoqa.locate import locate_cdmam34
    from mammoqa.score.cdmam34 import read_cells

    pose = locate_cdmam34(image, phantom)
    return pose, read_cells(image, phantom, pose, search_mm)


def _series_images(phantom: Phantom, images: int, seed: int) -> Iterator[tuple[Image, CdmamTruth]]:
    """A series of the standard exposure."""
    from mammoqa.simulate.cdmam import STANDARD, expose_cdmam
    from mammoqa.simulate.cdmam_scene import Arrangement
    from mammoqa.simulate.cdmam_series import series

    for exposure, rng in series(STANDARD, images, np.random.default_rng(seed)):
        made = expose_cdmam(phantom, exposure, Arrangement(margin_mm=_MARGIN_MM), rng)
        yield made.image, made.truth


def placings(seed: int) -> Iterator[Placing]:
    """The grid found in images turned, mirrored and tilted."""
    from mammoqa.locate import locate_cdmam34
    from mammoqa.simulate.cdmam import STANDARD, expose_cdmam
    from mammoqa.simulate.cdmam_scene import Arrangement

    phantom = PHANTOMS["cdmam34"]
    streams = np.random.default_rng(seed).spawn(len(PLACINGS))
    for (chest_wall, turns, mirrored, tilt_deg), rng in zip(PLACINGS, streams, strict=True):
        exposure = replace(STANDARD, chest_wall=chest_wall, mirrored=mirrored, tilt_deg=tilt_deg)
        made = expose_cdmam(phantom, exposure, Arrangement(quarter_turns=turns, margin_mm=_MARGIN_MM), rng)
        pose = locate_cdmam34(made.image, phantom)
        errors = _errors_px(pose, made.truth.matrix, phantom)
        yield Placing(chest_wall, turns, mirrored, tilt_deg, bool(errors.max() < 20), _rms(errors), float(errors.max()))


def simulated_series(images: int, seed: int) -> Series:
    """A series of the standard exposure, read and compared with the ideal observer."""
    from mammoqa.simulate.cdmam_detectability import detectability, share_correct, thresholds_um

    phantom = PHANTOMS["cdmam34"]
    found, errors, chances = [], [], None
    ideal_um = np.zeros(0)
    for image, truth in _series_images(phantom, images, seed):
        pose, cells = read_image(image, phantom)
        found.append(decisions(cells.corner_hit, phantom))
        errors.append(_rms(_errors_px(pose, truth.matrix, phantom)))
        if chances is None:
            d_prime = detectability(truth)
            chances, ideal_um = share_correct(d_prime), thresholds_um(truth, d_prime)
    assert chances is not None
    taken = np.stack(found)
    fit = _fitted(taken, phantom)
    low, high = fit.automatic.interval_um()
    used = taken[0] >= 0
    return Series(
        images=images,
        diameters_mm=fit.automatic.diameters_mm,
        found_um=fit.automatic.value_um,
        low_um=low,
        high_um=high,
        limit_um=endless_um(chances, phantom, "logistic"),
        ideal_um=ideal_um,
        share=(float(taken[:, used].mean()), float(chances.mean())),
        errors_px=np.array(errors),
        human_um=fit.curve.value_um,
        human_mm=fit.curve.diameters_mm,
        chances=np.asarray(chances),
    )


def endless_um(chances: np.ndarray, phantom: Phantom, form: Form) -> np.ndarray:
    """The automatic thresholds that a form of the curve gives for known chances of every cell."""
    from mammoqa.stats.psychometric import SlopePrior, fit_curves, gold_um, log_contrast

    p = _matrix(chances, phantom)
    trials = np.where(p > 0, 1e5, 0.0)
    fit = fit_curves(p * trials, trials, log_contrast(axes_of(phantom)[1]), prior=SlopePrior(), form=form)
    return np.asarray(gold_um(fit.centre))


def coverage(
    chances: np.ndarray, ideal_um: np.ndarray, form: Form, images: int, repeats: int, seed: int, resamples: int = 200
) -> Coverage:
    """Series of hits and misses drawn from known chances, fitted again and again."""
    phantom = PHANTOMS["cdmam34"]
    rng = np.random.default_rng(seed)
    p = _matrix(chances, phantom)
    limit_um = endless_um(chances, phantom, form)
    method = curves.Method(form=form, resamples=resamples)
    logs, covered, curve_logs, curve_covered = [], [], [], []
    for _ in range(repeats):
        taken = np.where(p > 0, rng.random((images, *p.shape)) < p, -1).astype(np.int64)
        fit = curves.contrast_detail(taken, *axes_of(phantom), rng, method)
        low, high = fit.automatic.interval_um()
        logs.append(np.log(fit.automatic.value_um))
        covered.append((low <= limit_um) & (limit_um <= high))
        true = _human_curve(fit, limit_um)
        low, high = fit.curve.interval_um()
        curve_logs.append(np.log(fit.curve.value_um / true))
        curve_covered.append((low <= true) & (true <= high))
    return Coverage(
        form=form,
        images=images,
        repeats=repeats,
        diameters_mm=axes_of(phantom)[0],
        bias=np.mean(logs, axis=0) - np.log(ideal_um),
        limit_bias=np.mean(logs, axis=0) - np.log(limit_um),
        scatter=np.std(logs, axis=0),
        covered=np.mean(covered, axis=0),
        curve_mm=fit.curve.diameters_mm,
        curve_covered=np.mean(curve_covered, axis=0),
        curve_scatter=np.std(curve_logs, axis=0),
    )


def _human_curve(fit: curves.ContrastDetail, automatic_um: np.ndarray) -> np.ndarray:
    """The human curve through given automatic thresholds, with the weights of this fit."""
    given = replace(fit.automatic, value_um=automatic_um)
    return curves.smooth_curve(curves.to_human(given, fit.method.convention), fit.curve.diameters_mm).value_um


def _fitted(taken: np.ndarray, phantom: Phantom) -> curves.ContrastDetail:
    return curves.contrast_detail(taken, *axes_of(phantom), np.random.default_rng(1))


def _from_cdcom(matrix: np.ndarray) -> np.ndarray:
    return np.where(matrix < 0, -1, (matrix == 1).astype(np.int64))


def _matrix(chances: np.ndarray, phantom: Phantom) -> np.ndarray:
    """Chances by cell as a matrix, 0 where there is no cell."""
    made = np.zeros(tuple(len(axis) for axis in axes_of(phantom)))
    for cell, chance in zip(phantom.cells, chances, strict=True):
        made[cell.row, cell.column] = chance
    return made


def _errors_px(pose: Pose, matrix: np.ndarray, phantom: Phantom) -> np.ndarray:
    places = np.array([mm for cell in phantom.cells for mm in (cell.centre_mm, cell.corners_mm[cell.corner])])
    true = places @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(np.hypot(*(pose.to_px(places) - true).T))


def _rms(errors: np.ndarray) -> float:
    return float(np.sqrt((errors**2).mean()))
