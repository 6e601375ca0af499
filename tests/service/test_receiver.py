"""The DICOM receiver, spoken to by pynetdicom: answers are truthful, limits hold, commitment tells what is safe."""

import threading
from dataclasses import replace

import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pynetdicom import AE, evt
from pynetdicom.sop_class import DigitalMammographyXRayImageStorageForPresentation as MAMMOGRAM
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

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


def test_the_head_of_a_file_is_that_of_its_object():
    found = dcmread(DicomBytesIO(file_head("1.2", "1.2.3", "1.2.840.10008.1.2.1")), force=True)
    meta = found.file_meta
    assert (meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID) == ("1.2", "1.2.3")
    assert meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert meta.FileMetaInformationGroupLength == len(file_head("1.2", "1.2.3", "1.2.840.10008.1.2.1")) - 128 - 4 - 12
