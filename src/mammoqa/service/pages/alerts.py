"""Alerts: what speaks, who looks after it, what was found."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from mammoqa.service.access import ServiceDep, Technologist, Viewer
from mammoqa.service.rendering import page
from mammoqa.store import alerts, fleet, people

ROUTER = APIRouter()


@ROUTER.get("/alerts")
def all_alerts(
    request: Request,
    service: ServiceDep,
    who: Viewer,
    state: Annotated[str, Query(max_length=16)] = "open",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """Alerts in one state, newest first."""
    states = () if state not in alerts.STATES else (state,)
    found = alerts.alerts(service.store, *states, limit=51, before=before)
    names = {unit.id: unit for unit in fleet.fleet(service.store, retired=True)}
    more = found[49].id if len(found) > 50 else None
    return page(request, "alerts.html", who, found=found[:50], units=names, state=state, more=more)


@ROUTER.get("/alerts/{alert_id}")
def one_alert(request: Request, service: ServiceDep, who: Viewer, alert_id: int) -> Response:
    """One alert with its history."""
    found, notes = alerts.alert(service.store, alert_id)
    unit = fleet.unit(service.store, found.unit_id) if found.unit_id else None
    names = [a.label for a in people.accounts(service.store) if a.active]
    return page(request, "alert.html", who, alert=found, notes=notes, unit=unit, names=names)


@ROUTER.post("/alerts/{alert_id}")
def act(
    service: ServiceDep,
    who: Technologist,
    alert_id: int,
    kind: Annotated[str, Form(max_length=16)],
    text: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Acknowledge, comment, assign, resolve or reopen."""
    alerts.act(service.store, alert_id, kind, text, who.account.label)
    return RedirectResponse(f"/alerts/{alert_id}", 303)
