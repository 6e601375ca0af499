"""Low contrast: the rod of 25 mm of module 2 beside its background. ACR, Phantom Testing: CT.

CNR = |rod - background| / standard deviation of the background, in regions of about 100 mm2 at the same distance from
the axis.
"""

import numpy as np

from mammoqa.core import Image, Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_ct_sampling import centred, circle, phantom_length, read_disc, slice_of_module
from mammoqa.score.acr_mri_sampling import NORMAL_95, measured

_NEAR_MM = 12.0  # slices so near to the module's centre show the same rod, for the interval


def score_low_contrast(
    stack: Stack, phantom: Phantom, pose: Pose
) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """CNR of the slice at the centre of module 2, and the rod's contrast; nothing without module 2.

    The interval is the scatter of the CNR over the other slices of the module, 1.96 standard deviations of one slice.
    """
    part = slice_of_module(stack, pose, 2)
    if part is None:
        return (), ()
    rod = next(insert for insert in phantom.inserts if insert.kind == "low contrast")
    radius_mm = phantom_length(phantom, "cnr_roi_radius")
    turn = np.deg2rad(phantom_length(phantom, "cnr_background_angle_deg"))
    x, y = rod.centre_mm
    beside = (float(x * np.cos(turn) - y * np.sin(turn)), float(x * np.sin(turn) + y * np.cos(turn)))
    read = _cnr(part.image, part.pose, rod.centre_mm, beside, radius_mm)
    if read is None:
        return (), ()
    value, contrast, deviation = read
    reach = max(1, int(_NEAR_MM / max(stack.spacing_mm, 0.1)))
    around = range(max(0, part.index - reach), min(len(stack.images), part.index + reach + 1))
    others = [
        _cnr(stack.images[k], centred(stack.images[k], pose), rod.centre_mm, beside, radius_mm)
        for k in around
        if k != part.index
    ]
    values = [other[0] for other in others if other is not None]
    half = NORMAL_95 * float(np.std(values, ddof=1)) if len(values) > 2 else 0.2 * value
    note = f"contrast {contrast:.1f} HU, noise {deviation:.1f} HU"
    if values:
        note += f"; mean over {len(values) + 1} slices {np.mean([value, *values]):.2f}"
    cnr = measured("low_contrast_cnr", value, half, "", None, note, floor=0.0)
    regions = (
        circle(part, f"rod, CNR {value:.2f}", rod.centre_mm, radius_mm),
        circle(part, "background", beside, radius_mm),
    )
    return (cnr,), regions


def _cnr(
    image: Image, pose: Pose, rod_mm: tuple[float, float], beside_mm: tuple[float, float], radius_mm: float
) -> tuple[float, float, float] | None:
    """CNR, contrast and noise; None where a region lies outside the image."""
    rod, beside = read_disc(image, pose, rod_mm, radius_mm), read_disc(image, pose, beside_mm, radius_mm)
    if rod is None or beside is None or beside.deviation == 0:
        return None
    contrast = rod.mean - beside.mean
    return abs(contrast) / beside.deviation, contrast, beside.deviation
