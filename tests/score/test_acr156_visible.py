"""What is visible of each object, on one simulated exposure with known damage."""

from dataclasses import replace

import numpy as np
import pytest

from mammoqa.locate import locate_acr156, patches
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.acr156_visible import look, visible
from mammoqa.simulate.expose import expose
from mammoqa.simulate.exposure import SOUND, Exposure

ACR156 = PHANTOMS["acr156"]


@pytest.fixture(scope="module")
def seen():
    damage = {
        "fibre-1": replace(SOUND, visible=((0.0, 0.6),)),
        "fibre-2": replace(SOUND, weight=0.0),
        "speck-group-1": replace(SOUND, specks=(True, False, True, False, True, False)),
        "mass-1": replace(SOUND, sectors=((0.0, 0.5),)),
    }
    states = tuple(damage.get(insert.name, SOUND) for insert in ACR156.inserts)
    exposure = Exposure(anode="Mo", filter_material="Mo", detector="csi-100", field_mm=(128.0, 128.0), objects=states)
    image = expose(ACR156, exposure, np.random.default_rng(5)).image
    cut = patches(image, ACR156, locate_acr156(image, ACR156))
    return {m.name: m for m in visible(look(cut, ACR156, 0.1))}


def test_every_object_is_measured_in_its_own_unit(seen):
    assert len(seen) == len(ACR156.inserts)
    assert {m.unit for m in seen.values()} == {"mm", "objects", "%"}


def test_damage_shows(seen):
    assert 4.0 <= seen["fibre_1_visible_length"].value <= 7.0
    assert seen["fibre_2_visible_length"].value <= 2.0
    assert seen["speck_group_1_visible_specks"].value == 3
    assert 40.0 <= seen["mass_1_visible_contour"].value <= 90.0  # sectors beside the drawn half see some of it


def test_sound_large_objects_are_whole(seen):
    assert seen["fibre_3_visible_length"].value == 10.0
    assert seen["speck_group_2_visible_specks"].value == 6
    assert seen["mass_2_visible_contour"].value == 100.0
