"""The tests of a phantom that is read in numbers, one after the other."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from mammoqa.core import Image, Measurement, Phantom, Pose, Region, Stack

Numbers = tuple[tuple[Measurement, ...], tuple[Region, ...]]
_Item = TypeVar("_Item", Image, Stack)


def run_tests(
    tests: Iterable[Callable[[_Item, Phantom, Pose], Numbers]], item: _Item, phantom: Phantom, pose: Pose
) -> Numbers:
    """The measurements of all tests, and the regions that they were read from; what is not there gives none."""
    measurements: list[Measurement] = []
    regions: list[Region] = []
    for test in tests:
        numbers, places = test(item, phantom, pose)
        measurements += numbers
        regions += places
    return tuple(measurements), tuple(regions)
