"""Alignment: roll and tilt of the phantom, beads seen on the surface of modules 1 and 4, and their distance along z.

ACR, Phantom Testing: CT: the slices at the centres of modules 1 and 4 show all four beads of a phantom that is aligned.
"""

import numpy as np

from mammoqa.core import Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_ct_sampling import (
    BEAD_HU,
    CLOCK,
    Slice,
    bead_heights,
    centred,
    circle,
    diameter_mm,
    phantom_length,
    slice_of_module,
)
from mammoqa.score.acr_mri_sampling import NORMAL_95, measured, pitch_of

_ROLL_ERROR_DEG = 0.2
_CENTRE_ERROR_MM = 0.1


def score_alignment(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """Roll, tilts of the axis, diameter, beads seen (0 to 4) and the way of the table between modules 1 and 4."""
    parts = {m: part for m in (1, 2, 3, 4) if (part := slice_of_module(stack, pose, m)) is not None}
    measurements: list[Measurement] = []
    regions: list[Region] = []
    if 1 in parts:
        half = NORMAL_95 * _ROLL_ERROR_DEG
        measurements.append(measured("roll", pose.tilt_deg, half, "deg", None, "turned clockwise"))
    measurements += _tilts(parts, dict(phantom.lengths_mm)["module"])
    first = next(iter(parts.values()))
    across = diameter_mm(first.image, first.pose)
    if across is not None:
        half = NORMAL_95 * pitch_of(first.image)[0] / float(np.sqrt(12.0))
        measurements.append(measured("diameter", across, half, "mm", None, "nominal 200 mm, at half of the border"))
    for m in (1, 4):
        if m in parts:
            numbers, places = _beads(parts[m], m)
            measurements.append(numbers)
            regions += places
    measurements += _way(stack, pose, phantom)
    return tuple(measurements), tuple(regions)


def _tilts(parts: dict[int, Slice], depth_mm: float) -> list[Measurement]:
    """How the axis runs aside from the first to the last module, as angles."""
    if len(parts) < 2:
        return []
    first, last = min(parts), max(parts)
    pitch_y, pitch_x = pitch_of(parts[first].image)
    moved = parts[last].pose.matrix[:, 2] - parts[first].pose.matrix[:, 2]
    length = depth_mm * (last - first)
    half = NORMAL_95 * float(np.rad2deg(_CENTRE_ERROR_MM * np.sqrt(2.0) / length))
    return [
        measured(name, float(np.rad2deg(np.arctan2(step, length))), half, "deg", None, note)
        for name, step, note in (
            ("tilt_sideways", float(moved[0]) * pitch_x, "of the axis, to the right of the image"),
            ("tilt_down", float(moved[1]) * pitch_y, "of the axis, downwards in the image"),
        )
    ]


def _beads(part: Slice, module: int) -> tuple[Measurement, list[Region]]:
    heights = bead_heights(part.image, part.pose)
    seen = [clock for clock, height in heights.items() if height > BEAD_HU]
    note = f"seen at {', '.join(seen)} o'clock" if seen else "none is seen"
    missing = [clock for clock in CLOCK if clock not in seen]
    if missing:
        note += f"; not at {', '.join(missing)}: the slice is not on the module's centre, or the phantom is tilted"
    regions = []
    for clock in seen:
        angle = np.deg2rad(CLOCK[clock])
        regions.append(circle(part, "", (99.5 * float(np.cos(angle)), 99.5 * float(np.sin(angle))), 3.0))
    return Measurement(f"beads_module_{module}", float(len(seen)), "", note=note), regions


def _way(stack: Stack, pose: Pose, phantom: Phantom) -> list[Measurement]:
    """Distance along z of the beads of modules 1 and 4, by the table positions in the files."""
    places = [_bead_z(stack, pose, m) for m in (1, 4)]
    if places[0] is None or places[1] is None:
        return []
    nominal = 3 * phantom_length(phantom, "module")
    half = NORMAL_95 * 0.2 * stack.spacing_mm
    way = abs(places[1] - places[0])
    return [measured("module_distance", way, half, "mm", None, f"beads of modules 1 and 4, nominal {nominal:g} mm")]


def _bead_z(stack: Stack, pose: Pose, module: int) -> float | None:
    index = pose.slices[module - 1]
    if index < 0:
        return None
    reach = max(1, round(6.0 / max(stack.spacing_mm, 0.1)))
    weight, place = 0.0, 0.0
    for k in range(max(0, index - reach), min(len(stack.images), index + reach + 1)):
        image = stack.images[k]
        tops = [h for h in bead_heights(image, centred(image, pose)).values() if h > BEAD_HU]
        weight += sum(tops)
        place += sum(tops) * k * stack.spacing_mm
    return place / weight if weight else None
