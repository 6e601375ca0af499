import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoqa.core import Measurement, Outcome, ReasonCode
from mammoqa.report import words


def test_every_refusal_has_advice_and_every_outcome_a_word():
    assert set(words.ADVICE) == set(ReasonCode)
    assert all(advice.endswith(".") for advice in words.ADVICE.values())
    assert set(words.VERDICTS) == set(Outcome)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (4.0, None, "≥ 4"),
        (None, 0.025, "≤ 0.025"),
        (188.0, 192.0, "188 to 192"),
        (-5.0, 5.0, "±5"),
        (None, None, "none"),
    ],
)
def test_limits_in_words(low, high, text):
    assert words.limits(low, high) == text


@pytest.mark.parametrize(
    ("p", "text"), [(0.004, "< 1\u00a0%"), (0.5, "50\u00a0%"), (0.995, "> 99\u00a0%"), (math.nan, "–"), (None, "–")]
)
def test_probabilities_never_claim_certainty(p, text):
    assert words.percent(p) == text


@given(st.floats(1e-3, 1e5), st.floats(1e-3, 10))
def test_a_measured_value_is_written_within_a_tenth_of_its_interval(value, half):
    m = Measurement("m", value, "mm", value - half, value + half)
    assert abs(float(words.measured(m, value)) - value) <= 0.1 * half


def test_names_for_people():
    assert words.object_title("speck-group-3") == "Speck group 3"
    assert words.metric_title("slice_thickness") == "Slice thickness"
    assert words.number(-0.00012) == "−0.000120"
    assert words.number(0.0) == "0"
    assert words.in_unit("5.0", "mm") == "5.0\u00a0mm"
