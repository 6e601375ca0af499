"""A small exposure of the ACR DM phantom, made once per process."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate import ObjectState, Simulated, expose
from mammoqa.simulate.acr_dm import STANDARD

ACR_DM = PHANTOMS["acr_dm"]
SMALL = replace(
    STANDARD,
    detector="csi-100",
    anode="Rh",
    filter_material="Rh",
    kvp=29.0,
    target_mgd_mgy=1.8,
    field_mm=(165.0, 150.0),
    chest_wall="left",
    tilt_deg=1.5,
)


@lru_cache(maxsize=2)
def exposed(*, empty: bool = False) -> Simulated:
    """With all its objects, or with none."""
    states = tuple(ObjectState(weight=0.0) for _ in ACR_DM.inserts) if empty else None
    return expose(ACR_DM, replace(SMALL, objects=states), np.random.default_rng(3))
