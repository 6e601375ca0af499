"""Every page answers for every kind of result, and what people decide shows there, in the PDF and in the audit log."""

import pytest

from mammoqa.store import alerts, audit, decisions, fleet, programme
from report.samples import sample_analysis, sample_refusal, sample_stack

PAGES = (
    "/", "/analyses", "/analyses?outcome=fail&signed=no", "/alerts", "/alerts?state=all", "/queue", "/queue/live",
    "/protocols", "/users", "/peers", "/audit", "/audit?check=1", "/account", "/units/1", "/units/1?period=all",
    "/analyses/1", "/analyses/2", "/analyses/3", "/analyses/1/overlay.json", "/analyses/1/saliency.png",
    "/analyses/1/view.png", "/analyses/1.json", "/units/1/chart.json?phantom=acr156&metric=fibres", "/units/1/trends",
)  # fmt: skip


@pytest.fixture
def filled(service):
    for made in (sample_analysis(), sample_stack(), sample_refusal()):
        service.store.save(made)
    unit = fleet.fleet(service.store)[0]
    number = programme.put_test(service.store, None, name="Weekly", phantom="acr156", every_days=7)
    from datetime import date

    programme.assign(service.store, number, [unit.id], date(2026, 1, 1))
    programme.put_limit(service.store, number, programme.Limit(0, "fibres", "absolute", 4.5, None, 4.0, None, "ACR"))
    alerts.sound(service.store, unit.id, "k", "warning", "Fibres fell", {"signals": "CUSUM"})
    return service


@pytest.mark.parametrize("path", [*PAGES, "/protocols/1", "/alerts/1"])
def test_every_page_answers(filled, browser, path):
    answer = browser("administrator").get(path)
    assert answer.status_code == 200, answer.text[:300]


@pytest.mark.parametrize(
    "path", ["/units/99", "/analyses/99", "/alerts/99", "/protocols/99", "/analyses/1/pixels", "/x"]
)
def test_what_is_not_there_is_told_so(filled, browser, path):
    answer = browser("viewer").get(path)
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.text


def test_an_override_changes_verdict_page_and_log_and_leaves_the_result(filled, browser):
    client = browser("physicist")
    before = filled.store.load(1)
    name = next(o.name for o in before.objects if o.kind == "fibre" and o.score == 1)
    answer = client.post(
        "/analyses/1/overrides", data={"object_name": name, "score": 0, "reason": "a scratch, no fibre"}
    )
    assert answer.status_code == 303
    shown = client.get("/analyses/1").text
    assert "a scratch, no fibre" in shown
    after = client.get("/analyses/1.json").json()
    assert after["totals"]["fibres"] == 0
    assert after["outcome"] == "fail"
    assert filled.store.load(1).verdict == before.verdict
    assert [e.action for e in audit.entries(filled.store, subject="analysis 1")] == ["override"]


def test_a_signature_after_an_override_says_what_it_covers(filled, browser):
    client = browser("physicist")
    client.post("/analyses/1/sign-offs", data={"comment": "as expected"})
    decisions.add_override(filled.store, 1, "fibre-1", 0.5, "half of it", "A. Physicist")
    assert "does not cover them" in client.get("/analyses/1").text
    client.post("/analyses/1/sign-offs", data={"comment": "with the change"})
    assert "does not cover them" not in client.get("/analyses/1").text
    newest = audit.entries(filled.store, subject="analysis 1")[0]
    assert newest.detail["scores"] == {"fibre-1": 0.5}


def test_a_rejected_result_is_not_signed(filled, browser):
    client = browser("physicist")
    assert client.post("/analyses/1/reviews", data={"decision": "rejected"}).status_code == 422
    client.post("/analyses/1/reviews", data={"decision": "rejected", "comment": "moved"})
    assert client.post("/analyses/1/sign-offs", data={}).status_code == 422


def test_script_in_what_people_write_stays_text(filled, browser):
    client = browser("administrator")
    evil = "<script>alert(1)</script>"
    client.post("/units/1", data={"name": evil, "site": evil, "note": evil})
    client.post("/alerts/1", data={"kind": "comment", "text": evil})
    for path in ("/", "/units/1", "/alerts/1", "/audit"):
        assert evil not in client.get(path).text


def test_the_pdf_carries_the_signature(filled, browser):
    client = browser("physicist")
    client.post("/analyses/1/sign-offs", data={"comment": "fine"})
    answer = client.get("/analyses/1.pdf")
    assert answer.content.startswith(b"%PDF")
    assert answer.headers["content-type"] == "application/pdf"
