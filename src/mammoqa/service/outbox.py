"""Results as DICOM, sent to a peer: a structured report (TID 1500), or the saliency as a parametric map."""

from typing import TYPE_CHECKING

from mammoqa.core import ConfigurationError, NotStoredError
from mammoqa.service import results
from mammoqa.service.calling import associated
from mammoqa.service.objects import path_of
from mammoqa.service.options import Service
from mammoqa.store import audit, peers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def send(service: Service, analysis_id: int, ae_title: str, kind: str, person: str) -> str:
    """Send a result; the SOP instance UID of what was sent.

    NotStoredError for an unknown peer, ConfigurationError where it does not take the object.
    """
    peer = peers.find(service.store, ae_title)
    if peer is None or not peer.port:
        raise NotStoredError(f"there is no peer {ae_title} that results are sent to")
    made = as_dicom(service, analysis_id, kind)
    status = _store(service, peer, made)
    uid = str(made.SOPInstanceUID)
    audit.add(service.store, person, "sent", f"analysis {analysis_id}", to=ae_title, kind=kind, uid=uid, status=status)
    if status != 0:
        raise ConfigurationError(f"{ae_title} did not take the object (status {status:#06x})")
    return uid


def as_dicom(service: Service, analysis_id: int, kind: str) -> "Dataset":
    """The object to send: "sr" or "map". NotStoredError where the image it refers to is not kept."""
    from mammoqa.dicom.structured_report import parametric_map, structured_report

    found = results.shown(service, analysis_id)
    paths = [path_of(service.objects, s.sha256) for s in found.stored.sources]
    if not paths or not all(path.is_file() for path in paths):
        raise NotStoredError(f"the image of analysis {analysis_id} is not kept here")
    if kind == "map":
        return parametric_map(found.analysis, paths[0])
    return structured_report(found.analysis, paths, tuple(s.person for s in service.store.sign_offs(analysis_id)))


def _store(service: Service, peer: peers.Peer, made: "Dataset") -> int:
    with associated(service, peer, made.SOPClassUID) as assoc:
        status = assoc.send_c_store(made)
        return int(status.Status) if "Status" in status else -1
