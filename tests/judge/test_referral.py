"""The calibrated probability of passing, and which verdicts go to a person."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoqa.core import Outcome, Verdict
from mammoqa.judge import refer
from mammoqa.judge.referral import calibrated_p_pass, doubt, referred
from mammoqa.models import Platt

PROBABILITIES = st.floats(0.0, 1.0)


@given(PROBABILITIES)
def test_the_identity_changes_nothing(p):
    assert calibrated_p_pass(np.array([p]), Platt())[0] == p


@given(st.lists(PROBABILITIES, min_size=2, max_size=20), st.floats(0.2, 5.0), st.floats(-3.0, 3.0))
def test_calibration_keeps_the_order_and_the_range(p, slope, offset):
    before = np.sort(np.array(p))
    after = calibrated_p_pass(before, Platt(slope, offset))
    assert (np.diff(after) >= 0).all()
    assert ((after >= 0) & (after <= 1)).all()


def test_calibration_by_hand():
    # log odds of 0.8 are ln 4; twice that less ln 2 is ln 8
    assert calibrated_p_pass(np.array(0.8), Platt(2.0, -float(np.log(2)))) == pytest.approx(8 / 9)


def test_doubt_is_the_chance_of_a_wrong_verdict():
    assert doubt(np.array([True, False]), np.array([0.9, 0.2])).tolist() == pytest.approx([0.1, 0.2])


@given(st.booleans(), PROBABILITIES, st.floats(0.01, 0.49))
def test_a_symmetric_band_is_a_limit_on_doubt(passed, p, limit):
    if abs(float(doubt(np.array(passed), np.array(p))) - limit) > 1e-9:
        assert referred(np.array(passed), np.array(p), (limit, 1 - limit)) == (
            doubt(np.array(passed), np.array(p)) > limit
        )


@pytest.mark.parametrize(
    ("outcome", "p_pass", "wanted", "says"),
    [
        (Outcome.PASS, 0.9, False, None),
        (Outcome.PASS, 0.6, True, "the scores pass, with a probability of passing of 0.60 (below 0.70)"),
        (Outcome.FAIL, 0.2, False, None),
        (Outcome.FAIL, 0.4, True, "the scores fail, with a probability of passing of 0.40 (above 0.30)"),
        (Outcome.PASS, 0.1, True, "the scores pass"),  # scores and probability contradict each other
        (Outcome.FAIL, 0.9, True, "the scores fail"),
    ],
)
def test_verdicts_that_are_too_close_are_referred_with_a_reason(outcome, p_pass, wanted, says):
    verdict = refer(Verdict(outcome, p_pass=p_pass), Platt(), (0.3, 0.7))
    assert verdict.refer is wanted
    assert (verdict.refer_reason is None) if says is None else verdict.refer_reason.startswith(says)


def test_without_a_band_or_a_probability_nothing_is_said():
    assert refer(Verdict(Outcome.PASS, p_pass=0.5), Platt(), None).refer is None
    assert refer(Verdict(Outcome.MEASURED), Platt(2.0, 1.0), (0.3, 0.7)) == Verdict(Outcome.MEASURED)
    assert refer(Verdict(Outcome.PASS, p_pass=0.5), Platt(1.0, 1.0), None).p_pass == pytest.approx(0.7311, abs=1e-4)
