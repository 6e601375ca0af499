from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoqa.core import EventKind, Level, ServiceEvent
from mammoqa.trends import SigmaPrior, changes, compare, forecast, foresee, sigma_priors, watch
from mammoqa.trends.chart import chart
from trend_samples import absolute, ramp, series, steady, step, week


def test_one_fault_in_three_metrics_is_one_alarm():
    found = watch([series(step(size=10.0, seed=k), metric) for k, metric in enumerate(("mas", "dose", "sdnr"))])
    (alarm,) = found.alarms
    assert set(alarm.metrics) == {"mas", "dose", "sdnr"}
    assert alarm.raised_at == week(26)
    assert alarm.active
    assert alarm.level is Level.TOLERANCE


def test_a_repair_ends_an_alarm_and_the_next_fault_is_another():
    values = steady(80)
    values[20:30] += 12.0
    values[60:] += 12.0
    repair = ServiceEvent("U1", week(29.5), EventKind.REPAIR)
    first, second = watch([series(values)], events=[repair]).alarms
    assert not first.active
    assert second.active
    assert first.key != second.key
    assert second.raised_at == week(61)


def test_units_keep_their_alarms_apart():
    found = watch([series(step(), unit="A"), series(steady(), unit="B"), series(step(), unit="C")])
    assert [alarm.unit for alarm in found.alarms] == ["A", "C"]


@settings(max_examples=15, deadline=None)
@given(st.integers(27, 40), st.integers(0, 5))
def test_later_readings_leave_earlier_alarms_alone(until, seed):
    whole = watch([series(step(seed=seed))]).alarms
    early = watch([series(step(seed=seed)[:until])]).alarms
    assert [a.key for a in early] == [a.key for a in whole if a.raised_at <= week(until - 1)]


def test_an_alarm_goes_quiet_with_time():
    values = steady(60)
    values[20:23] += 12.0
    (alarm,) = watch([series(values)]).alarms
    assert not alarm.active
    assert watch([series(values[:24])]).alarms[0].active


def test_a_ramp_is_foreseen_and_a_steady_series_is_not():
    drawn = chart(series(ramp(40, at=15, per_week=0.8)), [absolute(high=125.0)])
    made = forecast(drawn, drawn.limits[0])
    crossing = week(15 + 25 / 0.8)
    assert made is not None
    assert made.earliest is not None
    assert made.likely is not None
    assert made.earliest <= crossing + timedelta(weeks=2)
    assert abs(made.likely - crossing) < timedelta(weeks=4)
    assert made.chance > 0.9
    assert len(made.band_at) == len(made.band_high)
    quiet = chart(series(steady(40)), [absolute(high=125.0)])
    still = forecast(quiet, quiet.limits[0])
    assert still is None or still.likely is None


def test_no_forecast_from_few_readings_or_beyond_the_limit():
    few = chart(series(ramp(5, at=0)), [absolute(high=125.0)])
    assert forecast(few, few.limits[0]) is None
    out = chart(series(ramp(40, at=15)), [absolute(high=110.0)])
    assert forecast(out, out.limits[0]) is None
    fresh = chart(series(step(28, at=25, size=10.0)), [absolute(high=125.0)])
    assert forecast(fresh, fresh.limits[0]) is None  # two readings after a step have no slope yet


def test_forecasts_are_made_of_what_drifts_only():
    watched = watch(
        [series(ramp(), "mas"), series(steady(), "snr")], [absolute(high=140.0), absolute("snr", high=120.0)]
    )
    assert list(foresee(watched)) == [("U1", "flat", "mas")]


def test_a_step_has_one_change_point():
    (found,) = changes(chart(series(step(size=8.0))))
    assert found.at == week(25)
    assert found.after - found.before == pytest.approx(8.0, abs=1.0)
    assert changes(chart(series(steady()))) == ()


def test_the_odd_unit_stands_out_of_its_group():
    fleet = [series(steady(20, mean=100.0 + k, seed=k), unit=f"U{k}") for k in range(6)]
    odd = series(steady(20, mean=130.0), unit="odd")
    other = replace(series(steady(20, mean=300.0), unit="other"), group="another model")
    found = {s.unit: s for s in compare([*fleet, odd, other])}
    assert [unit for unit, s in found.items() if s.outlying] == ["odd"]
    assert found["other"].robust_z is None
    assert found["odd"].group_units == 7
    assert compare([]) == ()


def test_like_units_lend_a_new_one_their_sigma():
    fleet = [series(steady(30, seed=k), unit=f"U{k}") for k in range(5)]
    priors = sigma_priors(fleet)
    assert priors[("Model", "flat", "mas")].sigma == pytest.approx(1.0, rel=0.3)
    wide = chart(series(steady(6)), prior=SigmaPrior(5.0))
    assert wide.baselines[0].sigma > 2 * chart(series(steady(6))).baselines[0].sigma
    assert np.all(np.isfinite(wide.against.z))
