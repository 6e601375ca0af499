"""The queue: work under way, dead letters, what was received, and upload in the browser."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, UploadFile
from fastapi.responses import RedirectResponse, Response

from mammoqa.core import RefusalError
from mammoqa.service.access import ServiceDep, Technologist, Viewer
from mammoqa.service.intake import Origin, take
from mammoqa.service.rendering import page
from mammoqa.store import audit, intake, objects_list, processes

ROUTER = APIRouter()
_CHUNK = 2**20
_Count = Annotated[int | None, Query(ge=0, le=100_000)]


@ROUTER.get("/queue")
def queue(
    request: Request,
    service: ServiceDep,
    who: Viewer,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    note: Annotated[str, Query(max_length=200)] = "",
    new: _Count = None,
    known: _Count = None,
    unread: _Count = None,
) -> Response:
    """Jobs, dead letters and received objects."""
    store = service.store
    found = objects_list.received(store, 51, before)
    return page(
        request,
        "queue.html",
        who,
        **_live(service),
        failed=intake.jobs_in(store, "failed"),
        unreadable=objects_list.unreadable(store, 50),
        received=found[:50],
        more=found[49].id if len(found) > 50 else None,
        note=note,
        taken=None if new is None else (new, known or 0, unread or 0),
    )


@ROUTER.get("/queue/live")
def live(request: Request, service: ServiceDep, who: Viewer) -> Response:
    """The part of the page that is loaded again while it is open."""
    return page(request, "queue_live.html", who, **_live(service))


def _live(service: ServiceDep) -> dict[str, Any]:
    store = service.store
    return {
        "working": intake.jobs_in(store, *intake.OPEN_STATES),
        "done": intake.jobs_in(store, "done", limit=10),
        "results": intake.results_of(store, [job.id for job in intake.jobs_in(store, "done", limit=10)]),
        "processes": processes.all_processes(store),
        "resting": intake.resting(store),
        "now": intake.now(),
        "options": service.options,
    }


@ROUTER.post("/queue/{job_id}/retry")
def retry(service: ServiceDep, who: Technologist, job_id: int) -> Response:
    """Try a failed job again."""
    attempt = intake.try_again(service.store, job_id)
    audit.add(service.store, who.account.label, "retry", f"job {job_id}", attempt=attempt)
    return RedirectResponse("/queue", 303)


@ROUTER.post("/upload")
def upload(
    service: ServiceDep, who: Technologist, files: list[UploadFile], csrf: Annotated[str, Form()] = ""
) -> Response:
    """Files chosen in the browser."""
    taken, known, unread = 0, 0, 0
    for file in files:
        origin = Origin("upload", who.account.name)
        try:
            answer = take(service, iter(lambda f=file: f.file.read(_CHUNK), b""), origin)  # type: ignore[misc]
        except RefusalError as error:
            return RedirectResponse(f"/queue?note={file.filename}: {error.reason}"[:200], 303)
        taken += answer.recorded.new
        known += not answer.recorded.new
        unread += answer.reason is not None
    audit.add(service.store, who.account.label, "upload", "", new=taken, known=known, unreadable=unread)
    return RedirectResponse(f"/queue?new={taken}&known={known}&unread={unread}", 303)
