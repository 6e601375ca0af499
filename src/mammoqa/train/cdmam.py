"""`mammoqa train` for ensembles that read a CDMAM: fit, export, measure, describe."""

import logging
from pathlib import Path

import numpy as np

import mammoqa
from mammoqa.core import ConfigurationError
from mammoqa.models.card import Metric
from mammoqa.models.cdmam_ensemble import (
    FORMAT,
    EnsembleCard,
    EnsembleTraining,
    as_json,
    load_ensemble,
    member_files,
)
from mammoqa.stats.deep_ensemble import combine
from mammoqa.train.cdmam_data import CdmamData, read_cdmam_data
from mammoqa.train.cdmam_export import export_member
from mammoqa.train.cdmam_fit import fit_member, normalised, on_device, steps_of
from mammoqa.train.cdmam_network import weights_bytes
from mammoqa.train.cdmam_recipes import CDMAM_RECIPES, CdmamRecipe

_LOG = logging.getLogger(__name__)
_LIMITS = (
    "Reads images of a CDMAM 3.4 upright or turned by 180 degrees, with the cells and up to 25 mm about them.",
    "Trained on simulated images only; agreement with readings of recorded images has to be shown where it is used.",
    "Sees about one pixel in a hundred: discs below some 0.3 mm hardly arrive (Amanova et al. 2022, section 3).",
    "Not for clinical images and not a medical device; a medical physicist signs the result.",
)


def run_cdmam(recipe_name: str, data: Path, out: Path, seed: int = 0, budget_minutes: float | None = None) -> Path:
    """Trains every member, exports the ensemble and describes it; gives the folder of the artefact.

    `budget_minutes` is shared evenly by members and steps of the training; what was not done is told in the card.

    Raises:
        ConfigurationError: no such recipe, or the data are not complete.
    """
    import torch

    if recipe_name not in CDMAM_RECIPES:
        raise ConfigurationError(f"no recipe named {recipe_name!r}; known: {', '.join(CDMAM_RECIPES)}")
    recipe = CDMAM_RECIPES[recipe_name]
    dataset = read_cdmam_data(data)
    folder = out / "artefact"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    each_s = None if budget_minutes is None else 60.0 * budget_minutes / recipe.members
    _LOG.info("%d members of %.1f MB (single precision) on %s", recipe.members, weights_bytes(recipe) / 1e6, device)
    images = on_device(dataset, device)
    fitted: list[tuple[tuple[float, ...], int, int, float]] = []
    files: list[tuple[str, str]] = []
    for member in range(recipe.members):
        one = fit_member(dataset, recipe, member, seed, each_s, images)
        files += export_member(one.network.cpu(), folder, member, dataset.images.shape[-1])
        fitted.append((one.network.variances(), one.epochs, one.steps, one.seconds))
        del one
    card = EnsembleCard(
        format=FORMAT,
        name="cdmam34",
        version=f"{mammoqa.__version__}+{dict(files)[member_files(0)[2]][:8]}",
        size_px=dataset.images.shape[-1],
        mean_dn=dataset.mean_dn,
        std_dn=dataset.std_dn,
        diameters_mm=tuple(float(d) for d in dataset.diameters_mm),
        variances=tuple(variances for variances, *_ in fitted),
        training=EnsembleTraining(
            recipe=recipe.name,
            network=recipe.network,
            seed=seed,
            data=dataset.description,
            data_sha256=dataset.sha256,
            images=len(steps_of(dataset, recipe)[-1]) * (dataset.images.shape[1] if recipe.every_draw else 1),
            epochs=min(epochs for _, epochs, _, _ in fitted),
            steps=sum(steps for _, _, steps, _ in fitted),
            seconds=round(sum(seconds for *_, seconds in fitted), 1),
            torch_version=str(torch.__version__),
            notes=notes_of(dataset, recipe, min(epochs for _, epochs, _, _ in fitted)),
        ),
        metrics=(),
        limits_of_use=_LIMITS,
        code_version=mammoqa.__version__,
        files=tuple(files),
    )
    return _described(card, folder, dataset)


def notes_of(data: CdmamData, recipe: CdmamRecipe, epochs: int) -> tuple[str, ...]:
    """What of a training is not as in the paper."""
    notes = []
    if epochs < recipe.epochs:
        notes.append(f"{epochs} of {recipe.epochs} epochs were done: the time that was given was over")
    if not data.recorded.any():
        notes.append("no recorded images: the last step of the incremental training (appendix D) is left out")
    if recipe.network != "amanova2022":
        notes.append(
            f"smaller than table 2: a further {recipe.pool} x {recipe.pool} pooling and {recipe.hidden} units in the "
            "fully connected layers"
        )
    return tuple(notes)


def _described(card: EnsembleCard, folder: Path, data: CdmamData) -> Path:
    """Writes the card, runs the exported graphs on the images kept for evaluation, and writes it with what they say."""
    from dataclasses import replace

    (folder / "card.json").write_text(as_json(card), encoding="utf-8")
    rows = np.flatnonzero(data.evaluation)
    if len(rows):
        load_ensemble.cache_clear()
        ensemble = load_ensemble(folder)
        truth = np.log(data.curve_um[rows])
        means = ensemble.means(normalised(data, np.asarray(data.images[rows, 0])))
        found = combine(means, ensemble.variances(len(rows)))
        error = np.abs(np.expm1(found.mean - truth))
        values = {
            "relative_error": float(error.mean()),
            "coverage_95": float(found.covers(truth).mean()),
            "total_uncertainty_ln": float(found.total.mean()),
        }
        metrics = tuple(
            Metric(name, "all", value, None, None, len(rows), "evaluation") for name, value in values.items()
        )
        card = replace(card, metrics=metrics)
        (folder / "card.json").write_text(as_json(card), encoding="utf-8")
        load_ensemble.cache_clear()
    return folder


__all__ = ["notes_of", "run_cdmam"]
