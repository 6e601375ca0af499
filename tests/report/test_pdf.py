import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mammoqa.core import ReportError
from mammoqa.report import Options, Signature, pdf, pdf_month
from mammoqa.report.pdf import typeset
from report.samples import SCORES, sample_analysis, sample_month, sample_refusal, sample_stack


def _pages(document: bytes) -> int:
    assert document.startswith(b"%PDF-")
    return len(re.findall(rb"/Type\s*/Page\b", document))


@pytest.mark.parametrize("sample", [sample_analysis, sample_stack, sample_refusal])
def test_one_page_each(sample):
    assert _pages(pdf(sample())) == 1


def test_a_full_sheet_still_fits_one_page():
    analysis = replace(
        sample_analysis(),
        path="/archive/" + "quality_assurance_of_mammography/" * 4 + "IM0001.dcm",
        notes=("tilt 0.6 degrees",) * 6,
    )
    options = Options(
        model_note="Performance figures of the model were measured on simulated data. " * 5,
        thresholds=dict.fromkeys(SCORES, (0.5, 0.4)),
        signatures=(Signature("A. Physicist", datetime(2026, 3, 3, tzinfo=UTC), "agreed"),),
    )
    assert _pages(pdf(analysis, options)) == 1


def test_a_referral_fits_one_page():
    analysis = sample_analysis()
    reason = "the scores pass, with a probability of passing of 0.58 (below 0.70): too close to call"
    document = pdf(replace(analysis, verdict=replace(analysis.verdict, refer=True, refer_reason=reason)))
    assert _pages(document) == 1
    assert document != pdf(analysis)


def test_many_measurements_fit_one_page():
    stack = sample_stack()
    assert _pages(pdf(replace(stack, measurements=stack.measurements * 3))) == 1


def test_text_from_files_is_text_and_not_commands():
    odd = '#panic("x") $ _ * ] { <a> \\ "'
    analysis = sample_analysis(pictures=False)
    facts = replace(analysis.acquisition, station=odd, model=odd)
    assert _pages(pdf(replace(analysis, path=odd, notes=(odd,), acquisition=facts))) == 1


def test_month_of_one_unit():
    month = sample_month()
    assert _pages(pdf_month("MAMMO2", month)) == 1
    assert _pages(pdf_month("no such unit", month)) == 1


def test_a_fault_in_a_sheet_is_told():
    with pytest.raises(ReportError, match="could not be set"):
        typeset("analysis.typ", {"title": "without the rest"}, {})
