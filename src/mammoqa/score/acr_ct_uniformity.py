"""Module 3: uniformity and noise in five regions of 400 mm2, and the distance of two beads 100 mm apart.

ACR, Phantom Testing: CT; McCollough et al. 2004.
"""

import numpy as np
from jaxtyping import Float

from mammoqa.core import Image, Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_ct_sampling import Slice, circle, inside, mean_error, phantom_length, read_disc, slice_of_module
from mammoqa.score.acr_mri_sampling import NORMAL_95, measured, pitch_of, sample

_EDGES = {"12_oclock": (0.0, -1.0), "3_oclock": (1.0, 0.0), "6_oclock": (0.0, 1.0), "9_oclock": (-1.0, 0.0)}
_BEAD_NEAR_MM = 4.0  # a bead lies within this of its nominal place
_BEAD_Z_MM = 6.0  # and of the middle of the module
_BEAD_SEEN = 6.0  # times the noise


def score_uniformity(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """CT number and noise of the centre, each edge region less the centre, and the distance of the beads.

    Nothing without module 3.
    """
    part = slice_of_module(stack, pose, 3)
    if part is None:
        return (), ()
    radius_mm = phantom_length(phantom, "uniformity_roi_radius")
    away_mm = phantom_length(phantom, "uniformity_roi_distance")
    pitch_mm = pitch_of(part.image)[0]
    centre = read_disc(part.image, part.pose, (0.0, 0.0), radius_mm)
    if centre is None:
        return (), ()
    error = mean_error(centre, pitch_mm)
    measurements = [
        measured("ct_number_centre", centre.mean, NORMAL_95 * error, "HU", None),
        # of a standard deviation from n values: 1 / sqrt(2 (n - 1))
        measured("noise", centre.deviation, NORMAL_95 * error / float(np.sqrt(2.0)), "HU", None, floor=0.0),
    ]
    regions = [circle(part, f"centre {centre.mean:.1f} HU", (0.0, 0.0), radius_mm)]
    for name, (x, y) in _EDGES.items():
        edge = read_disc(part.image, part.pose, (x * away_mm, y * away_mm), radius_mm)
        if edge is None:
            continue
        half = NORMAL_95 * float(np.hypot(error, mean_error(edge, pitch_mm)))
        measurements.append(measured(f"uniformity_{name}", edge.mean - centre.mean, half, "HU", None))
        label = f"{name.replace('_oclock', '')} o'clock {edge.mean:.1f} HU"
        regions.append(circle(part, label, (x * away_mm, y * away_mm), radius_mm))
    distance, places = _distance(stack, phantom, part, centre.deviation)
    return (*measurements, *distance), (*regions, *places)


def _distance(
    stack: Stack, phantom: Phantom, part: Slice, noise: float
) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """Distance of the two beads in the slices around the module's centre; nothing where one is not seen."""
    reach = max(1, round(_BEAD_Z_MM / max(stack.spacing_mm, 0.1)))
    near = stack.images[max(0, part.index - reach) : part.index + reach + 1]
    places = []
    for bead in (marker for marker in phantom.markers if marker.kind == "bead"):
        found = [_bead(image, part.pose, bead.centre_mm, noise) for image in near]
        seen = [f for f in found if f is not None]
        if not seen:
            return (), ()
        places.append(max(seen, key=lambda f: f[0])[1])
    length = float(np.hypot(*(places[0] - places[1])))
    # a bead's centroid is known to about a tenth of a pixel (a choice)
    half = NORMAL_95 * 0.1 * pitch_of(part.image)[0] * np.sqrt(2.0)
    nominal = phantom_length(phantom, "bead_distance")
    value = measured("bead_distance", length, float(half), "mm", None, f"nominal {nominal:g} mm")
    line = Region(f"{length:.1f} mm", part.pose.to_px(np.array(places)), closed=False, index=part.index)
    return (value,), (line,)


def _bead(
    image: Image, pose: Pose, centre_mm: tuple[float, float], noise: float
) -> tuple[float, Float[np.ndarray, "2"]] | None:
    """Height above the surroundings and place in mm of the brightest point near a nominal place."""
    step = np.arange(-_BEAD_NEAR_MM, _BEAD_NEAR_MM + 0.05, 0.1)
    x, y = np.meshgrid(centre_mm[0] + step, centre_mm[1] + step)
    values = sample(image, pose, x, y)
    ground = float(np.median(image.pixels[inside(image, pose, centre_mm, 10.0)]))
    values = values - ground
    top = float(values.max())
    if top < _BEAD_SEEN * noise:
        return None
    row, column = np.unravel_index(int(np.argmax(values)), values.shape)
    around = np.hypot(x - x[row, column], y - y[row, column]) < 1.2
    weight = np.where(around, np.clip(values - 0.3 * top, 0.0, None), 0.0)
    place = np.array([float((weight * x).sum()), float((weight * y).sum())]) / float(weight.sum())
    return top, place
