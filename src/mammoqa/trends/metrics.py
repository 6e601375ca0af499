"""How each metric behaves: its scale, its steps, and the smallest change that is worth an alarm.

A change may be certain and yet of no account: exposure controls and detectors follow the season by half a per cent.
`material` is the change of the mean below which nobody would act; charts are tuned to it, so that they stay quiet
below. All values are choices, a third to a half of the tolerance that protocols give where they give one.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Float

Scale = Literal["linear", "count"]


@dataclass(frozen=True, slots=True)
class Trait:
    """What is known of a metric.

    `material` is a share of the baseline's mean (`relative`) or in the chart's own scale; `resolution` the steps in
    which values come; `floor` the smallest standard deviation that is believed, in the chart's scale.
    """

    material: float = 0.05
    relative: bool = True
    resolution: float = 0.0
    floor: float = 0.0
    scale: Scale = "linear"


_TOTAL = Trait(material=0.5, relative=False, resolution=0.5)
_COUNT = Trait(material=1.2, relative=False, floor=0.6, scale="count")  # from no spot to one; Poisson's own is 1
TRAITS: MappingProxyType[str, Trait] = MappingProxyType(
    {
        "fibres": _TOTAL,
        "speck_groups": _TOTAL,
        "masses": _TOTAL,
        "p_pass": Trait(material=0.1, relative=False, floor=0.02),
        "artefact_spots": _COUNT,
        "dead_pixels": _COUNT,
        "artefact_deviation": Trait(material=2.0, relative=False),  # of 15 % allowed
        "uniformity": Trait(material=1.5, relative=False),  # of 15 % allowed
        "pixel_value": Trait(material=0.03),
        "half_value_layer": Trait(material=0.03),
        "glandular_dose": Trait(material=0.05, resolution=0.01),
        "mtf50": Trait(material=0.04),
    }
)
DEFAULT = Trait()


def trait(metric: str, unit_of_measure: str = "") -> Trait:
    """What is known of a metric; whole objects count in half points, anything else changes by its share."""
    known = TRAITS.get(metric)
    if known is not None:
        return known
    return _COUNT if unit_of_measure == "objects" else DEFAULT


def to_scale(values: Float[np.ndarray, " n"], of: Trait) -> Float[np.ndarray, " n"]:
    """Values on the scale of the chart: counts by Anscombe's root, whose spread does not grow with the count."""
    if of.scale == "count":
        return np.asarray(2.0 * np.sqrt(np.maximum(values, 0.0) + 0.375))
    return np.asarray(values, dtype=float)


def from_scale(value: float, of: Trait) -> float:
    """The value that a place on the chart's scale stands for."""
    return max((value / 2.0) ** 2 - 0.375, 0.0) if of.scale == "count" else value


def material(of: Trait, mean: float) -> float:
    """The smallest change that is worth an alarm, on the chart's scale."""
    return of.material * abs(mean) if of.relative else of.material
