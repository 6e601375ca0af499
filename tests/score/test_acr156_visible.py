"""What is visible of each object, on one simulated exposure with known damage."""

from dataclasses import replace

import numpy as np
import pytest

from mammoqa.jobs.acr156 import look_at
from mammoqa.locate import locate_acr156, patches
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.acr156_specks import read_groups
from mammoqa.score.acr156_visible import INDICES, packed, unpacked, visible
from mammoqa.simulate.detectability import visibilities
from mammoqa.simulate.expose import expose
from mammoqa.simulate.exposure import SOUND, Exposure, Letter

ACR156 = PHANTOMS["acr156"]


def looked_at(image):
    pose = locate_acr156(image, ACR156)
    return look_at(image, ACR156, pose, patches(image, ACR156, pose), 0.1)


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
    return {m.name: m for m in visible(looked_at(image))}


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


@pytest.mark.parametrize(
    ("detector", "more"),
    [
        ("a-se-70", {}),
        ("csi-100", {"anode": "Mo", "filter_material": "Mo", "chest_wall": "left", "mirrored": True}),
        ("cr-50", {"tilt_deg": 3.0}),
    ],
)
def test_indices_are_those_that_the_simulated_readers_have(detector, more):
    exposure = Exposure(detector=detector, field_mm=(128.0, 128.0), **more)
    simulated = expose(ACR156, exposure, np.random.default_rng(11))
    found = looked_at(simulated.image)
    away = {"fibre": [], "speck_group": [], "mass": []}
    for true, one in zip(visibilities(simulated, ACR156), found, strict=True):
        about = (true.coarse > 1) & (true.coarse < 8)  # where a criterion may lie
        away[true.kind] += list((one.indices.coarse - true.coarse)[about])
    assert min(map(len, away.values())) >= 6
    assert {kind for kind, by in away.items() if np.sqrt(np.mean(np.square(by))) > 1.0} == set()


def test_blur_and_displacement_are_found():
    exposure = Exposure(detector="csi-100", anode="Mo", filter_material="Mo", field_mm=(128.0, 128.0))
    image = expose(ACR156, exposure, np.random.default_rng(4)).image
    pose = locate_acr156(image, ACR156)
    moved = replace(pose, matrix=pose.matrix + np.array([[0.0, 0.0, 5.0], [0.0, 0.0, -3.0]]))
    straight, displaced = (read_groups(image, ACR156, p) for p in (pose, moved))
    for one, other in zip(straight[6:9], displaced[6:9], strict=True):
        assert other.coarse == pytest.approx(one.coarse, rel=0.05)
        shift = moved.matrix[:, :2] @ (np.array(other.offset_mm) - one.offset_mm)
        assert shift == pytest.approx([-5.0, 3.0], abs=0.3)


def test_packed_indices_come_back(seen):
    image = expose(ACR156, Exposure(field_mm=(128.0, 128.0)), np.random.default_rng(1)).image
    found = looked_at(image)
    rows = packed(found)
    assert rows.shape == (16, INDICES)
    for row, insert, one in zip(rows, ACR156.inserts, found, strict=True):
        back = unpacked(row, insert)
        assert (back.score, back.amount) == (one.score, one.amount)
        assert back.indices.coarse == pytest.approx(one.indices.coarse, rel=1e-5)
        assert back.indices.fine == pytest.approx(one.indices.fine, rel=1e-5)


def test_letters_between_the_objects_do_not_count_as_noise():
    letters = tuple(Letter("8", (x + 6.2, y - 6.2), 2.5) for x, y in (insert.centre_mm for insert in ACR156.inserts))
    plain, lettered = (
        looked_at(expose(ACR156, Exposure(field_mm=(128.0, 128.0), letters=marks), np.random.default_rng(8)).image)
        for marks in ((), letters)
    )
    for one, other in zip(plain, lettered, strict=True):
        assert other.indices.whole == pytest.approx(one.indices.whole, rel=0.15, abs=1.5)
