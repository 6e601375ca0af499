"""A fitted network as an artefact: calibrated, exported, measured on held-out data, described by its card."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import mammoqa
from mammoqa.models import GRAPHS, Card, InputSpec, Reading, Training, scores
from mammoqa.models.card import FORMAT, as_json
from mammoqa.models.runtime import calibrate as calibrated
from mammoqa.train.assess import assess
from mammoqa.train.calibrate import calibrate
from mammoqa.train.data import select
from mammoqa.train.dataset_file import EVALUATION, TEST
from mammoqa.train.export import export
from mammoqa.train.fit import Fitted, predict
from mammoqa.train.recipes import Recipe

LIMITS_OF_USE = (
    "Trained on simulated images only; agreement with human readers has to be shown where it is used.",
    "Reads patches of the ACR 156 type phantom placed by mammoqa's locator: 16 mm, object in the middle, 0.1 mm pitch.",
    "Probabilities are calibrated for the mixture of units in the training data.",
    "Not for clinical images and not a medical device; a medical physicist signs the result.",
)


def write_artefact(fitted: Fitted, recipe: Recipe, folder: Path, seed: int) -> Card:
    """Writes model.onnx, gradient.onnx and card.json to a folder that `models.load_folder` reads.

    Calibration and thresholds come from the test split, the card's metrics from the evaluation split.
    """
    dataset, progress = fitted.dataset, fitted.progress
    size_px = int(dataset.patches.shape[1])
    readings = _readings(fitted)
    export(fitted.network, folder, size_px)
    training = Training(
        recipe=recipe.name,
        network=recipe.network,
        seed=seed,
        data=dataset.description,
        data_sha256=dataset.sha256,
        images=len(np.unique(dataset.table.image)),
        objects=fitted.rows,
        units=len(np.unique(dataset.table.unit)),
        epochs=progress.epoch,
        steps=progress.steps,
        seconds=round(progress.seconds, 1),
        selection=recipe.selection,
        torch_version=str(torch.__version__),
    )
    files = tuple((name, hashlib.sha256((folder / name).read_bytes()).hexdigest()) for name in GRAPHS)
    card = Card(
        format=FORMAT,
        name=recipe.artefact,
        version=f"{mammoqa.__version__}+{dict(files)['model.onnx'][:8]}",
        input=InputSpec(size_px=size_px),
        preprocessing=dataset.preprocessing,
        readings=readings,
        training=training,
        metrics=(),
        limits_of_use=LIMITS_OF_USE,
        code_version=mammoqa.__version__,
        files=files,
    )
    card = _measured(card, fitted, seed)
    (folder / "card.json").write_text(as_json(card), encoding="utf-8")
    return card


def _readings(fitted: Fitted) -> tuple[Reading, ...]:
    table = fitted.dataset.table
    rows = select(table, TEST, "all")
    return calibrate(predict(fitted.network, fitted.dataset, rows), table.kind[rows], table.panel[rows])


def _measured(card: Card, fitted: Fitted, seed: int) -> Card:
    table = fitted.dataset.table
    rows = select(table, EVALUATION, "all")
    if len(rows) == 0:
        return card
    kinds = table.kind[rows]
    probabilities = calibrated(predict(fitted.network, fitted.dataset, rows), kinds, card)
    metrics = assess(
        probabilities,
        scores(probabilities, kinds, card),
        table.panel[rows],
        kinds,
        table.image[rows],
        "evaluation",
        np.random.default_rng(seed),
    )
    return replace(card, metrics=metrics)
