"""Do explanations of the single-image reading mean what they say? The checks of Amanova et al. 2022 at full resolution.

The reading sees every pixel, so no upsampling is needed: OMIG works on the image itself (`cdmam34_single.PixelModel`)
and its map costs as many gradients as its path has steps. All images are simulated.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from jaxtyping import Float32

from mammoqa.core import Image, Phantom, Pose
from mammoqa.explain.curves import sensitivity
from mammoqa.explain.omig import Descent, Images, correlation, midpoint, omig
from mammoqa.jobs.cdmam34_single import PixelModel, pixel_model
from mammoqa.jobs.validate_cdmam_cells_faithful import Compared, compare
from mammoqa.jobs.validate_cdmam_explain import (
    Fall,
    Structure,
    SweepPoint,
    scenario_images,
    scenarios_in_turn,
    structure,
)
from mammoqa.models.cdmam_cells import CellsModel
from mammoqa.simulate.cdmam import CdmamTruth

SWEEP = (0.1, 1.0, 10.0, 100.0)
STEPS = (1, 3, 5, 10, 25)  # compared with the paper's 50
PAPER_GRADIENTS = 5000 * 50  # draws and steps of the paper's maps


@dataclass(frozen=True, slots=True)
class Size:
    """How much is computed. `steps` are those of the paths of the many images, the paper's 50 for `long_images`."""

    images: int = 100
    steps: int = 5
    long_images: int = 4
    sweep_images: int = 4
    faithful_images: int = 12


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A simulated image, as the reading takes it."""

    scenario: str
    image: Image
    pose: Pose
    truth: CdmamTruth
    of: PixelModel

    @property
    def x(self) -> Images:
        """The image in units of its noise, as a batch of one."""
        return self.of.normalise(self.image.pixels)[None]


@dataclass(frozen=True, slots=True)
class StepPoint:
    """A path of few steps against one of 50: gradients, seconds and correlation of the maps."""

    steps: int
    seconds: float
    correlation: float


@dataclass(slots=True, eq=False)
class Found:
    """Everything that the suite measures."""

    falls: dict[str, Fall] = field(default_factory=dict)
    sweep: list[SweepPoint] = field(default_factory=list)
    structures: list[Structure] = field(default_factory=list)
    turned_correlation: float = float("nan")
    steps: list[StepPoint] = field(default_factory=list)
    long_seconds: float = float("nan")
    compared: Compared = field(default_factory=lambda: Compared([], [], [], []))


def shown(model: CellsModel, phantom: Phantom, names: list[str], seed: int) -> Iterator[Shown]:
    """Fresh images of scenarios, margins in turn, each located for itself."""
    from mammoqa.locate import locate_cdmam34

    for name, made in scenario_images(phantom, names, seed):
        pose = locate_cdmam34(made.image, phantom)
        yield Shown(name, made.image, pose, made.truth, pixel_model(made.image, phantom, pose, model))


def fall(one: Shown, path: Descent, rng: np.random.Generator) -> tuple[float, float]:
    """By how much the midpoint falls when x becomes x', and when the map's pixels are shuffled among its places."""
    x = one.x
    delta = omig(one.of.slopes, x, path)
    touched = delta != 0.0
    mixed = np.zeros_like(delta)
    mixed[touched] = rng.permutation(delta[touched])
    before = float(midpoint(one.of.curve(x))[0])
    return tuple(before - float(midpoint(one.of.curve(x + moved))[0]) for moved in (delta, mixed))  # type: ignore[return-value]


def together(falls: list[tuple[float, float]]) -> Fall:
    """Shares and means of single falls."""
    own, shuffled = np.array(falls).T
    return Fall(
        len(own), float((own > 0).mean()), float(own.mean()), float((shuffled > 0).mean()), float(shuffled.mean())
    )


def sweep(images: list[Shown], steps: int) -> list[SweepPoint]:
    """Path lengths c: how far the midpoint falls, and how much of the map sensitivity shows already."""
    plain = [sensitivity(one.of.slopes, one.x)[0] for one in images]
    points = []
    for c in SWEEP:
        falls, alike = [], []
        for one, flat in zip(images, plain, strict=True):
            delta = omig(one.of.slopes, one.x, Descent(c=c, steps=steps))
            falls.append(float((midpoint(one.of.curve(one.x)) - midpoint(one.of.curve(one.x + delta)))[0]))
            alike.append(correlation(delta[0], flat))
        points.append(SweepPoint(c, float(np.mean(falls)), float(np.mean(alike))))
    return points


def turned(one: Shown, phantom: Phantom, steps: int) -> tuple[Structure, Float32[np.ndarray, "rows columns"]]:
    """The map of the image turned by 90 degrees, located anew, turned back."""
    from dataclasses import replace

    from mammoqa.locate import locate_cdmam34

    image = replace(one.image, pixels=np.ascontiguousarray(np.rot90(one.image.pixels)))
    pose = locate_cdmam34(image, phantom)
    of = pixel_model(image, phantom, pose, one.of.model)
    found = omig(of.slopes, of.normalise(image.pixels)[None], Descent(steps=steps))[0]
    back = np.rot90(found, -1)
    return structure("scenario 1 turned by 90 degrees (figure 7)", one.truth, back, phantom.cells[0].side_mm), back


def step_points(one: Shown) -> tuple[list[StepPoint], float]:
    """Maps of few steps beside that of 50, and the seconds of that."""
    start = perf_counter()
    whole = omig(one.of.slopes, one.x)[0]
    long_seconds = perf_counter() - start
    points = []
    for steps in STEPS:
        start = perf_counter()
        found = omig(one.of.slopes, one.x, Descent(steps=steps))[0]
        points.append(StepPoint(steps, perf_counter() - start, correlation(found, whole)))
    return points, long_seconds


def run(model: CellsModel, phantom: Phantom, size: Size, seed: int) -> Found:
    """All checks, one after the other; images are let go as soon as they are done with."""
    rng = np.random.default_rng(seed)
    found = Found()
    falls: dict[str, list[tuple[float, float]]] = {}
    kept: list[Shown] = []
    names = scenarios_in_turn(size.images)
    for number, one in enumerate(shown(model, phantom, names, seed)):
        falls.setdefault(one.scenario, []).append(fall(one, Descent(steps=size.steps), rng))
        if number < size.long_images:
            falls.setdefault("the first with 50 steps", []).append(fall(one, Descent(), rng))
        if number < 4:
            kept.append(one)
    for name, values in falls.items():
        found.falls[name] = together(values)
    found.falls["all of scenarios 1 to 4"] = together([v for name in dict.fromkeys(names) for v in falls[name]])
    found.sweep = sweep(kept[: size.sweep_images], size.steps)
    found.steps, found.long_seconds = step_points(kept[0])
    side = phantom.cells[0].side_mm
    first = omig(kept[0].of.slopes, kept[0].x, Descent(steps=size.steps))[0]
    upright = structure("scenario 1 (figure 4)", kept[0].truth, first, side)
    other, back = turned(kept[0], phantom, size.steps)
    found.turned_correlation = correlation(first, np.ascontiguousarray(back))
    fourth = omig(kept[-1].of.slopes, kept[-1].x, Descent(steps=size.steps))[0]
    found.structures = [upright, other, structure("scenario 4 (figure 6)", kept[-1].truth, fourth, side)]
    fresh = shown(model, phantom, scenarios_in_turn(size.faithful_images), seed + 1)
    found.compared = compare(((one.scenario, one.of, one.x) for one in fresh), size.steps)
    return found
