"""REST: analyses, decisions about them, their reports."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from mammoqa.service import results
from mammoqa.service.access import Physicist, ServiceDep, Viewer
from mammoqa.service.outbox import send
from mammoqa.service.rest.shapes import (
    ANSWERS,
    Before,
    Number,
    OverrideIn,
    Page,
    PageSize,
    ReviewIn,
    SendIn,
    SignOffIn,
    paged,
)
from mammoqa.store import decisions, pages
from mammoqa.store.records import SignOff

ROUTER = APIRouter(tags=["results"], responses=ANSWERS)
_Word = Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$")]


@ROUTER.get("/analyses")
def analyses(
    service: ServiceDep,
    _who: Viewer,
    unit: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    phantom: _Word = "",
    outcome: _Word = "",
    signed: bool | None = None,
    before: Before = None,
    limit: PageSize = 50,
) -> Page:
    """Analyses that no later version replaces, newest first."""
    numbers = pages.latest_page(
        service.store,
        unit_id=unit,
        phantom=phantom,
        outcome=outcome,
        signed=signed,
        before=before,
        limit=limit + 1,
    )
    return paged(pages.lines(service.store, numbers), limit)


@ROUTER.get("/analyses/{analysis_id}")
def analysis(service: ServiceDep, _who: Viewer, analysis_id: Number) -> dict[str, Any]:
    """One analysis as it counts now: the element of `analyse --json`."""
    return results.element(service, analysis_id)


@ROUTER.get("/analyses/{analysis_id}/pdf", response_class=Response)
def pdf(service: ServiceDep, _who: Viewer, analysis_id: Number) -> Response:
    """Its report."""
    return Response(results.pdf(service, analysis_id), media_type="application/pdf")


@ROUTER.get("/analyses/{analysis_id}/overrides")
def overrides(service: ServiceDep, _who: Viewer, analysis_id: Number) -> Page:
    """Scores that people gave, oldest first."""
    service.store.get(analysis_id)
    return Page(items=list(decisions.overrides(service.store, analysis_id)))


@ROUTER.post("/analyses/{analysis_id}/overrides", status_code=201)
def override(service: ServiceDep, who: Physicist, analysis_id: Number, given: OverrideIn) -> decisions.Override:
    """Give a score of one's own."""
    person = who.account.label
    return decisions.add_override(service.store, analysis_id, given.object_name, given.score, given.reason, person)


@ROUTER.get("/analyses/{analysis_id}/reviews")
def reviews(service: ServiceDep, _who: Viewer, analysis_id: Number) -> Page:
    """Reviews, oldest first."""
    service.store.get(analysis_id)
    return Page(items=list(decisions.reviews(service.store, analysis_id)))


@ROUTER.post("/analyses/{analysis_id}/reviews", status_code=201)
def review(service: ServiceDep, who: Physicist, analysis_id: Number, given: ReviewIn) -> decisions.Review:
    """Say whether a result stands."""
    return decisions.add_review(service.store, analysis_id, given.decision, given.comment, who.account.label)


@ROUTER.get("/analyses/{analysis_id}/sign-offs")
def sign_offs(service: ServiceDep, _who: Viewer, analysis_id: Number) -> Page:
    """Signatures, oldest first."""
    return Page(items=list(service.store.sign_offs(analysis_id)))


@ROUTER.post("/analyses/{analysis_id}/sign-offs", status_code=201)
def sign_off(service: ServiceDep, who: Physicist, analysis_id: Number, given: SignOffIn) -> SignOff:
    """Sign a result."""
    return results.sign(service, analysis_id, who.account.label, given.comment)


@ROUTER.post("/analyses/{analysis_id}/send")
def send_to(service: ServiceDep, who: Physicist, analysis_id: Number, given: SendIn) -> dict[str, str]:
    """Send the structured report, or the saliency as a parametric map, to a peer."""
    return {"sop_instance_uid": send(service, analysis_id, given.ae_title, given.kind, who.account.label)}
