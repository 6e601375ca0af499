import numpy as np
import pytest

from mammoqa.stats.run_rules import (
    NELSON,
    RULES,
    WESTERN_ELECTRIC,
    alternating,
    beyond,
    in_a_row,
    outside,
    trending,
    within,
)


def met(found) -> list[int]:
    return np.flatnonzero(found).tolist()


def test_one_beyond_tells_the_side():
    assert beyond(np.array([0.0, 3.1, -3.2, 2.9]), 1, 1, 3.0).tolist() == [0, 1, -1, 0]


def test_two_of_three_on_the_same_side_and_the_last_one_counts():
    assert met(beyond(np.array([2.5, 0.0, 2.5, 0.0, -2.5]), 2, 3, 2.0)) == [2]
    assert met(beyond(np.array([2.5, 2.5, 0.0]), 2, 3, 2.0)) == [1]


def test_eight_in_a_row():
    z = np.array([-0.1, *[0.1] * 8])
    assert met(in_a_row(z, 8)) == [8]


def test_trends_alternation_and_hugging():
    assert trending(np.arange(6.0), 6).tolist() == [0, 0, 0, 0, 0, 1]
    assert trending(-np.arange(6.0), 6)[-1] == -1
    assert met(alternating(np.array([0.0, 1.0] * 7), 14)) == [13]
    assert met(within(np.full(15, 0.5), 15)) == [14]
    assert met(outside(np.array([2.0, -2.0] * 4), 8)) == [7]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_every_rule_is_quiet_on_nothing_and_mostly_on_noise(rule):
    assert rule.find(np.zeros(0)).size == 0
    noise = np.random.default_rng(3).standard_normal(4000)
    assert (rule.find(noise) != 0).mean() < 0.02


def test_the_sets_are_those_of_the_books():
    assert [rule.name for rule in WESTERN_ELECTRIC] == [
        "1 beyond 3σ",
        "2 of 3 beyond 2σ",
        "4 of 5 beyond 1σ",
        "8 on one side",
    ]
    assert len(NELSON) == 8
