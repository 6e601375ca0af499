"""Verdicts of many phantoms at once agree with those of one at a time."""

import numpy as np
import pytest

from mammoqa.core import ObjectScore, Outcome
from mammoqa.judge import judge_acr156
from mammoqa.judge.many import PHANTOM, kind_columns, minima, pass_probabilities, passes
from mammoqa.phantoms import PHANTOMS
from mammoqa.stats.poisson_binomial import score_probabilities

ACR156 = PHANTOMS["acr156"]


def test_columns_and_minima_of_the_phantom():
    assert {k: c.tolist() for k, c in kind_columns(ACR156).items()} == {
        "fibre": [0, 1, 2, 3, 4, 5],
        "speck_group": [6, 7, 8, 9, 10],
        "mass": [11, 12, 13, 14, 15],
    }
    assert minima(ACR156) == {"fibre": 4.0, "speck_group": 3.0, "mass": 3.0}


def test_many_verdicts_are_the_single_ones():
    rng = np.random.default_rng(0)
    scores = rng.choice([0.0, 0.5, 1.0], (200, 16), p=[0.03, 0.07, 0.9])
    p = rng.random((200, 16, 2))
    many, chances = passes(scores, ACR156), pass_probabilities(score_probabilities(p[..., 0], p[..., 1]), ACR156)
    for row in range(0, 200, 7):
        objects = [
            ObjectScore(i.name, i.kind, i.size_mm, s, present, abnormal, (0.0, 0.0))
            for i, s, (present, abnormal) in zip(ACR156.inserts, scores[row], p[row], strict=True)
        ]
        verdict = judge_acr156(objects, ACR156)[1]
        assert many[PHANTOM][row] == (verdict.outcome is Outcome.PASS)
        assert chances[PHANTOM][row] == pytest.approx(verdict.p_pass)
    assert 0 < many[PHANTOM].mean() < 1
