import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoqa.core import ObjectScore, Outcome, ScoreError
from mammoqa.judge import Artefact, counted_totals, judge_acr156
from mammoqa.phantoms import PHANTOMS

ACR156 = PHANTOMS["acr156"]
SURE = {0.0: (0.0, 0.5), 0.5: (1.0, 1.0), 1.0: (1.0, 0.0)}


def _objects(fibres, specks, masses, probabilities=None):
    scores = (*fibres, *specks, *masses)
    found = []
    for i, (insert, score) in enumerate(zip(ACR156.inserts, scores, strict=True)):
        present, abnormal = SURE[score] if probabilities is None else probabilities[i]
        found.append(ObjectScore(insert.name, insert.kind, insert.size_mm, score, present, abnormal, (0.0, 0.0)))
    return tuple(found)


GOOD = ((1, 1, 1, 1, 0.5, 0), (1, 1, 1, 0.5, 0), (1, 1, 1, 0, 0))


def test_totals_of_a_passing_phantom():
    objects, verdict = judge_acr156(_objects(*GOOD), ACR156)
    assert verdict.outcome is Outcome.PASS
    assert dict(verdict.totals) == {"fibres": 4.5, "speck_groups": 3.5, "masses": 3.0}
    assert verdict.reason is None
    assert verdict.p_pass == 1.0
    assert [o.counted for o in objects[:6]] == [True] * 5 + [False]


def test_counting_stops_at_the_first_object_below_one_and_that_score_counts():
    objects, verdict = judge_acr156(_objects((1, 0.5, 1, 1, 1, 1), (1, 1, 1, 1, 1), (1, 0, 1, 1, 1)), ACR156)
    assert dict(verdict.totals) == {"fibres": 1.5, "speck_groups": 5.0, "masses": 1.0}
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason == "fibres 1.5, at least 4.0 needed; masses 1.0, at least 3.0 needed"
    assert [o.counted for o in objects[11:]] == [True, True, False, False, False]


def test_order_is_by_size_not_by_place():
    objects = _objects(*GOOD)
    backwards, verdict = judge_acr156(objects[::-1], ACR156)
    assert verdict == judge_acr156(objects, ACR156)[1]
    assert [o.name for o in backwards] == [o.name for o in objects[::-1]]


@pytest.mark.parametrize(
    ("artefact", "fibres"),
    [
        (Artefact("fibre", 1.0), 4.0),  # at least as visible as the half fibre: it loses its 0.5
        (Artefact("fibre", 0.5), 4.0),
        (Artefact("fibre", 0.2), 4.5),  # fainter than the last fibre: nothing
        (Artefact("mass", 0.2), 4.5),
    ],
)
def test_fibre_artefacts_are_deducted_from_the_last_fibre_only(artefact, fibres):
    objects, verdict = judge_acr156(_objects(*GOOD), ACR156, (artefact, artefact))
    assert dict(verdict.totals)["fibres"] == fibres
    assert sum(o.deduction for o in objects) == 4.5 - fibres
    assert objects[4].score == 0.5


def test_deduction_falls_on_the_last_real_object_when_the_stop_is_a_zero():
    objects, verdict = judge_acr156(_objects(*GOOD), ACR156, (Artefact("mass", 1.0),))
    assert dict(verdict.totals)["masses"] == 2.0
    assert objects[13].deduction == 1.0
    assert verdict.outcome is Outcome.FAIL
    assert verdict.p_pass == 0.0


@pytest.mark.parametrize(("n", "total"), [(0, 3.5), (1, 3.0), (3, 3.0)])
def test_specks_are_subtracted_one_by_one_from_a_half_group(n, total):
    _, verdict = judge_acr156(_objects(*GOOD), ACR156, (Artefact("speck_group", 1.0),) * n)
    assert dict(verdict.totals)["speck_groups"] == total


@pytest.mark.parametrize(("n", "total"), [(0, 5.0), (1, 4.5), (2, 4.5), (3, 4.0), (9, 4.0)])
def test_specks_are_subtracted_one_by_one_from_a_full_group(n, total):
    objects = _objects(GOOD[0], (1, 1, 1, 1, 1), GOOD[2])
    assert dict(judge_acr156(objects, ACR156, (Artefact("speck_group", 1.0),) * n)[1].totals)["speck_groups"] == total


def test_nothing_to_deduct_from():
    objects, verdict = judge_acr156(_objects((0,) * 6, (0,) * 5, (0,) * 5), ACR156, (Artefact("fibre"),))
    assert dict(verdict.totals) == {"fibres": 0.0, "speck_groups": 0.0, "masses": 0.0}
    assert all(o.deduction == 0.0 for o in objects)


def _drawn(rng, objects):
    scores = [0.0 if rng.random() >= o.p_present else 0.5 if rng.random() < o.p_abnormal else 1.0 for o in objects]
    return tuple(replace(o, score=s) for o, s in zip(objects, scores, strict=True))


@pytest.mark.parametrize("artefacts", [(), (Artefact("fibre", 0.5), Artefact("speck_group", 1.0))])
def test_probability_of_passing_equals_judging_many_draws(artefacts):
    rng = np.random.default_rng(1)
    chances = [(0.99, 0.03)] * 3 + [(0.97, 0.1), (0.8, 0.4), (0.3, 0.5)]
    chances += [(0.99, 0.02)] * 2 + [(0.98, 0.05), (0.8, 0.3), (0.1, 0.5)]
    chances += [(0.99, 0.01)] * 2 + [(0.95, 0.1), (0.7, 0.5), (0.2, 0.6)]
    objects = _objects(*GOOD, chances)
    claimed = judge_acr156(objects, ACR156, artefacts)[1].p_pass
    n = 700
    passed = sum(judge_acr156(_drawn(rng, objects), ACR156, artefacts)[1].outcome is Outcome.PASS for _ in range(n))
    assert claimed == pytest.approx(passed / n, abs=4 * np.sqrt(0.25 / n))


HALVES = st.sampled_from([0.0, 0.5, 1.0])


@given(st.tuples(*[st.tuples(*[HALVES] * n) for n in (6, 5, 5)]))
def test_certain_probabilities_agree_with_the_verdict(scores):
    _, verdict = judge_acr156(_objects(*scores), ACR156)
    assert verdict.p_pass == (1.0 if verdict.outcome is Outcome.PASS else 0.0)


@given(
    st.tuples(*[st.tuples(*[HALVES] * n) for n in (6, 5, 5)]), st.lists(st.sampled_from([0.2, 0.5, 1.0]), max_size=3)
)
def test_artefacts_never_help_and_never_push_an_object_below_zero(scores, visibilities):
    artefacts = tuple(Artefact(k, v) for k, v in itertools.product(("fibre", "speck_group", "mass"), visibilities))
    clean = judge_acr156(_objects(*scores), ACR156)[1]
    objects, verdict = judge_acr156(_objects(*scores), ACR156, artefacts)
    assert all(b <= a for (_, a), (_, b) in zip(clean.totals, verdict.totals, strict=True))
    assert all(0.0 <= o.deduction <= o.score for o in objects)
    assert verdict.p_pass <= clean.p_pass


def test_missing_objects_are_refused_and_wrong_scores_are_errors():
    objects = _objects(*GOOD)
    with pytest.raises(ScoreError, match="fibre-6 could not be scored"):
        judge_acr156(objects[:5] + objects[6:], ACR156)
    with pytest.raises(ValueError, match="not a scored phantom object"):
        judge_acr156((replace(objects[0], score=0.7), *objects[1:]), ACR156)
    with pytest.raises(ValueError, match="same name"):
        judge_acr156((objects[0], *objects), ACR156)


def test_a_phantom_without_criteria_is_measured():
    _, verdict = judge_acr156(_objects(*GOOD), replace(ACR156, criteria=()))
    assert verdict.outcome is Outcome.MEASURED
    assert verdict.p_pass is None


@given(st.lists(st.tuples(*[HALVES] * 6), min_size=1, max_size=8))
def test_totals_of_many_phantoms_equal_those_of_each(fibres):
    each = [judge_acr156(_objects(f, GOOD[1], GOOD[2]), ACR156)[1].totals[0][1] for f in fibres]
    assert counted_totals(np.array(fibres)).tolist() == each


def test_not_applicable_stops_the_counting_and_adds_nothing():
    assert counted_totals(np.array([[1.0, np.nan, 1.0]])).tolist() == [1.0]
