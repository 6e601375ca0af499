from itertools import islice

import numpy as np
import pytest

from mammoqa.explain.curves import (
    CURVE_METHODS,
    contribution,
    integrated_gradients,
    occlusion,
    relevance,
    sensitivity,
)
from mammoqa.explain.insertion import evidence_kept, faithfulness
from mammoqa.explain.omig import Descent, correlation, midpoint, omig, upsample
from mammoqa.models.cdmam_downsample import draws, draws_a_pass, passes

SIDE = 6


class Layers:
    """A network of one hidden ReLU layer and three outputs, with its gradient written out by hand."""

    def __init__(self, side=SIDE, seed=0, bias=True):
        rng = np.random.default_rng(seed)
        self.first = rng.normal(size=(20, side * side))
        self.offset = rng.normal(size=20) * bias
        self.second = rng.normal(size=(3, 20)) / 20

    def __call__(self, x):
        hidden = x.reshape(len(x), -1) @ self.first.T + self.offset
        curve = np.maximum(hidden, 0) @ self.second.T
        gradient = ((hidden > 0) * self.second.mean(axis=0)) @ self.first
        return curve, gradient.reshape(x.shape).astype(np.float32)


def images(n=3, side=SIDE, seed=1):
    return np.random.default_rng(seed).normal(size=(n, side, side)).astype(np.float32)


def algorithm_1(slopes, x, epsilon, t, steps):
    """The listing of the paper, line by line, one component at a time."""
    x_l = x.copy()
    gradient = slopes(x_l[None])[1][0]
    for _ in range(steps):
        x_l = x_l - np.float32(epsilon) * gradient
        gradient = slopes(x_l[None])[1][0].copy()
        mean, spread = gradient.mean(), gradient.std()
        for i in np.ndindex(gradient.shape):
            if abs((gradient[i] - mean) / spread) > t:
                gradient[i] = 0.0
    return x_l - x


def algorithm_2(slopes, original, drawn, path):
    """The listing of the paper, pixel by pixel."""
    total = np.zeros(original.shape)
    for draw in drawn:
        x = np.array([[original[r, c] for c in draw.columns] for r in draw.rows], np.float32)
        delta_x = algorithm_1(slopes, x, path.c / path.steps, path.threshold, path.steps)
        delta = np.zeros(original.shape)
        for i, r in enumerate(draw.rows):
            for j, c in enumerate(draw.columns):
                delta[r, c] = delta_x[i, j]
        total += delta / len(drawn)
    return total


def test_omig_is_algorithm_1():
    x, path = images(), Descent(c=2.0, steps=7, threshold=1.5)
    found = omig(Layers(), x, path)
    for one, image in zip(found, x, strict=True):
        np.testing.assert_allclose(one, algorithm_1(Layers(), image, 2.0 / 7, 1.5, 7), atol=1e-5)
    assert np.abs(found - omig(Layers(), x, Descent(2.0, 7, None))).max() > 1e-3  # outliers do matter here


def test_omig_lowers_the_midpoint_and_costs_one_gradient_a_step():
    x, model, calls = images(20), Layers(), []

    def counted(images):
        calls.append(len(images))
        return model(images)

    moved = x + omig(counted, x, Descent(steps=10))
    assert calls == [20] * 10
    assert (midpoint(model(moved)[0]) < midpoint(model(x)[0])).all()


def test_a_short_path_is_sensitivity():
    x = images()
    short = omig(Layers(), x, Descent(c=1e-4, steps=3, threshold=None))
    np.testing.assert_allclose(short * 1e4, sensitivity(Layers(), x), rtol=1e-4, atol=1e-6)


def test_upsampling_is_algorithm_2():
    original = images(1, 15)[0]
    drawn = list(islice(draws(original.shape, np.random.default_rng(0), SIDE), 9))
    path = Descent(c=2.0, steps=3, threshold=1.5)
    found = upsample(lambda x: omig(Layers(), x, path), original, drawn, batch=4)
    np.testing.assert_allclose(found.printed(), algorithm_2(Layers(), original, drawn, path), atol=1e-6)
    assert found.draws == 9


def test_passes_mean_the_same_with_less_scatter():
    original = images(1, 18)[0]
    number = draws_a_pass(original.shape, SIDE)
    rng = np.random.default_rng(0)
    with_replacement = upsample(lambda x: x, original, islice(draws(original.shape, rng, SIDE), number))
    without = upsample(lambda x: x, original, islice(passes(original.shape, rng, SIDE), number))
    assert (without.visits == 1).all()
    np.testing.assert_allclose(without.per_visit(), original / 9, rtol=1e-5)  # a draw shows one pixel in nine
    np.testing.assert_allclose(without.printed(), without.per_visit())
    assert correlation(without.per_visit(), original) == pytest.approx(1.0)
    assert correlation(with_replacement.printed(), original) < 0.8
    many = upsample(lambda x: x, original, islice(draws(original.shape, rng, SIDE), 2000), 500)
    np.testing.assert_allclose(many.printed(), without.printed(), atol=0.06)


def test_nothing_is_explained_without_draws():
    assert upsample(lambda x: x, np.zeros((8, 8)), []).printed().tolist() == np.zeros((8, 8)).tolist()


def test_relevance_is_layer_wise_propagation():
    x, model = images(1), Layers()
    values = model.first @ x.ravel() + model.offset
    shares = model.second.mean(axis=0) * np.maximum(values, 0)  # relevance of the hidden units
    by_hand = ((model.first * x.ravel()) / values[:, None] * shares[:, None]).sum(axis=0)
    np.testing.assert_allclose(relevance(model, x).ravel(), -by_hand, atol=1e-4)


def test_integrated_gradients_are_complete():
    x, model = images(), Layers()
    total = integrated_gradients(model, x, steps=400).sum(axis=(1, 2))
    expected = midpoint(model(np.zeros_like(x))[0]) - midpoint(model(x)[0])
    np.testing.assert_allclose(total, expected, atol=0.02)


def test_integrated_gradients_begin_at_their_baseline():
    x, model = images(), Layers()
    start = images()[::-1].copy()
    total = integrated_gradients(model, x, steps=400, baseline=start).sum(axis=(1, 2))
    np.testing.assert_allclose(total, midpoint(model(start)[0]) - midpoint(model(x)[0]), atol=0.02)


def test_evidence_for_a_low_curve_is_followed_with_its_sign():
    weights = np.zeros((SIDE, SIDE), np.float32)
    weights[2, 2], weights[4, 1] = 3.0, -1.0  # the second speaks for a low curve

    def curve(x):
        return 5.0 + (x * weights).sum(axis=(1, 2))[:, None]

    x, plain = np.ones((1, SIDE, SIDE), np.float32), np.zeros((1, SIDE, SIDE), np.float32)
    x[0, 2, 2] = -1.0  # now both do, with 3 of 4 parts and 1 of 4
    true = contribution(np.broadcast_to(-weights, x.shape), x - plain)
    found = evidence_kept(curve, x, true, plain, shares=(0.0, 1.01 / SIDE**2, 2.01 / SIDE**2, 1.0))
    np.testing.assert_allclose(found.insertion[0], [0.0, 0.75, 1.0, 1.0], atol=1e-4)
    np.testing.assert_allclose(found.deletion[0], [1.0, 0.25, 0.0, 0.0], atol=1e-4)
    wrong = evidence_kept(curve, x, -true, plain)
    assert found.score[0] > 0.4 > 0.0 > wrong.score[0]


def test_occlusion_is_the_difference_of_midpoints():
    x, model = images(), Layers()
    hidden = x.copy()
    hidden[:, 2, 3] = 0
    expected = midpoint(model(hidden)[0]) - midpoint(model(x)[0])
    np.testing.assert_allclose(occlusion(model, x, window_px=1)[:, 2, 3], expected, atol=1e-5)
    wide = occlusion(model, x, window_px=4)
    assert wide.shape == x.shape
    assert len(np.unique(wide[0])) == 4  # 6 = 4 + 2 along both axes


@pytest.mark.parametrize("name", CURVE_METHODS)
def test_every_method_has_the_same_call(name):
    x = images()
    found = CURVE_METHODS[name](Layers(), x)
    assert found.shape == x.shape
    assert found.dtype == np.float32


def test_faithfulness_tells_a_true_map_from_a_false_one():
    weights = np.zeros((SIDE, SIDE))
    weights[2, 2], weights[4, 1] = 3.0, -5.0

    def curve(x):
        return (x * weights).sum(axis=(1, 2))[:, None]

    x = images(30)
    shares = (0.0, 0.06, 0.3, 1.0)
    true = faithfulness(curve, x, np.broadcast_to(np.abs(weights).astype(np.float32), x.shape), shares)
    false = faithfulness(curve, x, np.broadcast_to(np.float32(1) - (weights != 0).astype(np.float32), x.shape), shares)
    np.testing.assert_allclose(true.deletion[:, 1:].mean(axis=0), 1.0, atol=1e-4)  # both are gone at the first step
    np.testing.assert_allclose(np.ptp(true.deletion[:, 1:], axis=1), 0.0, atol=1e-4)
    np.testing.assert_allclose(true.insertion[:, 1:], 0.0, atol=1e-4)
    assert true.score.mean() > 0.6
    assert false.score.mean() < -0.6
