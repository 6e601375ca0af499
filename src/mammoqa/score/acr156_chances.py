"""What readers would say of a fibre or a mass of the 156 phantom, by what filters see of its parts.

Readers differ in their criteria, and one part and the next in how well a reader uses it; panels differ
less. A fixed sample of their answers is drawn; its odds join the network's (`models.fusion`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float

from mammoqa.score.acr_dm import CIRCULAR, Rules
from mammoqa.score.acr_dm_filters import SEGMENTS, Indices
from mammoqa.stats.runs import longest_run, plainly_missing

_READERS = 400
_LEAST = 2e-3  # a sample of readers tells no smaller chance
_HARDLY_WHOLE = 1.6  # a mass whose index misses the criterion by no more is N/A: 0.6, divided by the efficiency


@dataclass(frozen=True, slots=True, eq=False)
class _Readers:
    """A sample of readers: how much more each asks for, and what each adds to the parts and to the object as one.

    In units of detectability.
    """

    shift: Float[np.ndarray, "readers 1"]
    noise: Float[np.ndarray, "readers parts"]
    whole: Float[np.ndarray, " readers"]


def _sample(between: float, within: float, whole: float) -> _Readers:
    rng = np.random.default_rng(156)
    shift = rng.normal(0.0, between, (_READERS, 1))
    noise = rng.normal(0.0, within, (_READERS, 12))
    return _Readers(shift, noise, rng.normal(0.0, whole, _READERS))


# How far apart the answers of panels lie, over the readers' efficiency for the kind (`simulate.readers.Criteria`): a
# panel's majority differs less than one reader and the next. The last number holds what the filters do not know of a
# mass as one (its diameter by the maker). A choice, by likelihood on 120 simulated images that serve nothing else.
_SAMPLES: Mapping[str, _Readers] = MappingProxyType(
    {"fibre": _sample(0.2 / 0.72, 0.25 / 0.72, 0.0), "mass": _sample(0.2 / 0.38, 0.45 / 0.38, 0.15 / 0.38)}
)


def answers_of(kind: str, found: Indices, rules: Rules) -> Float[np.ndarray, "4"]:
    """Shares of the sample that say 0, N/A, 0.5 and 1 (ACR 1999; N/A as in Yun et al. 2025)."""
    sample = _SAMPLES[kind]
    added = sample.noise[:, : len(found.coarse)] - sample.shift
    said = _RULES[kind](
        found.coarse + added, found.fine + added, found.whole + sample.whole - sample.shift[:, 0], rules
    )
    return np.asarray([np.mean(said == k) for k in range(4)])


def _fibre(coarse: np.ndarray, fine: np.ndarray, whole: np.ndarray, rules: Rules) -> np.ndarray:
    run = longest_run((coarse > rules.segment) & ~plainly_missing(fine, rules.gap_of_fibre))
    return np.select([run >= SEGMENTS - 1, run > SEGMENTS / 2, run >= 3], [3, 2, 1], 0)


def _mass(coarse: np.ndarray, fine: np.ndarray, whole: np.ndarray, rules: Rules) -> np.ndarray:
    contour: Bool[np.ndarray, "readers sectors"] = (coarse > rules.sector) & ~plainly_missing(fine, rules.gap_of_mass)
    margin, circular = whole - rules.whole, contour.mean(axis=-1) > CIRCULAR
    return np.select([(margin > 0) & circular, margin > 0, margin > -_HARDLY_WHOLE], [3, 2, 1], 0)


_RULES: Mapping[str, Callable[[np.ndarray, np.ndarray, np.ndarray, Rules], np.ndarray]] = MappingProxyType(
    {"fibre": _fibre, "mass": _mass}
)


def reader_odds(kind: str, found: Indices, rules: Rules) -> Float[np.ndarray, "3"]:
    """Log odds that a reader scores above 0, that one scores above 0 or says N/A, and that such a score is 0.5."""
    _, doubtful, half, full = answers_of(kind, found, rules)
    there = half + full
    chances = np.clip([there, there + doubtful, (half + 0.02) / (there + 0.04)], _LEAST, 1 - _LEAST)
    return np.asarray(np.log(chances / (1 - chances)))
