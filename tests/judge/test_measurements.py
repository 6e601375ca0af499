import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoqa.core import Criterion, Measurement, Outcome
from mammoqa.judge import judge_measurements
from mammoqa.phantoms import PHANTOMS

PLAIN = replace(PHANTOMS["acr156"], criteria=())


def _one(m, phantom=PLAIN):
    judged, verdict = judge_measurements([m], phantom)
    return judged[0], verdict


def test_inside_outside_and_on_the_limit():
    uniformity = Measurement("uniformity", 90.0, "%", limit_low=87.5)
    assert _one(uniformity)[0].outcome is Outcome.PASS
    assert _one(replace(uniformity, value=87.5))[1].outcome is Outcome.PASS
    m, verdict = _one(replace(uniformity, value=80.0))
    assert m.outcome is verdict.outcome is Outcome.FAIL
    assert verdict.reason == "uniformity 80 %, at least 87.5 needed"


def test_upper_limit():
    _, verdict = _one(Measurement("ghosting", 3.1, "%", limit_high=2.5))
    assert verdict.reason == "ghosting 3.1 %, at most 2.5 allowed"


def test_without_limits_measured():
    m, verdict = _one(Measurement("snr", 40.0, ""))
    assert m.outcome is verdict.outcome is Outcome.MEASURED


@pytest.mark.parametrize(("value", "outcome"), [(88.0, Outcome.PASS), (87.0, Outcome.FAIL)])
def test_an_interval_across_a_limit_is_said(value, outcome):
    m, verdict = _one(Measurement("uniformity", value, "%", low=86.0, high=89.0, limit_low=87.5, note="7 slices"))
    assert verdict.outcome is outcome
    assert "interval 86 to 89 % includes the limit 87.5" in verdict.reason
    assert m.note == "7 slices; the 95 % interval includes the limit 87.5 %"


def test_interval_inside_the_limits_says_nothing():
    m, verdict = _one(Measurement("thickness", 5.0, "mm", low=4.8, high=5.2, limit_low=4.3, limit_high=5.7))
    assert m.note is None
    assert verdict.reason is None


def test_not_a_number_fails_where_there_is_a_limit():
    m, verdict = _one(Measurement("thickness", math.nan, "mm", limit_low=4.3))
    assert m.outcome is Outcome.FAIL
    assert verdict.reason == "thickness could not be measured"


def test_limits_from_the_phantom_need_name_unit_and_always():
    def with_criterion(**change):
        c = Criterion("thickness", "mm", 4.3, 5.7, "protocol", "single")
        return replace(PLAIN, criteria=(replace(c, **change),))

    m = Measurement("thickness", 6.0, "mm")
    assert _one(m, with_criterion())[0] == replace(m, limit_low=4.3, limit_high=5.7, outcome=Outcome.FAIL)
    assert _one(m, with_criterion(unit="cm"))[0].outcome is Outcome.MEASURED
    assert _one(m, with_criterion(applies="at 3 T"))[0].outcome is Outcome.MEASURED
    own = replace(m, limit_high=7.0)
    assert _one(own, with_criterion())[0].outcome is Outcome.PASS


@given(st.lists(st.tuples(st.floats(-10, 10), st.booleans()), max_size=6))
def test_one_failure_fails_all(values):
    given_ = [Measurement(f"m{i}", v, "", limit_low=0.0 if limited else None) for i, (v, limited) in enumerate(values)]
    judged, verdict = judge_measurements(given_, PLAIN)
    outcomes = {m.outcome for m in judged}
    expected = next((o for o in (Outcome.FAIL, Outcome.PASS) if o in outcomes), Outcome.MEASURED)
    assert verdict.outcome is expected
    assert [m.name for m in judged] == [m.name for m in given_]
