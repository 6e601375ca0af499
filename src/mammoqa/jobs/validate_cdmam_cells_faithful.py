"""Insertion and deletion of explanations of the single-image reading, every method raw and at the scale of discs.

A contribution is a direction times what a pixel has beyond the background. It can be taken as it is, averaged over the
disc of its cell, or with what lies beyond the background averaged before it is multiplied (`FORMS`). All are offered to
every method for which they have a meaning, with the same background and, for methods with paths, as many gradients.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mammoqa.explain.curves import contribution, sensitivity, straight_direction
from mammoqa.explain.insertion import EvidenceKept, Faithfulness, evidence_kept, faithfulness
from mammoqa.explain.omig import Descent, Images, omig
from mammoqa.explain.oriented import STOPS, oriented_direction
from mammoqa.jobs.cdmam34_single import PixelModel
from mammoqa.stats.bootstrap import Interval, bootstrap_counts

RAW, AVERAGED, BEFORE = FORMS = ("pixel by pixel", "map averaged", "difference averaged")
OURS = "omig, image to background"
PRINTED = "omig as printed"
OTHERS = ("occlusion", "integrated-gradients", "relevance")
RANDOM = "random"
_BY_SIZE = ((OURS, BEFORE), ("integrated-gradients", RAW), ("occlusion", RAW), (RANDOM, RAW))
_Areas = dict[tuple[str, str], list[tuple[float, float, float]]]  # by method and form, of every image


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """What insertion and deletion of a method's maps gave, image by image [images]."""

    method: str
    form: str
    deletion: Float[np.ndarray, " images"]
    insertion: Float[np.ndarray, " images"]
    score: Float[np.ndarray, " images"]


@dataclass(frozen=True, slots=True)
class Overlooked:
    """Discs of an image that raise its curve while all others are there, and what they hold once those are gone.

    `left` is the share of the midpoint's fall by all discs.
    """

    scenario: str
    discs: int
    of: int
    left: float


@dataclass(slots=True, eq=False)
class Compared:
    """RISE's measure of evidence; the same where maps knew another background noise; maps ranked by their size."""

    evidence: list[Ranked]
    redrawn: list[Ranked]
    by_size: list[Ranked]
    overlooked: list[Overlooked]


def overlooked(scenario: str, of: PixelModel) -> Overlooked:
    """What hiding one disc at a time cannot tell."""
    rises = of.rises()[2]
    return Overlooked(scenario, int((rises < 0.0).sum()), len(rises), of.left_without(rises >= 0.0))


def ahead(one: Ranked, other: Ranked, seed: int = 0) -> Interval:
    """The mean of the scores' differences on the same images, with its interval by resampling images."""
    apart = np.stack([one.score - other.score, np.ones(len(one.score))], axis=1)
    return bootstrap_counts(apart, lambda sums: sums[:, 0] / sums[:, 1], np.random.default_rng(seed))


def compare(images: Iterable[tuple[str, PixelModel, Images]], steps: int) -> Compared:
    """Insertion and deletion of every method.

    Args:
        images: scenario, reading and the image in units of the noise, as a batch of one.
        steps: of OMIG's path as printed.
    """
    by_noise: _Areas = {}
    by_other: _Areas = {}
    by_size: _Areas = {}
    beside = []
    for scenario, of, x in images:
        beside.append(overlooked(scenario, of))
        plain = of.background(x)
        noisy, other = (plain + np.random.default_rng(k).standard_normal(x.shape, np.float32) for k in (1, 2))
        directions = {PRINTED: omig(of.slopes, x, Descent(steps=steps)), "relevance": sensitivity(of.slopes, x)}
        maps = dict(_evidence(of, x, plain, noisy, directions))
        redrawn = dict(_with_paths(of, x, plain, other, (BEFORE,)))
        for into, made in ((by_noise, maps), (by_other, redrawn)):
            for key, one in made.items():
                _keep(into, key, evidence_kept(of.curve, x, one, noisy, batch=2))
        sized = {(name, "direction"): one for name, one in directions.items()}
        sized["sensitivity", "direction"] = sized.pop(("relevance", "direction"))
        sized |= {key: maps[key] for key in _BY_SIZE}
        for key, one in sized.items():
            _keep(by_size, key, faithfulness(of.curve, x, one, batch=2, baseline=noisy))
    return Compared(_ranked(by_noise), _ranked(by_other), _ranked(by_size), beside)


def _keep(into: _Areas, key: tuple[str, str], said: EvidenceKept | Faithfulness) -> None:
    areas = float(said.deletion_area[0]), float(said.insertion_area[0]), float(said.score[0])
    into.setdefault(key, []).append(areas)


def _ranked(found: _Areas) -> list[Ranked]:
    return [Ranked(*key, *np.array(values).T) for key, values in found.items()]


def _evidence(
    of: PixelModel, x: Images, plain: Images, noisy: Images, directions: dict[str, Images]
) -> Iterator[tuple[tuple[str, str], Images]]:
    """Maps of contributions of every method in every form."""
    beyond = of.at_disc_scale(x - plain)
    for name, direction in directions.items():  # LRP-0 is the gradient times what is removed
        yield from _forms(of, name, direction, x - noisy, beyond)
    yield from _with_paths(of, x, plain, noisy)
    occluded = of.occlusion()[None]
    yield ("occlusion", RAW), occluded
    yield ("occlusion", AVERAGED), of.at_disc_scale(occluded)
    yield (RANDOM, RAW), np.random.default_rng(0).standard_normal(x.shape, np.float32)


def _with_paths(
    of: PixelModel, x: Images, plain: Images, noisy: Images, forms: tuple[str, ...] = FORMS
) -> Iterator[tuple[tuple[str, str], Images]]:
    """Those of the methods whose paths end at the background: straight, and oriented (in these forms)."""
    beyond = of.at_disc_scale(x - plain)
    straight = straight_direction(of.slopes, x, noisy, 2 * len(STOPS))
    yield from _forms(of, "integrated-gradients", straight, x - noisy, beyond)
    if RAW in forms:
        yield (OURS, RAW), contribution(oriented_direction(of.slopes, x, noisy, x - noisy), x - noisy)
    oriented = oriented_direction(of.slopes, x, noisy, beyond)
    if AVERAGED in forms:
        yield (OURS, AVERAGED), of.at_disc_scale(contribution(oriented, x - noisy))
    yield (OURS, BEFORE), contribution(oriented, beyond)


def _forms(
    of: PixelModel, name: str, direction: Images, removed: Images, beyond: Images
) -> Iterator[tuple[tuple[str, str], Images]]:
    yield (name, RAW), contribution(direction, removed)
    yield (name, AVERAGED), of.at_disc_scale(contribution(direction, removed))
    yield (name, BEFORE), contribution(direction, beyond)
