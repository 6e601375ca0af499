"""Reports of trends and files of measurements, to be taken away."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from mammoqa.core import ConfigurationError
from mammoqa.report import trend_pages
from mammoqa.service.access import ServiceDep, Viewer
from mammoqa.service.exports import Selection, exported
from mammoqa.service.fleet_reports import fleet_report, unit_report
from mammoqa.store import audit, fleet

ROUTER = APIRouter()
Month = Annotated[str, Query(pattern=r"^\d{4}-\d{2}$")]
Kind = Annotated[str, Query(pattern="^(html|pdf)$")]


@ROUTER.get("/reports/fleet")
def of_fleet(service: ServiceDep, who: Viewer, month: Month, format: Kind = "pdf") -> Response:
    """The report of the fleet and a month, as PDF or as one HTML file."""
    report = fleet_report(service.store, month)
    made = trend_pages.pdf_fleet(report) if format == "pdf" else trend_pages.html_fleet(report)
    audit.add(service.store, who.account.label, "report", "fleet", month=month, kind=format)
    return _taken_away(made, f"mammoqa-fleet-{month}.{format}")


@ROUTER.get("/units/{unit_id}/report")
def of_unit(service: ServiceDep, who: Viewer, unit_id: int, month: Month, format: Kind = "pdf") -> Response:
    """The report of a unit and a month, as PDF or as one HTML file."""
    fleet.unit(service.store, unit_id)
    report, label = unit_report(service.store, unit_id, month)
    made = trend_pages.pdf_trends(report, label) if format == "pdf" else trend_pages.html_trends(report, label)
    audit.add(service.store, who.account.label, "report", f"unit {unit_id}", month=month, kind=format)
    return _taken_away(made, f"mammoqa-unit-{unit_id}-{month}.{format}")


def _taken_away(made: bytes | str, name: str) -> Response:
    headers = {"content-disposition": f'{"inline" if isinstance(made, bytes) else "attachment"}; filename="{name}"'}
    if isinstance(made, bytes):
        return Response(made, media_type="application/pdf", headers=headers)
    return HTMLResponse(made, headers=headers)


@ROUTER.get("/export")
def export(
    service: ServiceDep,
    who: Viewer,
    format: Annotated[str, Query(max_length=16)],
    unit: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    phantom: Annotated[str, Query(max_length=64)] = "",
    since: Annotated[str, Query(max_length=10)] = "",
    until: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Measurements as CSV, Parquet or QuAAC."""
    chosen = Selection(unit, phantom.replace("\0", ""), _day(since), _day(until))
    return exported(service, chosen, format, who.account.label)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no date like 2026-03-01") from error
