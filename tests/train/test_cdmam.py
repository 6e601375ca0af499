from dataclasses import replace

import numpy as np
import pytest
import torch

from mammoqa.core import ConfigurationError, ModelError
from mammoqa.explain.omig import Descent, midpoint, omig
from mammoqa.models.cdmam_ensemble import load_ensemble
from mammoqa.train import cdmam
from mammoqa.train.cdmam_data import read_cdmam_data, settings, write_cdmam_data
from mammoqa.train.cdmam_fit import epoch_order, fit_member, mirrored, on_device, steps_of
from mammoqa.train.cdmam_network import CurveNetwork, MaxPool, weights_bytes
from mammoqa.train.cdmam_recipes import CDMAM_RECIPES

PAPER = CDMAM_RECIPES["cdmam34_amanova2022"]
TINY = replace(
    PAPER, name="tiny", members=2, pool=2, hidden=96, learning_rate=3e-3, epochs=24, batch=8, every_draw=False
)
SIDE = 29  # odd after the first pooling, as 125 is
DIAMETERS = np.geomspace(0.08, 1.0, 12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Noise images whose spread tells the curve: what the network has to find, in a second."""
    out = tmp_path_factory.mktemp("cdmam")
    rng = np.random.default_rng(0)
    setting = np.repeat(np.arange(4), 12)
    noise = np.array([5.0, 10.0, 20.0, 40.0])[setting]
    pixels = 1000 + noise[:, None, None, None] * rng.normal(size=(48, 2, SIDE, SIDE))
    np.save(out / "images.npy", pixels.astype(np.uint16))
    np.savez(
        out / "table.npz",
        setting=setting,
        margin_mm=np.tile([0.0, 5.0, 10.0, 15.0, 20.0, 25.0], 8),
        recorded=np.zeros(48, bool),
        evaluation=np.tile(np.arange(12) >= 10, 4),
        curve_um=0.02 * noise[:, None] * 0.1 / DIAMETERS,
        diameters_mm=DIAMETERS,
        mean_dn=1000.0,
        std_dn=20.0,
    )
    (out / "data.json").write_text('{"description": "simulated: drawn noise"}')
    return out


def test_the_paper_is_taken_at_its_word():
    assert (PAPER.members, PAPER.epochs, PAPER.batch, PAPER.learning_rate) == (10, 300, 50, 1e-5)
    assert (PAPER.l2, PAPER.dropout, PAPER.label_images) == (1e-4, 0.2, 16)
    shapes = {name: tuple(p.shape) for name, p in _skeleton(PAPER).named_parameters()}
    assert shapes["head.1.weight"] == (512, 123_008)  # table 2
    assert shapes["head.4.weight"] == (512, 512)
    assert shapes["head.6.weight"] == (12, 512)
    assert [shapes[f"features.{k}.weight"] for k in (0, 4, 8)] == [(8, 1, 3, 3), (16, 8, 3, 3), (32, 16, 3, 3)]
    assert weights_bytes(PAPER) == 4 * sum(int(np.prod(shape)) for shape in shapes.values())


def test_which_ensemble_could_be_shipped():
    assert weights_bytes(PAPER) / 2 > 120e6  # a member at half precision; a file may have 12 MB
    small = CDMAM_RECIPES["cdmam34_small"]
    assert weights_bytes(small) / 2 < 12e6
    assert small.members * weights_bytes(small) / 2 < 60e6


def _skeleton(recipe):
    with torch.device("meta"):
        return CurveNetwork(recipe, np.zeros((2, 12)), 250)


def test_pooling_is_the_same_for_training_and_export():
    x = torch.randn(2, 3, 13, 8)
    pool = MaxPool(2)
    torch.testing.assert_close(pool.train()(x), pool.eval()(x))


def test_margins_come_step_by_step(folder):
    data = read_cdmam_data(folder)
    steps = steps_of(data, PAPER)
    assert [sorted(set(data.margin_mm[rows])) for rows in steps] == [
        [0.0],
        [0.0, 5.0, 10.0, 15.0],
        [0.0, 5.0, 10.0, 15.0, 20.0, 25.0],
    ]
    assert not data.evaluation[np.concatenate(steps)].any()
    with_recorded = replace(data, recorded=np.arange(48) < 3)
    assert len(steps_of(with_recorded, PAPER)) == 4
    assert len(steps_of(with_recorded, PAPER)[-1]) == (~data.evaluation).sum()


def test_one_setting_teaches_nothing(folder):
    data = read_cdmam_data(folder)
    with pytest.raises(ConfigurationError, match="two settings"):
        steps_of(replace(data, setting=np.zeros(48, int)), PAPER)


def test_mirrors_but_never_turns():
    one = torch.arange(12.0).reshape(3, 4)
    up, left = torch.tensor([[False, True, False, True], [False, False, True, True]])
    found = mirrored(one.expand(4, 3, 4), up, left)
    torch.testing.assert_close(found, torch.stack([one, one.flip(0), one.flip(1), one.flip(0, 1)]))


def test_an_epoch_of_the_paper_shows_every_downsampling_once():
    rng = np.random.default_rng(0)
    rows = np.array([3, 5, 9])
    image, draw, *mirror = epoch_order(rows, 4, PAPER, rng)
    assert sorted(zip(image, draw, strict=True)) == [(r, d) for r in rows for d in range(4)]
    assert set(np.unique(mirror)) == {0, 1}
    image, draw, *_ = epoch_order(rows, 4, replace(PAPER, every_draw=False), rng)
    assert sorted(image) == list(rows)
    image, *_ = epoch_order(rows, 4, replace(PAPER, batch=5), rng)
    assert len(image) == 15  # the last batch is filled up


def test_pixels_above_the_range_of_int16_arrive(folder):
    data = replace(read_cdmam_data(folder), images=np.full((48, 2, SIDE, SIDE), 60_000, np.uint16))
    x, targets = on_device(data, "cpu").batch(torch.tensor([[1], [0], [1], [0]]))
    assert torch.all(x == (60_000 - data.mean_dn) / data.std_dn)
    assert targets.shape == (1, 12)


def test_the_variance_is_learned(folder):
    data = read_cdmam_data(folder)
    member = fit_member(data, TINY, 0, 0)
    assert member.losses[-1] < member.losses[0] - 0.2
    assert len(member.network.variances()) == 12
    assert member.network.variances() != fit_member(data, replace(TINY, epochs=3), 0, 0).network.variances()


def test_recipe_to_ensemble(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(cdmam, "CDMAM_RECIPES", {"tiny": replace(TINY, members=1)})  # exporting takes seconds
    artefact = cdmam.run_cdmam("tiny", folder, tmp_path, seed=1)
    ensemble = load_ensemble(artefact)
    data = read_cdmam_data(folder)
    x = ensemble.normalise(np.asarray(data.images[data.evaluation, 0]))
    assert ensemble.means(x).shape == (1, 8, 12)
    assert ensemble.variances(8).shape == (1, 8, 12)
    curve, gradient = ensemble.slopes(x)
    np.testing.assert_allclose(curve, ensemble.curve(x), atol=1e-4)
    truth = np.log(data.curve_um[data.evaluation])
    assert np.corrcoef(midpoint(curve), midpoint(truth))[0, 1] > 0.9
    direction = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    ahead, behind = (midpoint(ensemble.curve(x + np.float32(s) * direction)) for s in (1e-2, -1e-2))
    np.testing.assert_allclose((ahead - behind) / 2e-2, (gradient * direction).sum(axis=(1, 2)), atol=0.02)
    moved = x + omig(ensemble.slopes, x, Descent(c=0.1, steps=5))
    assert (midpoint(ensemble.curve(moved)) < midpoint(curve)).all()
    files = {path.name: path.stat().st_size for path in artefact.iterdir()}
    halves = 2 * (32 * 3 * 3 * 96)  # the first fully connected layer, stored once
    assert files["member-00.weights"] == halves
    assert {metric.name for metric in ensemble.card.metrics} >= {"relative_error", "coverage_95"}
    assert any("recorded" in note for note in ensemble.card.training.notes)
    (artefact / "member-00.weights").write_bytes(b"0" * halves)
    load_ensemble.cache_clear()
    with pytest.raises(ModelError, match="train the model again"):
        load_ensemble(artefact).means(x)


def test_too_few_images_for_a_label(tmp_path):
    with pytest.raises(ConfigurationError, match="--images 18"):
        write_cdmam_data(tmp_path, settings(2, np.random.default_rng(0)), 10, 0, held_out=2)


def test_settings_begin_with_the_scenarios():
    found = settings(6, np.random.default_rng(0))
    assert [s.name for s in found] == [*(f"scenario-{k}" for k in (1, 2, 3, 4)), "setting-5", "setting-6"]
    assert all(9.55 <= s.noise_level <= 22.91 and 25 <= s.kvp <= 28 for s in found)


def test_no_training_data_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="--units"):
        read_cdmam_data(tmp_path)
