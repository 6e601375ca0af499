import numpy as np

from mammoqa.explain.curves import contribution, sensitivity
from mammoqa.explain.insertion import evidence_kept
from mammoqa.explain.omig import midpoint
from mammoqa.explain.oriented import STOPS, oriented_direction

SIDE = 10
FIRST, SECOND = (2, 3), (7, 7)


class Rivals:
    """Two pixels that lower the midpoint, by 2 and by 1, but the second raises it by 0.2 while the first is there."""

    def __init__(self):
        self.calls = 0

    def curve(self, x):
        p, q = x[:, *FIRST], x[:, *SECOND]
        return -(2.0 * p + q - 1.2 * p * q)[:, None].astype(float)

    def __call__(self, x):
        self.calls += 1
        slope = np.zeros_like(x)
        slope[:, *FIRST] = -(2.0 - 1.2 * x[:, *SECOND])
        slope[:, *SECOND] = -(1.0 - 1.2 * x[:, *FIRST])
        return self.curve(x), slope


def images():
    x, plain = np.zeros((1, SIDE, SIDE), np.float32), np.zeros((1, SIDE, SIDE), np.float32)
    x[:, *FIRST] = x[:, *SECOND] = 1.0
    return x, plain


STEPS = (0.0, 0.01, 0.02)  # of 100 pixels: none, one, two


def test_evidence_that_the_gradient_of_the_image_takes_for_its_opposite_is_found():
    model, (x, plain) = Rivals(), images()
    of_gradient = contribution(sensitivity(model, x), x - plain)
    found = contribution(oriented_direction(model, x, plain, x - plain, STEPS), x - plain)
    assert of_gradient[0][SECOND] < 0.0 < found[0][SECOND] < found[0][FIRST]
    shares = (*STEPS, 1.0)
    own, plainly = (evidence_kept(model.curve, x, made, plain, shares) for made in (found, of_gradient))
    assert own.deletion[0, 2] == 0.0  # both are gone
    assert plainly.deletion[0, 2] > 0.5  # the second holds the curve
    assert own.score[0] > plainly.score[0]


def test_it_costs_two_gradients_a_stop():
    model, (x, plain) = Rivals(), images()
    oriented_direction(model, x, plain, x - plain)
    assert model.calls == 2 * len(STOPS)


def test_where_the_model_is_linear_it_is_the_gradient():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(SIDE, SIDE)).astype(np.float32)

    def slopes(x):
        return (x * weights).sum(axis=(1, 2))[:, None], np.broadcast_to(weights, x.shape)

    x, plain = rng.normal(size=(2, 3, SIDE, SIDE)).astype(np.float32)
    found = oriented_direction(slopes, x, plain, x - plain)
    np.testing.assert_allclose(found, sensitivity(slopes, x), rtol=1e-6)
    whole = contribution(found, x - plain).sum(axis=(1, 2))
    np.testing.assert_allclose(whole, midpoint(slopes(plain)[0]) - midpoint(slopes(x)[0]), rtol=1e-3, atol=1e-4)
