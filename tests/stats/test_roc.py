import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mammoqa.stats.roc import auc, best_f1_threshold, bootstrap_auc, delong_interval, pair_wins, roc_curve, weighted_auc

LABELLED = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda cases: 0 < sum(label for label, _ in cases) < len(cases)
)


def _arrays(cases):
    return np.array([c[0] for c in cases]), np.array([float(c[1]) for c in cases])


@given(LABELLED)
def test_auc_is_the_share_of_pairs_won(cases):
    labels, scores = _arrays(cases)
    gap = scores[labels][:, None] - scores[~labels][None, :]
    assert auc(labels, scores) == pytest.approx(np.mean((gap > 0) + 0.5 * (gap == 0)))


@given(LABELLED)
def test_auc_equals_the_area_under_the_drawn_curve(cases):
    labels, scores = _arrays(cases)
    curve = roc_curve(labels, scores)
    assert np.trapezoid(curve.true_positive_rate, curve.false_positive_rate) == pytest.approx(auc(labels, scores))
    assert (np.diff(curve.false_positive_rate) >= 0).all()
    assert curve.true_positive_rate[-1] == curve.false_positive_rate[-1] == 1.0


def test_auc_equals_scipys_mann_whitney():
    rng = np.random.default_rng(1)
    labels = rng.random(300) < 0.3
    scores = np.round(rng.normal(size=300) + labels, 1)
    u = stats.mannwhitneyu(scores[labels], scores[~labels]).statistic
    assert auc(labels, scores) == pytest.approx(u / (labels.sum() * (~labels).sum()))


def test_auc_of_one_class_is_nan_and_has_no_curve():
    assert np.isnan(auc(np.array([True, True]), np.array([0.1, 0.2])))
    with pytest.raises(ValueError, match="positive and negative"):
        roc_curve(np.array([True, True]), np.array([0.1, 0.2]))
    with pytest.raises(ValueError, match="finite"):
        auc(np.array([True, False]), np.array([0.1, np.nan]))


def test_delong_equals_the_written_out_covariance():
    rng = np.random.default_rng(2)
    labels = np.arange(90) < 40
    scores = np.round(rng.normal(size=90) + labels, 1)
    psi = (scores[labels][:, None] > scores[~labels]) + 0.5 * (scores[labels][:, None] == scores[~labels])
    error = np.sqrt(psi.mean(1).var(ddof=1) / 40 + psi.mean(0).var(ddof=1) / 50)
    found = delong_interval(labels, scores)
    assert found.low == pytest.approx(psi.mean() - 1.959964 * error)
    assert found.high == pytest.approx(min(1.0, psi.mean() + 1.959964 * error))


def test_bootstrap_of_single_cases_agrees_with_delong():
    rng = np.random.default_rng(3)
    labels = rng.random(400) < 0.4
    scores = rng.normal(size=400) + 1.2 * labels
    delong = delong_interval(labels, scores)
    found = bootstrap_auc(labels, scores, np.arange(400), rng)
    bca = bootstrap_auc(labels, scores, np.arange(400), rng, method="bca")
    assert found.estimate == delong.estimate
    for interval in (found, bca):
        assert interval.low == pytest.approx(delong.low, abs=0.006)
        assert interval.high == pytest.approx(delong.high, abs=0.006)


def test_quadratic_form_equals_resampling_by_hand():
    rng = np.random.default_rng(4)
    clusters = rng.integers(0, 6, 80)
    labels = rng.random(80) < 0.5
    scores = np.round(rng.normal(size=80) + labels, 1)
    wins, m, n = pair_wins(labels, scores, clusters)
    drawn = np.array([0, 0, 3, 5, 2, 2])
    w = np.bincount(drawn, minlength=6)
    rows = np.concatenate([np.flatnonzero(clusters == c) for c in drawn])
    assert w @ wins @ w / ((w @ m) * (w @ n)) == pytest.approx(auc(labels[rows], scores[rows]))


def test_clustered_cases_have_a_wider_interval():
    rng = np.random.default_rng(5)
    labels, scores = np.tile(np.arange(30) < 15, 10), np.tile(rng.normal(size=30) + (np.arange(30) < 15), 10)
    clusters = np.tile(np.arange(30), 10)
    single = bootstrap_auc(labels, scores, np.arange(300), rng)
    clustered = bootstrap_auc(labels, scores, clusters, rng)
    assert (clustered.high - clustered.low) > 2.0 * (single.high - single.low)


def test_many_objects_in_many_clusters_are_quick():
    rng = np.random.default_rng(6)
    labels = rng.random(6000) < 0.6
    start = time.perf_counter()
    bootstrap_auc(labels, rng.normal(size=6000) + labels, np.repeat(np.arange(300), 20), rng)
    assert time.perf_counter() - start < 2.0


@given(LABELLED)
def test_best_threshold_reaches_its_f1_and_none_does_better(cases):
    labels, scores = _arrays(cases)

    def f1_at(threshold):
        called = scores >= threshold
        return 2 * (called & labels).sum() / (called.sum() + labels.sum())

    threshold, value = best_f1_threshold(labels, scores)
    assert f1_at(threshold) == pytest.approx(value)
    assert value == pytest.approx(max(f1_at(t) for t in scores))


def test_best_threshold_lies_between_two_cases():
    threshold, value = best_f1_threshold(np.array([False, False, True, True]), np.array([0.1, 0.2, 0.6, 0.9]))
    assert threshold == pytest.approx(0.4)
    assert value == 1.0
    with pytest.raises(ValueError, match="positive cases"):
        best_f1_threshold(np.array([False]), np.array([0.5]))


def test_weighted_area_of_whole_cases_is_the_area():
    rng = np.random.default_rng(21)
    labels, scores = rng.random(200) < 0.4, np.round(rng.random(200), 1)
    weighted = weighted_auc(labels.astype(float), (~labels).astype(float), scores)
    assert weighted == pytest.approx(auc(labels, scores))
    assert np.isnan(weighted_auc(np.ones(3), np.zeros(3), np.arange(3.0)))
