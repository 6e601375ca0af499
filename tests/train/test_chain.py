"""From a dataset to an artefact that the run time reads: fit, resume, calibrate, export, predict, explain."""

import csv
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'mammoqa[train]'")
pytest.importorskip("onnxscript", reason="export needs onnxscript: pip install 'mammoqa[train]'")

import mammoqa.train  # noqa: E402
import toy  # noqa: E402
from mammoqa.core import ConfigurationError  # noqa: E402
from mammoqa.models import load_folder  # noqa: E402
from mammoqa.train.artefact import write_artefact  # noqa: E402
from mammoqa.train.export import export, fold, gradient_function  # noqa: E402
from mammoqa.train.fit import Progress, fit, predict, rate, share_done  # noqa: E402
from mammoqa.train.networks import MATCHED, build  # noqa: E402
from mammoqa.train.recipes import RECIPES  # noqa: E402

SIZE = 96
RECIPE = replace(RECIPES["acr156"], batch=32, epochs=4, bfloat16=False, ema=0.8)


def test_the_whole_chain(tmp_path):
    data = toy.write_dataset(tmp_path / "data", 40, size_px=SIZE)
    out = tmp_path / "out"
    fit(replace(RECIPE, epochs=2), data, out, 3)
    fitted = fit(RECIPE, data, out, 3)  # resumes
    with (out / "log.csv").open() as file:
        log = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in log] == [1, 2, 3, 4]
    assert float(log[-1]["train_loss"]) < float(log[0]["train_loss"])
    with pytest.raises(ConfigurationError, match="belongs to recipe acr156, seed 3"):
        fit(RECIPE, data, out, 4)

    card = write_artefact(fitted, RECIPE, tmp_path / "artefact", 3)
    model = load_folder(tmp_path / "artefact", threads=1)
    assert model.card == card
    assert card.training.steps == int(log[-1]["steps"])
    assert {m.split for m in card.metrics} == {"evaluation"}

    rng = np.random.default_rng(7)
    patches = np.stack([toy.draw(k, s, 1.0, rng, SIZE) for k, s in zip(toy.KINDS, toy.SIZES, strict=True)])
    weights = rng.random((len(patches), 2))
    probabilities, maps = model.explain(patches.astype(np.float32), toy.KINDS, toy.SIZES, weights)
    alone = np.concatenate(
        [model.predict(patches[i : i + 1], toy.KINDS[i : i + 1], toy.SIZES[i : i + 1]) for i in range(len(patches))]
    )
    np.testing.assert_allclose(probabilities, alone, atol=1e-5)
    assert maps.shape == patches.shape
    assert (maps.max(axis=(1, 2)) > 0).all()


def test_graphs_equal_torch(tmp_path):
    import onnxruntime

    torch.manual_seed(1)
    network = build(MATCHED)
    _shake(network)
    export(network, tmp_path, SIZE)
    assert all((tmp_path / name).stat().st_size < 12e6 for name in ("model.onnx", "gradient.onnx"))
    forward, backward = (
        onnxruntime.InferenceSession(str(tmp_path / name), providers=["CPUExecutionProvider"])
        for name in ("model.onnx", "gradient.onnx")
    )
    for n in (1, 4):
        patches, kind = torch.randn(n, 1, SIZE, SIZE), torch.eye(3)[torch.arange(n) % 3]
        log_size, weights = torch.randn(n), torch.randn(n, 2)
        gradient, logits = (t.detach() for t in gradient_function(network.eval())(patches, kind, log_size, weights))
        feeds = {"patches": patches.numpy(), "kind": kind.numpy(), "log_size": log_size.numpy()}
        (got,) = forward.run(["logits"], feeds)
        np.testing.assert_allclose(got, logits.numpy(), atol=1e-4)
        got_gradient, got = backward.run(["gradient", "logits"], feeds | {"weights": weights.numpy()})
        np.testing.assert_allclose(got, logits.numpy(), atol=1e-4)
        assert float(gradient.abs().max()) > 1e-3
        beside = np.abs(got_gradient - gradient.numpy())
        assert beside.max() < 1e-3  # where an activation is zero but for rounding, its slope is either of two
        assert (beside > 1e-4).mean() < 1e-3


def test_the_exported_gradient_is_a_slope():
    torch.manual_seed(2)
    network = fold(build(MATCHED)).double()
    patches, kind = torch.randn(2, 1, 64, 64).double(), torch.eye(3)[:2].double()
    log_size, weights = torch.zeros(2).double(), torch.tensor([[1.0, 0.0], [0.0, 1.0]]).double()
    gradient, logits = gradient_function(network)(patches, kind, log_size, weights)
    direction = torch.randn_like(patches)
    moved = network(patches + 1e-6 * direction, kind, log_size)
    slope = ((moved - logits) * weights).sum(dim=1) / 1e-6
    expected = (gradient * direction[:, 0]).sum(dim=(1, 2))
    np.testing.assert_allclose(slope.detach().numpy(), expected.detach().numpy(), rtol=1e-3, atol=1e-6)


def _shake(network):
    """Norms and modulation away from their start, so that folding and the kind matter; gradients of order one."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.3, 1.0)
            module.weight.data.uniform_(0.8, 1.5)
    network.film.gain.weight.data.normal_(0, 0.3)
    network.film.shift.weight.data.normal_(0, 0.3)


def test_the_schedule_follows_steps_or_the_clock():
    progress = Progress(steps=50)
    assert share_done(progress, 100, None, 1e9) == 0.5
    assert share_done(progress, 100, 60.0, 45.0) == 0.75
    assert share_done(progress, 100, 60.0, 90.0) == 1.0
    rates = [rate(share, RECIPE) for share in np.linspace(0, 1, 101)]
    assert max(rates) == pytest.approx(RECIPE.learning_rate)
    assert int(np.argmax(rates)) == 10
    assert rates[-1] == pytest.approx(0.01 * RECIPE.learning_rate)


def test_the_clock_ends_a_fit(tmp_path):
    data = toy.write_dataset(tmp_path / "data", 20, size_px=64)
    fitted = fit(replace(RECIPE, epochs=100000), data, tmp_path / "out", 0, budget_minutes=0.01)
    assert fitted.progress.epoch < 1000
    assert predict(fitted.network, fitted.dataset, np.arange(4)).shape == (4, 2)


def test_unknown_recipes_are_told(tmp_path):
    with pytest.raises(ConfigurationError, match="known: acr156, acr156_yun2025"):
        mammoqa.train.run("other", tmp_path, tmp_path)
