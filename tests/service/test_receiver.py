"""The DICOM receiver, spoken to by pynetdicom: answers are truthful, limits hold, commitment tells what is safe."""

import io
import socket
import threading
import time
from dataclasses import replace

import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pynetdicom import AE, evt
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.sop_class import DigitalMammographyXRayImageStorageForPresentation as MAMMOGRAM
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

from mammoqa.service.objects import path_of
from mammoqa.service.options import Service
from mammoqa.service.part10 import file_head
from mammoqa.service.receiver import start_receiver
from mammoqa.store import objects_list, peers

from .conftest import dicom_bytes


@pytest.fixture
def listening(service):
    servers = []

    def start(**options):
        changed = Service(replace(service.options, **options), service.store)
        server = start_receiver(changed)
        servers.append(server)
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()


def associate(port, title="UNIT1", handlers=()):
    entity = AE(ae_title=title)
    for context in (MAMMOGRAM, Verification, StorageCommitmentPushModel):
        entity.add_requested_context(context)
    return entity.associate("127.0.0.1", port, ae_title="MAMMOQA", evt_handlers=list(handlers))


def mammogram(**attributes):
    data = dicom_bytes(SOPClassUID=MAMMOGRAM, **attributes)
    return dcmread(DicomBytesIO(data))


def test_echo_and_store(service, listening):
    assoc = associate(listening())
    assert assoc.send_c_echo().Status == 0
    sent = mammogram()
    assert assoc.send_c_store(sent).Status == 0
    assert assoc.send_c_store(sent).Status == 0
    assoc.release()
    (found,) = objects_list.received(service.store)
    assert found.instance.sop_instance_uid == sent.SOPInstanceUID
    assert (found.instance.route, found.instance.sender) == ("dimse", "UNIT1")


def test_an_unknown_peer_is_rejected_where_only_known_ones_may_send(service, listening):
    port = listening(known_peers_only=True)
    assert associate(port).is_rejected
    peers.put(service.store, peers.Peer("UNIT1"))
    assoc = associate(port)
    assert assoc.is_established
    assoc.release()
    peers.put(service.store, peers.Peer("UNIT1", may_send=False))
    assert associate(port).is_rejected


def test_a_peer_keeps_to_its_objects_a_minute(service, listening):
    peers.put(service.store, peers.Peer("UNIT1", per_minute=2))
    assoc = associate(listening())
    assert [assoc.send_c_store(mammogram()).Status for _ in range(3)] == [0, 0, 0xA700]
    assoc.release()


def test_an_object_above_the_limit_is_not_taken(service, listening):
    assoc = associate(listening(max_bytes=500))
    assert assoc.send_c_store(mammogram()).Status == 0x0124
    assoc.release()
    assert objects_list.received(service.store) == ()


def test_a_full_disk_is_told_to_the_sender(service, listening, monkeypatch):
    port = listening()
    service.incoming.rename(service.incoming.with_name("gone"))
    assoc = associate(port)
    assert assoc.send_c_store(mammogram()).Status == 0xA700
    assoc.release()
    assert objects_list.received(service.store) == ()


def test_commitment_tells_what_is_safe(service, listening):
    told, done = [], threading.Event()

    def on_report(event):
        told.append((event.event_type, event.event_information))
        done.set()
        return 0x0000, None

    assoc = associate(listening(), handlers=[(evt.EVT_N_EVENT_REPORT, on_report)])
    sent = mammogram()
    assoc.send_c_store(sent)
    from pydicom.dataset import Dataset

    asked = Dataset()
    asked.TransactionUID = "1.2.3"
    items = []
    for uid in (sent.SOPInstanceUID, "1.2.3.4.5"):
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = MAMMOGRAM, uid
        items.append(item)
    asked.ReferencedSOPSequence = items
    status, _ = assoc.send_n_action(asked, 1, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1")
    assert status.Status == 0
    assert done.wait(10)
    assoc.release()
    ((kind, report),) = told
    assert kind == 2
    assert [i.ReferencedSOPInstanceUID for i in report.ReferencedSOPSequence] == [sent.SOPInstanceUID]
    assert [i.ReferencedSOPInstanceUID for i in report.FailedSOPSequence] == ["1.2.3.4.5"]


def fragments(assoc, uid, data, size, message_id=1):
    """The packets of a C-STORE with `size` bytes of the data set in each."""
    request = C_STORE()
    request.MessageID, request.Priority = message_id, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = MAMMOGRAM, uid
    request.DataSet = io.BytesIO(data)
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    (context,) = (c for c in assoc.accepted_contexts if c.abstract_syntax == MAMMOGRAM)
    return list(message.encode_msg(context.context_id, size + 6))


def answered(assoc, packets):
    """The status that is answered to these packets."""
    assoc._reactor_checkpoint.clear()  # as the library's own send_c_store does
    while not assoc._is_paused:
        time.sleep(0.001)
    for packet in packets:
        assoc.dul.send_pdu(packet)
    _, answer = assoc.dimse.get_msg(block=True)
    assoc._reactor_checkpoint.set()
    return None if answer is None else answer.Status


def settled(assoc, service):
    """Whether the association ends and nothing is left of what was arriving."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if not assoc.is_established and not list(service.incoming.iterdir()):
            return True
        time.sleep(0.05)
    return False


def test_an_object_in_many_packets_is_kept_as_it_came(service, listening):
    sent = mammogram()
    body = DicomBytesIO()
    body.is_little_endian, body.is_implicit_VR = True, False
    write_dataset(body, sent)
    assoc = associate(listening())
    uid, data = sent.SOPInstanceUID, body.getvalue()
    assert [answered(assoc, fragments(assoc, uid, data, size)) for size in (len(data) + 10, 64, 7)] == [0, 0, 0]
    assoc.release()
    (found,) = objects_list.received(service.store)
    kept = path_of(service.objects, found.instance.sha256).read_bytes()
    assert kept == file_head(MAMMOGRAM, uid, "1.2.840.10008.1.2.1") + data
    assert list(service.incoming.iterdir()) == []


def test_an_object_that_is_cut_off_leaves_nothing(service, listening):
    assoc = associate(listening())
    for packet in fragments(assoc, "1.2.3", b"\0" * 5000, 1000)[:-1]:
        assoc.dul.send_pdu(packet)
    until = time.monotonic() + 20
    while not list(service.incoming.iterdir()) and time.monotonic() < until:
        time.sleep(0.01)
    assert len(list(service.incoming.iterdir())) == 1
    assoc.abort()
    assert settled(assoc, service)
    assert objects_list.received(service.store) == ()


@pytest.mark.parametrize("mend", ["twice", "no command", "no end"])
def test_messages_out_of_order_end_the_association(service, listening, mend):
    assoc = associate(listening(max_bytes=2**20))
    whole = fragments(assoc, "1.2.3", b"\0" * 3000, 1000)
    packets = {"twice": [whole[0], whole[0]], "no command": whole[1:], "no end": whole[:2] + whole[1:2] * 1300}[mend]
    for packet in packets:
        assoc.dul.send_pdu(packet)
    assert settled(assoc, service)
    assert objects_list.received(service.store) == ()


def test_a_packet_that_announces_gigabytes_is_hung_up_on(listening):
    with socket.create_connection(("127.0.0.1", listening()), timeout=20) as line:
        line.sendall(b"\4\0\xff\xff\xff\xff")
        assert line.recv(10) == b""


def test_a_fault_of_the_program_is_told_and_the_next_object_taken(service, listening, monkeypatch):
    assoc = associate(listening())
    with monkeypatch.context() as broken:
        broken.setattr("mammoqa.service.receiver.finish", lambda *_: {}["gone"])
        assert assoc.send_c_store(mammogram()).Status == 0xC211
    assert assoc.send_c_store(mammogram()).Status == 0
    assoc.release()
    assert list(service.incoming.iterdir()) == []


def test_the_head_of_a_file_is_that_of_its_object():
    found = dcmread(DicomBytesIO(file_head("1.2", "1.2.3", "1.2.840.10008.1.2.1")), force=True)
    meta = found.file_meta
    assert (meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID) == ("1.2", "1.2.3")
    assert meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert meta.FileMetaInformationGroupLength == len(file_head("1.2", "1.2.3", "1.2.840.10008.1.2.1")) - 128 - 4 - 12
