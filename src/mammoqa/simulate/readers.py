"""Simulated readers: from detectability to the scores that a panel would give this very image.

A reader sees a part when its detectability, weakened by the reader's efficiency and blurred by internal noise, passes
the reader's own criterion. The rules of the accreditation manual then turn seen parts into 0, 0.5, 1 or N/A.
Two readers score each object; where they differ three more do, and the majority of the five decides (Yun 2025).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mammoqa.simulate.detectability import SECTORS, SEGMENTS, Visibility

NOT_APPLICABLE = -1.0  # "may be visible but misses the bar for 0.5"
READERS = 5


@dataclass(frozen=True, slots=True)
class Criteria:
    """How readers see, in units of detectability after `efficiency`.

    Calibrated (docs/explanation/simulated-readers.md) so that a well-adjusted digital unit at 1.5 mGy reads about 5
    fibres, 4 speck groups and 4 masses. No number here was measured on people: internal noise is a part of the external
    noise, as observer studies find (Burgess and Colborne, JOSA A 5:617, 1988), its size is a choice of this project.
    """

    efficiency_fibre: float = 0.72
    efficiency_speck: float = 0.36
    efficiency_mass: float = 0.33
    segment: float = 2.8
    speck: float = 3.0
    sector: float = 1.0
    whole: float = 3.8
    gap: float = 2.5  # a missing part stands out by so much
    internal_part: float = 0.35
    internal_object: float = 0.30
    between_readers: float = 0.20


DEFAULT = Criteria()


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Scores of one image: `readers` are nan where a reader was not asked and -1 for N/A; `panel` is nan for N/A."""

    readers: Float[np.ndarray, "readers objects"]
    panel: Float[np.ndarray, " objects"]


def read(objects: tuple[Visibility, ...], rng: np.random.Generator, criteria: Criteria = DEFAULT) -> Panel:
    """Let a panel of five read an image."""
    bias = rng.normal(0.0, criteria.between_readers, READERS)
    everyone = np.array([[_score(v, b, rng, criteria) for v in objects] for b in bias])
    differ = everyone[0] != everyone[1]
    readers = everyone.copy()
    readers[2:, ~differ] = np.nan
    panel = np.where(differ, [majority(column) for column in everyone.T], everyone[0])
    return Panel(readers, np.where(panel == NOT_APPLICABLE, np.nan, panel))


def majority(scores: Float[np.ndarray, " readers"]) -> float:
    """What most say; without a majority the middle one, with N/A between 0 and 0.5."""
    values, counts = np.unique(scores, return_counts=True)
    if counts.max() * 2 > len(scores):
        return float(values[counts.argmax()])
    placed = np.where(scores == NOT_APPLICABLE, 0.25, scores)
    middle = float(np.median(placed))
    return NOT_APPLICABLE if middle == 0.25 else middle


def _score(seen: Visibility, bias: float, rng: np.random.Generator, c: Criteria) -> float:
    """One reader, one object."""
    efficiency = {"fibre": c.efficiency_fibre, "speck_group": c.efficiency_speck, "mass": c.efficiency_mass}[seen.kind]
    shift = bias + rng.normal(0.0, c.internal_object)
    noise = rng.normal(0.0, c.internal_part, seen.coarse.shape)
    coarse = seen.coarse * efficiency + noise - shift
    fine = seen.fine * efficiency + noise - shift
    if seen.kind == "fibre":
        return fibre_score(coarse > c.segment, gaps(fine, c.gap))
    if seen.kind == "speck_group":
        return speck_score(int((coarse > c.speck).sum()))
    return mass_score(seen.whole * efficiency - shift - c.whole, (coarse > c.sector) & ~gaps(fine, c.gap))


def gaps(parts: Float[np.ndarray, " parts"], criterion: float) -> np.ndarray:
    """Parts that are plainly missing: less than half as visible as the better ones, by more than the criterion."""
    usual = float(np.quantile(parts, 0.75))
    return (parts < 0.5 * usual) & (usual - parts > criterion)


def fibre_score(seen: np.ndarray, missing: np.ndarray) -> float:
    """ACR 1999: 1 for the whole length unbroken, 0.5 for more than half of it; by the longest seen run."""
    run = longest_run(seen & ~missing)
    if run >= SEGMENTS - 1:
        return 1.0
    if run > SEGMENTS / 2:
        return 0.5
    return NOT_APPLICABLE if run >= 3 else 0.0


def longest_run(seen: np.ndarray) -> int:
    """Length of the longest run of True."""
    best = run = 0
    for part in seen:
        run = run + 1 if part else 0
        best = max(best, run)
    return best


def speck_score(count: int) -> float:
    """ACR 1999: 1 for four or more of six, 0.5 for two or three."""
    if count >= 4:
        return 1.0
    if count >= 2:
        return 0.5
    return NOT_APPLICABLE if count == 1 else 0.0


def mass_score(margin: float, sectors: np.ndarray) -> float:
    """ACR 1999: 1 for more than three quarters of the contour, 0.5 for visible but not circular."""
    if margin > 0:
        return 1.0 if sectors.sum() > 0.75 * SECTORS else 0.5
    return NOT_APPLICABLE if margin > -0.6 else 0.0
