"""Whatever is sent, nothing answers 500 and nothing hangs: REST by its description, receiver and upload by bytes."""

import socket
import warnings

import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mammoqa.service.intake import Origin, take
from mammoqa.service.options import ServiceOptions, open_service
from mammoqa.service.receiver import start_receiver
from mammoqa.store import objects_list, people
from report.samples import sample_analysis

from .conftest import dicom_bytes

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

FEW = settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


@pytest.fixture
def client(app, tmp_path_factory):
    """An administrator's client on a service that holds a result."""
    folder = tmp_path_factory.mktemp("fuzz")
    service = open_service(ServiceOptions(f"sqlite:///{folder / 'm.db'}", folder / "data", max_bytes=2**20))
    service.store.save(sample_analysis())
    account = people.add_account(service.store, "admin", "", "administrator", None)
    people.add_token(service.store, account, "fuzz", "administrator", "token", 1)
    before, app.state.service = app.state.service, service
    yield TestClient(app, raise_server_exceptions=False, headers={"authorization": "Bearer token"})
    app.state.service = before
    service.store.close()


def test_no_endpoint_answers_500(app, client):
    description = client.get("/api/v1/openapi.json").json()
    # uploads of bytes are tried below
    schema = schemathesis.openapi.from_dict(description).exclude(method="POST", path="/api/v1/objects")
    wrong, operations = [], 0
    for found in schema.get_all_operations():
        operation = found.ok()
        operations += 1

        @FEW
        @given(case=operation.as_strategy())
        def ask(case):
            answer = client.request(**asked(case))
            if answer.status_code >= 500:
                wrong.append((case.method, case.path, answer.status_code))

        ask()
    assert operations > 40
    assert wrong == []


def asked(case):
    """A generated case as arguments of a request."""
    body = case.body if not isinstance(case.body, type(schemathesis.core.NOT_SET)) else None
    kind = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
    path = case.formatted_path
    return {"method": case.method, "url": path, "params": dict(case.query or {}), **kind}


def test_a_name_that_is_taken_is_told_as_such_and_not_as_a_fault_of_the_database(client):
    test = {"name": "Weekly", "phantom": "acr156", "every_days": 7}
    assert client.post("/api/v1/tests", json=test).status_code == 201
    again = client.post("/api/v1/tests", json=test)
    assert (again.status_code, again.json()["detail"]) == (422, "there is a test Weekly already")
    account = {"name": "admin", "role": "viewer", "password": "a-long-enough-secret"}
    assert client.post("/api/v1/accounts", json=account).status_code == 422


def test_times_in_answers_are_described_as_they_are(client):
    shapes = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    assert "format" not in shapes["Account"]["properties"]["created_at"]
    assert shapes["EventIn"]["properties"]["at"]["format"] == "date-time"
    assert client.get("/api/v1/me").json()["account"]["created_at"].endswith("Z") is False


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_damaged_objects_are_kept_or_refused_and_never_an_error(client, data):
    # names of one length, so that every run draws the same damage
    names = {name: f"1.2.3.{k}" for k, name in enumerate(("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"))}
    whole = bytearray(dicom_bytes(np.zeros((4, 4), np.uint16), **names))
    for _ in range(data.draw(st.integers(1, 12))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(1, len(whole)))])
    answer = client.post("/api/v1/objects", content=cut, headers={"content-type": "application/dicom"})
    assert answer.status_code in (201, 413, 422)
    boundary = b"--x\r\n\r\n" + cut + b"\r\n--x" + data.draw(st.sampled_from([b"--", b"", b"\r\n"]))
    stowed = client.post(
        "/dicomweb/studies", content=boundary, headers={"content-type": "multipart/related; boundary=x"}
    )
    assert stowed.status_code < 500


def test_a_body_above_the_limit_is_refused(client):
    answer = client.post("/api/v1/objects", content=b"\0" * (2**20 + 1), headers={"content-type": "application/dicom"})
    assert answer.status_code == 413
    assert client.post("/sign-in", content=b"a" * (2**20 + 1)).status_code == 413


def test_the_receiver_outlives_noise(service):
    server = start_receiver(service)
    port = server.server_address[1]
    dice = np.random.default_rng(7)
    try:
        for kind in (0x01, 0x02, 0x04, 0x05, 0x07, 0xFF):
            for size in (0, 6, 200):
                with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
                    body = dice.bytes(size)
                    line.sendall(bytes([kind, 0]) + size.to_bytes(4, "big") + body)
        from pynetdicom import AE
        from pynetdicom.sop_class import Verification

        entity = AE()
        entity.add_requested_context(Verification)
        assoc = entity.associate("127.0.0.1", port, ae_title="MAMMOQA")
        assert assoc.is_established
        assert assoc.send_c_echo().Status == 0
        assoc.release()
    finally:
        server.shutdown()


def test_what_is_kept_by_noise_is_listed(service):
    take(service, iter((b"DICM" * 100,)), Origin("upload", "tester"))
    assert len(objects_list.unreadable(service.store)) == 1
