"""The ACR CT phantom, test by test. Each test is a file of its own and stands in `TESTS`, with the module it reads."""

from collections.abc import Callable
from types import MappingProxyType

from mammoqa.core import Phantom, Pose, Stack
from mammoqa.score.acr_ct_alignment import score_alignment
from mammoqa.score.acr_ct_edge import score_edge
from mammoqa.score.acr_ct_low_contrast import score_low_contrast
from mammoqa.score.acr_ct_materials import score_materials
from mammoqa.score.acr_ct_resolution import score_resolution
from mammoqa.score.acr_ct_slice_width import score_slice_width
from mammoqa.score.acr_ct_uniformity import score_uniformity
from mammoqa.score.battery import Numbers, run_tests

Test = Callable[[Stack, Phantom, Pose], Numbers]

TESTS: MappingProxyType[str, Test] = MappingProxyType(
    {
        "alignment": score_alignment,
        "CT numbers": score_materials,
        "slice width": score_slice_width,
        "low contrast": score_low_contrast,
        "uniformity, noise and distance": score_uniformity,
        "bar patterns": score_resolution,
        "MTF": score_edge,
    }
)


def score_acr_ct(stack: Stack, phantom: Phantom, pose: Pose) -> Numbers:
    """All measurements with intervals, and the regions they were read from; a missing module gives none."""
    return run_tests(TESTS.values(), stack, phantom, pose)
