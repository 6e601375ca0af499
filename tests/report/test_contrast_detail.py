"""Charts and JSON of a contrast-detail analysis."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mammoqa.core import Analysis
from mammoqa.jobs.cdmam34 import measured
from mammoqa.phantoms import PHANTOMS
from mammoqa.report import as_json, from_saved, html, saved
from mammoqa.report.charts import svg
from mammoqa.report.contrast_detail import curve_chart, matrix_caption, matrix_chart
from mammoqa.score.cdmam34 import decisions
from report.samples import sample_analysis


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    phantom = PHANTOMS["cdmam34"]
    rng = np.random.default_rng(0)
    seen = np.array([1 / (1 + np.exp(-3 * np.log(c.thickness_um * c.diameter_mm / 0.03))) for c in phantom.cells])
    hits = np.stack([decisions(rng.random(205) < 0.25 + 0.75 * seen, phantom) for _ in range(8)])
    found = measured(hits, hits, phantom)
    return replace(
        sample_analysis(),
        phantom="cdmam34",
        objects=(),
        measurements=found.measurements,
        verdict=found.verdict,
        contrast_detail=found.contrast_detail,
        view=None,
        saliency=None,
    )


def test_the_charts_show_curve_limits_and_matrix(analysis):
    curve, matrix = svg(curve_chart(analysis)), svg(matrix_chart(analysis))
    assert "Diameter, mm" in curve
    assert "Gold, µm" in curve
    assert "NaN" not in curve
    assert matrix.count('role="graphics-symbol"') >= 205
    assert "8 images" in matrix_caption(analysis.contrast_detail)


def test_without_contrast_detail_there_is_nothing_to_draw():
    other = sample_analysis()
    assert curve_chart(other) is None
    assert matrix_chart(other) is None
    assert as_json(other)["contrast_detail"] is None


def test_json_holds_the_curve_and_the_shares(analysis):
    told = json.loads(json.dumps(as_json(analysis), allow_nan=False))["contrast_detail"]
    assert told["images"] == 8
    assert told["corner_found"][0][0] is None
    assert 0 <= told["corner_found"][5][5] <= 1
    point = next(p for p in told["curve"] if p["diameter_mm"] == 0.25)
    assert point["acceptable_um"] == 0.352
    assert point["low_um"] < point["value_um"] < point["high_um"]


def test_saved_and_read_back(analysis):
    back = from_saved(json.loads(json.dumps(saved(analysis))))
    assert np.array_equal(back.contrast_detail.corner, analysis.contrast_detail.corner)
    assert back.contrast_detail.curve == analysis.contrast_detail.curve


def test_the_page_has_both(analysis):
    page = html(analysis)
    assert "Discs found" in page
    assert "EUREF acceptable" in page
    assert "of meeting every limit" in page
