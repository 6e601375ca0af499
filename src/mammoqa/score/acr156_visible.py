"""What is visible of each object of the 156 phantom, in the readers' own terms: length, specks, share of the contour.

Matched filters on the image, without the network: they stand beside its scores, so that a person sees on what a score
could rest. The criteria are those of the simulated readers, divided by their efficiency (`simulate/readers.py`); a
speck may lie 0.2 mm from its place in the group, as makers' rings differ.
"""

import numpy as np
from jaxtyping import Float32

from mammoqa.core import Measurement, Phantom
from mammoqa.score.acr_dm import Rules, measurement, see

RULES = Rules(
    segment=3.9, speck=3.8, sector=2.6, whole=10.0, gap_of_fibre=4.9, gap_of_mass=9.2, loose_mm=0.2, reach_mm=0.5
)


def visible(patches: Float32[np.ndarray, "n side side"], phantom: Phantom, pitch_mm: float) -> tuple[Measurement, ...]:
    """One measurement per insert, in the phantom's order: mm, count or per cent.

    Args:
        patches: one per insert, as `locate.patches` cuts them.
        phantom: whose inserts they are.
        pitch_mm: of the patches.
    """
    return tuple(measurement(seen) for seen in see(patches, phantom, RULES, pitch_mm))
