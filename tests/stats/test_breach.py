import numpy as np
import pytest

from mammoqa.stats.breach import TrendState, first_passage, fit_trend, paths
from mammoqa.stats.change_points import change_points


def test_a_straight_line_is_found_through_gaps():
    rng = np.random.default_rng(0)
    values = 5.0 + 0.5 * np.arange(40) + rng.normal(0.0, 0.3, 40)
    values[[3, 4, 5, 20]] = np.nan
    state = fit_trend(values)
    assert state.mean[0] == pytest.approx(5.0 + 0.5 * 39, abs=0.5)
    assert state.mean[1] == pytest.approx(0.5, abs=0.05)


def test_short_or_constant_series_have_no_trend():
    with pytest.raises(ValueError, match="five readings"):
        fit_trend(np.array([1.0, 2.0, np.nan, 3.0, 4.0]))
    with pytest.raises(ValueError, match="differ"):
        fit_trend(np.ones(9))


def test_the_first_passage_of_sure_paths_is_where_the_line_crosses():
    sure = TrendState(np.array([0.0, 1.0]), np.zeros((2, 2)), 0.0, 0.0, 0.0)
    level, readings = paths(sure, 10, np.random.default_rng(0), 5)
    assert level[0] == pytest.approx(np.arange(1.0, 11.0))
    assert first_passage(readings, 4.5, upper=True).tolist() == [5.0] * 5
    assert np.isinf(first_passage(readings, 20.0, upper=True)).all()
    assert np.isinf(first_passage(readings, -1.0, upper=False)).all()


def test_a_slope_that_may_bend_spreads_the_paths():
    values = np.arange(20.0) + np.random.default_rng(1).normal(0.0, 0.1, 20)
    rng = np.random.default_rng(2)
    stiff = paths(fit_trend(values), 20, rng, 500)[0][:, -1].std()
    free = paths(fit_trend(values, least_slope_sigma=0.3), 20, rng, 500)[0][:, -1].std()
    assert free > 3 * stiff


def test_a_step_is_one_change_point_and_noise_none():
    noise = np.random.default_rng(4).standard_normal(60)
    assert change_points(noise, 1.0) == ()
    stepped = noise + np.where(np.arange(60) >= 33, 4.0, 0.0)
    (found,) = change_points(stepped, 1.0)
    assert abs(found - 33) <= 1
    assert change_points(noise[:4], 1.0) == ()
