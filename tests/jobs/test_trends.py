from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from mammoqa.core import (
    ConfigurationError,
    EventKind,
    Level,
    LimitKind,
)
from mammoqa.jobs.trend_reports import as_plain, month_of, trend_report
from mammoqa.jobs.trends import criteria_limits, programme_limits, sound_alarms, unit_events, watch_fleet, watch_unit
from mammoqa.store import open_store
from trend_samples import analysis, steady, step, week


@pytest.fixture
def store(tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'qa.db'}") as opened:
        for station, values in (("A", step(30, at=22, size=20.0)), ("B", steady(30, seed=1))):
            for k, value in enumerate(values):
                opened.save(analysis(station, week(k), float(value), 4.5))
        yield opened


def test_what_is_stored_is_watched(store):
    watched = watch_fleet(store)
    assert [(c.series.unit, c.series.metric, len(c.series.readings)) for c in watched.charts] == [
        ("A", "fibres", 30),
        ("A", "snr", 30),
        ("B", "fibres", 30),
        ("B", "snr", 30),
    ]
    (alarm,) = watched.alarms
    assert (alarm.unit, alarm.metrics, alarm.active) == ("A", ("snr",), True)
    assert watched.charts[1].series.readings[0].analysis_id == 1


def test_the_phantoms_own_criteria_are_limits():
    snr = next(limit for limit in criteria_limits() if (limit.test, limit.metric) == ("acr_dm", "snr"))
    assert (snr.low, snr.high, snr.kind, snr.level) == (40.0, None, LimitKind.ABSOLUTE, Level.ACTION)
    assert snr.source


def test_a_tests_limits_replace_them_and_events_start_baselines(store):
    from mammoqa.store.course import add_event
    from mammoqa.store.programme import Limit, assign, put_limit, put_test

    number = put_test(store, None, name="Weekly", phantom="acr_dm", every_days=7)
    put_limit(store, number, Limit(0, "snr", "relative", -0.1, 0.1, None, 0.15, "the physicist"))
    assign(store, number, [1], week(0).date())
    add_event(store, 1, week(21.5), "detector replaced", "", True, "someone")
    add_event(store, 1, week(3.5), "service", "looked at only", False, "someone")
    found = [limit for limit in programme_limits(store, {1: "A"}) if limit.metric == "snr" and limit.test == "acr_dm"]
    assert [(o.level, o.low, o.high, o.unit) for o in found] == [
        (Level.TOLERANCE, -10.0, 10.0, "A"),
        (Level.ACTION, None, 15.0, "A"),
    ]
    assert [event.kind for event in unit_events(store, 1, "A")] == [EventKind.NOTE, EventKind.PART]
    assert watch_unit(store, 1).alarms == ()


def test_an_alarm_opens_one_alert(store):
    watched = watch_unit(store, 1)
    ((alert, new),) = sound_alarms(store, 1, watched)
    assert new
    assert alert.level == "warning"
    assert alert.title.startswith("SNR up")
    assert alert.detail["metrics"] == ["snr"]
    ((again, fresh),) = sound_alarms(store, 1, watched)
    assert (again.id, fresh) == (alert.id, False)


def test_the_report_of_a_month_leaves_out_what_came_later(store):
    early = trend_report(store, "2025-05")
    assert early.watched.alarms == ()
    assert max(r.at for c in early.watched.charts for r in c.series.readings) < datetime(2025, 6, 1)
    late = as_plain(trend_report(store))
    assert [unit["unit"] for unit in late] == ["A", "B"]
    snr = next(m for m in late[0]["metrics"] if m["metric"] == "snr")
    assert (snr["state"], snr["readings"]) == ("drifting", 30)
    assert snr["baseline"]["mean"] == pytest.approx(100.0, abs=1.0)


def test_a_month_is_a_month():
    first, last = month_of("2024-02")
    assert (first, last.date()) == (datetime(2024, 2, 1), datetime(2024, 2, 29).date())
    assert last - first > timedelta(days=28)
    with pytest.raises(ConfigurationError, match="2026-03"):
        month_of("March")


def test_an_empty_database_says_what_to_do(tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'empty.db'}") as opened, pytest.raises(ConfigurationError, match="no meas"):
        trend_report(opened)


def test_values_that_are_not_numbers_are_passed_over(store):
    odd = analysis("A", week(31), 100.0, 4.5)
    store.save(replace(odd, measurements=(replace(odd.measurements[0], value=float("nan")),)))
    snr = next(c for c in watch_fleet(store).charts if c.series.metric == "snr")
    assert np.isfinite([r.value for r in snr.series.readings]).all()
