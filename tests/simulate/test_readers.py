"""Simulated readers: the scoring rules, the panel, and the way that visibility moves scores."""

import itertools

import numpy as np
import pytest

from mammoqa.simulate.detectability import SECTORS, SEGMENTS, Visibility
from mammoqa.simulate.readers import (
    NOT_APPLICABLE,
    expected,
    fibre_score,
    mass_score,
    panel_scores,
    read,
    speck_score,
)
from mammoqa.stats.runs import plainly_missing


def test_speck_rule():
    assert speck_score(np.arange(7)).tolist() == [0.0, NOT_APPLICABLE, 0.5, 0.5, 1.0, 1.0, 1.0]


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
    parts = np.array([[c == "1" for c in seen]])
    assert fibre_score(parts, np.zeros((1, SEGMENTS), dtype=bool)).tolist() == [score]


def test_mass_rule_needs_more_than_three_quarters_of_the_contour():
    margin, seen = np.array([1.0, 1.0, -0.3, -2.0]), np.array([10, 9, 12, 12])
    sectors = np.arange(SECTORS) < seen[:, None]
    assert mass_score(margin, sectors).tolist() == [1.0, 0.5, NOT_APPLICABLE, 0.0]


@pytest.mark.parametrize(
    ("scores", "panel"),
    [
        ([1, 0.5, 1, 1, 0.5], 1.0),
        ([0.5, 0, 0.5, 0, 0.5], 0.5),
        ([-1, 0, -1, -1, 0.5], NOT_APPLICABLE),
        ([1, 0.5, 1, 0, 0], 0.5),
        ([1, 1, 0.5, 0, 0], 1.0),
    ],
)
def test_majority_of_five(scores, panel):
    assert panel_scores(np.array(scores, dtype=float)[:, None]).tolist() == [panel]


def test_a_plainly_missing_part_is_a_gap_and_a_noisy_one_is_not():
    strong = np.array([10.0] * 9 + [1.0])
    weak = np.array([2.0] * 9 + [1.5])
    assert plainly_missing(strong, 2.5).tolist() == [False] * 9 + [True]
    assert not plainly_missing(weak, 2.5).any()


def test_many_panels_agree_with_one_on_the_average():
    seen = objects(5.0)
    shares = expected(seen, np.random.default_rng(0), panels=400)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    single = np.array([read(seen, np.random.default_rng(k)).panel for k in range(400)])
    full = (single == 1.0).mean(axis=0)
    assert np.abs(shares[:, 2] - full).max() < 4 * np.sqrt(0.5 / 400)
    np.testing.assert_allclose(shares[:, 3], np.isnan(single).mean(axis=0), atol=4 * np.sqrt(0.5 / 400))


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
