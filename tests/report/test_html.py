import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from mammoqa.report import Entry, Options, Signature, html, html_index, trends_of
from report.samples import sample_analysis, sample_month, sample_refusal, sample_stack

VOID = {"meta", "img", "br", "link", "input", "hr"}


class _Balance(HTMLParser):
    """Notes tags that close what was not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def _check(page: str) -> None:
    balance = _Balance()
    balance.feed(page)
    assert (balance.open, balance.wrong) == ([], [])
    addresses = re.findall(r'(?:src|href|xlink:href)="([^"]*)"|url\(([^)]*)\)', page)
    outside = [a or b for a, b in addresses if re.match(r"(https?:)?//", a or b)]
    assert outside == []
    assert "<script" not in page


@pytest.fixture(scope="module")
def page():
    return html(sample_analysis())


def test_page_is_whole_and_asks_no_other_host(page):
    _check(page)
    assert page.count("data:image/jpeg;base64,") == 2
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_page_tells_verdict_totals_scores_and_origin(page):
    analysis = sample_analysis(pictures=False)
    source = analysis.sources[0]
    for wanted in ("Pass", "4.5", "needs ≥ 4", "Probability of passing", "Speck group 3", "−0.5", "28 kV",
                   "Tungsten / Rhodium", source.sha256, source.sop_instance_uid, "mammoqa 0.1.0", "acr156, version 1",
                   "5f5f5f", "measured on simulated data", "Tilt 0.6 degrees", "Medical physicist"):  # fmt: skip
        assert wanted in page


def test_refusal_page_says_why_and_what_to_do():
    page = html(sample_refusal())
    _check(page)
    assert "Not analysed" in page
    assert "not of a phantom" in page
    assert "Choose the image of a test phantom" in page


def test_stack_page_shows_measurements():
    page = html(sample_stack())
    _check(page)
    for wanted in ("Fail", "5.31\u00a0mm", "5.19 to 5.43", "4.3 to 5.7", "1.5 T", "and 10 more"):
        assert wanted in page


def test_reasons_name_measurements_as_people_write_them():
    stack = sample_stack()
    failed = replace(stack.verdict, reason="percent_image_uniformity 85.15 %, at least 87.5 needed")
    assert "Percent image uniformity 85.15 %, at least 87.5 needed." in html(replace(stack, verdict=failed))


def test_text_from_files_cannot_inject_markup():
    analysis = sample_analysis(pictures=False)
    nasty = "<script>alert(1)</script>"
    facts = replace(analysis.acquisition, station=nasty)
    objects = (replace(analysis.objects[0], name=nasty),)
    bad = replace(analysis, acquisition=facts, notes=(nasty,), path=nasty, objects=objects)
    _check(html(bad))
    _check(html_index([Entry(bad, "x.html")], trends_of([bad])))


def test_options_are_shown():
    signed = Signature("A. Physicist", datetime(2026, 3, 3, 10, 0, tzinfo=UTC), "agreed")
    options = Options(model_note="Tested on 600 images.", signatures=(signed,), overview="index.html")
    page = html(sample_analysis(pictures=False), options)
    assert "Signed off by A. Physicist" in page
    assert "3 March 2026, 10:00 UTC" in page
    assert "Medical physicist" not in page
    assert "Tested on 600 images." in page
    assert 'href="index.html"' in page


def test_overview_charts_every_unit_and_links_every_analysis():
    month = sample_month()
    page = html_index([Entry(a, f"reports/{k}.html") for k, a in enumerate(month)], trends_of(month), "March")
    _check(page)
    assert page.count("<svg") == 2
    assert len(re.findall(r'href="reports/\d+\.html"', page)) == len(month)
    assert "14 passed, 8 failed, 1 refused" in page
    assert "2 March 2026 to 31 March 2026" in page
    assert page.index("2026-03-31") < page.index("2026-03-02")


def test_a_referral_is_told_on_the_page():
    analysis = sample_analysis(pictures=False)
    verdict = replace(analysis.verdict, refer=True, refer_reason="the scores pass, just so")
    page = html(replace(analysis, verdict=verdict))
    _check(page)
    assert "To be read by a person: the scores pass, just so." in page
    assert "To be read by a person" not in html(analysis)
