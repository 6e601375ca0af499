from dataclasses import replace

import numpy as np
import pytest

from mammoqa.core import EventKind, Level, Limit, LimitKind, ServiceEvent
from mammoqa.trends import SHEWHART, WATCH, chart, ends
from mammoqa.trends.policy import CUSUM, LIMIT
from trend_samples import absolute, ramp, series, steady, step, week


def rules(drawn) -> set[str]:
    return {signal.rule for signal in drawn.signals}


def test_a_steady_series_is_quiet_and_its_baseline_right():
    drawn = chart(series(steady(60)))
    (baseline,) = drawn.baselines
    assert drawn.signals == ()
    assert baseline.mean == pytest.approx(100.0, abs=1.0)
    assert baseline.sigma == pytest.approx(1.0, rel=0.5)
    assert (baseline.readings, baseline.settled, baseline.why) == (12, True, "first readings")
    assert baseline.start == week(0)
    assert baseline.end is None


def test_a_step_is_found_in_two_readings_and_dated():
    drawn = chart(series(step(at=25, size=10.0)))
    first = drawn.signals[0]
    assert first.at == week(26)
    assert first.since in (week(25), week(24), week(26))
    assert first.up
    assert CUSUM in rules(drawn)


def test_a_single_wrong_reading_raises_nothing_but_shewhart_does():
    values = steady(40)
    values[30] += 25.0
    assert chart(series(values)).signals == ()
    assert [s.at for s in chart(series(values), policy=SHEWHART).signals] == [week(30)]


def test_a_change_too_small_to_matter_is_passed_over():
    tiny = np.full(60, 100.0) + 0.05 * steady(60, mean=0.0)
    tiny[30:] += 1.0  # twenty sigmas, one per cent
    assert chart(series(tiny)).signals == ()
    assert chart(series(tiny), policy=replace(WATCH, material=False)).signals != ()


def test_a_service_starts_a_new_baseline_and_a_note_does_not():
    values = step(at=20, size=2.0)
    part = ServiceEvent("U1", week(19.5), EventKind.PART, "tube replaced")
    drawn = chart(series(values), events=[part, replace(part, at=week(30), kind=EventKind.NOTE)])
    before, after = drawn.baselines
    assert drawn.signals == ()
    assert before.end == after.start == part.at
    assert after.why == "part: tube replaced"
    assert after.step_percent == pytest.approx(2.0, abs=1.0)


def test_a_large_change_over_a_service_is_seen_but_a_new_part_may_change_anything():
    values = step(at=20, size=30.0)
    service = ServiceEvent("U1", week(19.5), EventKind.SERVICE)
    assert chart(series(values), events=[service]).signals != ()
    assert chart(series(values), events=[replace(service, kind=EventKind.PART)]).signals == ()
    assert chart(series(values), events=[replace(service, unit="another")]).baselines[0].end is None
    assert len(chart(series(values), events=[replace(service, metrics=("snr",))]).baselines) == 1


def test_limits_are_met_the_second_time_in_three():
    values = steady(30)
    values[[20, 22]] = 108.0
    drawn = chart(series(values), [absolute(high=105.0), absolute("snr", high=1.0)])
    breaches = [s for s in drawn.signals if s.rule.startswith(LIMIT)]
    assert [(s.at, s.since, s.level) for s in breaches] == [(week(22), week(20), Level.ACTION)]
    assert breaches[0].size == pytest.approx(3.0)


def test_relative_and_statistical_limits_follow_the_baseline():
    drawn = chart(series(steady(40)))
    relative = Limit("mas", LimitKind.RELATIVE, Level.TOLERANCE, -10.0, 10.0, "the test")
    low, high = ends(relative, drawn, 39)
    assert (low, high) == pytest.approx((90.0, 110.0), rel=0.02)
    assert ends(relative, drawn, 0) == (None, None)
    low, _ = ends(replace(relative, kind=LimitKind.STATISTICAL, low=-3.0, high=None), drawn, 39)
    assert low == pytest.approx(100.0 - 3 * drawn.baselines[0].sigma, rel=0.02)


def test_totals_in_half_points_do_not_cry_at_one_step():
    values = np.full(40, 4.5)
    values[::5] = 5.0
    assert chart(series(values, "fibres", of_measure="objects")).signals == ()
    values[25:] = 3.5
    assert chart(series(values, "fibres", of_measure="objects")).signals != ()


def test_counts_of_spots_from_none():
    values = np.zeros(40)
    assert chart(series(values, "artefact_spots", of_measure="objects")).signals == ()
    values[30:] = 4.0
    assert chart(series(values, "artefact_spots", of_measure="objects")).signals[0].at <= week(32)


def test_irregular_and_missing_weeks_are_no_trouble():
    values = ramp(40, at=15)
    kept = [k for k in range(40) if k % 3 != 1]
    drawn = chart(series(values[kept], weeks=kept))
    assert drawn.signals
    assert all(s.at > week(15) for s in drawn.signals)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_short_series_say_nothing(count):
    drawn = chart(series(steady(count)), [absolute(high=200.0)])
    assert drawn.signals == ()
    assert len(drawn.baselines) == min(count, 1)
