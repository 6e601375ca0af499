import numpy as np
import pytest
from scipy import special

from mammoqa.stats.calibration import (
    bootstrap_calibration_error,
    brier,
    chance_calibration_error,
    expected_calibration_error,
    fit_platt,
    fit_temperature,
    reliability_curve,
)


def test_error_of_a_known_miscalibration():
    labels = np.array([True] * 6 + [False] * 4 + [True] * 1 + [False] * 9)
    probabilities = np.array([0.9] * 10 + [0.25] * 10)
    # bins 0.9 (observed 0.6) and 0.25 (observed 0.1), ten cases each
    assert expected_calibration_error(labels, probabilities) == pytest.approx((0.3 + 0.15) / 2)
    curve = reliability_curve(labels, probabilities)
    assert curve.predicted == pytest.approx([0.25, 0.9])
    assert curve.observed == pytest.approx([0.1, 0.6])
    assert curve.count.tolist() == [10, 10]


def test_honest_probabilities_have_small_error():
    rng = np.random.default_rng(1)
    p = rng.random(20_000)
    for binning in ("width", "mass"):
        assert expected_calibration_error(rng.random(20_000) < p, p, 15, binning) < 0.015


def test_bins_of_equal_mass_are_equal_and_one_falls_in_the_last_bin():
    p = np.linspace(0, 1, 100) ** 3
    assert reliability_curve(p > 0.5, p, 10, "mass").count.tolist() == [10] * 10
    assert reliability_curve(np.array([True]), np.array([1.0])).observed.tolist() == [1.0]


def test_brier_by_hand_and_empty():
    assert brier(np.array([True, False]), np.array([0.8, 0.4])) == pytest.approx((0.04 + 0.16) / 2)
    empty = np.array([], dtype=bool), np.array([])
    assert np.isnan(brier(*empty))
    assert np.isnan(expected_calibration_error(*empty))
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        brier(np.array([True]), np.array([1.2]))


def test_platt_recovers_slope_and_offset():
    rng = np.random.default_rng(2)
    logits = rng.normal(0.5, 3.0, 40_000)
    labels = rng.random(40_000) < special.expit(0.6 * logits - 0.8)
    fitted = fit_platt(labels, logits)
    assert fitted.slope == pytest.approx(0.6, abs=0.02)
    assert fitted.offset == pytest.approx(-0.8, abs=0.04)
    assert expected_calibration_error(labels, fitted.apply(logits)) < 0.01


def test_platt_of_separable_cases_stays_finite():
    fitted = fit_platt(np.array([False, False, True, True]), np.array([-2.0, -1.0, 1.0, 2.0]))
    assert np.isfinite([fitted.slope, fitted.offset]).all()
    assert 0.0 < fitted.slope < 50.0
    with pytest.raises(ValueError, match="positive and negative"):
        fit_platt(np.array([True]), np.array([0.0]))


def test_temperature_is_recovered():
    rng = np.random.default_rng(3)
    logits = rng.normal(0.0, 4.0, 40_000)
    labels = rng.random(40_000) < special.expit(logits / 2.5)
    assert fit_temperature(labels, logits) == pytest.approx(2.5, rel=0.03)
    with pytest.raises(ValueError, match="needs cases"):
        fit_temperature(np.array([], dtype=bool), np.array([]))


def test_bootstrapped_calibration_error_is_the_plain_one():
    rng = np.random.default_rng(11)
    p = rng.random(600)
    labels = rng.random(600) < p**2
    found = bootstrap_calibration_error(labels, p, np.arange(600) // 6, rng, 300)
    assert found.estimate == pytest.approx(expected_calibration_error(labels, p))
    assert found.low < found.estimate < found.high
    nothing = bootstrap_calibration_error(labels[:0], p[:0], np.arange(0), rng, 10)
    assert np.isnan(nothing.estimate)


def test_chance_alone_makes_a_calibration_error_that_shrinks_with_cases():
    rng = np.random.default_rng(12)
    few, many = (chance_calibration_error(rng.random(n), rng) for n in (100, 10_000))
    assert many < 0.02 < few
    p = rng.random(400)
    drawn = [expected_calibration_error(rng.random(400) < p, p) for _ in range(100)]
    assert chance_calibration_error(p, rng) == pytest.approx(np.mean(drawn), rel=0.1)


def test_shares_of_many_panels_are_labels_too():
    p = np.random.default_rng(13).random(500)
    assert expected_calibration_error(p, p) == pytest.approx(0.0, abs=1e-12)
