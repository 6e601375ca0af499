"""The corridor from an image to an Analysis, with a drawn phantom and a network whose answer is known."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mammoqa
from mammoqa.core import Analysis, ConfigurationError, Image, ModelError, Outcome, ReasonCode, Refused
from mammoqa.jobs.analyse import Options, analyse, with_step
from mammoqa.phantoms import PHANTOMS

ACR156 = PHANTOMS["acr156"]


@pytest.fixture(scope="module")
def analysed(drawn: Image, toy_model: Path) -> Analysis:
    return analyse(drawn, Options(model=toy_model), decode_s=0.25)


def test_a_phantom_is_found_and_judged(analysed: Analysis) -> None:
    assert analysed.phantom == "acr156"
    assert analysed.verdict.outcome in {Outcome.PASS, Outcome.FAIL}
    assert {name for name, _ in analysed.verdict.totals} == {"fibres", "speck_groups", "masses"}
    assert [o.name for o in analysed.objects] == [insert.name for insert in ACR156.inserts]
    assert analysed.verdict.p_pass is not None


def test_objects_lie_where_the_pose_puts_them(analysed: Analysis) -> None:
    assert analysed.pose is not None
    there = analysed.pose.to_mm(np.array([o.centre_px for o in analysed.objects]))
    assert there == pytest.approx(np.array([insert.centre_mm for insert in ACR156.inserts]), abs=1e-6)


def test_provenance_repeats_the_analysis(analysed: Analysis) -> None:
    told = analysed.provenance
    assert told.software == f"mammoqa {mammoqa.__version__}"
    assert told.phantom_version == ACR156.version
    assert told.model is not None
    assert told.model.name == "toy"
    timings_s = dict(told.timings_s)
    assert list(timings_s) == ["decode", "identify", "locate", "score", "explain"]
    assert timings_s["decode"] == 0.25
    assert told.seconds == pytest.approx(sum(timings_s.values()))
    assert told.analysed_at.tzinfo is not None


def test_the_view_is_upright_and_the_map_lies_on_it(analysed: Analysis) -> None:
    assert analysed.view is not None
    assert analysed.saliency is not None
    assert analysed.view_scale is not None
    assert analysed.view.dtype == np.uint8
    assert analysed.saliency.shape == analysed.view.shape
    rows, columns = analysed.view.shape
    assert rows / analysed.view_scale == pytest.approx(ACR156.outline.length_mm, abs=10)
    # The toy network looks at parts within 5 mm of the middle of each patch: salient on an insert, not between two.
    first = np.array(ACR156.inserts[0].centre_mm) * analysed.view_scale + np.array([columns - 1, rows - 1]) / 2
    between = first + 10 * analysed.view_scale
    reach = 5 * analysed.view_scale
    left, top = np.rint(first - reach).astype(int)
    right, bottom = np.rint(first + reach).astype(int)
    assert analysed.saliency[top:bottom, left:right].max() > 0.3
    assert analysed.saliency[round(between[1]), round(between[0])] == 0


def test_without_explanation_there_is_no_map(drawn: Image, toy_model: Path) -> None:
    answer = analyse(drawn, Options(model=toy_model, explain=None))
    assert answer.saliency is None
    assert answer.view is not None


def test_no_phantom_is_a_refusal_with_a_reason(drawn: Image) -> None:
    blank = replace(drawn, pixels=np.full((900, 700), 500, np.uint16))
    answer = analyse(blank)
    assert answer.verdict.outcome is Outcome.REFUSED
    assert answer.verdict.reason_code is ReasonCode.NOT_A_PHANTOM
    assert answer.verdict.reason
    assert answer.phantom is None
    assert answer.sources == (drawn.source,)


def test_a_phantom_taken_for_granted_is_named_in_the_refusal(drawn: Image) -> None:
    blank = replace(drawn, pixels=np.full((900, 700), 500, np.uint16))
    answer = analyse(blank, Options(phantom="acr156"))
    assert answer.verdict.outcome is Outcome.REFUSED
    assert answer.phantom == "acr156"


def test_a_single_image_is_no_stack(drawn: Image) -> None:
    answer = analyse(drawn, Options(phantom="acr_mri_large"))
    assert answer.verdict.reason_code is ReasonCode.INCOMPLETE_STACK


def test_what_the_reader_refused_stays_refused() -> None:
    answer = analyse(Refused("a.txt", ReasonCode.NOT_DICOM, "give DICOM", series_instance_uid="1.2"))
    assert answer.path == "a.txt"
    assert answer.verdict.reason == "give DICOM"
    assert answer.verdict.reason_code is ReasonCode.NOT_DICOM
    assert answer.sources[0].series_instance_uid == "1.2"


def test_an_unknown_phantom_is_a_mistake_of_the_caller(drawn: Image) -> None:
    with pytest.raises(ConfigurationError, match="acr156"):
        analyse(drawn, Options(phantom="no-such-phantom"))


def test_a_missing_network_is_no_refusal(drawn: Image, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        analyse(drawn, Options(model=tmp_path))


def test_a_later_step_is_added_to_the_time(analysed: Analysis) -> None:
    later = with_step(analysed, "report", 0.5)
    assert dict(later.provenance.timings_s)["report"] == 0.5
    assert math.isclose(later.provenance.seconds, analysed.provenance.seconds + 0.5)
