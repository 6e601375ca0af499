"""`mammoqa validate acr156-artefacts`: are artefacts found that are as visible as the last object, and only those?

Objects that the phantom does not have are simulated between its own: fibres, masses and single specks of the sizes that
the phantom has. So each is as visible as the phantom's object of the same size, and whether it has to be deducted
follows from the size of the last object counted.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mammoqa.core import ChestWall, Insert, Intent, Phantom, RefusalError
from mammoqa.simulate import SOUND, Exposure, Faults, ObjectState, expose

if TYPE_CHECKING:
    from mammoqa.score.artefacts import Mark

KINDS = ("fibre", "speck_group", "mass")
GROUPS = ("clean", "dust", "dead lines and a ghost")  # what else is on the image
_PLACES = tuple(itertools.product((-20.0, 0.0, 20.0), repeat=2))  # between four objects each
_SIDES: tuple[ChestWall, ...] = ("bottom", "left", "right")
_DETECTORS = ("csi-100", "a-se-85", "a-se-70")
_OUTPUTS = ("linear", "sigmoid", "sharpened", "equalised", "raw LIN", "raw LOG")
_MIDDLE_SPECK = (False, False, False, False, False, True)
_NEAR_MM = 3.0  # from its centre, a mark is taken for what was planted; single specks 1 mm
_PER_KIND = 2


@dataclass(frozen=True, slots=True)
class Planted:
    """An extra object: how many sizes larger (positive) than the last object counted it is; whether it was found."""

    kind: str
    steps: int
    found: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """One image: what was planted, and the kinds of marks where nothing lies."""

    group: str
    detector: str
    planted: tuple[Planted, ...]
    false: tuple[str, ...]
    located: bool = True


def results(phantom: Phantom, model: Path, count: int, seed: int, jobs: int = 1) -> Iterator[Tried]:
    """`count` images, in order as they are done; `model` is the folder of the artefact that scores."""
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = Parallel(n_jobs=jobs or -1, batch_size=4, return_as="generator")
    found: Iterator[Tried] = parallel(delayed(try_one)(phantom, model, seed, k) for k in range(count))
    return found


def try_one(phantom: Phantom, folder: Path, seed: int, number: int) -> Tried:
    """Simulate, locate, score and look for artefacts in the image of this number."""
    from mammoqa import judge, locate, models
    from mammoqa.jobs.acr156 import look_at
    from mammoqa.jobs.views import VIEW_PITCH_MM, upright_view
    from mammoqa.score.acr156 import score_acr156
    from mammoqa.score.artefacts import artefact_marks, filter_answers

    rng = np.random.default_rng([seed, number])
    group = GROUPS[number % len(GROUPS)]
    extras = draw_extras(phantom, rng)
    with_extras = replace(phantom, inserts=(*phantom.inserts, *(item for item, _ in extras)))
    exposure = draw_exposure(group, number, rng)
    states = (SOUND,) * len(phantom.inserts) + tuple(state for _, state in extras)
    image = expose(with_extras, replace(exposure, objects=states), rng).image
    try:
        pose = locate.locate_acr156(image, phantom)
    except RefusalError:
        return Tried(group, exposure.detector, (), (), located=False)
    model = models.load_folder(folder, threads=1)
    spec = model.card.input
    patches = locate.patches(image, phantom, pose, size_px=spec.size_px, pitch_mm=spec.pitch_mm)
    looked = look_at(image, phantom, pose, patches, spec.pitch_mm)
    objects, _ = judge.judge_acr156(score_acr156(patches, phantom, pose, model, looked), phantom)
    marks = artefact_marks(filter_answers(upright_view(image, phantom, pose), VIEW_PITCH_MM, phantom), phantom, objects)
    last = {o.kind: o.size_mm for o in sorted(objects, key=lambda o: -o.size_mm) if o.counted and o.score > 0}
    return matched(group, exposure.detector, phantom, [item for item, _ in extras], last, marks)


def matched(
    group: str,
    detector: str,
    phantom: Phantom,
    extras: list[Insert],
    last: dict[str, float],
    marks: "tuple[Mark, ...]",
) -> Tried:
    """What was found of what was planted, and what was found besides.

    Besides dust, speck-like marks are dust and not counted as false.
    """
    planted, explained = [], set()
    for item in extras:
        reach = 1.0 if item.kind == "speck_group" else _NEAR_MM
        near = [k for k, m in enumerate(marks) if np.hypot(*np.subtract(m.centre_mm, item.centre_mm)) < reach]
        explained |= set(near)
        if item.kind in last:
            sizes = sorted((i.size_mm for i in phantom.inserts if i.kind == item.kind), reverse=True)
            steps = sizes.index(last[item.kind]) - sizes.index(item.size_mm)
            planted.append(Planted(item.kind, steps, any(marks[k].kind == item.kind for k in near)))
    false = [m.kind for k, m in enumerate(marks) if k not in explained]
    if group == "dust":
        false = [kind for kind in false if kind != "speck_group"]
    return Tried(group, detector, tuple(planted), tuple(false))


def draw_extras(phantom: Phantom, rng: np.random.Generator) -> list[tuple[Insert, ObjectState]]:
    """Two objects of each kind, of the phantom's own sizes, at places between its objects."""
    places = rng.permutation(len(_PLACES))
    found = []
    for k, kind in enumerate(KINDS * _PER_KIND):
        models = [item for item in phantom.inserts if item.kind == kind]
        item = models[int(rng.integers(len(models)))]
        x, y = _PLACES[places[k]]
        centre = (x + float(rng.uniform(-1.0, 1.0)), y + float(rng.uniform(-1.0, 1.0)))
        angle = float(rng.uniform(-90.0, 90.0)) if kind == "fibre" else 0.0
        extra = replace(item, name=f"extra-{k}", centre_mm=centre, angle_deg=angle)
        state = replace(SOUND, specks=_MIDDLE_SPECK) if kind == "speck_group" else SOUND
        found.append((extra, state))
    return found


def draw_exposure(group: str, number: int, rng: np.random.Generator) -> Exposure:
    """A small field, so that an image costs half a second."""
    output = _OUTPUTS[number // len(GROUPS) % len(_OUTPUTS)]
    raw = output.startswith("raw")
    faults = {
        "clean": Faults(),
        "dust": Faults(dust=int(rng.integers(5, 40))),
        "dead lines and a ghost": Faults(dead_lines=int(rng.integers(1, 4)), ghosting=float(rng.uniform(0, 0.02))),
    }[group]
    return Exposure(
        detector=_DETECTORS[int(rng.integers(len(_DETECTORS)))],
        target_mgd_mgy=float(rng.uniform(0.8, 2.0)),
        field_mm=(118.0, 122.0),
        tilt_deg=float(rng.normal(0.0, 2.0)),
        intent=Intent.FOR_PROCESSING if raw else Intent.FOR_PRESENTATION,
        pixel_intensity=output[-3:] if raw else "LOG",
        style=output if not raw else "linear",
        disc_mm=((-20.0, 48.0), None)[int(rng.integers(2))],
        chest_wall=_SIDES[int(rng.integers(len(_SIDES)))],
        faults=faults,
        device_serial=f"{number:04d}",
    )
