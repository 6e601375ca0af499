"""What is put before the network: Yun et al. 2025, Figs 13 to 15, and the experiment on size.

Every function gives one repetition; which specks are there and which end of a fibre grows is drawn anew in each.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mammoqa.core import Insert, Phantom
from mammoqa.jobs.validate_acr156_explain_bench import Trial
from mammoqa.simulate import SOUND, ObjectState

GAP = 0.15  # of a fibre's length: 1.5 mm, in the middle of what the archive's worn phantoms have (a choice)
POSITIONS = tuple(float(x) for x in np.linspace(0.05, 0.95, 13))
LENGTHS = tuple(float(x) for x in np.linspace(0.0, 1.0, 13))
COUNTS = (1, 2, 3, 4, 5, 6)
OPACITIES = tuple(float(x) for x in np.linspace(0.1, 1.0, 10))
SQUARENESS = tuple(float(x) for x in np.linspace(0.0, 1.0, 9))
SHRUNK = 3.0  # Fig 15b: rescaled to one third
LEVELS = (1.0, 0.5, 0.33)  # visibility, relative to the third-largest object of the kind (a choice)
DEFORMED = (0.0, 0.25, 0.5, 0.75, 1.0)
REFERENCE = 2  # index of the third-largest


def of_kind(phantom: Phantom, kind: str) -> tuple[Insert, ...]:
    """The phantom's objects of one kind, largest first."""
    return tuple(insert for insert in phantom.inserts if insert.kind == kind)


def broken(position: float) -> ObjectState:
    """A fibre with a gap whose middle lies at `position` of its length; at an end the gap shortens it."""
    start, end = max(position - GAP / 2, 0.0), min(position + GAP / 2, 1.0)
    return replace(SOUND, visible=((0.0, start), (end, 1.0)))


def grown(length: float, from_start: bool) -> ObjectState:
    """A fibre drawn over a share of its length, from one end."""
    if length == 0:
        return replace(SOUND, weight=0.0)
    return replace(SOUND, visible=((0.0, length),) if from_start else ((1.0 - length, 1.0),))


def specks(count: int, opacity: float, rng: np.random.Generator) -> ObjectState:
    """`count` of the six specks, at a share of their thickness."""
    there = rng.permutation(6) < count
    return replace(SOUND, weight=opacity if count else 0.0, specks=tuple(bool(t) for t in there))


def fibre_trials(phantom: Phantom, rng: np.random.Generator) -> list[Trial]:
    """Fig 13: a gap at each position, and growth; the three largest fibres, which score 1 when whole."""
    trials = []
    for insert in of_kind(phantom, "fibre")[:3]:
        trials += [Trial("breaks", insert.name, x, insert, broken(x)) for x in POSITIONS]
        trials += [Trial("growth", insert.name, x, insert, grown(x, bool(rng.random() < 0.5))) for x in LENGTHS]
    return trials


def speck_trials(phantom: Phantom, rng: np.random.Generator) -> list[Trial]:
    """Fig 14: one to six specks at ten opacities, of the two largest groups; curve 0 holds no specks."""
    trials = []
    for insert in of_kind(phantom, "speck_group")[:2]:
        trials.append(Trial("specks", "0", 0.0, insert, specks(0, 1.0, rng)))
        trials += [Trial("specks", str(n), x, insert, specks(n, x, rng)) for n in COUNTS for x in OPACITIES]
    return trials


def mass_trials(phantom: Phantom) -> list[Trial]:
    """Fig 15: from circle to square; the four largest masses, and the largest drawn at a third of its diameter."""
    masses = of_kind(phantom, "mass")[:4]
    small = replace(masses[0], name="mass-1-third", diameter_mm=masses[0].diameter_mm / SHRUNK)
    return [
        Trial("deformation", insert.name, x, insert, replace(SOUND, squareness=x))
        for insert in (*masses, small)
        for x in SQUARENESS
    ]


def size_trials(phantom: Phantom, weights: Mapping[str, float]) -> list[Trial]:
    """Objects of every nominal size made equally visible: sound ones at three levels, masses also deformed.

    `weights[name]` is the thickness factor that makes an object as visible as the third-largest of its kind; the
    experiment's name is "size" and the kind, the curve the object's name and x the level; deformed masses are
    "size deformed", with x the squareness, and as visible as the largest mass: of fainter ones readers do not tell a
    square from a circle.
    """
    trials = []
    plain = 1.0 / weights[of_kind(phantom, "mass")[0].name]
    for insert in phantom.inserts:
        weight = weights[insert.name]
        trials += [
            Trial(f"size {insert.kind}", insert.name, level, insert, replace(SOUND, weight=weight * level))
            for level in LEVELS
        ]
        if insert.kind == "mass":
            trials += [
                Trial("size deformed", insert.name, x, insert, replace(SOUND, weight=weight * plain, squareness=x))
                for x in DEFORMED
            ]
    return trials


def showcase(phantom: Phantom) -> dict[str, tuple[Trial, ...]]:
    """The trials of each saliency strip, each exposed at once."""
    fibre, group = of_kind(phantom, "fibre")[1], of_kind(phantom, "speck_group")[1]
    large, small = of_kind(phantom, "mass")[0], of_kind(phantom, "mass")[2]
    return {
        "breaks": tuple(Trial("breaks", fibre.name, x, fibre, broken(x)) for x in POSITIONS[::2]),
        "growth": tuple(Trial("growth", fibre.name, x, fibre, grown(x, True)) for x in LENGTHS[::2]),
        "specks": tuple(
            Trial("specks", str(n), x, group, replace(SOUND, weight=x, specks=tuple(k < n for k in range(6))))
            for x in (0.3, 1.0)
            for n in COUNTS
        ),
        "deformation": tuple(
            Trial("deformation", insert.name, x, insert, replace(SOUND, squareness=x))
            for insert in (large, small)
            for x in SQUARENESS[::2]
        ),
    }
