"""The ACR large MRI phantom, test by test. Each test is a file of its own and stands in `TESTS`."""

from collections.abc import Callable
from types import MappingProxyType

from mammoqa.core import Phantom, Pose, Stack
from mammoqa.score.acr_mri_geometry import score_geometry
from mammoqa.score.acr_mri_ghosting import score_ghosting
from mammoqa.score.acr_mri_position import score_position
from mammoqa.score.acr_mri_resolution import score_resolution
from mammoqa.score.acr_mri_snr import score_snr
from mammoqa.score.acr_mri_spokes import score_spokes
from mammoqa.score.acr_mri_thickness import score_thickness
from mammoqa.score.acr_mri_uniformity import score_uniformity
from mammoqa.score.battery import Numbers, run_tests

Test = Callable[[Stack, Phantom, Pose], Numbers]

TESTS: MappingProxyType[str, Test] = MappingProxyType(
    {
        "geometric accuracy": score_geometry,
        "high-contrast resolution": score_resolution,
        "slice thickness": score_thickness,
        "slice position": score_position,
        "image uniformity": score_uniformity,
        "signal ghosting": score_ghosting,
        "low-contrast detectability": score_spokes,
        "signal to noise": score_snr,
    }
)


def score_acr_mri(stack: Stack, phantom: Phantom, pose: Pose) -> Numbers:
    """All measurements with intervals and limits, and the regions they were read from.

    Raises ScoreError where the pose names too few slices. A test that cannot be read gives no measurement.
    """
    return run_tests(TESTS.values(), stack, phantom, pose)
