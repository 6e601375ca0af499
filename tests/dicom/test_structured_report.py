"""Results as DICOM: a TID 1500 report and a parametric map that hold what the analysis says."""

import shutil
import subprocess

import numpy as np
import pytest

from mammoqa.core import ReportError
from mammoqa.dicom.structured_report import parametric_map, structured_report
from report.samples import sample_analysis, sample_refusal

pytestmark = pytest.mark.filterwarnings("ignore")  # highdicom and pydicom warn of each other's deprecations


@pytest.fixture
def image(make_file):
    return make_file("phantom.dcm", np.zeros((300, 280), np.uint16))


def errors(path):
    """What dicom3tools finds wrong."""
    if shutil.which("dciodvfy") is None:
        return []
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr
    return [line for line in said.splitlines() if line.startswith("Error")]


def test_the_report_holds_totals_and_scores(image, tmp_path):
    analysis = sample_analysis()
    made = structured_report(analysis, [image], ("Ada Physicist",))
    assert made.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.33"
    group = made.ContentSequence[-1].ContentSequence[0].ContentSequence
    numbers = {
        item.ConceptNameCodeSequence[0].CodeMeaning: float(item.MeasuredValueSequence[0].NumericValue)
        for item in group
        if item.ValueType == "NUM"
    }
    assert {name.replace("_", " "): value for name, value in analysis.verdict.totals}.items() <= numbers.items()
    made.save_as(tmp_path / "sr.dcm")
    assert errors(tmp_path / "sr.dcm") == []


def test_the_map_lies_on_the_image(image):
    made = parametric_map(sample_analysis(), image)
    assert (made.Rows, made.Columns) == (300, 280)
    assert 0 <= np.frombuffer(made.FloatPixelData, np.float32).max() <= 1


def test_a_refusal_has_nothing_to_report(image):
    with pytest.raises(ReportError):
        structured_report(sample_refusal(), [image])
    with pytest.raises(ReportError):
        parametric_map(sample_refusal(), image)
