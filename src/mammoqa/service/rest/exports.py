"""REST: measurements as files, reports of trends."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from mammoqa.jobs.trend_reports import as_plain
from mammoqa.report import trend_pages
from mammoqa.service.access import ServiceDep, Viewer
from mammoqa.service.exports import Selection, exported
from mammoqa.service.fleet_reports import fleet_report, unit_report
from mammoqa.service.rest.shapes import ANSWERS, Number, Page
from mammoqa.store import fleet

ROUTER = APIRouter(tags=["exports"], responses=ANSWERS)
Month = Annotated[str, Query(pattern=r"^\d{4}-\d{2}$", description="such as 2026-03")]


@ROUTER.get("/measurements", response_class=Response)
def measurements(
    service: ServiceDep,
    who: Viewer,
    format: Annotated[str, Query(pattern="^(csv|parquet|quaac)$")] = "csv",
    unit: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    phantom: Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$")] = "",
    since: date | None = None,
    until: date | None = None,
) -> Response:
    """Every number of the newest version of each result, a line each, as CSV, Parquet or QuAAC; streamed."""
    return exported(service, Selection(unit, phantom, since, until), format, who.account.label)


@ROUTER.get("/trends")
def trends(service: ServiceDep, _who: Viewer, month: Month) -> Page:
    """What the report of the fleet says of a month: an element per unit, as `mammoqa trends --json` writes it."""
    return Page(items=as_plain(fleet_report(service.store, month)))


@ROUTER.get("/trends/pdf", response_class=Response)
def fleet_pdf(service: ServiceDep, _who: Viewer, month: Month) -> Response:
    """The report of the fleet and a month."""
    return Response(trend_pages.pdf_fleet(fleet_report(service.store, month)), media_type="application/pdf")


@ROUTER.get("/units/{unit_id}/trends/pdf", response_class=Response)
def unit_pdf(service: ServiceDep, _who: Viewer, unit_id: Number, month: Month) -> Response:
    """The report of a unit and a month."""
    fleet.unit(service.store, unit_id)
    report, label = unit_report(service.store, unit_id, month)
    return Response(trend_pages.pdf_trends(report, label), media_type="application/pdf")
