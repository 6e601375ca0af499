import json
import re
from datetime import timedelta

import numpy as np
import pytest

from mammoqa.core import EventKind, Forecast, Level, Limit, LimitKind, ServiceEvent
from mammoqa.report.trend_charts import Panel, standings_chart, trend_panels
from mammoqa.report.trend_content import TrendReport, fleet_content, unit_content
from mammoqa.report.trend_pages import html_fleet, html_trends, pdf_fleet, pdf_trends
from mammoqa.report.trend_words import alarm_title, days, forecast_words
from mammoqa.trends import compare, watch
from trend_samples import absolute, ramp, series, steady, step, week

EVENT = ServiceEvent("U1", week(9.5), EventKind.SERVICE, "<b>preventive</b> maintenance")
LIMITS = [absolute(high=125.0), Limit("snr", LimitKind.RELATIVE, Level.TOLERANCE, -10.0, 10.0, "the test")]


def foreseen() -> Forecast:
    at = tuple(week(40 + k) for k in range(8))
    rising = tuple(float(v) for v in np.linspace(117.0, 130.0, 8))
    return Forecast("mas", week(39), 125.0, True, Level.ACTION, week(65), 0.9, week(42), week(45), week(50), 0.9, at,
                    tuple(v - 2 for v in rising), rising, tuple(v + 2 for v in rising))  # fmt: skip


@pytest.fixture(scope="module")
def report() -> TrendReport:
    found = [series(ramp(at=20)), series(steady(seed=2), "snr", of_measure="")]
    found += [series(steady(seed=k), unit=f"U{k}") for k in range(3, 7)]
    found.append(series(step(size=40.0), unit="odd"))
    watched = watch(found, LIMITS, [EVENT])
    return TrendReport(
        watched, week(36), week(39.5), (EVENT,), {("U1", "flat", "mas"): (foreseen(),)}, compare(found), "mammoqa 0"
    )


def test_a_units_page_says_what_changed_and_what_is_foreseen(report):
    content = unit_content(report, "U1")
    assert content["verdict"] == "Drifting"
    (alarm,) = content["alarms"]
    assert re.match(r"Tube load up 1\d\u00a0%, since about", alarm["title"])
    mas, snr = content["rows"]
    assert (mas["state"], snr["state"]) == ("refused", "pass")
    assert mas["limit"] == "≤ 125"
    assert snr["limit"].endswith("(tolerance)")
    assert mas["forecast"].startswith("17 Nov 2025 (27 Oct to 22 Dec 2025")
    assert "preventive" in content["events"][0]


def test_pages_hold_charts_and_escape_what_people_wrote(report):
    page = html_trends(report, "U1")
    assert page.count("<svg") == 1
    assert "&lt;b&gt;preventive" in page
    assert "<b>preventive" not in page
    assert "currentColor" in page


def test_the_fleets_page_puts_the_worst_first(report):
    content = fleet_content(report)
    assert [row["state"] for row in content["rows"]] == ["fail", "refused", "pass", "pass", "pass", "pass"]
    assert content["rows"][0]["unit"] == "odd"
    assert content["summary"] == "6 units: 1 beyond a limit, 1 drifting, 4 steady"
    assert any(line.startswith("odd") for line in content["outliers"])
    assert "<svg" in html_fleet(report)


def test_the_same_on_paper(report):
    for sheet in (pdf_trends(report, "U1"), pdf_fleet(report)):
        assert sheet.startswith(b"%PDF")
    assert b"/Count 2" in pdf_trends(report, "U1")  # words and tables, then charts


def test_charts_leave_out_limits_that_are_far_away():
    far = watch([series(ramp(at=20))], [absolute(high=125.0), absolute(low=-500.0)]).charts[0]
    drawn = json.dumps(trend_panels([Panel(far)], week(0), week(40)).to_dict(validate=False))
    assert '"value": 125.0' in drawn
    assert '"value": -500.0' not in drawn
    assert trend_panels([Panel(far)], week(100), week(120)) is None
    assert standings_chart(()) is None


def test_words_of_dates():
    assert days(week(0), week(0)) == "6 Jan 2025"
    assert days(week(0), week(1)) == "6 Jan to 13 Jan 2025"
    assert days(week(0) - timedelta(days=30), week(0)) == "7 Dec 2024 to 6 Jan 2025"
    assert forecast_words(None) == ""


def test_an_alarm_of_many_metrics_names_four():
    watched = watch([series(step(seed=k), f"metric_{k}") for k in range(6)])
    (alarm,) = watched.alarms
    title = alarm_title(alarm, watched.charts)
    assert "and 2 more" in title
    assert title.count("up") == 4
