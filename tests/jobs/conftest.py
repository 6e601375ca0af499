"""A network whose answer is known, and a drawn phantom for it to read."""

from pathlib import Path

import numpy as np
import pytest

import toy_artefact
from locate.drawn import Drawing, draw
from mammoqa.core import Image
from mammoqa.phantoms import PHANTOMS


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_artefact.write(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def drawn() -> Image:
    return draw(PHANTOMS["acr156"], Drawing(), np.random.default_rng(3))
