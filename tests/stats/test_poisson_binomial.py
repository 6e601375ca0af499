import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mammoqa.stats.poisson_binomial import (
    probability_at_least,
    score_probabilities,
    stop_rule_distribution,
    sum_distribution,
)

P = st.floats(0, 1)
OBJECTS = st.lists(st.tuples(P, P), min_size=1, max_size=6)


def _probabilities(objects):
    return score_probabilities(np.array([o[0] for o in objects]), np.array([o[1] for o in objects]))


def _by_enumeration(p, counted):
    found = np.zeros(2 * len(p) + 1)
    for halves in itertools.product(range(3), repeat=len(p)):
        chance = np.prod([p[i, h] for i, h in enumerate(halves)])
        found[counted(halves)] += chance
    return found


def _until_first_below_one(halves):
    total = 0
    for h in halves:
        total += h
        if h < 2:
            break
    return total


@given(OBJECTS)
def test_equal_to_enumerating_every_outcome(objects):
    p = _probabilities(objects)
    assert np.allclose(sum_distribution(p), _by_enumeration(p, sum))
    assert np.allclose(stop_rule_distribution(p), _by_enumeration(p, _until_first_below_one))


@given(OBJECTS)
def test_distributions_sum_to_one(objects):
    p = _probabilities(objects)
    assert sum_distribution(p).sum() == pytest.approx(1.0)
    assert stop_rule_distribution(p).sum() == pytest.approx(1.0)


def test_equal_objects_without_halves_are_binomial():
    p = _probabilities([(0.3, 0.0)] * 8)
    assert sum_distribution(p)[::2] == pytest.approx(stats.binom.pmf(np.arange(9), 8, 0.3))
    # under the stop rule they are geometric
    assert stop_rule_distribution(p)[:16:2] == pytest.approx(0.7 * 0.3 ** np.arange(8))


def test_batches_equal_one_by_one():
    rng = np.random.default_rng(1)
    p = score_probabilities(rng.random((4, 5, 6)), rng.random((4, 5, 6)))
    for function in (sum_distribution, stop_rule_distribution):
        together = function(p)
        assert np.allclose(together[2, 3], function(p[2, 3]))
        assert np.allclose(probability_at_least(together, 4.0)[2, 3], function(p[2, 3])[8:].sum())


def test_limits_and_bad_input():
    sure = stop_rule_distribution(_probabilities([(1.0, 0.0)] * 4 + [(1.0, 1.0), (1.0, 0.0)]))
    assert sure[9] == 1.0  # 4.5, although the sixth is fully visible
    assert probability_at_least(sure, 4.5) == 1.0
    assert probability_at_least(sure, 5.0) == 0.0
    with pytest.raises(ValueError, match="p_abnormal"):
        score_probabilities(np.array([0.5]), np.array([1.5]))
