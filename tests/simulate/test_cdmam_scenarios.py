"""Series and the paper's scenarios: noise in the printed ratios, margins in turn, the phantom moved a little."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from mammoqa import physics
from mammoqa.phantoms.cdmam34 import CDMAM34
from mammoqa.phantoms.cdmam40 import DISCS
from mammoqa.simulate.cdmam import STANDARD, expose_cdmam
from mammoqa.simulate.cdmam_scenarios import (
    MARGIN_STEPS,
    MARGINS_MM,
    SCENARIOS,
    TRAINED_ON,
    scenario_arrangement,
    scenario_draw,
    scenario_exposure,
)
from mammoqa.simulate.cdmam_series import SHIFT_MM, TILT_DEG, series


def measured_noise(name, seed=0):
    """Relative noise in an empty part of a small image."""
    exposure = scenario_exposure(SCENARIOS[name], CDMAM34)
    arrangement = replace(scenario_arrangement(-55.0), line_gold_um=0.0, writing=False)
    detector = physics.detector(exposure.detector)
    pair = [
        expose_cdmam(CDMAM34, exposure, arrangement, np.random.default_rng(seed + k)).image.pixels.astype(float)
        for k in (0, 1)
    ]
    part = np.s_[100:400, 100:250]
    return (pair[0] - pair[1])[part].std() / np.sqrt(2) / (pair[0][part].mean() - detector.offset_dn)


def test_noise_has_the_ratios_of_table_1():
    reference = measured_noise("scenario-1")
    for name in ("scenario-2", "scenario-4", "ood"):
        ratio = SCENARIOS[name].noise_level / SCENARIOS["scenario-1"].noise_level
        assert measured_noise(name) / reference == pytest.approx(ratio, rel=0.04)


def test_the_reference_scenario_has_the_noise_of_its_own_quanta():
    assert scenario_exposure(SCENARIOS["scenario-1"], CDMAM34).faults.extra_noise == pytest.approx(0.0, abs=1e-6)
    assert set(TRAINED_ON) == set(SCENARIOS) - {"ood"}


def test_margins_come_in_turn_and_images_are_mirrored_in_training_only():
    rng = np.random.default_rng(1)
    drawn = [scenario_draw(SCENARIOS["scenario-2"], CDMAM34, number, rng) for number in range(12)]
    assert [arrangement.margin_mm for _, arrangement in drawn] == 2 * list(MARGINS_MM)
    assert not any(exposure.mirrored for exposure, _ in drawn)
    trained = [scenario_draw(SCENARIOS["scenario-2"], CDMAM34, n, rng, mirror=True) for n in range(40)]
    assert len({(exposure.mirrored, arrangement.quarter_turns) for exposure, arrangement in trained}) == 4
    assert MARGIN_STEPS[0] == (0.0,)
    assert MARGIN_STEPS[-1] == MARGINS_MM


def test_a_series_starts_where_it_was_told_and_moves_a_little():
    images = list(series(replace(STANDARD, tilt_deg=2.0), 16, np.random.default_rng(3)))
    first = images[0][0]
    assert (first.tilt_deg, first.shift_mm) == (2.0, (0.0, 0.0))
    moved = [exposure for exposure, _ in images[1:]]
    assert len({exposure.shift_mm for exposure in moved}) == 15
    assert all(abs(exposure.tilt_deg - 2.0) <= TILT_DEG for exposure in moved)
    assert all(max(map(abs, exposure.shift_mm)) <= SHIFT_MM for exposure in moved)
    assert all(a.acquired_at < b.acquired_at for (a, _), (b, _) in pairwise(images))


def test_cdmam_40_has_sixteen_steps_and_corners_for_each_diameter():
    assert len(DISCS) == 21
    for thicknesses, codes in DISCS.values():
        assert len(thicknesses) == len(codes) == 16
        assert list(thicknesses) == sorted(thicknesses, reverse=True)
        assert set(codes) <= set("0123")
