from dataclasses import replace
from datetime import timedelta

import pytest

from mammoqa.core import Forecast, Level
from mammoqa.jobs.validate_trends import by_kind, by_size, score_policy, simulated
from mammoqa.jobs.validate_trends_forecasts import Foreseen, coverage
from mammoqa.jobs.validate_trends_page import Results, page
from mammoqa.simulate.fleet import FaultKind
from mammoqa.stats.bootstrap import Interval
from mammoqa.trends import SHEWHART, WATCH
from trend_samples import week


@pytest.fixture(scope="module")
def fleet():
    return simulated(3, units=4, weeks=104, faults_per_unit=4)


@pytest.fixture(scope="module")
def scored(fleet):
    return score_policy("mammoqa", WATCH, fleet, 3)


def test_faults_are_matched_with_the_alarms_of_their_time(fleet, scored):
    assert len(scored.findings) == len(fleet.plan.faults) == 16
    assert scored.share.estimate == sum(f.found for f in scored.findings) / 16
    assert scored.share.estimate >= 0.75
    for finding in scored.findings:
        if finding.found:
            length = (finding.fault.mended_at - finding.fault.onset) / timedelta(days=1)
            assert 0.0 <= finding.delay_days < length
            assert finding.signalled
    for alarm in scored.false_alarms:
        own = [f for f in fleet.plan.faults if f.unit == alarm.unit]
        assert not any(f.onset <= alarm.raised_at < f.mended_at for f in own)


def test_sound_time_is_what_faults_leave(fleet, scored):
    broken = sum(((f.mended_at - f.onset) for f in fleet.plan.faults), timedelta(0)) / timedelta(days=365.25)
    assert sum(scored.sound_years.values()) == pytest.approx(4 * 104 * 7 / 365.25 - broken)


def test_kinds_and_sizes_add_up(scored):
    assert sum(count for count, _, _ in by_kind(scored).values()) == 16
    assert sum(count for parts in by_size(scored).values() for _, count, _ in parts) == 16


def foreseen(breached_weeks: float | None, latest_weeks: float | None) -> Foreseen:
    latest = None if latest_weeks is None else week(latest_weeks)
    made = Forecast(
        "mas", week(0), 1.0, True, Level.ACTION, week(26), 0.9, week(4), week(8), latest, 0.9, (), (), (), ()
    )
    breached = None if breached_weeks is None else week(breached_weeks)
    return Foreseen("U", FaultKind.TUBE_AGEING, made, breached)


@pytest.mark.parametrize(
    ("breached", "latest", "right"),
    [
        (8.0, 12.0, True),
        (3.0, 12.0, False),  # sooner than foreseen
        (13.0, 12.0, False),
        (None, 12.0, False),  # never, though an end was named
        (None, None, True),
        (30.0, None, True),  # beyond the horizon
        (20.0, None, True),
    ],
)
def test_an_interval_is_right_where_the_breach_falls_in_it(breached, latest, right):
    assert foreseen(breached, latest).covered is right


def test_coverage_counts_forecasts_that_foresaw_a_breach():
    quiet = foreseen(10.0, None)
    quiet = replace(quiet, forecast=replace(quiet.forecast, likely=None))
    found = coverage([foreseen(8.0, 12.0), foreseen(3.0, 12.0), quiet], 1)
    assert found.share.estimate == 0.5
    assert (found.not_foreseen, found.not_foreseen_breached) == (1, 1)
    assert found.width_days == 56.0


def test_the_page_says_what_is_simulated_and_what_was_not_reached(fleet, scored):
    other = score_policy("Shewhart", SHEWHART, fleet, 3)
    interval = Interval(1000.0, 900.0, 1100.0)
    some = coverage([foreseen(8.0, 12.0), foreseen(3.0, 12.0)], 1)
    both = (scored, other)
    results = Results(
        3, 1, 4, 104, both, both, both[:1], (("mammoqa", interval),), ((2.0, interval),), some, some, 60.0
    )
    text = page(results, "mammoqa validate trends", "2026-11-21")
    assert "is **simulated**: 4 units" in text
    assert "not reached: 50.0 %" in text
    assert "| Shewhart | " in text
