"""The data path of the receiver: what arrives goes into its file while it arrives, and nothing waits by sleeping.

pynetdicom negotiates, keeps the state of the protocol (PS3.8 9.2) and serves every message but C-STORE. Its places for
waiting, for taking a packet apart and for collecting a message are taken here: by itself it looks a thousand times a
second whether something came, reads 4 kB at a time, and copies a data set six times before anyone sees it.
"""

import queue
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.service_class import attempt
from pynetdicom.transport import AssociationSocket, RequestHandler

if TYPE_CHECKING:
    from pynetdicom.association import Association

_WAIT_S = 0.25  # between two looks at timers and at whether to end; what happens wakes at once
_MOST_BYTES = 2**20  # of a packet: eight times what is agreed on, so that no announced length fills the memory
_MESSAGE_BYTES = 2**24  # of a message that is no C-STORE; a storage commitment of 1,000 objects has 0.2 MB
_P_DATA = 0x04
_COMMAND, _LAST = 1, 2  # bits of a fragment's header (PS3.8 annex E.2)

# elements of a command set, group 0000, and their values (PS3.7 annex E)
_SOP_CLASS, _COMMAND_FIELD, _MESSAGE_ID, _DATA_SET_TYPE, _SOP_INSTANCE = 0x0002, 0x0100, 0x0110, 0x0800, 0x1000
_C_STORE_RQ, _C_STORE_RSP, _NO_DATA_SET = 0x0001, 0x8001, 0x0101
_FAULT = 0xC211  # cannot understand: an error of this program (PS3.4 table B.2-1)


@runtime_checkable
class Arrival(Protocol):
    """An object that is arriving."""

    def write(self, chunk: memoryview) -> bool:
        """Take the next part of the data set; False where no more of it is wanted."""

    def end(self) -> int:
        """It is whole: keep it; the status for its sender (PS3.4 table B.2-1)."""

    def drop(self) -> None:
        """Give up what was not kept."""


# (association, SOP class UID, SOP instance UID, transfer syntax UID) -> the object that is arriving
Begin = Callable[["Association", str, str, str], Arrival]


class Packet(P_DATA):
    """A P-DATA-TF PDU (PS3.8 9.3.5), its values not copied; the library's PDU and its primitive in one."""

    def __init__(self, raw: bytearray) -> None:
        super().__init__()
        self.values: list[tuple[int, memoryview]] = []  # (presentation context, header byte and fragment)
        view, at = memoryview(raw), 6
        while at < len(raw):
            length, context = struct.unpack_from(">LB", raw, at)
            if length < 2 or at + 4 + length > len(raw):
                raise ValueError("a presentation data value is longer than its packet")
            self.values.append((context, view[at + 5 : at + 4 + length]))
            at += 4 + length

    def to_primitive(self) -> "Packet":
        """Itself: `Messages` takes it as it is."""
        return self


class _Telling(queue.Queue[Any]):
    """A queue that tells of what is put into it."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self._tell()


class Provider(DULServiceProvider):
    """The upper layer of an association: it sleeps until the network or the association has something for it."""

    def __init__(self, assoc: "Association") -> None:
        super().__init__(assoc)
        self._run_loop_delay = 0.0
        self.waker, self._poke = socket.socketpair()
        self.waker.setblocking(False)
        self._poke.setblocking(False)
        self.to_provider_queue = _Telling(self._wake)
        self.to_user_queue = _Telling(lambda: assoc.dimse.msg_queue.put((None, None)))

    def run_reactor(self) -> None:
        """Run until the association ends; what had arrived by half is given up."""
        try:
            super().run_reactor()
        finally:
            cast(Messages, self.assoc.dimse).drop()
            self.waker.close()
            self._poke.close()

    def kill_dul(self) -> None:
        """End the thread."""
        super().kill_dul()
        self._wake()

    def stop_dul(self) -> bool:
        """End the thread where the association is idle, and wait for that; whether it was."""
        if self.state_machine.current_state != "Sta1":
            return False
        self.kill_dul()
        if threading.current_thread() is not self:
            self.join()
        return True

    def _wake(self) -> None:
        if threading.current_thread() is self:
            return  # it looks at its queues before it waits again
        try:
            self._poke.send(b"!")
        except OSError:  # it is awake already (the pair is full), or has ended
            return

    def _decode_pdu(self, bytestream: bytearray) -> tuple[Any, str]:
        if bytestream[0] != _P_DATA:
            decoded: tuple[Any, str] = super()._decode_pdu(bytestream)
            return decoded
        return Packet(bytestream), "Evt10"


@dataclass(slots=True)
class _Store:
    """A C-STORE request that is being received, and its answer; `Status` is the name that the library sets."""

    context_id: int
    message_id: int
    sop_class_uid: bytes
    sop_instance_uid: bytes
    arrival: Arrival
    Status: int = 0

    def answer(self) -> bytes:
        """The command set of the C-STORE-RSP (PS3.7 9.3.1.2), Implicit VR Little Endian."""
        elements = b"".join(
            _element(number, value)
            for number, value in (
                (_SOP_CLASS, self.sop_class_uid),
                (_COMMAND_FIELD, struct.pack("<H", _C_STORE_RSP)),
                (0x0120, struct.pack("<H", self.message_id)),
                (_DATA_SET_TYPE, struct.pack("<H", _NO_DATA_SET)),
                (0x0900, struct.pack("<H", self.Status)),
                (_SOP_INSTANCE, self.sop_instance_uid),
            )
        )
        return _element(0x0000, struct.pack("<I", len(elements))) + elements


class Messages(DIMSEServiceProvider):
    """The messages of an association: C-STORE is taken and answered here, all others by the library.

    A C-STORE is answered in the thread that read it: its sender says nothing more before it has the answer.
    """

    def __init__(self, assoc: "Association", begin: Begin) -> None:
        super().__init__(assoc)
        self._begin = begin
        self._command = bytearray()
        self._store: _Store | None = None
        self._passed = 0  # bytes of the message that the library collects

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take what a packet brought."""
        for context_id, value in cast(Packet, primitive).values:
            if self.message is not None:  # the library waits for the data set of its own message
                self._pass_on(context_id, bytes(value))
            elif bool(value[0] & _COMMAND) == (self._store is not None):
                self.dul.event_queue.put("Evt19")  # a command amid a data set, or a data set without one: abort
                return
            elif self._store is None:
                self._on_command(context_id, value)
            elif not self._store.arrival.write(value[1:]):
                self.assoc.abort(block=False)
                return
            elif value[0] & _LAST:
                self._on_end(self._store)

    def send_msg(self, primitive: Any, context_id: int) -> None:
        """Send a message of the library's, or the answer to a C-STORE."""
        if not isinstance(primitive, _Store):
            super().send_msg(primitive, context_id)
            return
        self.dul.send_pdu(_packed(context_id, bytes((_COMMAND | _LAST,)) + primitive.answer()))

    def get_msg(self, block: bool = False) -> tuple[Any, Any]:
        """The next message; without `block`, (None, None) after a moment in which none came."""
        try:
            found: tuple[Any, Any] = self.msg_queue.get(timeout=self.dimse_timeout if block else _WAIT_S)
        except queue.Empty:
            return None, None
        return found

    def drop(self) -> None:
        """Give up an object that arrived by half."""
        if self._store is not None:
            self._store.arrival.drop()
            self._store = None

    def _pass_on(self, context_id: int, value: bytes) -> None:
        before = self.message
        super().receive_primitive(_packed(context_id, value))
        self._passed = self._passed + len(value) if self.message is before else 0
        if self._passed > _MESSAGE_BYTES:
            self.assoc.abort(block=False)
            self.message = None

    def _on_command(self, context_id: int, value: memoryview) -> None:
        self._command += value[1:]
        if len(self._command) > _MOST_BYTES:
            self.dul.event_queue.put("Evt19")
            return
        if not value[0] & _LAST:
            return
        whole, self._command = bytes(self._command), bytearray()
        command = _elements(whole)
        context = self.assoc._accepted_cx.get(context_id)
        uids = command.get(_SOP_CLASS), command.get(_SOP_INSTANCE)
        message_id = _number(command.get(_MESSAGE_ID))
        stores = _number(command.get(_COMMAND_FIELD)) == _C_STORE_RQ
        has_data = _number(command.get(_DATA_SET_TYPE)) not in (None, _NO_DATA_SET)
        if not (stores and has_data) or context is None or None in (*uids, message_id):
            self._pass_on(context_id, bytes((_COMMAND | _LAST,)) + whole)
            return
        sop_class, uid = (_text(value or b"") for value in uids)
        arrival = self._begin(self.assoc, sop_class, uid, str(context.transfer_syntax[0]))
        self._store = _Store(context_id, message_id or 0, uids[0] or b"", uids[1] or b"", arrival)

    def _on_end(self, store: _Store) -> None:
        with attempt(cast(Any, store), self, store.context_id) as trying:
            trying.error_msg, trying.error_status = "a fault while an object was kept", _FAULT
            store.Status = store.arrival.end()
        self.drop()
        if trying.success:
            self.send_msg(store, store.context_id)


def _packed(context_id: int, value: bytes) -> P_DATA:
    packet = P_DATA()
    packet.presentation_data_value_list = cast(Any, [[context_id, value]])  # the library annotates other than it takes
    return packet


def _elements(command: bytes) -> dict[int, bytes]:
    """The elements of a command set by their number; those before the first that is damaged, or of another group."""
    found, at = {}, 0
    while at + 8 <= len(command):
        group, element, length = struct.unpack_from("<HHI", command, at)
        if group or at + 8 + length > len(command):
            break
        found[element] = command[at + 8 : at + 8 + length]
        at += 8 + length
    return found


def _element(element: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, element, len(value)) + value


def _number(value: bytes | None) -> int | None:
    return int.from_bytes(value, "little") if value is not None and len(value) == 2 else None


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace").strip(" \0")


class Socket(AssociationSocket):
    """The connection of an association: a peer that stops amid a packet is hung up on in the end."""

    def __init__(self, assoc: "Association", client: socket.socket) -> None:
        super().__init__(assoc, client_socket=client)
        client.settimeout(assoc.network_timeout)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def ready(self) -> bool:
        """Whether there is something to read; waits for it a moment, unless the association has something to do."""
        client, waker = self.socket, cast(Provider, self.assoc.dul).waker
        if client is None or not self._is_connected:
            return False
        if isinstance(client, ssl.SSLSocket) and client.pending():
            return True
        try:
            found, _, _ = select.select([client, waker], [], [], _WAIT_S if self.event_queue.empty() else 0)
        except (OSError, ValueError):
            self.event_queue.put("Evt17")  # transport connection closed
            return False
        if waker in found:
            waker.recv(4096)
        return client in found

    def recv(self, nr_bytes: int) -> bytearray:
        """So many bytes, fewer where the peer hangs up; OSError where none come for long, or far too many are meant."""
        client, buffer, at = self.socket, bytearray(min(nr_bytes, _MOST_BYTES)), 0
        if client is None or len(buffer) < nr_bytes:
            raise OSError(f"a packet of {nr_bytes} bytes is announced")
        view = memoryview(buffer)
        while at < nr_bytes and (count := client.recv_into(view[at:])):
            at += count
        view.release()
        del buffer[at:]
        return buffer


class Handler(RequestHandler):
    """Makes the associations of a server from the parts above."""

    def _create_association(self) -> "Association":
        assoc = super()._create_association()
        assoc.dul = Provider(assoc)
        assoc.dimse = Messages(assoc, cast(Any, self.server).begin)
        assoc.acse_timeout, assoc.network_timeout = assoc.acse_timeout, assoc.network_timeout  # of the new layer
        assoc.set_socket(Socket(assoc, self.request))
        return assoc
