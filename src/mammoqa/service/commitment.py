"""Storage commitment (DICOM PS3.4 annex J): which objects are safe here, told to whoever asked."""

import logging
import threading
from typing import TYPE_CHECKING, Any

from mammoqa.core import MammoqaError
from mammoqa.service.calling import associated
from mammoqa.service.objects import path_of
from mammoqa.service.options import Service
from mammoqa.store import peers
from mammoqa.store.objects_list import hashes_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pynetdicom.events import Event

LOG = logging.getLogger("mammoqa.receiver")
_INSTANCE = "1.2.840.10008.1.20.1.1"  # the well-known SOP instance of the push model
_NO_SUCH_OBJECT = 0x0112  # PS3.3 C.14
_ALL_SAFE, _SOME_MISSING = 1, 2  # event types (PS3.4 J.3.3)
_PAUSE_S = 0.3  # lets the answer to the request go first


def on_action(event: "Event", service: Service) -> tuple[int, "Dataset | None"]:
    """Answer a request at once, and report what is safe a moment later."""
    from mammoqa.dicom.values import DICOM_ERRORS

    try:
        asked = event.action_information
        references = [
            (str(i.ReferencedSOPClassUID), str(i.ReferencedSOPInstanceUID)) for i in asked.ReferencedSOPSequence
        ]
        transaction = str(asked.TransactionUID)
    except DICOM_ERRORS:
        return 0x0110, None  # processing failure: the request cannot be read
    report = commitment(service, transaction, references)
    timer = threading.Timer(_PAUSE_S, _report, (event, service, report))
    timer.daemon = True
    timer.start()
    return 0x0000, None


def commitment(service: Service, transaction: str, references: list[tuple[str, str]]) -> "Dataset":
    """The event information: every asked object as safe or as failed. Safe means row and file are there."""
    from pydicom.dataset import Dataset

    known = hashes_of(service.store, [uid for _, uid in references])
    report = Dataset()
    report.TransactionUID = transaction
    safe: list[Dataset] = []
    failed: list[Dataset] = []
    for sop_class, uid in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        if uid in known and path_of(service.objects, known[uid]).is_file():
            safe.append(item)
        else:
            item.FailureReason = _NO_SUCH_OBJECT
            failed.append(item)
    if safe:
        report.ReferencedSOPSequence = safe
    if failed:
        report.FailedSOPSequence = failed
    return report


def _report(event: "Event", service: Service, report: "Dataset") -> None:
    """N-EVENT-REPORT on the same association, or on a new one where the peer has hung up and its address is known."""
    from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

    kind = _SOME_MISSING if "FailedSOPSequence" in report else _ALL_SAFE
    if event.assoc.is_established:
        try:
            event.assoc.send_n_event_report(report, kind, StorageCommitmentPushModel, _INSTANCE)
            return
        except (RuntimeError, ValueError) as error:
            LOG.info("storage commitment not reported on its association: %s", error)
    _call_back(event.assoc.requestor.ae_title.strip(), service, report, kind)


def _call_back(title: str, service: Service, report: Any, kind: int) -> None:
    from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
    from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid, role.scu_role, role.scp_role = StorageCommitmentPushModel, False, True
    try:
        peer = peers.find(service.store, title)
        if peer is None or not peer.port:
            LOG.warning("storage commitment for %s not reported: no host and port are known for it", title)
            return
        with associated(service, peer, StorageCommitmentPushModel, [role]) as assoc:
            assoc.send_n_event_report(report, kind, StorageCommitmentPushModel, _INSTANCE)
    except (MammoqaError, RuntimeError, ValueError) as error:
        LOG.warning("storage commitment for %s not reported: %s", title, error)
