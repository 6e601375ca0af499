"""Are explanations of a CDMAM's curve what they claim to be? The checks of Amanova et al. 2022 as numbers.

All images are simulated (`simulate.cdmam_scenarios`). The network is any with `slopes` and `curve` for downsampled
images; every check that the paper makes by eye is a number here, with a control that a meaningless map would pass no
better than.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from time import perf_counter
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Real

from mammoqa.core import Phantom
from mammoqa.explain.curves import CURVE_METHODS, sensitivity
from mammoqa.explain.insertion import faithfulness
from mammoqa.explain.omig import PAPER, PAPER_DRAWS, Descent, Images, Upsampled, correlation, midpoint, omig, upsampling
from mammoqa.jobs.side_by_side import in_order, processes
from mammoqa.models.cdmam_downsample import draws, passes, take
from mammoqa.simulate.cdmam import CdmamTruth, SimulatedCdmam, expose_cdmam
from mammoqa.simulate.cdmam_scenarios import SCENARIOS, TRAINED_ON, scenario_draw

SWEEP = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0)  # of c; the paper's figure 14 shows some
WAYS: dict[str, tuple[bool, int]] = {  # whether without replacement, and the steps L of each path
    "as printed, L 50": (False, 50),
    "without replacement, L 50": (True, 50),
    "without replacement, L 10": (True, 10),
    "without replacement, L 3": (True, 3),
    "without replacement, L 1": (True, 1),
}
_SAMPLED = 400_000  # pixels that are looked at for the lines
_LARGE_MM, _THICK_UM = 0.8, 0.25  # discs that survive the downsampling (the paper's figure 4 shows the largest)


@runtime_checkable
class Network(Protocol):
    """What the checks ask: `models.Ensemble`, or an ensemble where it was trained (`train.cdmam_live`)."""

    @property
    def size_px(self) -> int:
        """Side of the downsampled images."""

    def normalise(self, raw: Real[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
        """Raw pixel values as the networks take them."""

    def curve(self, x: Images) -> Float[np.ndarray, "n k"]:
        """The mean of the members' curves (ln um)."""

    def slopes(self, x: Images) -> tuple[Float[np.ndarray, "n k"], Images]:
        """The curve, and the gradient of its midpoint by the images."""


@runtime_checkable
class OwnPaths(Protocol):
    """A network that goes OMIG's path by itself, on the device where it is."""

    def omig(self, x: Images, path: Descent) -> Images:
        """As `explain.omig.omig`."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is computed, by how many processes; the paper's own numbers take hours on a processor."""

    images: int = 100
    reference_draws: int = PAPER_DRAWS
    check_draws: int = 500
    sweep_images: int = 10
    faithful_images: int = 10
    batch: int = 16
    jobs: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A simulated image as the ensemble takes it, before the downsampling, and its truth."""

    scenario: str
    x: Float32[np.ndarray, "rows columns"]
    truth: CdmamTruth


@dataclass(frozen=True, slots=True)
class Fall:
    """Figure 13: the share of images whose midpoint falls, by how much, and the same for shuffled maps."""

    images: int
    share: float
    mean: float
    shuffled_share: float
    shuffled_mean: float


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """Figure 14: one c, with the mean fall of the midpoint and the map's correlation with -R(x)."""

    c: float
    fall: float
    with_sensitivity: float


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """What an upsampled map shows: contrasts over the scatter of the same places moved elsewhere (standard scores).

    `discs` large discs against what surrounds them, positive where brighter discs lower the curve; `lines` the size of
    the map on the grid's lines against between them.
    """

    name: str
    discs: float
    lines: float
    map: Float[np.ndarray, "rows columns"]


@dataclass(frozen=True, slots=True)
class SpeedPoint:
    """A map on its way: gradients of the ensemble so far, seconds, and correlation with the reference."""

    way: str
    gradients: int
    seconds: float
    correlation: float


@dataclass(frozen=True, slots=True)
class Score:
    """A method's insertion and deletion areas, means over images, with the standard error of their difference."""

    method: str
    deletion: float
    insertion: float
    score: float
    error: float


@dataclass(slots=True, eq=False)
class Found:
    """Everything that the suite measures.

    `ceiling`: correlation of two halves of the reference, projected to whole; `reference_s`: how long it took.
    """

    falls: dict[str, Fall] = field(default_factory=dict)
    sweep: list[SweepPoint] = field(default_factory=list)
    structures: list[Structure] = field(default_factory=list)
    turned_correlation: float = float("nan")
    speed: list[SpeedPoint] = field(default_factory=list)
    ceiling: float = float("nan")
    reference_s: float = float("nan")
    scores: list[Score] = field(default_factory=list)


def along(ensemble: Network, x: Images, path: Descent = PAPER) -> Images:
    """OMIG's explanation of each image."""
    return ensemble.omig(x, path) if isinstance(ensemble, OwnPaths) else omig(ensemble.slopes, x, path)


def scenario_images(
    phantom: Phantom, names: Sequence[str], seed: int, jobs: int = 1
) -> Iterator[tuple[str, SimulatedCdmam]]:
    """Fresh images of scenarios by name, margins in turn; `jobs` processes make them (0: one for each core)."""
    streams = np.random.default_rng(seed).spawn(len(names))
    with processes(jobs) as crew:
        tasks = ((_scenario_image, phantom, *task) for task in zip(names, range(len(names)), streams, strict=True))
        yield from zip(names, in_order(crew, tasks), strict=True)


def _scenario_image(phantom: Phantom, name: str, number: int, rng: np.random.Generator) -> SimulatedCdmam:
    return expose_cdmam(phantom, *scenario_draw(SCENARIOS[name], phantom, number, rng), rng)


def shown(ensemble: Network, phantom: Phantom, names: Sequence[str], seed: int, jobs: int = 1) -> Iterator[Shown]:
    """Fresh images of scenarios, as the ensemble takes them."""
    for name, simulated in scenario_images(phantom, names, seed, jobs):
        yield Shown(name, ensemble.normalise(simulated.image.pixels), simulated.truth)


def scenarios_in_turn(count: int) -> list[str]:
    """Names of scenarios 1 to 4 in turn."""
    return [TRAINED_ON[k % len(TRAINED_ON)] for k in range(count)]


def small_images(ensemble: Network, full: Sequence[Shown], rng: np.random.Generator) -> Images:
    """One random downsampling of each."""
    return np.concatenate([take(s.x, islice(draws(s.x.shape, rng, ensemble.size_px), 1)) for s in full])


def falls(ensemble: Network, x: Images, rng: np.random.Generator, path: Descent = PAPER) -> Fall:
    """Does the curve move down when x becomes x'? Beside it, the same map with its pixels shuffled."""
    before = midpoint(ensemble.curve(x))
    delta = along(ensemble, x, path)
    mixed = rng.permuted(delta.reshape(len(x), -1), axis=1).reshape(delta.shape)
    fall, shuffled = (before - midpoint(ensemble.curve(x + moved)) for moved in (delta, mixed))
    return Fall(
        len(x), float((fall > 0).mean()), float(fall.mean()), float((shuffled > 0).mean()), float(shuffled.mean())
    )


def sweep(ensemble: Network, x: Images, values: Sequence[float] = SWEEP) -> list[SweepPoint]:
    """Path lengths c with L = 50: how far the midpoint falls, and how much of the map sensitivity shows already."""
    before, plain = midpoint(ensemble.curve(x)), sensitivity(ensemble.slopes, x)
    points = []
    for c in values:
        delta = along(ensemble, x, Descent(c=c))
        fall = before - midpoint(ensemble.curve(x + delta))
        alike = np.mean([correlation(a, b) for a, b in zip(delta, plain, strict=True)])
        points.append(SweepPoint(c, float(fall.mean()), float(alike)))
    return points


def upsampled(
    ensemble: Network, x: Float32[np.ndarray, "rows columns"], count: int, seed: int, batch: int, steps: int = 50
) -> Upsampled:
    """A map at full resolution from `count` draws without replacement."""
    source = passes(x.shape, np.random.default_rng(seed), ensemble.size_px)
    explain = partial(along, ensemble, path=Descent(steps=steps))
    return list(upsampling(explain, x, islice(source, count), batch))[-1]


def structure(name: str, truth: CdmamTruth, found: Float[np.ndarray, "rows columns"], side_mm: float) -> Structure:
    """How clearly a map shows the large discs and the grid, against the same shapes at wrong places."""
    scale = _scale(truth)
    cells = [c for c in truth.cells if c.diameter_mm >= _LARGE_MM and c.thickness_um >= _THICK_UM]
    places = np.array([p for c in cells for p in (c.centre_px, c.disc_px)])
    radii = np.repeat([c.diameter_mm / 2 * scale for c in cells], 2)
    right = np.nanmean(_disc_contrasts(found, places, radii))
    rng = np.random.default_rng(0)
    angles = rng.uniform(0, 2 * np.pi, 40)
    wrong = [
        np.nanmean(_disc_contrasts(found, places + 0.18 * side_mm * scale * np.array([np.cos(a), np.sin(a)]), radii))
        for a in angles
    ]
    rows, columns = rng.integers(found.shape[0], size=_SAMPLED), rng.integers(found.shape[1], size=_SAMPLED)
    size, along = np.abs(found[rows, columns]), _along(truth, rows, columns, side_mm)
    on, *beside = (size[_on_lines(along, side_mm, shift)].mean() for shift in np.linspace(0.0, 0.9, 10))
    return Structure(
        name,
        float((right - np.mean(wrong)) / max(np.std(wrong), 1e-30)),
        float((on - np.mean(beside)) / max(np.std(beside), 1e-30)),
        found,
    )


def speed(
    ensemble: Network, x: Float32[np.ndarray, "rows columns"], size: Size, seed: int
) -> tuple[list[SpeedPoint], float, float]:
    """Correlation with the reference of algorithm 2 against gradients, for each of `WAYS`; its ceiling and seconds.

    A way stops after a twentieth of the reference's gradients.
    """
    rng = np.random.default_rng(seed)
    explain = partial(along, ensemble)
    halves = []
    began = perf_counter()
    for _ in range(2):
        source = islice(draws(x.shape, rng, ensemble.size_px), size.reference_draws // 2)
        halves.append(list(upsampling(explain, x, source, size.batch))[-1].printed())
    reference, seconds_of_reference = (halves[0] + halves[1]) / 2, perf_counter() - began
    alike = correlation(*halves)
    allowed = size.reference_draws * PAPER.steps // 20
    points = []
    for way, (without, steps) in WAYS.items():
        drawn = (passes if without else draws)(x.shape, rng, ensemble.size_px)
        number = max(1, allowed // steps)
        start = perf_counter()
        marks = {max(1, round(number * share)) for share in (0.1, 0.25, 0.5, 1.0)}
        way_of = partial(along, ensemble, path=Descent(steps=steps))
        done = 0
        for grown in upsampling(way_of, x, islice(drawn, number), size.batch):
            if any(done < mark <= grown.draws for mark in marks):
                found = grown.per_visit() if without else grown.printed()
                seconds = perf_counter() - start
                points.append(SpeedPoint(way, grown.draws * steps, seconds, correlation(found, reference)))
            done = grown.draws
    return points, 2 * alike / (1 + alike), seconds_of_reference


def compare(ensemble: Network, x: Images) -> list[Score]:
    """Insertion and deletion of every method on the same images; the last is a random map.

    OMIG and sensitivity give directions, the others contributions. Times the image less its mean, OMIG's becomes one.
    """
    maps = {name: method(ensemble.slopes, x) for name, method in CURVE_METHODS.items()}
    maps["omig times image"] = (x - x.mean(axis=(1, 2), keepdims=True)) * maps["omig"]
    maps["random"] = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    scores = []
    for name, made in maps.items():
        found = faithfulness(ensemble.curve, x, made)
        error = float(found.score.std(ddof=1) / np.sqrt(len(x))) if len(x) > 1 else float("nan")
        areas = float(found.deletion_area.mean()), float(found.insertion_area.mean())
        scores.append(Score(name, *areas, float(found.score.mean()), error))
    return scores


def run(ensemble: Network, phantom: Phantom, size: Size, seed: int) -> Found:
    """All checks, one after the other."""
    rng = np.random.default_rng(seed)
    side = phantom.cells[0].side_mm
    found = Found()
    names = [*scenarios_in_turn(size.images), *["ood"] * max(1, size.images // 10)]
    kept: list[Shown] = []
    small = []
    for one in shown(ensemble, phantom, names, seed, size.jobs):
        small.append(small_images(ensemble, [one], rng))
        if len(kept) < len(TRAINED_ON):
            kept.append(one)
    x = np.concatenate(small)
    for name in dict.fromkeys(names):
        found.falls[name] = falls(ensemble, x[[n == name for n in names]], rng)
    found.falls["all of scenarios 1 to 4"] = _together([found.falls[n] for n in dict.fromkeys(names) if n != "ood"])
    found.sweep = sweep(ensemble, x[: size.sweep_images])
    found.scores = compare(ensemble, x[: size.faithful_images])
    first, fourth = kept[0], kept[-1]
    maps = {}
    for label, image in (("scenario-1", first.x), ("scenario-4", fourth.x), ("turned", np.rot90(first.x))):
        maps[label] = upsampled(ensemble, np.ascontiguousarray(image), size.check_draws, seed, size.batch).per_visit()
    maps["turned"] = np.rot90(maps["turned"], -1)
    found.structures = [
        structure("scenario 1 (figure 4)", first.truth, maps["scenario-1"], side),
        structure("scenario 1 turned by 90 degrees (figure 7)", first.truth, maps["turned"], side),
        structure("scenario 4 (figure 6)", fourth.truth, maps["scenario-4"], side),
    ]
    found.turned_correlation = correlation(maps["scenario-1"], maps["turned"])
    found.speed, found.ceiling, found.reference_s = speed(ensemble, first.x, size, seed + 1)
    return found


def _together(parts: Sequence[Fall]) -> Fall:
    n = sum(part.images for part in parts)

    def mean(name: str) -> float:
        return float(sum(getattr(part, name) * part.images for part in parts) / n)

    return Fall(n, mean("share"), mean("mean"), mean("shuffled_share"), mean("shuffled_mean"))


def _scale(truth: CdmamTruth) -> float:
    """Pixels per mm of the phantom."""
    return float(np.sqrt(abs(np.linalg.det(truth.matrix[:, :2]))))


def _disc_contrasts(
    found: Float[np.ndarray, "rows columns"], places: Float[np.ndarray, "n 2"], radii: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """The map within each disc less that in a ring about it; nan outside the image."""
    contrasts = np.full(len(places), np.nan)
    for k, ((x, y), radius) in enumerate(zip(places, radii, strict=True)):
        reach = int(np.ceil(1.6 * radius))
        left, top = round(x) - reach, round(y) - reach
        if left < 0 or top < 0:
            continue
        part = found[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
        if part.shape != (2 * reach + 1, 2 * reach + 1):
            continue
        rows, columns = np.mgrid[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
        distance = np.hypot(columns - x, rows - y)
        ring = (distance > 1.15 * radius) & (distance < 1.6 * radius)
        contrasts[k] = part[distance <= radius].mean() - part[ring].mean()
    return contrasts


def _along(
    truth: CdmamTruth, rows: Int[np.ndarray, " n"], columns: Int[np.ndarray, " n"], side_mm: float
) -> Float[np.ndarray, "n 2"]:
    """Places along both axes of the grid in cells, whole numbers on its lines; nan where cells are missing."""
    places = np.stack([columns, rows], axis=1) - truth.matrix[:, 2]
    x, y = (places @ np.linalg.inv(truth.matrix[:, :2]).T).T
    along = np.stack([x + y, y - x], axis=1) / np.sqrt(2) / side_mm
    inside = (np.abs(x) < 7.0 * side_mm) & (np.abs(along) < 7.5).all(axis=1)
    return np.where(inside[:, None], along, np.nan)


def _on_lines(along: Float[np.ndarray, "n 2"], side_mm: float, shift: float) -> Bool[np.ndarray, " n"]:
    """Whether pixels lie within 0.1 mm of the grid's lines, moved by `shift` cells along both axes."""
    part = (along - shift) % 1.0
    return np.asarray((np.minimum(part, 1.0 - part) * side_mm < 0.1).any(axis=1))
