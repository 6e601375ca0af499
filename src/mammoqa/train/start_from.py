"""Fine-tuning: a training that starts from the weights of an earlier one, and keeps a record of which.

An artefact's graphs have their batch normalisation folded in and cannot be trained further; so `weights.npz` lies
beside them, the network as it was trained. A checkpoint.pt does as well.
"""

import hashlib
import json
import pickle
import zipfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mammoqa.core import ConfigurationError
from mammoqa.models import card as cards
from mammoqa.models.card import Parent
from mammoqa.train import fit
from mammoqa.train.recipes import RECIPES, Recipe

WEIGHTS = "weights.npz"
_RECORD = "start.json"
_GENTLER = 0.1  # of the recipe's learning rate: a choice, so that few images do not undo what many taught


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Weights by name, and where they come from."""

    weights: dict[str, Tensor]
    parent: Parent


def save_weights(network: nn.Module, path: Path) -> None:
    """The parameters and statistics of a network, by name."""
    arrays = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    np.savez_compressed(path, allow_pickle=False, **arrays)


def read_start(path: Path, recipe: Recipe) -> Start:
    """The weights in an artefact's folder, in the folder that `mammoqa train` wrote, or in a checkpoint.pt.

    Raises:
        ConfigurationError: there are none, they are damaged, or they belong to another network than the recipe's.
    """
    inner = path / "artefact"
    if path.is_dir():
        return _from_artefact(inner if (inner / "card.json").is_file() else path, recipe)
    if not path.is_file():
        raise ConfigurationError(f"there is nothing at {path}; check --start-from")
    return _from_checkpoint(path, recipe)


def gentle(recipe: Recipe) -> Recipe:
    """The recipe with the learning rate of fine-tuning, and no weights from elsewhere."""
    return replace(recipe, learning_rate=_GENTLER * recipe.learning_rate, pretrained=False)


def prepare(start: Start | None, recipe: Recipe, out: Path, seed: int, *, resume: bool) -> None:
    """Put the weights in `out` as a checkpoint before the first epoch, unless a run from the same start is there.

    Raises:
        ConfigurationError: `out` holds a run with another start.
    """
    checkpoint, record = out / "checkpoint.pt", out / _RECORD
    wanted = None if start is None else json.loads(json.dumps(asdict(start.parent)))
    if resume and checkpoint.is_file():
        found = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else None
        if found != wanted:
            raise ConfigurationError(
                f"{checkpoint} belongs to a training with another start; choose another folder, or --afresh"
            )
        return
    record.unlink(missing_ok=True)
    if start is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    state = fit._start(recipe, torch.device("cpu"))
    try:
        for network in (state.network, state.average.module):
            network.load_state_dict(start.weights)
    except RuntimeError as error:
        raise ConfigurationError(
            f"the weights of {start.parent.name} do not fit the network {recipe.network} of this version: train anew"
        ) from error
    fit._save(state, checkpoint, recipe, seed)
    record.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


def _from_artefact(folder: Path, recipe: Recipe) -> Start:
    card, card_sha256 = cards.read(folder)
    path = folder / WEIGHTS
    if not path.is_file():
        raise ConfigurationError(
            f"{folder} has no {WEIGHTS}, and its graphs cannot be trained further: give the checkpoint.pt of its "
            "training, or an artefact of a newer version"
        )
    sha256 = _sha256(path)
    if dict(card.files).get(WEIGHTS) != sha256:
        raise ConfigurationError(f"{path} is not what its card describes; copy it again")
    if card.training.network != recipe.network:
        raise ConfigurationError(_OTHER.format(path=folder, found=card.training.network, wanted=recipe.network))
    with np.load(path, allow_pickle=False) as arrays:
        weights = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    return Start(weights, Parent(card.name, card.version, card_sha256, sha256, card.training.data))


_OTHER = "{path} holds the network {found}, the recipe trains {wanted}; choose another recipe or start"


def _from_checkpoint(path: Path, recipe: Recipe) -> Start:
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        name, weights, epoch = saved["recipe"], saved["best"], saved["progress"]["epoch"]
    except (pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, EOFError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} is no checkpoint of mammoqa train") from error
    if name in RECIPES and RECIPES[name].network != recipe.network:
        raise ConfigurationError(_OTHER.format(path=path, found=RECIPES[name].network, wanted=recipe.network))
    if not weights:
        raise ConfigurationError(f"{path} has finished no epoch yet; give another start")
    return Start(weights, Parent(f"checkpoint of recipe {name}", f"epoch {epoch}", None, _sha256(path), None))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
