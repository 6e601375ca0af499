"""A whole exposure: repeatable, right way up, brighter and quieter where physics says so, readable by a panel."""

from dataclasses import replace

import numpy as np
import pytest

from mammoqa.core import ConfigurationError, Intent
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate import Exposure, Faults, ObjectState, expose
from mammoqa.simulate.detectability import noise_power, visibilities
from mammoqa.simulate.expose import TURNS
from mammoqa.simulate.readers import read

ACR156 = PHANTOMS["acr156"]
SMALL = Exposure(detector="csi-100", anode="Mo", filter_material="Mo", kvp=26.0, field_mm=(126.0, 122.0))


def run(exposure: Exposure, seed: int = 1):
    return expose(ACR156, exposure, np.random.default_rng(seed))


def patch(simulated, centre_mm, half=20):
    x, y = simulated.truth.matrix[:, :2] @ np.array(centre_mm) + simulated.truth.matrix[:, 2]
    return simulated.image.pixels[round(y) - half : round(y) + half, round(x) - half : round(x) + half].astype(float)


@pytest.fixture(scope="module")
def plain():
    return run(SMALL)


def test_the_same_seed_gives_the_same_pixels(plain):
    again = run(SMALL)
    np.testing.assert_array_equal(plain.image.pixels, again.image.pixels)
    assert (run(SMALL, seed=2).image.pixels != plain.image.pixels).mean() > 0.3


def test_every_chest_wall_side_is_the_same_exposure_turned(plain):
    for side, turns in TURNS.items():
        turned = run(replace(SMALL, chest_wall=side))
        np.testing.assert_array_equal(np.rot90(plain.image.pixels, turns), turned.image.pixels)


def test_the_largest_mass_lies_where_the_truth_says_and_is_bright(plain):
    mass, beside = patch(plain, ACR156.inserts[11].centre_mm), patch(plain, (20.0, 10.0))
    assert mass.mean() > beside.mean() + beside.std()


def test_raw_pixels_fall_with_attenuation_and_monochrome1_turns_them():
    raw = run(replace(SMALL, intent=Intent.FOR_PROCESSING, pixel_intensity="LIN"))
    inverted = run(replace(SMALL, intent=Intent.FOR_PROCESSING, pixel_intensity="LIN", monochrome1=True))
    top = 2**raw.image.bits_stored - 1
    np.testing.assert_array_equal(raw.image.pixels, top - inverted.image.pixels)
    assert patch(raw, ACR156.inserts[11].centre_mm).mean() < patch(raw, (20.0, 10.0)).mean()
    assert inverted.image.inverted


def test_relative_noise_falls_with_the_square_root_of_the_dose():
    raw = replace(SMALL, intent=Intent.FOR_PROCESSING, pixel_intensity="LIN")
    noise = []
    for dose in (0.5, 2.0):
        simulated = run(replace(raw, target_mgd_mgy=dose))
        assert simulated.truth.mean_glandular_dose_mgy == pytest.approx(dose)
        variance = noise_power(simulated.image.pixels, simulated.truth.matrix).mean()
        noise.append(np.sqrt(variance) / patch(simulated, (0.0, 0.0)).mean())
    assert noise[0] / noise[1] == pytest.approx(2.0, rel=0.08)


def test_an_object_left_out_is_not_seen_and_a_sound_one_is():
    states = tuple(ObjectState(weight=0.0 if k % 2 else 1.0) for k in range(16))
    simulated = run(replace(SMALL, objects=states))
    seen = visibilities(simulated, ACR156)
    assert all(abs(v.whole) < 4.5 for v in seen[1:11:2])
    assert seen[0].whole > 10
    assert read(seen, np.random.default_rng(0)).panel[[0, 1, 7, 9]].tolist() == [1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("intent", list(Intent))
def test_detectability_has_unit_spread_where_nothing_is_drawn(intent):
    nothing = tuple(ObjectState(weight=0.0) for _ in range(16))
    indices = []
    for seed in range(3):
        simulated = run(replace(SMALL, objects=nothing, intent=intent, disc_mm=None), seed)
        indices.extend(np.concatenate([v.coarse for v in visibilities(simulated, ACR156)[4:11]]))
    assert np.std(indices) == pytest.approx(1.0, abs=0.2)
    assert abs(np.mean(indices)) < 0.4


def test_dead_lines_and_dust_show_up(plain):
    spoiled = run(replace(SMALL, faults=Faults(dead_lines=3, dust=30)))
    assert (spoiled.image.pixels == spoiled.image.pixels.max()).all(axis=0).sum() in (1, 2, 3)


def test_an_unknown_detector_is_refused():
    with pytest.raises(ConfigurationError, match="csi-100"):
        run(replace(SMALL, detector="polaroid"))
