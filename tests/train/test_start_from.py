"""Fine-tuning starts from the weights it is given, keeps a record of them, and mixes no runs."""

import hashlib
import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'mammoqa[train]'")

import toy  # noqa: E402
import toy_artefact  # noqa: E402
from mammoqa.core import ConfigurationError  # noqa: E402
from mammoqa.models.card import as_json, parse  # noqa: E402
from mammoqa.train.fit import fit  # noqa: E402
from mammoqa.train.networks import build  # noqa: E402
from mammoqa.train.recipes import RECIPES  # noqa: E402
from mammoqa.train.start_from import WEIGHTS, gentle, prepare, read_start, save_weights  # noqa: E402

RECIPE = replace(RECIPES["acr156"], batch=32, epochs=1, bfloat16=False, ema=0.8, pretrained=False)


def artefact(folder, seed=5):
    """An artefact's card and weights, without its graphs; and the network."""
    torch.manual_seed(seed)
    network = build(RECIPE.network, pretrained=False)
    folder.mkdir(parents=True)
    save_weights(network, folder / WEIGHTS)
    sha256 = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    card = toy_artefact.card(((WEIGHTS, sha256),))
    card = replace(card, training=replace(card.training, network=RECIPE.network, data="simulated toys"))
    (folder / "card.json").write_text(as_json(card))
    return network


def test_the_first_step_starts_from_the_given_weights(tmp_path):
    network = artefact(tmp_path / "run" / "artefact")
    start = read_start(tmp_path / "run", RECIPE)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(start.weights[name], value)
    card_sha256 = hashlib.sha256((tmp_path / "run" / "artefact" / "card.json").read_bytes()).hexdigest()
    assert (start.parent.name, start.parent.card_sha256, start.parent.data) == ("toy", card_sha256, "simulated toys")

    still = replace(RECIPE, learning_rate=0.0)
    prepare(start, still, tmp_path / "out", 0, resume=True)
    fitted = fit(still, toy.write_dataset(tmp_path / "data", 20, size_px=64), tmp_path / "out", 0)
    assert fitted.progress.epoch == 1
    for name, value in fitted.network.named_parameters():  # the norms' statistics do move
        torch.testing.assert_close(value, network.state_dict()[name])

    prepare(start, still, tmp_path / "out", 0, resume=True)  # the same start: it would go on
    again = read_start(tmp_path / "out" / "checkpoint.pt", RECIPE)
    assert again.parent.version == "epoch 1"
    with pytest.raises(ConfigurationError, match="another start"):
        prepare(again, still, tmp_path / "out", 0, resume=True)
    with pytest.raises(ConfigurationError, match="another start"):
        prepare(None, still, tmp_path / "out", 0, resume=True)
    prepare(again, still, tmp_path / "out", 0, resume=False)
    assert json.loads((tmp_path / "out" / "start.json").read_text())["version"] == "epoch 1"


def test_fine_tuning_is_gentle():
    assert gentle(RECIPES["acr156"]).learning_rate == pytest.approx(RECIPES["acr156"].learning_rate / 10)


def test_the_parent_stays_in_the_card(tmp_path):
    artefact(tmp_path / "a")
    parent = read_start(tmp_path / "a", RECIPE).parent
    card = toy_artefact.card(())
    card = replace(card, training=replace(card.training, parent=parent))
    assert parse(as_json(card)).training.parent == parent
    assert parse(as_json(toy_artefact.card(()))).training.parent is None


def test_starts_that_do_not_fit(tmp_path):
    with pytest.raises(ConfigurationError, match="nothing at"):
        read_start(tmp_path / "none", RECIPE)
    (tmp_path / "x.pt").write_text("no checkpoint")
    with pytest.raises(ConfigurationError, match="no checkpoint of mammoqa train"):
        read_start(tmp_path / "x.pt", RECIPE)
    artefact(tmp_path / "a")
    with pytest.raises(ConfigurationError, match="choose another recipe"):
        read_start(tmp_path / "a", RECIPES["acr156_yun2025"])
    with (tmp_path / "a" / WEIGHTS).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ConfigurationError, match="not what its card describes"):
        read_start(tmp_path / "a", RECIPE)
    (tmp_path / "a" / WEIGHTS).unlink()
    with pytest.raises(ConfigurationError, match=r"has no weights\.npz"):
        read_start(tmp_path / "a", RECIPE)
