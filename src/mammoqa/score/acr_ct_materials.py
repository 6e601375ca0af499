"""CT numbers of the five materials of module 1: ACR, Phantom Testing: CT.

They are read in the first slice from the module's centre towards module 2 that shows no bead at the surface: beads and
wires throw streaks, and numbers fall towards the end of a scan. Regions have a radius of 10 mm in rods of 25 mm; the
mean of the protocol's 200 mm2 stands in the note, because filters that sharpen edges make the two differ.
"""

from dataclasses import replace

from mammoqa.core import Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_ct_sampling import (
    BEAD_HU,
    Slice,
    bead_heights,
    circle,
    mean_error,
    phantom_length,
    read_disc,
    slice_of_module,
)
from mammoqa.score.acr_mri_sampling import NORMAL_95, measured, pitch_of

_PROTOCOL_RADIUS_MM = 7.98  # 200 mm2
_FURTHEST_MM = 10.0  # a slice of module 1 lies within this of its centre and is clear of module 2


def score_materials(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """Mean CT number in HU of each material, with the interval of its mean; nothing without module 1."""
    part = _clear_slice(stack, pose)
    if part is None:
        return (), ()
    radius_mm = phantom_length(phantom, "material_roi_radius")
    pitch_mm = pitch_of(part.image)[0]
    measurements, regions = [], []
    for insert in phantom.inserts:
        if insert.kind != "material":
            continue
        disc = read_disc(part.image, part.pose, insert.centre_mm, radius_mm)
        if disc is None:
            continue
        usual = read_disc(part.image, part.pose, insert.centre_mm, _PROTOCOL_RADIUS_MM)
        note = f"standard deviation {disc.deviation:.1f} HU"
        if usual is not None:
            note += f"; {usual.mean:.1f} HU in 200 mm2"
        half = NORMAL_95 * mean_error(disc, pitch_mm)
        measurements.append(measured(f"ct_number_{insert.name}", disc.mean, half, "HU", None, note))
        regions.append(circle(part, f"{insert.name} {disc.mean:.0f} HU", insert.centre_mm, radius_mm))
    return tuple(measurements), tuple(regions)


def _clear_slice(stack: Stack, pose: Pose) -> Slice | None:
    """The slice beside the centre of module 1 without beads; the centre itself where every near one shows some."""
    centre = slice_of_module(stack, pose, 1)
    if centre is None:
        return None
    others = [index for index in pose.slices[1:] if index >= 0]
    step = 1 if not others or others[0] > centre.index else -1
    reach = max(1, int(_FURTHEST_MM / max(stack.spacing_mm, 0.1)))
    for away in range(reach + 1):
        index = centre.index + step * away
        if not 0 <= index < len(stack.images):
            break
        part = slice_of_module(stack, replace(pose, slices=(index, *pose.slices[1:])), 1)
        if part is not None and max(bead_heights(part.image, part.pose).values()) < BEAD_HU:
            return part
    return centre
