import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoqa.stats.agreement import cohen_kappa, disagreement_weights, percent_agreement
from mammoqa.stats.classify import confusion

# 50 grant proposals, two readers: the worked example of Wikipedia's "Cohen's kappa" (kappa 0.4)
GRANTS = np.array([[20, 5], [10, 15]])
# Fleiss, Cohen and Everitt (1969), Psychol Bull 72:323-327, as proportions: kappa 0.429
FLEISS = np.array([[53, 5, 2], [11, 14, 5], [1, 6, 3]])


def test_published_examples():
    assert cohen_kappa(GRANTS) == pytest.approx(0.4)
    assert percent_agreement(GRANTS) == pytest.approx(70.0)
    assert cohen_kappa(FLEISS) == pytest.approx(0.429, abs=5e-4)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_weighted_kappa_equals_case_by_case(weights):
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 3, 200), rng.integers(0, 3, 200)
    b[:120] = a[:120]
    penalty = {
        "none": lambda x, y: float(x != y),
        "linear": lambda x, y: abs(x - y),
        "quadratic": lambda x, y: (x - y) ** 2,
    }
    cost = penalty[weights]
    observed = np.mean([cost(x, y) for x, y in zip(a, b, strict=True)])
    chance = np.mean([cost(x, y) for x in a for y in b])
    assert cohen_kappa(confusion(a, b, 3), weights) == pytest.approx(1 - observed / chance)


@given(st.lists(st.integers(0, 30), min_size=9, max_size=9).filter(lambda c: sum(c) > 0))
def test_symmetric_in_the_readers_and_at_most_one(counts):
    matrix = np.array(counts).reshape(3, 3)
    for weights in ("none", "linear", "quadratic"):
        kappa = cohen_kappa(matrix, weights)
        assert np.allclose(kappa, cohen_kappa(matrix.T, weights), equal_nan=True)
        assert np.isnan(kappa) or kappa <= 1.0


def test_batches_and_undefined():
    both = cohen_kappa(np.stack([GRANTS, np.diag([3, 4]), np.array([[5, 0], [0, 0]])]))
    assert both[:2] == pytest.approx([0.4, 1.0])
    assert np.isnan(both[2])
    assert np.isnan(percent_agreement(np.zeros((2, 2))))
    assert disagreement_weights(3, "linear")[0].tolist() == [0.0, 0.5, 1.0]
