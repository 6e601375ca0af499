"""The DICOM receiver: C-ECHO, C-STORE and storage commitment over TCP or TLS.

A sender is told "success" after the object's file was synced and its row committed, never before; "out of resources"
(A700) where that could not be done, so that it sends again.
"""

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mammoqa.core import ConfigurationError, RefusalError, StoreError
from mammoqa.service.commitment import on_action
from mammoqa.service.intake import Origin, finish
from mammoqa.service.objects import Spool
from mammoqa.service.options import Service
from mammoqa.service.part10 import file_head
from mammoqa.service.tls import server_context
from mammoqa.store import peers

if TYPE_CHECKING:
    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.association import Association
    from pynetdicom.events import Event
    from pynetdicom.transport import AssociationServer

LOG = logging.getLogger("mammoqa.receiver")

# DICOM PS3.7 annex C and PS3.4 table B.2-1
SUCCESS, OUT_OF_RESOURCES, NOT_UNDERSTOOD, REFUSED = 0x0000, 0xA700, 0xC000, 0x0124
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
    """What the receiver remembers of its senders: what is known of them, and times of their last objects."""

    recent: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    known: dict[str, tuple[float, "peers.Peer | None"]] = field(default_factory=dict)

    def peer(self, service: Service, title: str) -> "peers.Peer | None":
        """What is known of a sender, asked for anew every few seconds only: this is needed for every object."""
        kept = self.known.get(title)
        if kept is None or time.monotonic() - kept[0] > _REMEMBER_S:
            kept = self.known[title] = time.monotonic(), peers.find(service.store, title)
        return kept[1]


def start_receiver(service: Service) -> "AssociationServer":
    """Listen, in threads of their own; `shutdown()` ends it. ConfigurationError where the port is taken."""
    from pynetdicom import _config, evt

    from mammoqa.service.listening import Server

    _config.LOG_HANDLER_LEVEL = "none"  # a line for each packet is not even put together
    gate = Gate()
    handlers: list[Any] = [
        (evt.EVT_REQUESTED, lambda event: _on_requested(event, service)),
        (evt.EVT_C_ECHO, lambda _event: SUCCESS),
        (evt.EVT_C_STORE, lambda _event: NOT_UNDERSTOOD),  # one without a data set: others never come here
        (evt.EVT_N_ACTION, lambda event: on_action(event, service)),
    ]
    options = service.options
    entity = application_entity(options.ae_title)
    try:
        server = entity.make_server(
            (options.dicom_host, options.dicom_port),
            evt_handlers=handlers,
            ssl_context=server_context(options),
            server_class=Server,
            begin=lambda assoc, *facts: _begin(service, gate, assoc, file_head(*facts)),
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


class Arriving:
    """An object from the network while it arrives; what goes wrong is told when its sender can be answered."""

    def __init__(self, service: Service, gate: Gate, title: str, address: str) -> None:
        self._service, self._gate, self._origin = service, gate, Origin("dimse", title, address)
        self._error: Exception | None = None
        self._spool: Spool | None = None
        try:
            self._spool = Spool(service.incoming, _limit(service, gate.peer(service, title)))
        except (OSError, StoreError) as error:
            self._error = error

    def write(self, chunk: bytes | memoryview) -> bool:
        """Take bytes; False for an object so far above the limit that it is not read to its end."""
        if self._spool is None:
            return True
        try:
            if self._error is None:
                self._spool.write(chunk)
            else:
                self._spool.size += len(chunk)
        except (OSError, RefusalError) as error:
            self._error = error
        within = self._spool.size <= self._spool.max_bytes + _PDU_BYTES
        if not within:
            LOG.warning("association with %s aborted: an object is above the limit", self._origin.sender)
        return within

    def end(self) -> int:
        """Keep it, and say what its sender is told."""
        title = self._origin.sender
        try:
            if not _within_rate(self._gate, title, self._gate.peer(self._service, title)):
                return OUT_OF_RESOURCES
            if self._error is not None:
                raise self._error
            if self._spool is not None:
                finish(self._service, self._spool, self._origin)
        except RefusalError as error:
            LOG.warning("object of %s refused: %s", title, error)
            return REFUSED
        except (OSError, StoreError) as error:
            LOG.error("object of %s not kept, the sender is told so: %s", title, error)
            return OUT_OF_RESOURCES
        return SUCCESS

    def drop(self) -> None:
        """Leave nothing behind but what was kept."""
        if self._spool is not None:
            self._spool.drop()


def _begin(service: Service, gate: Gate, assoc: "Association", head: bytes) -> Arriving:
    """A place for the object whose file begins with `head`."""
    found = Arriving(service, gate, assoc.requestor.ae_title.strip(), assoc.requestor.address or "")
    found.write(head)
    return found


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
