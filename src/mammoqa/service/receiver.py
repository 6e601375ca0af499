"""The DICOM receiver: C-ECHO, C-STORE and storage commitment over TCP or TLS.

A sender is told "success" after the object's file was synced and its row committed, never before; "out of resources"
(A700) where that could not be done, so that it sends again.
"""

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mammoqa.core import ConfigurationError, RefusalError, StoreError
from mammoqa.service.commitment import on_action
from mammoqa.service.intake import Origin, take
from mammoqa.service.options import Service
from mammoqa.service.part10 import file_head
from mammoqa.service.tls import server_context
from mammoqa.store import peers

if TYPE_CHECKING:
    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.events import Event
    from pynetdicom.transport import AssociationServer

LOG = logging.getLogger("mammoqa.receiver")

# DICOM PS3.7 annex C and PS3.4 table B.2-1
SUCCESS, OUT_OF_RESOURCES, REFUSED = 0x0000, 0xA700, 0x0124
_ASSOCIATIONS = 20  # at a time (a choice)
_PDU_BYTES = 131072  # the most that DCMTK takes
_TIMEOUT_S = 30.0
_REMEMBER_S = 5.0  # what is known of a sender (a choice)
_TRANSFER_SYNTAXES = (
    "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
    "1.2.840.10008.1.2",  # Implicit VR Little Endian
    "1.2.840.10008.1.2.2",  # Explicit VR Big Endian
    "1.2.840.10008.1.2.4.70",  # JPEG Lossless, first-order prediction
    "1.2.840.10008.1.2.4.57",  # JPEG Lossless
    "1.2.840.10008.1.2.4.50",  # JPEG Baseline
    "1.2.840.10008.1.2.4.51",  # JPEG Extended
    "1.2.840.10008.1.2.4.80",  # JPEG-LS Lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 Lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.5",  # RLE Lossless
)


@dataclass(slots=True)
class Gate:
    """What the receiver remembers of its senders: bytes of the object that is arriving, and times of the last ones."""

    arriving: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    recent: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    known: dict[str, tuple[float, "peers.Peer | None"]] = field(default_factory=dict)

    def peer(self, service: Service, title: str) -> "peers.Peer | None":
        """What is known of a sender, asked for anew every few seconds only: this is needed for every packet."""
        kept = self.known.get(title)
        if kept is None or time.monotonic() - kept[0] > _REMEMBER_S:
            kept = self.known[title] = time.monotonic(), peers.find(service.store, title)
        return kept[1]


def start_receiver(service: Service) -> "AssociationServer":
    """Listen, in threads of their own; `shutdown()` ends it. ConfigurationError where the port is taken."""
    from pynetdicom import evt

    from mammoqa.service.listening import Server

    gate = Gate()
    handlers: list[Any] = [
        (evt.EVT_REQUESTED, lambda event: _on_requested(event, service)),
        (evt.EVT_C_ECHO, lambda _event: SUCCESS),
        (evt.EVT_C_STORE, lambda event: _on_store(event, service, gate)),
        (evt.EVT_N_ACTION, lambda event: on_action(event, service)),
        (evt.EVT_PDU_RECV, lambda event: _on_pdu(event, service, gate)),
        (evt.EVT_CONN_CLOSE, lambda event: gate.arriving.pop(id(event.assoc), None)),
    ]
    options = service.options
    entity = application_entity(options.ae_title)
    try:
        server = entity.make_server(
            (options.dicom_host, options.dicom_port),
            evt_handlers=handlers,
            ssl_context=server_context(options),
            server_class=Server,
        )
    except OSError as error:
        where = f"{options.dicom_host}:{options.dicom_port}"
        raise ConfigurationError(f"the DICOM receiver cannot listen on {where}: {error.strerror}") from error
    entity._servers.append(server)  # as its own start_server does, which lets nobody choose the class
    threading.Thread(target=server.serve_forever, name="receiver", daemon=True).start()
    return server


def application_entity(ae_title: str) -> "ApplicationEntity":
    """The receiver's application entity: every storage class, verification and storage commitment."""
    from pynetdicom import AE, AllStoragePresentationContexts
    from pynetdicom.sop_class import StorageCommitmentPushModel, Verification  # type: ignore[attr-defined]

    entity = AE(ae_title=ae_title)
    entity.maximum_pdu_size = _PDU_BYTES
    entity.maximum_associations = _ASSOCIATIONS
    entity.acse_timeout = entity.dimse_timeout = _TIMEOUT_S
    entity.network_timeout = 2 * _TIMEOUT_S
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax), list(_TRANSFER_SYNTAXES))
    entity.add_supported_context(Verification)
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    entity.require_called_aet = True
    return entity


def _on_requested(event: "Event", service: Service) -> None:
    """Reject a peer that may not send, before anything is negotiated."""
    address = event.assoc.requestor.address or ""
    asked = event.assoc.requestor.primitive
    title = str(asked.calling_ae_title).strip() if asked is not None else ""
    try:
        peer = peers.find(service.store, title)
    except StoreError as error:
        LOG.warning("association of %s from %s put off: %s", title, address, error)
        event.assoc.acse.send_reject(0x02, 0x03, 0x01)  # transient, temporary congestion (PS3.8 9.3.4)
        event.assoc.kill()
        return
    stranger = peer is None and not service.options.known_peers_only
    wanted = stranger or (peer is not None and peer.may_send and peer.host in ("", address))
    if not wanted:
        LOG.warning("association of %s from %s rejected: not a peer that may send", title, address)
        event.assoc.acse.send_reject(0x01, 0x01, 0x03)  # permanent, calling AE title not recognised (PS3.8 9.3.4)
        event.assoc.kill()


def _on_pdu(event: "Event", service: Service, gate: Gate) -> None:
    """Abort the association whose object grows above the limit, before its bytes fill the memory."""
    if type(event.pdu).__name__ != "P_DATA_TF":
        return
    key = id(event.assoc)
    gate.arriving[key] += event.pdu.pdu_length
    try:
        peer = gate.peer(service, _sender(event)[0])
    except StoreError:
        peer = None  # its own limit is unknown now; the object will not be kept anyway
    if gate.arriving[key] > _limit(service, peer) + _PDU_BYTES:
        LOG.warning("association with %s aborted: an object is above the limit", _sender(event)[0])
        event.assoc.abort()


def _on_store(event: "Event", service: Service, gate: Gate) -> int:
    title, address = _sender(event)
    gate.arriving[id(event.assoc)] = 0
    try:
        peer = gate.peer(service, title)
    except StoreError:
        return OUT_OF_RESOURCES
    if not _within_rate(gate, title, peer):
        return OUT_OF_RESOURCES
    request: Any = event.request
    head = file_head(request.AffectedSOPClassUID, request.AffectedSOPInstanceUID, event.context.transfer_syntax)
    body = request.DataSet.getbuffer() if request.DataSet is not None else b""
    try:
        take(service, _chunks(head, body), Origin("dimse", title, address), _limit(service, peer))
    except RefusalError as error:
        LOG.warning("object of %s refused: %s", title, error)
        return REFUSED
    except (OSError, StoreError) as error:
        LOG.error("object of %s not kept, the sender is told so: %s", title, error)
        return OUT_OF_RESOURCES
    return SUCCESS


def _chunks(head: bytes, body: Any) -> Iterator[bytes]:
    yield head
    yield body


def _sender(event: "Event") -> tuple[str, str]:
    return event.assoc.requestor.ae_title.strip(), event.assoc.requestor.address or ""


def _limit(service: Service, peer: "peers.Peer | None") -> int:
    return min(peer.max_bytes, service.options.max_bytes) if peer and peer.max_bytes else service.options.max_bytes


def _within_rate(
    gate: Gate, title: str, peer: "peers.Peer | None", clock: Callable[[], float] = time.monotonic
) -> bool:
    """Whether a sender is below its number of objects a minute; notes this one."""
    if peer is None or not peer.per_minute:
        return True
    recent, at = gate.recent[title], clock()
    while recent and at - recent[0] > 60:
        recent.popleft()
    if len(recent) >= peer.per_minute:
        return False
    recent.append(at)
    return True
