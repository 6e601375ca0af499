import xml.etree.ElementTree as ElementTree
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoqa.core import Measurement, Outcome
from mammoqa.report.charts import (
    _against_limits,
    measurements_chart,
    objects_chart,
    png,
    svg,
    trend_chart,
    trend_svg,
)
from mammoqa.report.trends import Trend, TrendPoint, trends_of
from report.samples import SCORES, sample_analysis, sample_month, sample_refusal, sample_stack


@pytest.fixture(scope="module")
def analysis():
    return sample_analysis(pictures=False)


def _values(chart) -> list[dict]:
    data = chart.to_dict(validate=False)
    found = data.get("data", {}).get("values") or data["layer"][0]["data"]["values"]
    return list(found)


def test_objects_chart_holds_every_probability_and_threshold(analysis):
    chart = objects_chart(analysis, dict.fromkeys(SCORES, (0.4, 0.6)))
    drawn = svg(chart)
    ElementTree.fromstring(drawn)
    assert "Speck group 5" in drawn
    assert "currentColor" in drawn
    assert "Abnormal, if present" in drawn
    assert '"present_at": 0.4' in chart.to_json(validate=False)


def test_refusal_has_no_charts():
    refusal = sample_refusal()
    assert objects_chart(refusal) is None
    assert measurements_chart(refusal) is None
    assert trend_chart(()) is None
    assert trend_svg(()) is None


def test_measurements_chart_names_measurements_with_limits_only():
    drawn = svg(measurements_chart(sample_stack()))
    assert "Slice thickness" in drawn
    assert "4.3 to 5.7" in drawn
    assert "Signal to noise" not in drawn


finite = st.floats(-1e4, 1e4, allow_nan=False)


@given(value=finite, limit=finite, width=st.floats(0.01, 1e3), kind=st.sampled_from(["both", "low", "high"]))
def test_a_value_lies_on_the_side_of_its_limit_where_it_belongs(value, limit, width, kind):
    low = limit if kind != "high" else None
    high = limit + width if kind == "both" else (limit if kind == "high" else None)
    row = _against_limits(Measurement("m", value, "mm", limit_low=low, limit_high=high))
    assert 0 <= row["at"] <= 1
    if low is not None:
        assert (row["at"] >= row["from"] - 1e-9) == (value >= low) or abs(value - low) < 1e-6 * max(1, abs(low))
    if high is not None:
        assert (row["at"] <= row["to"] + 1e-9) == (value <= high) or abs(value - high) < 1e-6 * max(1, abs(high))


def test_trends_are_found_per_unit_with_the_phantoms_limits():
    trends = trends_of(sample_month())
    assert {(t.unit, t.metric) for t in trends} == {
        (unit, metric)
        for unit in ("MAMMO1", "MAMMO2")
        for metric in ("fibres", "speck_groups", "masses", "p_pass")
    }  # fmt: skip
    fibres = next(t for t in trends if t.metric == "fibres")
    assert (fibres.limit_low, fibres.limit_high, len(fibres.points)) == (4.0, None, 22)
    assert [p.at for p in fibres.points] == sorted(p.at for p in fibres.points)


def test_trends_of_measurements_keep_interval_and_limits():
    (thickness,) = (t for t in trends_of([sample_stack()]) if t.metric == "slice_thickness")
    assert (thickness.limit_low, thickness.limit_high, thickness.unit_of_measure) == (4.3, 5.7, "mm")
    assert thickness.points[0].low == pytest.approx(5.31 - 0.12)


def test_trend_chart_marks_points_beyond_a_limit():
    start = datetime(2026, 3, 2)
    points = tuple(TrendPoint(start + timedelta(days=k), v, Outcome.PASS) for k, v in enumerate((4.5, 4.0, 3.5)))
    chart = trend_chart([Trend("U", "fibres", "Fibres", "objects", points, 4.0, None)])
    text = chart.to_json(validate=False)
    assert text.count('"state": "outside"') == 1
    assert "limit ≥ 4" in svg(chart)


def test_one_point_is_enough_for_a_trend():
    only = (TrendPoint(datetime(2026, 3, 2), 0.4, Outcome.FAIL),)
    ElementTree.fromstring(trend_svg([Trend("U", "p_pass", "Probability of passing", "1", only)]))


def test_png_is_a_png(analysis):
    assert png(objects_chart(analysis), scale=1).startswith(b"\x89PNG")
