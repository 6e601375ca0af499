import time

import numpy as np
import pytest
from scipy import stats

from mammoqa.stats.bootstrap import bootstrap_counts, cluster_index, interval_of, resample_weights


def _mean(sums):
    return sums[:, 0] / sums[:, 1]


def test_resample_weights_draw_each_cluster_once_on_average():
    weights = resample_weights(40, 5000, np.random.default_rng(1))
    assert (weights.sum(axis=1) == 40).all()
    assert np.allclose(weights.mean(axis=0), 1.0, atol=0.08)
    assert weights.var() == pytest.approx(1.0 - 1.0 / 40, rel=0.05)  # multinomial


@pytest.mark.parametrize(("method", "theirs"), [("percentile", "percentile"), ("bca", "BCa")])
def test_interval_agrees_with_scipy(method, theirs):
    values = np.random.default_rng(2).exponential(size=60)
    counts = np.stack([values, np.ones(60)], axis=1)
    ours = bootstrap_counts(counts, _mean, np.random.default_rng(3), 10_000, method=method)
    reference = stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method=theirs, random_state=np.random.default_rng(4)
    ).confidence_interval
    assert ours.estimate == pytest.approx(values.mean())
    assert ours.low == pytest.approx(reference.low, abs=0.02)
    assert ours.high == pytest.approx(reference.high, abs=0.02)


def test_clusters_widen_the_interval_as_theory_says():
    rng = np.random.default_rng(5)
    n_clusters, size = 200, 16
    members = rng.normal(size=(n_clusters, 1)) + 0.0 * rng.normal(size=(n_clusters, size))  # alike within a cluster
    counts = np.stack([members.sum(axis=1), np.full(n_clusters, float(size))], axis=1)
    found = bootstrap_counts(counts, _mean, rng)
    expected = 2 * 1.96 * members[:, 0].std() / np.sqrt(n_clusters)
    assert found.high - found.low == pytest.approx(expected, rel=0.06)


def test_ninety_five_percent_covers_about_ninety_five_percent():
    rng = np.random.default_rng(6)
    inside = 0
    for _ in range(200):
        values = rng.normal(size=50)
        found = bootstrap_counts(np.stack([values, np.ones(50)], axis=1), _mean, rng, 1000)
        inside += found.low <= 0.0 <= found.high
    assert 178 <= inside <= 199


def test_undefined_statistic_is_nan_and_undefined_resamples_are_left_out():
    empty = bootstrap_counts(np.zeros((5, 2)), lambda s: np.full(len(s), np.nan), np.random.default_rng(0), 100)
    assert np.isnan([empty.estimate, empty.low, empty.high]).all()
    kept = interval_of(0.5, np.array([0.4, np.nan, 0.6]))
    assert 0.4 <= kept.low <= kept.high <= 0.6


def test_bca_without_spread_is_the_percentile_interval():
    replicates = np.linspace(0, 1, 101)
    assert interval_of(0.5, replicates, np.full(9, 0.5)) == interval_of(0.5, replicates)


def test_bad_arguments():
    with pytest.raises(ValueError, match="at least one cluster"):
        resample_weights(0, 10, np.random.default_rng(0))
    with pytest.raises(ValueError, match="between 0 and 1"):
        interval_of(0.5, np.array([0.5]), confidence=95.0)


def test_cluster_index_takes_names():
    index, count = cluster_index(np.array(["unit-b", "unit-a", "unit-b"]))
    assert index.tolist() == [1, 0, 1]
    assert count == 2


def test_ten_thousand_resamples_of_thousands_of_objects_take_less_than_two_seconds():
    counts = np.random.default_rng(7).integers(0, 5, size=(600, 3, 3))
    start = time.perf_counter()
    bootstrap_counts(counts, lambda s: np.trace(s, axis1=1, axis2=2) / s.sum((1, 2)), np.random.default_rng(8))
    assert time.perf_counter() - start < 2.0
