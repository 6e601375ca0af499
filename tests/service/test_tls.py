"""The receiver and the sender over TLS, spoken to by DCMTK's storescu and storescp."""

import shutil
import socket
import subprocess
from dataclasses import replace

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComprehensiveSRStorage, ExplicitVRLittleEndian, generate_uid

from e2e.serving import await_port, free_port
from mammoqa.core import ConfigurationError
from mammoqa.service import outbox
from mammoqa.service.options import Service
from mammoqa.service.receiver import start_receiver
from mammoqa.store import objects_list, peers

from .certificates import Authority
from .conftest import dicom_bytes

pytestmark = pytest.mark.skipif(shutil.which("storescu") is None, reason="needs storescu (Debian: dcmtk)")
_WAIT_S = 60


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The hospital's authority, a certificate for the service and one for a unit."""
    folder = tmp_path_factory.mktemp("site")
    authority = Authority(folder, "hospital")
    return authority, authority.pair("service"), authority.pair("unit")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """A certificate of an authority that nobody here knows."""
    return Authority(tmp_path_factory.mktemp("stranger"), "elsewhere").pair("unit")


@pytest.fixture
def secured(service, site):
    """The service with its certificate, asking peers for theirs."""
    authority, own, _ = site
    options = replace(
        service.options, tls_certificate=own.certificate, tls_key=own.key, tls_clients=authority.certificate
    )
    return Service(options, service.store)


@pytest.fixture
def receiver(secured):
    server = start_receiver(secured)
    yield server.server_address[1]
    server.shutdown()


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "one.dcm"
    path.write_bytes(dicom_bytes())
    return path


def storescu(port, image, *options):
    command = ["storescu", *map(str, options), "-aec", "MAMMOQA", "127.0.0.1", str(port), str(image)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WAIT_S).returncode


def with_certificate(pair, authority):
    return ("+tls", pair.key, pair.certificate, "+cf", authority.certificate)


def test_a_unit_with_a_known_certificate_sends(service, site, receiver, image):
    authority, _, unit = site
    assert storescu(receiver, image, *with_certificate(unit, authority)) == 0
    (found,) = objects_list.received(service.store)
    assert found.instance.sop_instance_uid == str(dcmread(image).SOPInstanceUID)


@pytest.mark.parametrize("kind", ["plain", "none", "strange", "outdated"])
def test_others_are_refused_and_named_in_the_log(service, site, stranger, receiver, image, caplog, kind):
    authority, _, _ = site
    options = {
        "plain": (),
        "none": ("+tla", "-ic"),
        "strange": with_certificate(stranger, authority),
        "outdated": with_certificate(authority.pair("old", days=-1), authority),
    }[kind]
    assert storescu(receiver, image, *options) != 0
    assert objects_list.received(service.store) == ()
    (said,) = [record for record in caplog.records if record.name == "mammoqa.receiver"]
    assert "connection from 127.0.0.1 refused" in said.getMessage()
    assert said.levelname == "WARNING"


def test_a_silent_connection_keeps_nobody_waiting(service, site, receiver, image):
    authority, _, unit = site
    with socket.create_connection(("127.0.0.1", receiver)):
        assert storescu(receiver, image, *with_certificate(unit, authority)) == 0
    assert len(objects_list.received(service.store)) == 1


def test_without_authorities_a_unit_needs_no_certificate(service, site, image):
    authority, own, _ = site
    options = replace(service.options, tls_certificate=own.certificate, tls_key=own.key)
    server = start_receiver(Service(options, service.store))
    try:
        assert storescu(server.server_address[1], image, "+tla", "+cf", authority.certificate) == 0
    finally:
        server.shutdown()
    assert len(objects_list.received(service.store)) == 1


def test_files_that_do_not_fit_are_told(service, site, stranger):
    _, own, _ = site
    options = replace(service.options, tls_certificate=own.certificate, tls_key=stranger.key)
    with pytest.raises(ConfigurationError, match="certificate or key"):
        start_receiver(Service(options, service.store))


def report():
    """A small structured report."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = ComprehensiveSRStorage, generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = generate_uid(), generate_uid()
    made.Modality, made.PatientID = "SR", "QC"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """`archive(*options)`: a storescp that stores, as a peer; its folder."""
    running = []

    def start(*options, tls=True):
        folder, port = tmp_path / f"archive{len(running)}", free_port()
        folder.mkdir()
        command = ["storescp", *map(str, options), "-od", str(folder), str(port)]
        running.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        await_port(port)
        return peers.Peer("PACS", "127.0.0.1", port, tls=tls), folder

    yield start
    for process in running:
        process.terminate()
        process.wait()


def test_results_are_sent_over_tls(secured, site, archive):
    authority, _, unit = site
    peer, folder = archive(*with_certificate(unit, authority))
    made = report()
    assert outbox._store(secured, peer, made) == 0
    (kept,) = folder.iterdir()
    assert dcmread(kept).SOPInstanceUID == made.SOPInstanceUID


def test_results_are_not_sent_to_an_archive_that_nobody_vouches_for(secured, stranger, archive, site):
    peer, folder = archive("+tls", stranger.key, stranger.certificate, "-ic")
    with pytest.raises(ConfigurationError, match="certificate verify failed"):
        outbox._store(secured, peer, report())
    assert list(folder.iterdir()) == []


def test_results_are_not_sent_under_another_host(secured, site, archive):
    authority, _, _ = site
    elsewhere = authority.pair("elsewhere", "127.0.0.2")
    peer, folder = archive(*with_certificate(elsewhere, authority))
    with pytest.raises(ConfigurationError, match="certificate verify failed"):
        outbox._store(secured, peer, report())
    assert list(folder.iterdir()) == []


def test_an_archive_of_the_default_transfer_syntax_only_gets_results_too(secured, archive):
    peer, folder = archive("+xi", tls=False)
    made = report()
    assert outbox._store(secured, peer, made) == 0
    (kept,) = folder.iterdir()
    assert dcmread(kept).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pynetdicom leaves its socket open
def test_a_peer_that_does_not_answer_is_told(secured):
    with pytest.raises(ConfigurationError, match="Connection refused"):
        outbox._store(secured, peers.Peer("PACS", "127.0.0.1", free_port()), report())
