"""Files to run commands on."""

from pathlib import Path

import numpy as np
import pytest

import toy_artefact
from locate.drawn import Drawing, draw
from mammoqa.dicom.write import write_mammogram
from mammoqa.phantoms import PHANTOMS


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_artefact.write(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def phantom_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn phantom as DICOM."""
    from datetime import datetime

    path = tmp_path_factory.mktemp("dicom") / "phantom.dcm"
    image = draw(PHANTOMS["acr156"], Drawing(), np.random.default_rng(3))
    write_mammogram(image, path, acquired_at=datetime(2026, 3, 2), chest_wall="bottom")
    return path


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    """Something that is no DICOM."""
    path = tmp_path / "notes.txt"
    path.write_text("no DICOM")
    return path
