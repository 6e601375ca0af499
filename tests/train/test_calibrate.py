"""Calibration, thresholds and metrics, against cases with a known answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoqa.models import Platt
from mammoqa.train.assess import assess, auc
from mammoqa.train.calibrate import apply, calibrate, macro_f1, platt, thresholds


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
    t_present, t_abnormal = thresholds(present, abnormal, panel)
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
