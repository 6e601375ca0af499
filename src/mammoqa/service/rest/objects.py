"""REST: received objects, jobs and upload."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Body, Query

from mammoqa.service.access import ServiceDep, Technologist, Viewer
from mammoqa.service.intake import Origin, take
from mammoqa.service.rest.shapes import ANSWERS, Before, Number, Page, PageSize, paged
from mammoqa.store import audit, intake, objects_list, processes

ROUTER = APIRouter(tags=["objects"], responses=ANSWERS)


@ROUTER.get("/objects")
def objects(service: ServiceDep, _who: Viewer, before: Before = None, limit: PageSize = 50) -> Page:
    """Everything received, newest first."""
    return paged(objects_list.received(service.store, limit + 1, before), limit)


@ROUTER.get("/objects/unreadable")
def unreadable(service: ServiceDep, _who: Viewer, before: Before = None, limit: PageSize = 50) -> Page:
    """What was kept and cannot be analysed, with the reason."""
    return paged(objects_list.unreadable(service.store, limit + 1, before), limit)


@ROUTER.post("/objects", status_code=201)
def upload(
    service: ServiceDep,
    who: Technologist,
    content: Annotated[bytes, Body(media_type="application/dicom", min_length=1)],
) -> dict[str, str | int | bool | None]:
    """Hand in one DICOM file; it is on the disk when this answers."""

    def chunks() -> Iterator[bytes]:
        yield content

    found = take(service, chunks(), Origin("upload", who.account.name))
    audit.add(service.store, who.account.label, "upload", found.sop_instance_uid, new=found.recorded.new)
    return {
        "id": found.recorded.id,
        "new": found.recorded.new,
        "sop_instance_uid": found.sop_instance_uid,
        "reason": found.reason,
    }


@ROUTER.get("/jobs")
def jobs(
    service: ServiceDep,
    _who: Viewer,
    state: Annotated[str, Query(pattern="^(waiting|running|done|failed|)$")] = "",
    limit: PageSize = 50,
) -> Page:
    """Jobs, newest first."""
    return Page(items=list(intake.jobs_in(service.store, *([state] if state else []), limit=limit)))


@ROUTER.post("/jobs/{job_id}/retry")
def retry(service: ServiceDep, who: Technologist, job_id: Number) -> dict[str, int]:
    """Try a failed job again."""
    attempt = intake.try_again(service.store, job_id)
    audit.add(service.store, who.account.label, "retry", f"job {job_id}", attempt=attempt)
    return {"attempt": attempt}


@ROUTER.get("/processes")
def running(service: ServiceDep, _who: Viewer) -> Page:
    """The parts of the service, and when each was last heard of."""
    return Page(items=list(processes.all_processes(service.store)))
