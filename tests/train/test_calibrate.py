"""Calibration, thresholds and metrics, against cases with a known answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoqa.models import Platt
from mammoqa.stats.roc import best_f1_threshold
from mammoqa.train.assess import assess, auc
from mammoqa.train.calibrate import RULES, apply, calibrate, macro_f1, platt, thresholds, votes_of


@settings(max_examples=15, deadline=None)
@given(slope=st.floats(0.4, 4), offset=st.floats(-1.5, 1.5), seed=st.integers(0, 99))
def test_platt_finds_the_distortion(slope, offset, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, 8000)
    positive = rng.random(8000) < 1 / (1 + np.exp(-(slope * logits + offset)))
    found = platt(logits, positive)
    assert found.slope == pytest.approx(slope, rel=0.15)
    assert found.offset == pytest.approx(offset, abs=0.2)


def test_platt_of_separable_or_single_class_data_stays_finite():
    logits = np.array([-2.0, -1, 1, 2])
    found = platt(logits, logits > 0)
    assert 0 < found.slope < 20
    assert platt(logits, np.ones(4, dtype=bool)) == Platt()
    assert apply(Platt(1e6, 0), logits)[0] < 1e-20


def test_thresholds_separate_what_can_be_separated():
    panel = np.repeat([0.0, 0.5, 1.0], 50)
    rng = np.random.default_rng(0)
    present = np.where(panel == 0, 0.15, 0.45) + rng.uniform(-0.1, 0.1, 150)
    abnormal = np.where(panel == 0.5, 0.8, 0.6) + rng.uniform(-0.05, 0.05, 150)
    t_present, t_abnormal = thresholds(present, abnormal, votes_of(panel))
    assert 0.25 <= t_present <= 0.36
    assert 0.65 <= t_abnormal <= 0.76


def test_calibrate_reads_each_kind_alone():
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 3, 3000)
    panel = rng.choice([0.0, 0.5, 1.0, np.nan], 3000, p=[0.3, 0.3, 0.3, 0.1])
    offset = np.array([-2.0, 0.0, 2.0])[kinds]
    logits = np.stack([np.where(panel > 0, 1.5, -1.5), np.where(panel == 0.5, 1.5, -1.5)], axis=1)
    logits = logits + offset[:, None] + rng.normal(0, 1, (3000, 2))
    readings = calibrate(logits, kinds, panel)
    assert [r.kind for r in readings] == ["fibre", "speck_group", "mass"]
    offsets = [r.abnormal.offset for r in readings]
    assert offsets[0] > 2 > offsets[1] > -2 > offsets[2]


def test_soft_targets_find_the_distortion_with_less_noise():
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 1.5, 400)
    share = 1 / (1 + np.exp(-(2.0 * logits - 0.5)))
    found = platt(logits, share, np.ones(400))
    assert (found.slope, found.offset) == pytest.approx((2.0, -0.5), abs=0.1)
    half = platt(np.repeat(logits, 2), np.repeat(share, 2), np.full(800, 0.5))
    assert (half.slope, half.offset) == pytest.approx((found.slope, found.offset), abs=1e-6)


def test_expected_scores_replace_the_panel():
    rng = np.random.default_rng(4)
    n = 600
    kinds, p_present = np.repeat([0, 1, 2], n // 3), rng.random(n)
    expected = np.stack([1 - p_present, 0.3 * p_present, 0.5 * p_present, 0.2 * p_present], axis=1)
    logits = np.stack([np.log(0.8 * p_present / (1 - p_present)), np.full(n, np.log(3 / 5))], axis=1)
    nothing = np.full(n, np.nan)
    for reading in calibrate(logits, kinds, nothing, expected):
        assert (reading.present.slope, reading.present.offset) == pytest.approx((1.0, 0.0), abs=0.05)
        assert reading.abnormal.offset + reading.abnormal.slope * np.log(3 / 5) == pytest.approx(np.log(3 / 5), abs=0.1)


def test_the_rules_reach_what_they_are_named_for():
    rng = np.random.default_rng(5)
    panel = rng.choice([0.0, 0.5, 1.0], 2000, p=[0.25, 0.08, 0.67])
    present = apply(Platt(), np.where(panel > 0, 2.0, -2.0) + rng.normal(0, 1.3, 2000))
    abnormal = apply(Platt(), np.where(panel == 0.5, 0.5, -2.5) + rng.normal(0, 1.3, 2000))
    votes = votes_of(panel)

    def figures(rule):
        t_present, t_abnormal = RULES[rule](present, abnormal, votes)
        said = np.where(present < t_present, 0.0, np.where(abnormal >= t_abnormal, 0.5, 1.0))
        return (said == panel).mean(), macro_f1(said, panel)

    by_rule = {rule: figures(rule) for rule in RULES}
    assert by_rule["accuracy"][0] >= max(accuracy for accuracy, _ in by_rule.values()) - 0.004
    assert by_rule["macro_f1"][1] >= max(f1 for _, f1 in by_rule.values()) - 0.01
    assert sum(by_rule["balanced"]) >= max(sum(both) for both in by_rule.values()) - 0.01


def test_thresholds_by_f1_are_those_of_the_roc_module():
    rng = np.random.default_rng(6)
    panel = rng.choice([0.0, 0.5, 1.0], 500)
    present, abnormal = rng.random((2, 500)) * 0.5 + 0.4 * np.stack([panel > 0, panel == 0.5])
    found = RULES["f1"](present, abnormal, votes_of(panel))
    there = panel > 0
    assert found[0] == pytest.approx(best_f1_threshold(there, present)[0])
    assert found[1] == pytest.approx(best_f1_threshold(panel[there] == 0.5, abnormal[there])[0])


def test_macro_f1_by_hand():
    panel = np.array([0, 0, 0.5, 1, 1, 1])
    said = np.array([0, 0.5, 0.5, 1, 1, 0])
    assert macro_f1(said, panel) == pytest.approx((2 / 4 + 2 / 3 + 4 / 5) / 3)


def test_auc_by_hand_and_with_ties():
    assert auc(np.array([1.0, 2, 3, 4]), np.array([False, True, False, True])) == 0.75
    assert auc(np.ones(4), np.array([False, True, False, True])) == 0.5
    assert np.isnan(auc(np.ones(2), np.array([True, True])))


def test_assessment_intervals_hold_the_value():
    rng = np.random.default_rng(2)
    n = 300
    panel, kinds = rng.choice([0.0, 0.5, 1.0], n), np.repeat([0, 1, 2], n // 3)
    scores = np.where(rng.random(n) < 0.8, panel, 0.5)
    probabilities = np.stack([(panel > 0) * 0.6 + 0.2 * rng.random(n), (panel == 0.5) * 0.3 + 0.5 * rng.random(n)], 1)
    metrics = assess(probabilities, scores, panel, kinds, np.arange(n) // 3, "evaluation", rng)
    assert {m.name for m in metrics} == {"accuracy", "macro_f1", "auc_present", "auc_abnormal", "brier_present"}
    assert all(m.low <= m.value <= m.high for m in metrics)
    accuracy = next(m for m in metrics if m.name == "accuracy" and m.kind == "mass")
    assert accuracy.value == pytest.approx((scores == panel)[200:].mean(), abs=1e-4)
    assert accuracy.n == 100
