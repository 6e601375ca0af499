"""A fitted network as an artefact: calibrated, exported, measured on held-out data, described by its card."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

import mammoqa
from mammoqa.models import GRAPHS, KINDS, Card, InputSpec, Training, fuse, scores
from mammoqa.models.card import FORMAT, Parent, as_json
from mammoqa.models.runtime import calibrate as calibrated
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.acr156 import kinds_and_sizes
from mammoqa.train.assess import assess
from mammoqa.train.calibrate import RULES, calibrate, votes_of
from mammoqa.train.data import select
from mammoqa.train.dataset_file import EVALUATION, TEST, TRAIN
from mammoqa.train.decide import decide, whole_images
from mammoqa.train.export import export
from mammoqa.train.fit import Fitted, predict
from mammoqa.train.fusion import fit_fusion, measured
from mammoqa.train.recipes import Recipe
from mammoqa.train.start_from import WEIGHTS, save_weights

ON_SIMULATED = "Trained on simulated images only; agreement with human readers has to be shown where it is used."
ON_OWN = "Trained on the images that its data describe; agreement with readers elsewhere has to be shown there."
LIMITS_OF_USE = (
    "Reads patches of the ACR 156 type phantom placed by mammoqa's locator: 16 mm, object in the middle, 0.1 mm pitch.",
    "Probabilities are calibrated for the mixture of units in the training data.",
    "Not for clinical images and not a medical device; a medical physicist signs the result.",
)


def write_artefact(
    fitted: Fitted,
    recipe: Recipe,
    folder: Path,
    seed: int,
    thresholds: str | None = None,
    parent: Parent | None = None,
) -> Card:
    """Writes model.onnx, gradient.onnx, weights.npz and card.json to a folder that `models.load_folder` reads.

    Calibration, thresholds and the referral band come from the test split, the card's metrics from the evaluation
    split. `thresholds` is a key of `calibrate.RULES`; where None, the paper's recipe chooses by F1 as the paper does,
    the others by accuracy and macro F1, and by how many of the 0.5s are found. `parent` is what a fine-tuning started
    from.
    """
    dataset, progress = fitted.dataset, fitted.progress
    size_px = int(dataset.patches.shape[1])
    rule = thresholds or ("f1" if recipe.selection == "yun2025" else "cautious")
    trained_on = select(dataset.table, TRAIN, recipe.selection)
    export(fitted.network, folder, size_px)
    save_weights(fitted.network, folder / WEIGHTS)
    training = Training(
        recipe=recipe.name,
        network=recipe.network,
        seed=seed,
        data=dataset.description,
        data_sha256=dataset.sha256,
        images=len(np.unique(dataset.table.image[trained_on])),
        objects=fitted.rows,
        units=len(np.unique(dataset.table.unit[trained_on])),
        epochs=progress.epoch,
        steps=progress.steps,
        seconds=round(progress.seconds, 1),
        selection=recipe.selection,
        torch_version=str(torch.__version__),
        parent=parent,
    )
    files = tuple((name, hashlib.sha256((folder / name).read_bytes()).hexdigest()) for name in (*GRAPHS, WEIGHTS))
    card = Card(
        format=FORMAT,
        name=recipe.artefact,
        version=mammoqa.__version__,
        input=InputSpec(size_px=size_px),
        preprocessing=dataset.preprocessing,
        readings=(),
        training=training,
        metrics=(),
        limits_of_use=(ON_SIMULATED if dataset.description.startswith("simulated") else ON_OWN, *LIMITS_OF_USE),
        code_version=mammoqa.__version__,
        files=files,
    )
    card = _named(_decided(card, fitted, rule))
    card = _measured(card, fitted, seed)
    (folder / "card.json").write_text(as_json(card), encoding="utf-8")
    return card


def _named(card: Card) -> Card:
    """The card with a version that changes with whatever an answer depends on, not the network's weights alone."""
    decisive = (card.files, card.input, card.preprocessing, card.readings, card.fusions, card.pass_calibration)
    digest = hashlib.sha256(repr((*decisive, card.referral_band)).encode())
    return replace(card, version=f"{card.version}+{digest.hexdigest()[:8]}")


def _decided(card: Card, fitted: Fitted, rule: str) -> Card:
    """The card with what the test split says: calibration, fusion and thresholds per kind, and of the whole phantom."""
    table = fitted.dataset.table
    rows = np.flatnonzero(table.split == TEST)
    logits = predict(fitted.network, fitted.dataset, rows)
    expected = _expected(fitted, rows)
    card = replace(card, readings=calibrate(logits, table.kind[rows], table.panel[rows], expected, rule))
    phantom = PHANTOMS.get(card.name)
    if phantom is None:
        return card
    index = whole_images(table.image[rows], table.object_index[rows], len(phantom.inserts))
    probabilities = calibrated(logits, table.kind[rows], card)
    found = measured(fitted.dataset, rows[index], phantom)
    for kind, features in found.items():
        k = KINDS.index(kind)
        of_kind = index[:, kinds_and_sizes(phantom)[0] == k].ravel()
        votes = votes_of(table.panel[rows][of_kind]) if expected is None else expected[of_kind, :3]
        fusion = fit_fusion(kind, probabilities[of_kind], features, votes)
        probabilities[of_kind] = fuse(probabilities[of_kind], features, fusion)
        present, abnormal = RULES[rule](probabilities[of_kind, 0], probabilities[of_kind, 1], votes)
        reading = replace(card.readings[k], threshold_present=present, threshold_abnormal=abnormal)
        card = replace(
            card,
            fusions=(*card.fusions, fusion),
            readings=(*card.readings[:k], reading, *card.readings[k + 1 :]),
        )
    decision = decide(
        probabilities[index],
        scores(probabilities, table.kind[rows], card)[index],
        table.panel[rows][index],
        table.unit[rows][index[:, 0]],
        phantom,
        None if expected is None else expected[index],
    )
    return replace(card, pass_calibration=decision.pass_calibration, referral_band=decision.referral_band)


def _expected(fitted: Fitted, rows: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows 4"] | None:
    """Shares of 0, 0.5, 1 and N/A among many panels, where the data set has them."""
    column: np.ndarray | None = getattr(fitted.dataset.table, "expected", None)
    return None if column is None or not np.isfinite(column).all() else column[rows]


def _measured(card: Card, fitted: Fitted, seed: int) -> Card:
    table = fitted.dataset.table
    rows = np.flatnonzero(table.split == EVALUATION)
    if len(rows) == 0:
        return card
    kinds = table.kind[rows]
    probabilities = calibrated(predict(fitted.network, fitted.dataset, rows), kinds, card)
    phantom = PHANTOMS.get(card.name)
    whole = np.arange(len(rows))
    if phantom is not None and card.fusions:  # filters compare an image's objects: whole images only
        index = whole_images(table.image[rows], table.object_index[rows], len(phantom.inserts))
        found = measured(fitted.dataset, rows[index], phantom)
        if not found:
            return card
        for fusion in card.fusions:
            of_kind = index[:, kinds_and_sizes(phantom)[0] == KINDS.index(fusion.kind)].ravel()
            probabilities[of_kind] = fuse(probabilities[of_kind], found[fusion.kind], fusion)
        whole = np.sort(index.ravel())
    whole = whole[np.isfinite(table.panel[rows][whole])]
    metrics = assess(
        probabilities[whole],
        scores(probabilities, kinds, card)[whole],
        table.panel[rows][whole],
        kinds[whole],
        table.image[rows][whole],
        "evaluation",
        np.random.default_rng(seed),
    )
    return replace(card, metrics=metrics)
