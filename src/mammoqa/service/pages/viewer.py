"""What the image viewer asks for: pixels, the places of objects and regions, the saliency map."""

import gzip
import struct
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from mammoqa.core import Analysis, NotStoredError
from mammoqa.core.plain import picture_bytes, to_plain
from mammoqa.phantoms import PHANTOMS
from mammoqa.service import results
from mammoqa.service.access import ServiceDep, Viewer

ROUTER = APIRouter()
_BOX_MM = 16.0  # the patch that the network reads
_FIRST = 2048  # pixels on a side of what is sent at first
_CACHE = {"cache-control": "private, max-age=600"}


@ROUTER.get("/analyses/{analysis_id}/pixels")
def pixels(
    request: Request,
    service: ServiceDep,
    _who: Viewer,
    analysis_id: int,
    index: Annotated[int, Query(ge=0, le=10_000)] = 0,
    full: bool = False,
) -> Response:
    """A header of 48 bytes (little-endian: rows, columns, step, 0; then slope, intercept, window), then levels."""
    found = results.pixels(service, analysis_id, index, 100_000 if full else _FIRST)
    rows, columns = found.levels.shape
    head = struct.pack("<4I4d", rows, columns, found.step, 0, found.slope, found.intercept, *found.window)
    body = head + found.levels.tobytes()
    headers = {"content-type": "application/octet-stream", **_CACHE}
    if "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["content-encoding"] = gzip.compress(body, 1), "gzip"
    return Response(body, headers=headers)


@ROUTER.get("/analyses/{analysis_id}/overlay.json")
def overlay(service: ServiceDep, _who: Viewer, analysis_id: int) -> Response:
    """Boxes of the objects, outlines of the regions and where the saliency map lies, in pixels of the image."""
    found = results.shown(service, analysis_id)
    return JSONResponse(overlay_of(found.analysis))


def overlay_of(analysis: Analysis) -> dict[str, Any]:
    """What is drawn over an image; `corners` go round a box, `map` takes view pixels to image pixels."""
    return {
        "objects": _objects(analysis),
        "regions": [to_plain(region) for region in analysis.regions],
        "map": _map(analysis),
        "pitch_mm": _pitch(analysis),
        "bright": analysis.pose.attenuating_bright if analysis.pose else True,
        "slices": list(analysis.pose.slices) if analysis.pose else [],
    }


def _objects(analysis: Analysis) -> list[dict[str, Any]]:
    phantom, pose = PHANTOMS.get(analysis.phantom or ""), analysis.pose
    if phantom is None or pose is None:
        return []
    places = {insert.name: insert.centre_mm for insert in phantom.inserts}
    half = _BOX_MM / 2
    around = np.array([[-half, -half], [half, -half], [half, half], [-half, half]])
    return [
        {
            "name": o.name,
            "score": o.score,
            "counted": o.counted,
            "corners": pose.to_px(np.array(places[o.name]) + around).round(2).tolist(),
        }
        for o in analysis.objects
        if o.name in places
    ]


def _map(analysis: Analysis) -> list[list[float]] | None:
    """The affine map (2 x 3) from pixels of the view to pixels of the image; None without a saliency map."""
    if analysis.saliency is None or analysis.view_scale is None or analysis.pose is None:
        return None
    rows, columns = analysis.saliency.shape[:2]
    corners = np.array([[0.0, 0.0], [columns, 0.0], [0.0, rows]])
    mm = (corners - np.array([columns / 2, rows / 2])) / analysis.view_scale
    start, right, down = analysis.pose.to_px(mm)
    along, away = (right - start) / columns, (down - start) / rows
    return [[along[0], away[0], start[0]], [along[1], away[1], start[1]]]


def _pitch(analysis: Analysis) -> float | None:
    """How many mm a pixel is in the plane of the phantom; None where that is not known."""
    if analysis.pose is None:
        return None
    scale = float(np.sqrt(abs(np.linalg.det(analysis.pose.matrix[:, :2]))))
    return 1.0 / scale if scale > 0 else None


@ROUTER.get("/analyses/{analysis_id}/saliency.png")
def saliency(service: ServiceDep, _who: Viewer, analysis_id: int) -> Response:
    """The saliency map of the view, 8 bit."""
    return _picture(service, analysis_id, 1)


@ROUTER.get("/analyses/{analysis_id}/view.png")
def view(service: ServiceDep, _who: Viewer, analysis_id: int) -> Response:
    """The phantom upright, 8 bit; or the measured slices side by side."""
    return _picture(service, analysis_id, 0)


def _picture(service: Any, analysis_id: int, which: int) -> Response:
    analysis = service.store.load(analysis_id)
    found = picture_bytes(analysis)[which]
    if found is None:
        raise NotStoredError(f"analysis {analysis_id} has no such picture")
    return Response(found, media_type="image/png", headers=_CACHE)
