"""Forecasts, baselines and reports of a unit in the pages and for programs."""

import pytest

from mammoqa.service.unit_trends import trends_of
from mammoqa.store import audit, course
from mammoqa.trends import NoForecast
from trend_samples import analysis, ramp, steady, week


def fill(store, station, values):
    for k, value in enumerate(values):
        store.save(analysis(station, week(k), float(value)))


@pytest.fixture
def drifting(service):
    """Unit 1 falls towards the SNR of 40 that its phantom asks for, unit 2 stays where it is."""
    fill(service.store, "A", 60.0 + (ramp(30, at=12, per_week=-1.2, seed=3) - 100.0) * 0.6)
    fill(service.store, "B", steady(30, mean=60.0, sigma=0.6, seed=4))
    return service


def test_a_breach_is_foreseen_in_words_in_the_chart_and_for_programs(drifting, browser):
    client = browser("viewer")
    shown = client.get("/units/1/trends").text
    assert "Limit 40 probably breached on" in shown
    assert "90 % interval" in shown
    chart = client.get("/units/1/chart.json?phantom=acr_dm&metric=snr&period=all").json()
    assert chart["usermeta"]["prospect"].startswith("Limit 40 ")
    styles = [layer["mark"]["style"] for layer in chart["layer"]]
    assert {"band", "foreseen", "breach", "limit", "baseline", "signal"} <= set(styles)
    snr = next(p for p in client.get("/api/v1/units/1/prospects").json()["items"] if p["metric"] == "snr")
    assert snr["earliest"] < snr["likely"]
    assert (snr["limit"], snr["level"], snr["reason"]) == (40.0, "action", None)
    breach = next(layer for layer in chart["layer"] if layer["mark"]["style"] == "breach")
    assert breach["data"]["values"][0]["at"] == snr["earliest"]


def test_where_none_is_foreseen_the_reason_stands_there(drifting, browser):
    shown = browser("viewer").get("/units/2/trends").text
    assert shown.count("No date: nothing changes") == 2
    assert trends_of(drifting.store, 2).prospects["acr_dm", "snr"] is NoForecast.STEADY


def test_trends_are_kept_until_something_changes(drifting):
    store = drifting.store
    first = trends_of(store, 1)
    assert trends_of(store, 1) is first
    course.add_event(store, 1, week(20.5), "tube replaced", "", True, "someone")
    second = trends_of(store, 1)
    assert second is not first
    assert len(second.charts["acr_dm", "snr"].baselines) == 2
    store.save(analysis("A", week(31), 50.0))
    assert len(trends_of(store, 1).charts["acr_dm", "snr"].series.readings) == 31


def test_a_baseline_is_set_with_its_reason_and_counts(drifting, browser):
    client, store = browser("physicist"), drifting.store
    given = {"phantom": "acr_dm", "metric": "snr", "last": 4}
    assert client.post("/units/1/baselines", data=given).status_code == 422
    assert course.baselines(store, 1) == ()
    assert client.post("/units/1/baselines", data=given | {"note": "new grid accepted"}).status_code == 303
    (made,) = course.baselines(store, 1)
    values = [60.0 + (v - 100.0) * 0.6 for v in ramp(30, at=12, per_week=-1.2, seed=3)[-4:]]
    assert made.value == pytest.approx(sum(values) / 4)
    assert (made.count, made.starts_at) == (4, week(26))
    in_use = trends_of(store, 1).charts["acr_dm", "snr"].baselines[-1]
    assert (in_use.mean, in_use.start, in_use.readings) == (made.value, week(26), 4)
    assert in_use.why == "baseline: set by physicist: new grid accepted"
    shown = client.get("/units/1").text + client.get("/units/1/trends").text
    assert "new grid accepted" in shown
    entry = audit.entries(store, subject="unit 1")[0]
    assert (entry.action, entry.actor, entry.detail["reason"]) == ("baseline", "physicist", "new grid accepted")


def test_a_baseline_after_a_service_takes_the_first_readings_after_it(drifting, browser):
    client, store = browser("physicist"), drifting.store
    course.add_event(store, 2, week(9.5), "detector calibrated", "", False, "someone")
    given = {"phantom": "acr_dm", "metric": "snr", "last": 3, "since": week(9.5).isoformat(), "note": "as calibrated"}
    assert client.post("/api/v1/units/2/baselines", json=given).status_code == 201
    (made,) = course.baselines(store, 2)
    assert made.starts_at == week(9.5)
    assert made.value == pytest.approx(float(steady(30, mean=60.0, sigma=0.6, seed=4)[10:13].mean()))
    late = given | {"since": week(60).isoformat()}
    answer = client.post("/api/v1/units/2/baselines", json=late)
    assert (answer.status_code, answer.json()["detail"]) == (422, "there are no readings of this metric in that time")


def test_an_alarm_is_over_when_its_level_is_taken_as_new(drifting):
    store = drifting.store
    assert [a.active for a in trends_of(store, 1).watched.alarms] == [True]
    at = week(29.5)
    course.set_baseline(store, 1, "acr_dm", "snr", 50.0, count=4, starts_at=at, person="Ada", note="accepted")
    store.save(analysis("A", week(30), 50.0))
    assert not any(a.active for a in trends_of(store, 1).watched.alarms)


@pytest.mark.parametrize("path", ["/reports/fleet", "/units/1/report"])
@pytest.mark.parametrize(("kind", "begin"), [("pdf", b"%PDF"), ("html", b"<!doctype html>")])
def test_reports_of_a_month_are_offered_and_logged(drifting, browser, path, kind, begin):
    client = browser("viewer")
    page = client.get("/" if "fleet" in path else "/units/1").text
    assert f'action="{path}"' in page
    assert '<option value="2025-07">July 2025</option>' in page
    answer = client.get(path, params={"month": "2025-07", "format": kind})
    assert answer.status_code == 200
    assert answer.content.startswith(begin)
    if kind == "html":
        assert "Fleet trends" in answer.text if "fleet" in path else "A" in answer.text
    entry = audit.entries(drifting.store)[0]
    assert (entry.action, entry.detail["month"], entry.detail["kind"]) == ("report", "2025-07", kind)


@pytest.mark.parametrize("month", ["2025-13", "2031-01", "0001-01", "9999-12", "x"])
def test_months_without_readings_are_refused(drifting, browser, month):
    assert browser("viewer").get("/reports/fleet", params={"month": month}).status_code == 422
    assert browser("viewer").get("/api/v1/trends", params={"month": month}).status_code == 422


def test_programs_get_what_the_command_line_writes(drifting, browser):
    client = browser("viewer")
    items = client.get("/api/v1/trends?month=2025-07").json()["items"]
    assert [unit["unit"] for unit in items] == ["A", "B"]
    assert client.get("/api/v1/units/1/trends/pdf?month=2025-07").content.startswith(b"%PDF")
    assert client.get("/api/v1/trends/pdf?month=2025-07").content.startswith(b"%PDF")
    assert client.get("/api/v1/units/9/trends/pdf?month=2025-07").status_code == 404
