"""An open service on an SQLite file, people of every role, and small DICOM objects."""

import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the service's requirements are not installed")
pytest.importorskip("pynetdicom", reason="the service's requirements are not installed")

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from mammoqa.service import passwords
from mammoqa.service.options import Service, ServiceOptions, open_service
from mammoqa.store import people

PASSWORD = "a-long-enough-secret"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A fresh service."""
    found = open_service(ServiceOptions(f"sqlite:///{tmp_path / 'm.db'}", tmp_path / "data", dicom_port=0, quiet_s=0.1))
    yield found
    found.store.close()


@pytest.fixture(scope="session")
def password_hash() -> str:
    """Argon2 is slow on purpose: one hash serves all tests."""
    return passwords.hashed(PASSWORD)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> object:
    """The application, made once; each test gives it a service of its own."""
    from mammoqa.service.app import create_app

    folder = tmp_path_factory.mktemp("app")
    return create_app(open_service(ServiceOptions(f"sqlite:///{folder / 'm.db'}", folder / "data")))


@pytest.fixture
def browser(app: object, service: Service, password_hash: str) -> Callable[[str], object]:
    """`browser("physicist")`: an HTTP client that is signed in under this role; "" for nobody."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Starlette would rather have another HTTP client
        from fastapi.testclient import TestClient
    app.state.service = service

    def signed_in(role: str) -> object:
        client = TestClient(app, follow_redirects=False, raise_server_exceptions=False)
        if role:
            known = people.password_of(service.store, role)
            account = known[0] if known else people.add_account(service.store, role, "", role, password_hash)
            if people.of_session(service.store, f"cookie of {role}") is None:
                people.open_session(service.store, account.id, f"cookie of {role}", f"csrf of {role}", 1)
            client.cookies.set("mammoqa_session", f"cookie of {role}")
            client.headers["x-csrf-token"] = f"csrf of {role}"
        return client

    return signed_in


def dicom_bytes(pixels: np.ndarray | None = None, **attributes: object) -> bytes:
    """A small mammogram as a DICOM file."""
    stored = np.arange(64, dtype=np.uint16).reshape(8, 8) if pixels is None else pixels
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.2.1"
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        setattr(dataset, keyword, generate_uid())
    dataset.Modality, dataset.StationName = "MG", "ROOM-1"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = stored.tobytes()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
