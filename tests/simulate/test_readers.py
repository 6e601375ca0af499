"""Simulated readers: the scoring rules, the panel, and the way that visibility moves scores."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoqa.simulate.detectability import SECTORS, SEGMENTS, Visibility
from mammoqa.simulate.readers import (
    NOT_APPLICABLE,
    fibre_score,
    gaps,
    longest_run,
    mass_score,
    panel_scores,
    read,
    speck_score,
)


def test_speck_rule():
    assert [speck_score(n) for n in range(7)] == [0.0, NOT_APPLICABLE, 0.5, 0.5, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("seen", "score"),
    [
        ("1111111111", 1.0),
        ("1111111110", 1.0),
        ("1111110000", 0.5),
        ("1111101111", NOT_APPLICABLE),
        ("0000000000", 0.0),
    ],
)
def test_fibre_rule_counts_the_longest_seen_segment(seen, score):
    parts = np.array([c == "1" for c in seen])
    assert fibre_score(parts, np.zeros(SEGMENTS, dtype=bool)) == score


def test_mass_rule_needs_more_than_three_quarters_of_the_contour():
    def contour(n: int) -> np.ndarray:
        return np.arange(SECTORS) < n

    assert mass_score(1.0, contour(10)) == 1.0
    assert mass_score(1.0, contour(9)) == 0.5
    assert mass_score(-0.3, contour(12)) == NOT_APPLICABLE
    assert mass_score(-2.0, contour(12)) == 0.0


@pytest.mark.parametrize(
    ("scores", "panel"),
    [
        ([1, 0.5, 1, 1, 0.5], 1.0),
        ([0.5, 0, 0.5, 0, 0.5], 0.5),
        ([-1, 0, -1, -1, 0.5], NOT_APPLICABLE),
        ([1, 1, 0.5, 0, 0], 0.5),
    ],
)
def test_majority_of_five(scores, panel):
    assert panel_scores(np.array(scores, dtype=float)[:, None]) == panel


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_longest_run_agrees_with_splitting_a_string(parts):
    text = "".join("1" if p else " " for p in parts)
    assert longest_run(np.array(parts)) == max((len(w) for w in text.split()), default=0)


def test_a_plainly_missing_part_is_a_gap_and_a_noisy_one_is_not():
    strong = np.array([10.0] * 9 + [1.0])
    weak = np.array([2.0] * 9 + [1.5])
    assert gaps(strong, 2.5).tolist() == [False] * 9 + [True]
    assert not gaps(weak, 2.5).any()


def objects(level: float) -> tuple[Visibility, ...]:
    parts = {"fibre": SEGMENTS, "speck_group": 6, "mass": SECTORS}
    return tuple(
        Visibility(kind, np.full(n, level), np.full(n, level), level * 2) for kind, n in parts.items() for _ in range(4)
    )


def test_scores_rise_with_visibility_and_readers_differ_near_threshold():
    totals, extra_readers = [], []
    for level in (0.0, 4.0, 6.0, 8.0, 30.0):
        panels = [read(objects(level), np.random.default_rng(k)) for k in range(60)]
        totals.append(np.mean([np.nansum(p.panel) for p in panels]))
        extra_readers.append(np.mean([np.isfinite(p.readers[2]).mean() for p in panels]))
    assert totals[0] == 0
    assert totals[-1] == 12
    assert all(a <= b + 0.1 for a, b in itertools.pairwise(totals))
    assert max(extra_readers[1:4]) > 0.1
    assert extra_readers[0] < 0.05
    assert extra_readers[-1] == 0
