import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoqa.stats.control_charts import (
    cusum,
    decision_interval,
    ewma,
    individuals,
    normal_score,
    siegmund_run_length,
    successive_variance,
)
from mammoqa.stats.run_length import average_run_length, run_lengths


def test_individuals_of_a_textbook_example():
    # mean moving range 1.5 by hand: 2, 1, 1, 2
    found = individuals(np.array([10.0, 12.0, 11.0, 12.0, 10.0]))
    assert found.mean == pytest.approx(11.0)
    assert found.range_mean == pytest.approx(1.5)
    assert found.high == pytest.approx(11.0 + 3 * 1.5 / 1.128)
    assert found.range_high == pytest.approx(3.267 * 1.5)


def test_individuals_need_two_readings():
    with pytest.raises(ValueError, match="two readings"):
        individuals(np.array([1.0]))


def test_a_drift_leaves_the_variance_of_successive_differences_alone():
    noise = np.random.default_rng(0).standard_normal(400)
    flat, _ = successive_variance(noise)
    drifting, freedom = successive_variance(noise + np.linspace(0.0, 20.0, 400))
    assert drifting == pytest.approx(flat, rel=0.02)
    assert flat == pytest.approx(1.0, rel=0.15)
    assert freedom == pytest.approx(2 * 399 / 3)


def test_cusum_by_hand():
    found = cusum(np.array([0.0, 1.0, 2.0, -3.0, 1.0]), 0.5)
    assert found.upper == pytest.approx([0.0, 0.5, 2.0, 0.0, 0.5])
    assert found.lower == pytest.approx([0.0, 0.0, 0.0, 2.5, 1.0])
    assert found.upper_start.tolist() == [0, 1, 1, 1, 4]


def test_ewma_is_the_weighted_sum():
    z = np.array([1.0, 0.0, 2.0])
    found, spread = ewma(z, 0.2)
    assert found == pytest.approx([0.2, 0.16, 0.8 * 0.16 + 0.4])
    assert spread[0] == pytest.approx(0.2)
    assert spread[-1] < np.sqrt(0.2 / 1.8)


def test_run_length_of_cusum_agrees_with_tables():
    # Montgomery, 7th ed., table 9.3 and text: k = 0.5, h = 5 gives 465 in control and 10.4 for a shift of one sigma
    assert siegmund_run_length(0.5, 5.0) == pytest.approx(465, rel=0.02)
    assert siegmund_run_length(0.5, 5.0, 1.0) == pytest.approx(10.4, rel=0.03)


@settings(deadline=None)
@given(st.floats(0.5, 3.0), st.sampled_from([100.0, 1000.0, 5000.0]))
def test_the_decision_interval_gives_the_run_length_asked_for(slack, wanted):
    interval = decision_interval(round(slack, 2), wanted)
    found = siegmund_run_length(round(slack, 2), interval)
    assert found == pytest.approx(wanted, rel=1e-2) if interval > 1.0 else found >= wanted


def test_run_length_by_simulation_agrees_with_the_formula():
    rng = np.random.default_rng(1)

    def scheme(z):
        sums = cusum(z, 0.5)
        return np.maximum(sums.upper, sums.lower) > 3.0

    lengths = run_lengths(scheme, rng, runs=300, length=600)
    found = average_run_length(lengths, 600, rng, 200)
    assert found.low < siegmund_run_length(0.5, 3.0) * 1.15
    assert found.high > siegmund_run_length(0.5, 3.0) * 0.85
    shifted = run_lengths(scheme, rng, runs=200, length=100, shift=2.0, before=10)
    assert np.nanmean(shifted) < 5.0


def test_a_student_value_is_pulled_in():
    assert normal_score(3.0, 4.0) == pytest.approx(2.054, abs=0.01)  # t tables: P(t4 > 3) = 0.01997
    assert normal_score(-3.0, 4.0) == pytest.approx(-2.054, abs=0.01)
    assert normal_score(3.0, 1000.0) == 3.0
