"""Shared by all tests: annotations of array shapes are checked at run time, and large data is optional."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")  # two test workers already fill two cores

install_import_hook("mammoqa", "typechecker.typechecked")  # before the first import of mammoqa

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real and independent DICOM beside the checkout; tests that use it are skipped where it is absent."""
    if not _SHARED_DATA.is_dir():
        pytest.skip(f"needs the test data folder {_SHARED_DATA}")
    return _SHARED_DATA
