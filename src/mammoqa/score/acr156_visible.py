"""What is visible of each object of the 156 phantom, in the readers' own terms: length, specks, share of the contour.

Matched filters on the image, without the network: they stand beside its scores, so that a person sees on what a score
could rest. The criteria are those of the simulated readers, divided by their efficiency (`simulate/readers.py`); a
speck may lie 0.2 mm from its place in the group, as makers' rings differ.
"""

import numpy as np
from jaxtyping import Float, Real

from mammoqa.core import Measurement, Phantom
from mammoqa.models import normalise
from mammoqa.score.acr_dm import Rules, Seen, measurement, see

RULES = Rules(
    segment=3.9, speck=3.8, sector=2.6, whole=10.0, gap_of_fibre=4.9, gap_of_mass=9.2, loose_mm=0.2, reach_mm=0.5
)
KNEE_OF_FEATURES = 4.0  # detectability from which on more of it says less: about a reader's criterion


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
    return see(np.sinh(normalise(patches)), phantom, RULES, pitch_mm, kinds, chances=False)


def visible(seen: tuple[Seen | None, ...]) -> tuple[Measurement, ...]:
    """One measurement per object that was looked at: mm, count or per cent."""
    return tuple(measurement(s) for s in seen if s is not None)


def features(seen: Seen) -> Float[np.ndarray, " features"]:
    """Of a speck group, for `models.fuse`: the count, the group as one, and its specks from faint to bright."""
    each = np.concatenate([[seen.indices.whole], np.sort(seen.indices.coarse)])
    return np.concatenate([[seen.amount / 6], np.arcsinh(each / KNEE_OF_FEATURES)])
