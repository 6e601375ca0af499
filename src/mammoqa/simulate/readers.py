"""Simulated readers: from detectability to the scores that a panel would give this very image.

A reader sees a part when its detectability, weakened by the reader's efficiency and blurred by internal noise, passes
the reader's own criterion. The rules of the accreditation manual then turn seen parts into 0, 0.5, 1 or N/A.
Two readers score each object; where they differ three more do, and the majority of the five decides (Yun 2025).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mammoqa.simulate.detectability import SECTORS, SEGMENTS, Visibility
from mammoqa.stats.runs import longest_run, plainly_missing

NOT_APPLICABLE = -1.0  # "may be visible but misses the bar for 0.5"
READERS = 5
_BETWEEN = 0.25  # where N/A stands among the scores


@dataclass(frozen=True, slots=True)
class Criteria:
    """How readers see, in units of detectability after `efficiency`.

    Calibrated (docs/explanation/simulated-readers.md) so that a well-adjusted digital unit at 1.5 mGy reads about 5
    fibres, 4 speck groups and 4 masses. No number here was measured on people: internal noise is a part of the external
    noise, as observer studies find (Burgess and Colborne, JOSA A 5:617, 1988), its size is a choice of this project.
    """

    efficiency_fibre: float = 0.72
    efficiency_speck: float = 0.85
    efficiency_mass: float = 0.38
    segment: float = 2.8
    speck: float = 3.2
    sector: float = 1.0
    whole: float = 3.8
    gap: float = 3.5  # a missing part stands out by so much
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
    everyone = _everyone(objects, rng, criteria, 1)[0]
    readers = everyone.copy()
    readers[2:, everyone[0] == everyone[1]] = np.nan
    panel = panel_scores(everyone)
    return Panel(readers, np.where(panel == NOT_APPLICABLE, np.nan, panel))


def expected(
    objects: tuple[Visibility, ...], rng: np.random.Generator, panels: int = 64, criteria: Criteria = DEFAULT
) -> Float[np.ndarray, "objects 4"]:
    """Shares of the scores 0, 0.5, 1 and N/A among many panels that read the same image."""
    said = panel_scores(_everyone(objects, rng, criteria, panels))
    return np.stack([(said == s).mean(axis=0) for s in (0.0, 0.5, 1.0, NOT_APPLICABLE)], axis=1)


def _everyone(
    objects: tuple[Visibility, ...], rng: np.random.Generator, criteria: Criteria, panels: int
) -> Float[np.ndarray, "panels readers objects"]:
    """What each reader of each panel would say of each object."""
    bias = rng.normal(0.0, criteria.between_readers, (panels, READERS))
    return np.stack([_score(v, bias, rng, criteria) for v in objects], axis=-1)


def panel_scores(everyone: Float[np.ndarray, "*panels readers objects"]) -> Float[np.ndarray, "*panels objects"]:
    """Where the first two agree, what they say; else what most of the five say, -1 for N/A.

    Without a majority the middle one decides, with N/A between 0 and 0.5. A majority is always the middle one too.
    """
    placed = np.where(everyone == NOT_APPLICABLE, _BETWEEN, everyone)
    middle = np.median(placed, axis=-2)
    agreed = np.where(placed[..., 0, :] == placed[..., 1, :], placed[..., 0, :], middle)
    return np.where(agreed == _BETWEEN, NOT_APPLICABLE, agreed)


def _score(
    seen: Visibility, bias: Float[np.ndarray, "*readers"], rng: np.random.Generator, c: Criteria
) -> Float[np.ndarray, "*readers"]:
    """What readers say of one object."""
    efficiency = {"fibre": c.efficiency_fibre, "speck_group": c.efficiency_speck, "mass": c.efficiency_mass}[seen.kind]
    shift = (bias + rng.normal(0.0, c.internal_object, bias.shape))[..., None]
    noise = rng.normal(0.0, c.internal_part, (*bias.shape, len(seen.coarse)))
    coarse = seen.coarse * efficiency + noise - shift
    fine = seen.fine * efficiency + noise - shift
    if seen.kind == "fibre":
        return fibre_score(coarse > c.segment, plainly_missing(fine, c.gap))
    if seen.kind == "speck_group":
        return speck_score((coarse > c.speck).sum(axis=-1))
    return mass_score(
        seen.whole * efficiency - shift[..., 0] - c.whole, (coarse > c.sector) & ~plainly_missing(fine, c.gap)
    )


def fibre_score(
    seen: Bool[np.ndarray, "*readers parts"], missing: Bool[np.ndarray, "*readers parts"]
) -> Float[np.ndarray, "*readers"]:
    """ACR 1999: 1 for the whole length unbroken, 0.5 for more than half of it; by the longest seen run."""
    run = longest_run(seen & ~missing)
    return np.select([run >= SEGMENTS - 1, run > SEGMENTS / 2, run >= 3], [1.0, 0.5, NOT_APPLICABLE], 0.0)


def speck_score(count: Int[np.ndarray, "*readers"]) -> Float[np.ndarray, "*readers"]:
    """ACR 1999: 1 for four or more of six, 0.5 for two or three."""
    return np.select([count >= 4, count >= 2, count == 1], [1.0, 0.5, NOT_APPLICABLE], 0.0)


def mass_score(
    margin: Float[np.ndarray, "*readers"], sectors: Bool[np.ndarray, "*readers parts"]
) -> Float[np.ndarray, "*readers"]:
    """ACR 1999: 1 for more than three quarters of the contour, 0.5 for visible but not circular."""
    round_enough = sectors.sum(axis=-1) > 0.75 * SECTORS
    return np.select([(margin > 0) & round_enough, margin > 0, margin > -0.6], [1.0, 0.5, NOT_APPLICABLE], 0.0)
