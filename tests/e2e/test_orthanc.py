"""The service beside a real PACS: Orthanc sends, asks for storage commitment, gets reports back, speaks DICOMweb."""

import json
import shutil
import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from selenium.webdriver.common.by import By

from e2e.browsing import PROGRAMS, browsing, complaints, grey_levels, wait
from e2e.serving import PASSWORD, PATIENCE_S, administrator, await_port, eventually, free_port, serving
from mammoqa.jobs.simulate import write_image
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate import Exposure, expose

PROGRAM = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs Orthanc (Debian: orthanc, orthanc-dicomweb)")
SR = "1.2.840.10008.5.1.4.1.1.88.33"
MAP = "1.2.840.10008.5.1.4.1.1.30"


@pytest.fixture(scope="module")
def orthanc_ports():
    return free_port(), free_port()


@pytest.fixture(scope="module")
def served(tmp_path_factory, orthanc_ports):
    """The service, which knows Orthanc as a peer; a client of its REST interface and its token."""
    with serving(tmp_path_factory.mktemp("service"), known_peers_only="1") as running:
        client, token = administrator(running)
        with client:
            known = {"host": "127.0.0.1", "port": orthanc_ports[1]}
            assert client.put("/api/v1/peers/ORTHANC", json=known).status_code == 200
            yield running, client, token


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory, served, orthanc_ports):
    """A client of a running Orthanc that knows the service."""
    folder, (http_port, dicom_port) = tmp_path_factory.mktemp("orthanc"), orthanc_ports
    running, _, token = served
    modality = {"AET": "MAMMOQA", "Host": "127.0.0.1", "Port": running.dicom_port, "AllowStorageCommitment": True}
    site = {"Url": f"{running.address}/dicomweb/", "HttpHeaders": {"Authorization": f"Bearer {token}"}}
    chosen = {
        "Name": "PACS of a test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "Plugins": [str(DICOMWEB)] if DICOMWEB.exists() else [],
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": False,
        "AuthenticationEnabled": False,
        "DicomModalities": {"mammoqa": modality},
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "Servers": {"mammoqa": site}},
    }
    (folder / "orthanc.json").write_text(json.dumps(chosen), "utf-8")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([str(PROGRAM), "--verbose", str(folder / "orthanc.json")], stdout=log, stderr=log)
        try:
            await_port(http_port)
            with httpx.Client(base_url=f"http://127.0.0.1:{http_port}", timeout=PATIENCE_S) as client:
                yield client
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """One exposure of the ACR phantom as a file."""
    folder = tmp_path_factory.mktemp("phantom")
    exposure = Exposure(field_mm=(150.0, 140.0), station="ROOM-1", device_serial="77")
    write_image(expose(PHANTOMS["acr156"], exposure, np.random.default_rng(5)), folder / "one.dcm")
    return next(folder.glob("*.dcm"))


def put_in(orthanc, path):
    answer = orthanc.post("/instances", content=path.read_bytes())
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(orthanc, resources, **more):
    """Orthanc's C-STORE to the service; the answer tells what failed."""
    asked = {"Resources": resources, "Synchronous": True, **more}
    answer = orthanc.post("/modalities/mammoqa/store", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def result(client, uid):
    """The analysis of an object, once it is there."""

    def look():
        found = [a["id"] for a in client.get("/api/v1/analyses?limit=200").json()["items"]]
        documents = [client.get(f"/api/v1/analyses/{number}").json() | {"id": number} for number in found]
        return next((d for d in documents if uid in (d["sop_instance_uid"], d["series_instance_uid"])), None)

    return eventually(look)


def committed(orthanc, number):
    """What Orthanc was told about a transaction, once it was."""

    def look():
        found = orthanc.get(f"/storage-commitment/{number}").json()
        return found if found["Status"] != "Pending" else None

    return eventually(look)


@pytest.fixture(scope="module")
def analysed(orthanc, served, phantom):
    """The phantom's study in Orthanc, sent to the service, and its result there."""
    kept = put_in(orthanc, phantom)
    told = send(orthanc, [kept["ParentStudy"]])
    assert (told["InstancesCount"], told["FailedInstancesCount"]) == (1, 0)
    return kept, result(served[1], str(dcmread(phantom).SOPInstanceUID))


def test_orthanc_echoes(orthanc):
    assert orthanc.post("/modalities/mammoqa/echo", json={}).status_code == 200


def test_what_orthanc_sends_is_analysed_and_shown(analysed, served, phantom):
    _, found = analysed
    _, client, _ = served
    assert found["phantom"] == "acr156"
    assert found["outcome"] in ("pass", "fail")
    (unit,) = [u for u in client.get("/api/v1/units").json()["items"] if u["identity"]["serial"] == "77"]
    assert unit["identity"]["station"] == "ROOM-1"
    kept = client.get("/api/v1/objects").json()["items"][-1]["instance"]
    assert (kept["route"], kept["sender"]) == ("dimse", "ORTHANC")
    assert kept["sop_instance_uid"] == str(dcmread(phantom).SOPInstanceUID)


@pytest.mark.skipif(any(shutil.which(name) is None for name in PROGRAMS), reason="needs chromium, chromium-driver")
def test_what_orthanc_sends_is_seen_in_a_browser(analysed, served):
    """A person signs in, finds the unit among the fleet, its result, and the image itself."""
    running, _, _ = served
    with browsing() as driver:
        driver.get(f"{running.address}/sign-in")
        driver.find_element(By.NAME, "name").send_keys("ada")
        driver.find_element(By.NAME, "password").send_keys(PASSWORD)
        driver.find_element(By.CSS_SELECTOR, "form button.main").click()
        wait(driver, lambda d: "ROOM-1" in d.find_element(By.TAG_NAME, "main").text)
        driver.get(f"{running.address}/analyses/{analysed[1]['id']}")
        assert grey_levels(driver) > 50
        shown = driver.find_element(By.TAG_NAME, "main").text
        assert "ROOM-1" in shown
        assert "Fibre 1" in shown
        driver.get(f"{running.address}/queue")
        wait(driver, lambda d: "receiver-1" in d.find_element(By.TAG_NAME, "main").text)
        assert complaints(driver) == []


@pytest.mark.parametrize(("kind", "sop_class"), [("sr", SR), ("map", MAP)])
def test_a_report_comes_back_into_the_study(analysed, orthanc, served, tmp_path, kind, sop_class):
    kept, found = analysed
    _, client, _ = served
    answer = client.post(f"/api/v1/analyses/{found['id']}/send", json={"ae_title": "ORTHANC", "kind": kind})
    assert answer.status_code == 200, answer.text
    uid = answer.json()["sop_instance_uid"]
    (number,) = orthanc.post("/tools/lookup", content=uid).json()
    assert orthanc.get(f"/instances/{number['ID']}/study").json()["ID"] == kept["ParentStudy"]
    report = tmp_path / "report.dcm"
    report.write_bytes(orthanc.get(f"/instances/{number['ID']}/file").content)
    assert dcmread(report).SOPClassUID == sop_class
    if shutil.which("dciodvfy"):
        said = subprocess.run(["dciodvfy", str(report)], capture_output=True, text=True, check=False).stderr
        assert not [line for line in said.splitlines() if line.startswith("Error")], said
    if kind == "sr" and shutil.which("dsrdump"):
        printed = subprocess.run(["dsrdump", str(report)], capture_output=True, text=True, check=True).stdout
        assert "Imaging Measurement Report" in printed
        assert "Phantom image quality assurance" in printed


def test_orthanc_gets_its_commitment(analysed, orthanc, phantom):
    """Orthanc asks on one association, and is told on another that the service opens."""
    told = send(orthanc, [analysed[0]["ID"]], StorageCommitment=True)
    state = committed(orthanc, told["StorageCommitmentTransactionUID"])
    assert state["Status"] == "Success"
    assert state["Success"] == [
        {"SOPClassUID": str(dcmread(phantom).SOPClassUID), "SOPInstanceUID": str(dcmread(phantom).SOPInstanceUID)}
    ]


def test_what_is_not_here_is_not_committed(orthanc, served):
    asked = {"DicomInstances": [{"SOPClassUID": SR, "SOPInstanceUID": "1.2.3.4.5"}]}
    number = orthanc.post("/modalities/mammoqa/storage-commitment", json=asked).json()["ID"]
    state = committed(orthanc, number)
    assert state["Status"] == "Failure"
    assert [one["SOPInstanceUID"] for one in state["Failures"]] == ["1.2.3.4.5"]


def test_a_stack_of_a_real_scanner(orthanc, served, shared_data):
    slices = [put_in(orthanc, path) for path in sorted((shared_data / "acr_mri_large" / "PhilipsAchieva").iterdir())]
    told = send(orthanc, sorted({one["ParentSeries"] for one in slices}))
    assert (told["InstancesCount"], told["FailedInstancesCount"]) == (11, 0)
    series = orthanc.get(f"/series/{slices[0]['ParentSeries']}").json()["MainDicomTags"]["SeriesInstanceUID"]
    assert result(served[1], series)["phantom"] == "acr_mri_large"


@pytest.mark.skipif(not DICOMWEB.exists(), reason="needs the DICOMweb plugin (Debian: orthanc-dicomweb)")
def test_orthanc_speaks_dicomweb_with_the_service(orthanc, served, tmp_path):
    """STOW-RS to the service, QIDO-RS finds it there, WADO-RS brings it back to an Orthanc that lost it."""
    exposure = Exposure(field_mm=(150.0, 140.0), station="ROOM-2", device_serial="78")
    write_image(expose(PHANTOMS["acr156"], exposure, np.random.default_rng(6)), tmp_path / "two.dcm")
    image = dcmread(next(tmp_path.glob("*.dcm")))
    kept = put_in(orthanc, next(tmp_path.glob("*.dcm")))
    stored = orthanc.post("/dicom-web/servers/mammoqa/stow", json={"Resources": [kept["ID"]], "Synchronous": True})
    assert stored.status_code == 200, stored.text
    asked = {"Uri": "/studies", "Arguments": {"StudyInstanceUID": str(image.StudyInstanceUID)}}
    found = orthanc.post("/dicom-web/servers/mammoqa/qido", json=asked)
    assert (found.status_code, len(found.json())) == (200, 1)
    assert str(image.StudyInstanceUID) in found.text
    assert result(served[1], str(image.SOPInstanceUID))["phantom"] == "acr156"
    assert orthanc.delete(f"/instances/{kept['ID']}").status_code == 200
    back = {"Resources": [{"Study": str(image.StudyInstanceUID)}], "Synchronous": True}
    answer = orthanc.post("/dicom-web/servers/mammoqa/retrieve", json=back)
    assert answer.status_code == 200, answer.text
    again = orthanc.get(f"/instances/{kept['ID']}/file").content
    assert dcmread(DicomBytesIO(again)).PixelData == image.PixelData
