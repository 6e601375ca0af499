"""One analysis: what was found, scores of one's own, review and signature, PDF."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from mammoqa.phantoms import PHANTOMS
from mammoqa.report.content import Options as ReportOptions
from mammoqa.report.content import content
from mammoqa.service import results
from mammoqa.service.access import Physicist, ServiceDep, Viewer
from mammoqa.service.outbox import send
from mammoqa.service.rendering import page
from mammoqa.store import audit, decisions, peers

ROUTER = APIRouter()


@ROUTER.get("/analyses/{analysis_id:int}")
def analysis_page(request: Request, service: ServiceDep, who: Viewer, analysis_id: int) -> Response:
    """One analysis."""
    store = service.store
    found = results.shown(service, analysis_id)
    return page(
        request,
        "analysis.html",
        who,
        line=found.line,
        unit=found.unit,
        analysis=found.analysis,
        told=content(found.analysis, ReportOptions()),
        program={o.name: o for o in found.stored.objects},
        overrides={o.object_name: o for o in decisions.overrides(store, analysis_id)},
        all_overrides=decisions.overrides(store, analysis_id),
        reviews=decisions.reviews(store, analysis_id),
        signatures=store.sign_offs(analysis_id),
        signed_before_change=found.signed_before_change,
        versions=store.versions(analysis_id),
        viewable=results.viewable(service, found.stored),
        phantom=PHANTOMS.get(found.analysis.phantom or ""),
        destinations=[p for p in peers.all_peers(store) if p.port],
        scores=decisions.SCORES,
    )


@ROUTER.post("/analyses/{analysis_id}/overrides")
def override(
    request: Request,
    service: ServiceDep,
    who: Physicist,
    analysis_id: int,
    object_name: Annotated[str, Form(max_length=100)],
    score: Annotated[float, Form()],
    reason: Annotated[str, Form(max_length=2000)],
) -> Response:
    """A score of one's own, with the reason."""
    decisions.add_override(service.store, analysis_id, object_name, score, reason, who.account.label)
    return _back(request, analysis_id, "objects")


@ROUTER.post("/analyses/{analysis_id}/reviews")
def review(
    request: Request,
    service: ServiceDep,
    who: Physicist,
    analysis_id: int,
    decision: Annotated[str, Form(max_length=16)],
    comment: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Say whether the result stands."""
    decisions.add_review(service.store, analysis_id, decision, comment, who.account.label)
    return _back(request, analysis_id, "decisions")


@ROUTER.post("/analyses/{analysis_id}/sign-offs")
def sign_off(
    request: Request,
    service: ServiceDep,
    who: Physicist,
    analysis_id: int,
    comment: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Sign the result, with the overrides that it has now."""
    results.sign(service, analysis_id, who.account.label, comment)
    return _back(request, analysis_id, "decisions")


@ROUTER.post("/analyses/{analysis_id}/send")
def send_to(
    request: Request,
    service: ServiceDep,
    who: Physicist,
    analysis_id: int,
    ae_title: Annotated[str, Form(max_length=16)],
    kind: Annotated[str, Form(pattern="^(sr|map)$")] = "sr",
) -> Response:
    """Send the structured report, or the saliency as a parametric map, to a peer."""
    send(service, analysis_id, ae_title, kind, who.account.label)
    return _back(request, analysis_id, "decisions")


def _back(request: Request, analysis_id: int, part: str) -> Response:
    target = f"/analyses/{analysis_id}#{part}"
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={"HX-Redirect": target, "HX-Refresh": "true"})
    return RedirectResponse(target, 303)


@ROUTER.get("/analyses/{analysis_id}.pdf")
def pdf(service: ServiceDep, who: Viewer, analysis_id: int) -> Response:
    """The report as PDF, with overrides and signatures."""
    made = results.pdf(service, analysis_id)
    audit.add(service.store, who.account.label, "report", f"analysis {analysis_id}", kind="pdf")
    return Response(made, media_type="application/pdf", headers=_named(service, analysis_id, "pdf"))


@ROUTER.get("/analyses/{analysis_id}.html")
def html(service: ServiceDep, who: Viewer, analysis_id: int) -> Response:
    """The report as one HTML file, to be kept."""
    audit.add(service.store, who.account.label, "report", f"analysis {analysis_id}", kind="html")
    return HTMLResponse(results.html(service, analysis_id), headers=_named(service, analysis_id, "html"))


@ROUTER.get("/analyses/{analysis_id}.json")
def as_json(service: ServiceDep, who: Viewer, analysis_id: int) -> Response:
    """The element of `analyse --json`."""
    return JSONResponse(results.element(service, analysis_id))


def _named(service: object, analysis_id: int, suffix: str) -> dict[str, str]:
    shown = "inline" if suffix == "pdf" else "attachment"
    name = re.sub(r"[^A-Za-z0-9.-]", "_", f"mammoqa-{analysis_id}.{suffix}")
    return {"content-disposition": f'{shown}; filename="{name}"'}
