"""Psychometric fits against a general minimiser, known curves, and their limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from mammoqa.stats.psychometric import (
    GOLD_PER_UM,
    IDEAL_SLOPES,
    THRESHOLD_DETECTABILITY,
    THRESHOLD_PROBABILITY,
    SlopePrior,
    chance_of_four,
    fit_curves,
    gold_um,
    log_contrast,
    probability,
)

THICKNESSES_UM = np.geomspace(0.03, 2.0, 16)
CONTRAST = log_contrast(THICKNESSES_UM)


def drawn(rng, images, centres, slope, form="logistic"):
    p = probability(CONTRAST, centres[:, None], np.array(slope), form)
    return rng.binomial(images, p).astype(float), np.full(p.shape, float(images))


@given(st.floats(0.001, 20.0))
def test_contrast_and_thickness_are_each_others_inverse(thickness_um):
    assert gold_um(log_contrast(np.array([thickness_um])))[0] == pytest.approx(thickness_um, rel=1e-9)


def test_no_thickness_takes_away_more_than_everything():
    assert np.isinf(gold_um(np.array([0.0, 0.3]))).all()
    assert np.isnan(gold_um(np.array([np.nan]))).all()
    assert log_contrast(np.array([1.0]))[0] == pytest.approx(np.log(1 - np.exp(-GOLD_PER_UM)))


@pytest.mark.parametrize("form", ["logistic", "detectability"])
def test_the_threshold_is_where_the_chance_is_five_eighths(form):
    at = probability(np.array([-2.0]), np.array([-2.0]), np.array([1.7]), form)
    assert at[0] == pytest.approx(THRESHOLD_PROBABILITY, abs=1e-4)


def test_chance_of_the_largest_of_four():
    """Green and Swets (1966), table of m = 4 alternatives; drawn here."""
    rng = np.random.default_rng(0)
    signal, others = rng.normal(1.5, 1, 200_000), rng.normal(0, 1, (3, 200_000)).max(axis=0)
    assert chance_of_four(np.array([0.0, THRESHOLD_DETECTABILITY])) == pytest.approx([0.25, 0.625], abs=1e-4)
    assert chance_of_four(np.array([1.5]))[0] == pytest.approx((signal > others).mean(), abs=0.004)


@pytest.mark.parametrize("prior", [None, SlopePrior()])
@pytest.mark.parametrize("form", ["logistic", "detectability"])
def test_it_finds_the_maximum_that_a_general_minimiser_finds(prior, form):
    rng = np.random.default_rng(3)
    centres = np.linspace(-4.0, -2.2, 5)
    hits, trials = drawn(rng, 16, centres, IDEAL_SLOPES[form], form)

    def loss(x):  # the last parameter is ln f
        p = np.clip(probability(CONTRAST, x[:5, None], np.exp(x[5:6]), form), 1e-12, 1 - 1e-12)
        believed = 0.0 if prior is None else ((x[5] - np.log(IDEAL_SLOPES[form])) / prior.spread) ** 2 / 2
        return -(hits * np.log(p) + (trials - hits) * np.log(1 - p)).sum() + believed

    best = optimize.minimize(loss, np.r_[centres, np.log(IDEAL_SLOPES[form])], method="BFGS", options={"gtol": 1e-4})
    found = fit_curves(hits, trials, CONTRAST, prior=prior, form=form)
    assert loss(np.r_[found.centre, np.log(found.slope[0])]) == pytest.approx(best.fun, abs=2e-3)
    assert found.centre == pytest.approx(best.x[:5], abs=0.02)


def test_thresholds_of_many_images_come_out_whatever_the_slope():
    rng = np.random.default_rng(1)
    centres = np.linspace(-4.0, -2.2, 6)
    for slope, shared in ((2.0, True), (4.5, True), (3.0, False)):
        hits, trials = drawn(rng, 4000, centres, slope)
        found = fit_curves(hits, trials, CONTRAST, shared_slope=shared)
        assert found.centre == pytest.approx(centres, abs=0.03)
        assert found.slope == pytest.approx(np.full(6, slope), rel=0.06)
        assert found.inside.all()


def test_the_logistic_curve_lies_a_tenth_below_detectability_that_goes_with_contrast():
    centres = np.linspace(-3.6, -2.6, 4)
    p = probability(CONTRAST, centres[:, None], np.array(1.0), "detectability")
    trials = np.full(p.shape, 1e4)
    bias = np.exp(fit_curves(p * trials, trials, CONTRAST).centre - centres)
    assert (bias > 0.86).all()
    assert (bias < 0.97).all()
    assert fit_curves(p * trials, trials, CONTRAST, form="detectability").centre == pytest.approx(centres, abs=0.003)


def test_a_batch_is_the_same_as_one_by_one():
    rng = np.random.default_rng(2)
    sets = [drawn(rng, 8, np.linspace(-4, -2.5, 4), 3.0) for _ in range(5)]
    together = fit_curves(np.stack([h for h, _ in sets]), np.stack([t for _, t in sets]), CONTRAST)
    alone = np.stack([fit_curves(h, t, CONTRAST).centre for h, t in sets])
    assert together.centre == pytest.approx(alone, abs=1e-4)


def test_rows_without_information():
    trials = np.tile(np.array([0.0] * 4 + [8.0] * 12), (3, 1))
    trials[2] = 0
    hits = np.stack([trials[0], 0.25 * trials[1], trials[2]])
    found = fit_curves(hits, trials, CONTRAST)
    assert not found.inside.any()
    assert np.isnan(found.centre[2])
    assert found.centre[0] < CONTRAST[4] < CONTRAST[-1] < found.centre[1]


def test_more_hits_than_trials_are_refused():
    with pytest.raises(ValueError, match="more hits"):
        fit_curves(np.full((1, 16), 2.0), np.ones((1, 16)), CONTRAST)
