"""DICOMweb (PS3.18): STOW-RS, QIDO-RS and WADO-RS for what is stored.

Objects that show no phantom are not given out, unless the site keeps clinical images.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from mammoqa.core import NotStoredError, RefusalError
from mammoqa.service.access import ServiceDep, Technologist, Viewer
from mammoqa.service.intake import Origin, Taken, take
from mammoqa.service.multipart import boundary_of, parts, related
from mammoqa.service.objects import path_of
from mammoqa.service.options import Service
from mammoqa.store import audit, objects_list
from mammoqa.store.objects_list import ReceivedObject

ROUTER = APIRouter(prefix="/dicomweb")
_JSON = "application/dicom+json"
_Uid = Annotated[str, Query(max_length=64, pattern=r"^[0-9.]*$")]
_Limit = Annotated[int, Query(ge=1, le=1000)]
_Offset = Annotated[int, Query(ge=0, le=2**40)]


@ROUTER.post("/studies")
@ROUTER.post("/studies/{study}")
async def stow(request: Request, service: ServiceDep, who: Technologist, study: str = "") -> Response:
    """Store the parts of a multipart/related body; 200 where all were stored, 202 where some were, 409 where none."""
    boundary = boundary_of(request.headers.get("content-type", ""))
    body = await request.body()
    return await run_in_threadpool(_stow, service, who.account.name, body, boundary, study)


def _stow(service: Service, sender: str, body: bytes, boundary: bytes, study: str) -> Response:
    stored: list[Taken] = []
    failed: list[dict[str, Any]] = []
    for part in parts(body, boundary):
        try:
            taken = take(service, iter((bytes(part),)), Origin("stow", sender))
        except RefusalError:
            failed.append(_failure("", "", 0x0110))
            continue
        if taken.reason is not None:
            failed.append(_failure(taken.sop_class_uid, taken.sop_instance_uid, 0xC000))
        elif study and taken.study_instance_uid != study:
            failed.append(_failure(taken.sop_class_uid, taken.sop_instance_uid, 0xA900))
        else:
            stored.append(taken)
    audit.add(service.store, sender, "stow", study, stored=len(stored), failed=len(failed))
    answer: dict[str, Any] = {}
    if stored:
        answer["00081199"] = _sequence([_reference(t.sop_class_uid, t.sop_instance_uid) for t in stored])
    if failed:
        answer["00081198"] = _sequence(failed)
    status = 200 if not failed else 202 if stored else 409
    return JSONResponse(answer, status, media_type=_JSON)


def _reference(sop_class: str, uid: str) -> dict[str, Any]:
    return {"00081150": _value("UI", sop_class), "00081155": _value("UI", uid)}


def _failure(sop_class: str, uid: str, reason: int) -> dict[str, Any]:
    return {**_reference(sop_class, uid), "00081197": _value("US", reason)}


def _value(kind: str, value: Any) -> dict[str, Any]:
    return {"vr": kind, "Value": [value]} if value not in ("", None) else {"vr": kind}


def _sequence(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"vr": "SQ", "Value": list(items)}


@ROUTER.get("/studies")
def studies(
    service: ServiceDep,
    _who: Viewer,
    StudyInstanceUID: _Uid = "",
    limit: _Limit = 200,
    offset: _Offset = 0,
) -> Response:
    """QIDO-RS: the studies that are stored."""
    found = objects_list.groups(service.store, "study", study=StudyInstanceUID, limit=limit, offset=offset)
    return _listed(
        {
            "0020000D": _value("UI", g.study),
            "00080061": _value("CS", g.modality),
            "00201206": _value("IS", g.series),
            "00201208": _value("IS", g.objects),
        }
        for g in found
    )


@ROUTER.get("/studies/{study}/series")
def series(service: ServiceDep, _who: Viewer, study: str, limit: _Limit = 200, offset: _Offset = 0) -> Response:
    """QIDO-RS: the series of a study."""
    found = objects_list.groups(service.store, "series", study=study, limit=limit, offset=offset)
    return _listed(
        {
            "0020000D": _value("UI", g.study),
            "0020000E": _value("UI", g.one_series),
            "00080060": _value("CS", g.modality),
            "00201209": _value("IS", g.objects),
        }
        for g in found
    )


@ROUTER.get("/instances")
def all_instances(
    service: ServiceDep, _who: Viewer, SOPInstanceUID: _Uid = "", limit: _Limit = 200, offset: _Offset = 0
) -> Response:
    """QIDO-RS: every object."""
    return _instances(objects_list.search(service.store, uid=SOPInstanceUID, limit=limit, offset=offset))


@ROUTER.get("/studies/{study}/instances")
@ROUTER.get("/studies/{study}/series/{one_series}/instances")
def instances(
    service: ServiceDep, _who: Viewer, study: str, one_series: str = "", limit: _Limit = 200, offset: _Offset = 0
) -> Response:
    """QIDO-RS: the objects of a study or series."""
    return _instances(objects_list.search(service.store, study=study, series=one_series, limit=limit, offset=offset))


def _instances(found: Sequence[ReceivedObject]) -> Response:
    return _listed(
        {
            "00080016": _value("UI", o.instance.sop_class_uid),
            "00080018": _value("UI", o.instance.sop_instance_uid),
            "00080060": _value("CS", o.instance.modality),
            "0020000D": _value("UI", o.instance.study_instance_uid),
            "0020000E": _value("UI", o.instance.series_instance_uid),
        }
        for o in found
    )


def _listed(items: Any) -> Response:
    found = list(items)
    return JSONResponse(found, 200 if found else 204, media_type=_JSON) if found else Response(status_code=204)


@ROUTER.get("/studies/{study}")
@ROUTER.get("/studies/{study}/series/{one_series}")
@ROUTER.get("/studies/{study}/series/{one_series}/instances/{uid}")
def retrieve(service: ServiceDep, who: Viewer, study: str, one_series: str = "", uid: str = "") -> StreamingResponse:
    """WADO-RS: the files themselves, as multipart/related."""
    found = _shown(service, study, one_series, uid)
    kind, body = related([path_of(service.objects, o.instance.sha256) for o in found])
    audit.add(service.store, who.account.label, "retrieved", uid or one_series or study, objects=len(found))
    return StreamingResponse(body, media_type=kind)


@ROUTER.get("/studies/{study}/metadata")
@ROUTER.get("/studies/{study}/series/{one_series}/metadata")
@ROUTER.get("/studies/{study}/series/{one_series}/instances/{uid}/metadata")
def metadata(service: ServiceDep, _who: Viewer, study: str, one_series: str = "", uid: str = "") -> Response:
    """WADO-RS: the attributes without the pixels, as DICOM JSON."""
    return _listed(_attributes(service, _shown(service, study, one_series, uid)))


def _shown(service: Service, study: str, one_series: str, uid: str) -> Sequence[ReceivedObject]:
    found = objects_list.search(service.store, study=study, series=one_series, uid=uid, limit=5000)
    if not service.options.clinical_images:
        clinical = objects_list.clinical(service.store, sorted({o.instance.series_instance_uid for o in found}))
        found = tuple(o for o in found if o.instance.series_instance_uid not in clinical)
    there = tuple(o for o in found if path_of(service.objects, o.instance.sha256).is_file())
    if not there:
        raise NotStoredError("there is no such object here")
    return there


def _attributes(service: Service, found: Sequence[ReceivedObject]) -> Iterator[dict[str, Any]]:
    from pydicom import dcmread

    from mammoqa.dicom.values import DICOM_ERRORS

    for one in found:
        try:
            dataset = dcmread(path_of(service.objects, one.instance.sha256), stop_before_pixels=True, force=True)
            yield dataset.to_json_dict(bulk_data_threshold=1024, bulk_data_element_handler=lambda _e: "")
        except DICOM_ERRORS:
            continue
