"""What is visible of each object of the 156 phantom, in the readers' own terms: length, specks, share of the contour.

Matched filters on the image, without the network: they stand beside its scores, so that a person sees on what a score
could rest. The criteria are those of the simulated readers, divided by their efficiency (`simulate/readers.py`).
"""

import numpy as np
from jaxtyping import Float, Real

from mammoqa.core import Measurement, Phantom
from mammoqa.models import normalise
from mammoqa.score.acr156_chances import reader_odds
from mammoqa.score.acr156_specks import CRITERION, read_groups, speck_odds
from mammoqa.score.acr_dm import Rules, Seen, judge_middle, measurement, see_with
from mammoqa.score.acr_dm_filters import Bench, noise_of

RULES = Rules(segment=3.9, speck=CRITERION, sector=2.6, whole=10.0, gap_of_fibre=4.9, gap_of_mass=9.2, reach_mm=0.5)
KNEE_OF_FEATURES = 4.0  # detectability from which on more of it says less: about a reader's criterion
_STRIDE = 3  # of the sorted parts of fibres and masses every third tells enough
_OTHERS = ("fibre", "mass")


def look(
    patches: Real[np.ndarray, "n side side"], phantom: Phantom, pitch_mm: float, kinds: tuple[str, ...] | None = None
) -> tuple[Seen | None, ...]:
    """What filters see of every insert, in the phantom's order; None for those of other kinds than `kinds`.

    Args:
        patches: one per insert, as `locate.patches` cuts them; scale and level do not matter.
        phantom: whose inserts they are.
        pitch_mm: of the patches.
        kinds: which to look at; None for all.
    """
    ready = np.sinh(normalise(patches))
    bench = Bench(ready.shape[-1], pitch_mm, noise_of(ready, pitch_mm))
    others = tuple(kind for kind in _OTHERS if kinds is None or kind in kinds)
    seen = list(see_with(bench, ready, phantom, RULES, others, chances=False))
    groups = [k for k, insert in enumerate(phantom.inserts) if insert.kind == "speck_group"]
    groups.sort(key=lambda k: -phantom.inserts[k].size_mm)
    if groups and (kinds is None or "speck_group" in kinds):
        read = read_groups(bench, ready[groups], [phantom.inserts[k] for k in groups])
        for k, found in zip(groups, read, strict=True):
            seen[k] = judge_middle(phantom.inserts[k], found, RULES)
    return tuple(seen)


def visible(seen: tuple[Seen | None, ...]) -> tuple[Measurement, ...]:
    """One measurement per object that was looked at: mm, count or per cent."""
    return tuple(measurement(s) for s in seen if s is not None)


def features(seen: Seen) -> Float[np.ndarray, " features"]:
    """Of an object, for `models.fuse`: it as one, its parts from faint to bright, and what readers would say by them.

    Of a speck group also the count, all six specks, and the odds that a reader sees two and four of them.
    """
    found = seen.indices
    if seen.insert.kind == "speck_group":
        return np.concatenate([[seen.amount / 6], _bounded(found.whole, found.coarse), speck_odds(found.coarse)])
    return np.concatenate([_bounded(found.whole, found.coarse)[::_STRIDE], reader_odds(seen.insert.kind, found, RULES)])


def _bounded(whole: float, parts: Float[np.ndarray, " parts"]) -> Float[np.ndarray, " features"]:
    """Detectability of the object and its sorted parts, on a scale on which much of it says little more."""
    return np.arcsinh(np.concatenate([[whole], np.sort(parts)]) / KNEE_OF_FEATURES)
