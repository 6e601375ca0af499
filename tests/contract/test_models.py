"""Every model in MODELS is complete, small enough to ship, and says what it is."""

import math

import numpy as np
import pytest

from mammoqa.models import KINDS, MODELS, load

MEBIBYTE = 1 << 20
GRAPHS = ("model.onnx", "gradient.onnx")

every_model = pytest.mark.parametrize("name", MODELS)


@every_model
def test_its_graphs_are_small_enough_to_ship(name: str) -> None:
    for graph in GRAPHS:
        assert 0 < (MODELS[name] / graph).stat().st_size <= 12 * MEBIBYTE, graph


@every_model
def test_its_graphs_name_no_source_file_of_the_machine_that_made_them(name: str) -> None:
    for graph in GRAPHS:
        assert b".py" not in (MODELS[name] / graph).read_bytes(), graph


def test_all_together_are_small_enough_to_ship() -> None:
    files = [path for folder in MODELS.values() for path in folder.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 60 * MEBIBYTE


@every_model
def test_its_card_is_complete(name: str) -> None:
    card = load(name).card
    assert card.name == name
    assert card.version
    assert card.code_version
    assert {name for name, _ in card.files} >= set(GRAPHS)
    assert card.limits_of_use
    assert card.training.images > 0
    assert card.training.data_sha256
    measured = {(metric.name, metric.kind) for metric in card.metrics if math.isfinite(metric.value)}
    assert {kind for _, kind in measured} >= set(KINDS)


@every_model
def test_it_answers_with_probabilities_and_gradients(name: str) -> None:
    model = load(name)
    size = model.card.input.size_px
    patches = np.random.default_rng(1).normal(500.0, 5.0, (3, size, size)).astype(np.float32)
    kinds, sizes_mm = np.arange(3), np.array([1.56, 0.54, 2.0])
    probabilities = model.predict(patches, kinds, sizes_mm)
    assert probabilities.shape == (3, 2)
    assert np.all((probabilities >= 0) & (probabilities <= 1))
    saliency = model.saliency(patches, kinds, sizes_mm, np.ones((3, 2)))
    assert saliency.shape == patches.shape
    assert np.all(np.isfinite(saliency))
    assert saliency.max() > 0
