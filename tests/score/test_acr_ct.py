"""Tests of the CT phantom against what was drawn."""

import numpy as np
import pytest

from acr_ct_drawn import GROUND_HU, HU, ROD_HU, Drawn, ct_stack
from mammoqa.core import Measurement
from mammoqa.locate import locate_acr_ct
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.acr_ct import TESTS, score_acr_ct

PHANTOM = PHANTOMS["acr_ct464"]


def read(drawn: Drawn, *tests: str) -> dict[str, Measurement]:
    stack = ct_stack(drawn)
    pose = locate_acr_ct(stack, PHANTOM)
    if tests:
        return {m.name: m for test in tests for m in TESTS[test](stack, PHANTOM, pose)[0]}
    return {m.name: m for m in score_acr_ct(stack, PHANTOM, pose)[0]}


def test_ct_numbers_are_those_of_the_materials():
    found = read(Drawn(roll_deg=7.0, centre_mm=(103.0, 108.0)), "CT numbers")
    for name, hu in (*HU.items(), ("water", 0.0)):
        assert found[f"ct_number_{name}"].value == pytest.approx(hu, abs=1.0)


@pytest.mark.parametrize("width_mm", [2.5, 5.0])
def test_slice_width_is_the_width_of_the_slice(width_mm):
    found = read(Drawn(width_mm=width_mm), "slice width")
    assert found["slice_width"].value == pytest.approx(width_mm, abs=0.5)
    assert found["slice_width_error"].value == pytest.approx(found["slice_width"].value - width_mm, abs=1e-9)


def test_contrast_to_noise_of_the_rod():
    found = read(Drawn(noise_hu=4.0, blur_mm=0.05), "low contrast")["low_contrast_cnr"]
    assert found.value == pytest.approx((ROD_HU - GROUND_HU) / 4.0, abs=0.25)
    assert found.low < (ROD_HU - GROUND_HU) / 4.0 < found.high


def test_uniformity_noise_and_distance():
    found = read(Drawn(slope_hu=6.0), "uniformity, noise and distance")
    assert found["noise"].value == pytest.approx(4.0, abs=0.3)
    for clock in ("12", "3", "6", "9"):
        assert found[f"uniformity_{clock}_oclock"].value == pytest.approx(6.0, abs=0.7)
    assert found["bead_distance"].value == pytest.approx(100.0, abs=0.25)


@pytest.mark.parametrize(("blur_mm", "limit"), [(0.35, 8.0), (0.6, 5.0), (0.9, 4.0)])
def test_bars_are_seen_as_far_as_the_blur_lets_them(blur_mm, limit):
    found = read(Drawn(blur_mm=blur_mm), "bar patterns")
    for frequency in (4, 5):
        blurred = np.exp(-2 * (np.pi * frequency / 10 * blur_mm) ** 2) * np.sinc(0.5 * frequency / 10)
        assert found[f"mtf_bars_{frequency}_lp_cm"].value == pytest.approx(blurred, abs=0.06)
    assert abs(found["high_contrast_resolution"].value - limit) <= 1.0


def test_the_mtf_of_an_edge_is_that_of_the_blur():
    found = read(Drawn(blur_mm=0.6, noise_hu=2.0), "MTF")
    frequency = np.arange(0.0, 15.0, 0.01)
    truth = np.exp(-2 * (np.pi * frequency / 10 * 0.6) ** 2) * np.sinc(0.5 * frequency / 10) ** 1
    for name, level in (("mtf_50", 0.5), ("mtf_10", 0.1)):
        assert found[name].value == pytest.approx(frequency[np.argmax(truth < level)], rel=0.06)


def test_everything_has_an_interval_that_holds_it():
    found = read(Drawn())
    assert len(found) > 25
    for m in found.values():
        if m.low is not None and m.high is not None:
            assert m.low <= m.value <= m.high, m.name
