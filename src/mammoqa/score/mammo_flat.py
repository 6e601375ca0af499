"""The flat field, test by test. Each test is a file of its own and stands in `TESTS`.

Pixels are read as linear in exposure with their offset in them: an offset makes the SNR higher and the uniformity
better than they are, by its part of the level; CNR, SDNR and MTF, which rest on differences, do not feel it.
"""

from collections.abc import Callable
from types import MappingProxyType

from mammoqa.core import Image, Phantom, Pose
from mammoqa.score.battery import Numbers, run_tests
from mammoqa.score.mammo_flat_aluminium import score_aluminium
from mammoqa.score.mammo_flat_defects import score_defects
from mammoqa.score.mammo_flat_dose import score_dose
from mammoqa.score.mammo_flat_edge import score_edge
from mammoqa.score.mammo_flat_noise import score_noise
from mammoqa.score.mammo_flat_uniformity import score_uniformity

Test = Callable[[Image, Phantom, Pose], Numbers]

TESTS: MappingProxyType[str, Test] = MappingProxyType(
    {
        "uniformity and SNR": score_uniformity,
        "defects": score_defects,
        "noise power": score_noise,
        "aluminium": score_aluminium,
        "MTF": score_edge,
        "dose": score_dose,
    }
)


def score_mammo_flat(image: Image, phantom: Phantom, pose: Pose) -> Numbers:
    """All measurements, and the regions they were read from; what the image does not hold gives none."""
    return run_tests(TESTS.values(), image, phantom, pose)
