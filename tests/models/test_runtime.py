"""Running artefacts, on a network whose answer is known in closed form."""

import subprocess
import sys

import numpy as np
import pytest

import toy
import toy_artefact
from mammoqa.core import ModelError
from mammoqa.models import MODELS, load, load_folder, normalise, scores

RNG = np.random.default_rng(5)
KINDS = np.array([0, 1, 2, 0, 2])
SIZES = np.array([1.56, 0.32, 0.5, 0.4, 2.0])
PATCHES = np.stack([toy.draw(k, s, 1.0, RNG) for k, s in zip(KINDS, SIZES, strict=True)]).astype(np.float32)
WEIGHTS = RNG.random((5, 2))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_folder(toy_artefact.write(tmp_path_factory.mktemp("toy")), threads=1)


def test_predict_is_the_calibrated_network(model):
    seen = np.einsum("nyx,oyx->no", normalise(PATCHES).astype(float), toy_artefact.templates().astype(float))
    logits = seen + toy_artefact.BY_KIND[KINDS] + np.log2(SIZES)[:, None]
    expected = 1 / (1 + np.exp(-(logits * [2.0, 1.0] + [-1.0, 0.5])))
    np.testing.assert_allclose(model.predict(PATCHES, KINDS, SIZES), expected, atol=1e-5)


def test_saliency_is_the_absolute_gradient(model):
    expected = np.abs(np.einsum("no,oyx->nyx", WEIGHTS - 0.5, toy_artefact.templates()))
    np.testing.assert_allclose(model.saliency(PATCHES, KINDS, SIZES, WEIGHTS - 0.5), expected, atol=1e-6)


def test_explain_gives_both_at_once(model):
    probabilities, maps = model.explain(PATCHES, KINDS, SIZES, WEIGHTS)
    np.testing.assert_allclose(probabilities, model.predict(PATCHES, KINDS, SIZES), atol=1e-6)
    np.testing.assert_array_equal(maps, model.saliency(PATCHES, KINDS, SIZES, WEIGHTS))


def test_a_batch_equals_one_by_one(model):
    many = np.tile(np.arange(5), 30)  # more than one internal batch
    together = model.predict(PATCHES[many], KINDS[many], SIZES[many])
    alone = np.concatenate([model.predict(PATCHES[i : i + 1], KINDS[i : i + 1], SIZES[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(together, alone[many], atol=1e-6)


def test_no_patches_give_no_probabilities(model):
    none = np.zeros((0, 160, 160), np.float32)
    assert model.predict(none, KINDS[:0], SIZES[:0]).shape == (0, 2)


@pytest.mark.parametrize(
    ("patches", "kinds", "sizes", "says"),
    [
        (PATCHES[:, :100, :100], KINDS, SIZES, "160 x 160"),
        (PATCHES, KINDS + 1, SIZES, "kinds"),
        (PATCHES, KINDS, -SIZES, "positive"),
    ],
)
def test_input_that_does_not_fit_is_told(model, patches, kinds, sizes, says):
    with pytest.raises(ModelError, match=says):
        model.predict(patches, kinds, sizes)


def test_scores_follow_the_thresholds(model):
    probabilities = np.array([[0.49, 0.9], [0.5, 0.59], [0.5, 0.6]])
    np.testing.assert_array_equal(scores(probabilities, np.array([0, 1, 2]), model.card), [0.0, 1.0, 0.5])


def test_a_changed_graph_is_refused(tmp_path):
    folder = toy_artefact.write(tmp_path)
    graph = folder / "model.onnx"
    graph.write_bytes(graph.read_bytes() + b" ")
    with pytest.raises(ModelError, match="not the file that its card describes"):
        load_folder(folder).predict(PATCHES, KINDS, SIZES)


def test_missing_parts_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"there is no folder .*nothing.*; check --model"):
        load_folder(tmp_path / "nothing")
    with pytest.raises(ModelError, match=r"card\.json"):
        load_folder(tmp_path)
    folder = toy_artefact.write(tmp_path / "half")
    (folder / "gradient.onnx").unlink()
    with pytest.raises(ModelError, match=r"gradient\.onnx is missing"):
        load_folder(folder).saliency(PATCHES, KINDS, SIZES, WEIGHTS)
    with pytest.raises(ModelError, match="no model named 'other'"):
        load("other")


def test_the_room_is_light_to_import():
    heavy = "import sys, mammoqa.models; print([m for m in ('torch', 'onnxruntime', 'onnx') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", list(MODELS))
def test_shipped_models_are_whole(name):
    if not MODELS[name].is_dir():
        pytest.skip(f"the artefact {name} is not in this checkout; mammoqa train {name} makes it")
    shipped = load(name, threads=1)
    probabilities, maps = shipped.explain(PATCHES, KINDS, SIZES, WEIGHTS)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert maps.shape == PATCHES.shape
    assert (maps.max(axis=(1, 2)) > 0).all()
    blank = RNG.normal(4000, 50, (16, 160, 160)).astype(np.float32)
    whole = model_sees_large_objects(shipped)
    empty = shipped.predict(blank, np.zeros(16, int), np.full(16, 1.56))[:, 0]
    assert empty.mean() < 0.5 < whole.mean()
    for file in ("model.onnx", "gradient.onnx"):
        assert (MODELS[name] / file).stat().st_size < 12e6


def model_sees_large_objects(shipped):
    sizes = np.array([1.56, 0.54, 2.0])
    patches = np.stack([toy.draw(k, s, 1.0, RNG) for k, s in zip((0, 1, 2), sizes, strict=True)])
    return shipped.predict(patches.astype(np.float32), np.array([0, 1, 2]), sizes)[:, 0]
