"""DICOMweb: what is stored is found again and comes back byte for byte; what shows no phantom does not."""

from dataclasses import replace

import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from mammoqa.core import RefusalError, Source
from mammoqa.service.multipart import boundary_of
from mammoqa.store import objects_list
from report.samples import sample_refusal

from .conftest import dicom_bytes

MULTIPART = {"content-type": 'multipart/related; type="application/dicom"; boundary=cut'}


def body(*parts):
    return b"".join(b"--cut\r\nContent-Type: application/dicom\r\n\r\n" + part + b"\r\n" for part in parts) + b"--cut--"


def test_what_is_stored_comes_back(service, browser):
    client, data = browser("technologist"), dicom_bytes()
    answer = client.post("/dicomweb/studies", content=body(data, b"no DICOM at all"), headers=MULTIPART)
    assert answer.status_code == 202
    assert len(answer.json()["00081199"]["Value"]) == len(answer.json()["00081198"]["Value"]) == 1
    one = objects_list.search(service.store)[0].instance
    (study,) = client.get("/dicomweb/studies").json()
    assert study["0020000D"]["Value"] == [one.study_instance_uid]
    instances = client.get(f"/dicomweb/studies/{one.study_instance_uid}/instances").json()
    assert instances[0]["00080018"]["Value"] == [one.sop_instance_uid]
    series = f"/dicomweb/studies/{one.study_instance_uid}/series/{one.series_instance_uid}"
    path = f"{series}/instances/{one.sop_instance_uid}"
    got = client.get(path)
    assert data in got.content
    attributes = client.get(f"{path}/metadata").json()[0]
    assert attributes["00081010"]["Value"] == ["ROOM-1"]


def test_an_image_without_phantom_is_not_given_out(service, browser):
    client, data = browser("technologist"), dicom_bytes()
    client.post("/dicomweb/studies", content=body(data), headers=MULTIPART)
    one = objects_list.search(service.store)[0].instance
    refusal = sample_refusal()
    source = Source("x", one.sha256, sop_instance_uid=one.sop_instance_uid, series_instance_uid=one.series_instance_uid)
    from mammoqa.core import ReasonCode

    verdict = replace(refusal.verdict, reason_code=ReasonCode.NOT_A_PHANTOM)
    service.store.save(replace(refusal, sources=(source,), verdict=verdict))
    assert client.get(f"/dicomweb/studies/{one.study_instance_uid}").status_code == 404


def test_a_body_without_its_boundary_is_refused(browser):
    client = browser("technologist")
    assert client.post("/dicomweb/studies", content=b"--other\r\n\r\n", headers=MULTIPART).status_code == 422
    assert client.post("/dicomweb/studies", content=b"", headers={"content-type": "text/plain"}).status_code == 422


def test_boundaries_are_taken_whole_or_not_at_all():
    kind = 'multipart/related; type="application/dicom"; boundary='
    long = "07997f27-55b8-41c4-aad2-e739f1c2715a-07997f27-55b8-41c4-aad2-e739f1c2715a"  # 73 characters, as Orthanc's
    for given in (long, f'"{long}"', f"{long}; charset=x"):
        assert boundary_of(kind + given) == long.encode()
    with pytest.raises(RefusalError):
        boundary_of(kind + "x" * 201)


def test_the_sample_is_a_readable_object():
    assert dcmread(DicomBytesIO(dicom_bytes())).StationName == "ROOM-1"
