"""The picture of a CT phantom: its modules side by side, each in the window that shows its test."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import UInt8

from mammoqa.core import Pose, Region, Stack

# module: window (HU) of the picture; module 1 as the protocol has it, the others to show their parts (a choice)
_WINDOWS_HU = {1: (-200.0, 200.0), 2: (40.0, 140.0), 3: (-50.0, 50.0), 4: (-300.0, 1500.0)}


def modules_view(
    stack: Stack, pose: Pose, regions: Iterable[Region]
) -> tuple[UInt8[np.ndarray, "rows columns"], tuple[int, ...]]:
    """Every slice that was measured, side by side, and their indices in the stack."""
    module_of = {index: module for module, index in enumerate(pose.slices, start=1) if index >= 0}
    # CT numbers are read beside the centre of module 1
    others = dict.fromkeys({region.index for region in regions} - set(module_of), 1)
    indices = tuple(sorted(module_of | others, key=lambda index: ((module_of | others)[index], index)))
    panels = []
    for index in indices:
        low, high = _WINDOWS_HU[(module_of | others)[index]]
        values = (stack.images[index].pixels.astype(np.float32) - low) * np.float32(255.0 / (high - low))
        panels.append(np.clip(values, 0, 255).astype(np.uint8))
    return np.hstack(panels), indices
