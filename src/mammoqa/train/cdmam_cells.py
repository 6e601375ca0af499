"""`mammoqa train cdmam34_cells`: fit the single-image reading, export, calibrate on held-out settings, describe."""

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

import mammoqa
from mammoqa.models.card import Metric
from mammoqa.models.cdmam_cells import (
    FINGERPRINT,
    FORMAT,
    GRAPHS,
    CellsCard,
    CellsModel,
    as_json,
    beyond,
    distances,
    fingerprints,
    load_cells,
)
from mammoqa.models.cdmam_ensemble import EnsembleTraining
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate.cdmam_invented import FAMILIES, MIXTURE
from mammoqa.stats.deep_ensemble import EXPANSION, combine
from mammoqa.train.cdmam_cells_data import MODELLED, CellsData, read_cells_data
from mammoqa.train.cdmam_cells_fit import evidence_list, fit_cells, inputs_of
from mammoqa.train.cdmam_cells_network import Answer, CellsNetwork
from mammoqa.train.cdmam_recipes import CELLS_RECIPES, CellsRecipe
from mammoqa.train.export import rewritten, write_graph

_LOG = logging.getLogger(__name__)
_EXAMPLES = 7  # unlike every other dimension, or tracing takes the batch to be that dimension
_COVERED = 0.95
_OUTSIDE = 0.99  # share of the held-out images that must count as like the training
_APART_SEED = 0  # of the readings that leave a family out, whatever the seed of the reading itself
_FAMILIAR = 0.5  # share of them, the nearest to the training, that the plain intervals are calibrated on
_KERNEL = 0.10  # of each number of the fingerprint: how far apart settings may be and still be alike (a choice)
LIMITS = (
    "Reads one image of a CDMAM 3.4 FOR PROCESSING; its curve is what the conventional reading of endless images of "
    "the same setting is expected to give, for human readers.",
    "Trained and calibrated on simulated images only: of flat-panel detectors and computed radiography, and of "
    "invented units whose blur, noise, contrast and background stray far beyond those.",
    "Says so when an image is unlike those of the training, and widens its interval by what simulated families that "
    "were left out of the training showed; what no family showed is not in it.",
    "Not for clinical images and not a medical device; a medical physicist signs the result.",
)


def run_cells(recipe_name: str, data: Path, out: Path, seed: int = 0, budget_minutes: float | None = None) -> Path:
    """Trains every member, exports and calibrates the ensemble; gives the folder of the artefact."""
    recipe = CELLS_RECIPES[recipe_name]
    dataset = read_cells_data(data)
    folder = out / "artefact"
    begun = time.monotonic()
    deadline = None if budget_minutes is None else begun + 60.0 * budget_minutes
    network, epochs = fit_cells(dataset, recipe, seed, deadline)
    network.requires_grad_(False)
    files = export_cells(network, folder, inputs_of(dataset, np.arange(_EXAMPLES)), len(dataset.diameters_mm))
    card = _card(recipe, dataset, files, seed, epochs, time.monotonic() - begun)
    return _calibrated(card, folder, dataset, left_out(dataset, recipe))


def export_cells(
    network: CellsNetwork, folder: Path, examples: tuple[Tensor, ...], points: int
) -> tuple[tuple[str, str], ...]:
    """Writes model.onnx and gradient.onnx; gives their names and SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {0: torch.export.Dim("batch", min=1, max=4096)}
    names = ("answers", "rings", "contrast", "scale")
    write_graph(
        Answer(network),
        examples,
        folder / GRAPHS[0],
        names=(names, ("curve", "variance", "seen", "fingerprint")),
        dynamic=(rows,) * 4,
    )
    weights = torch.rand(len(examples[0]), points, generator=torch.Generator().manual_seed(0))
    write_graph(
        rewritten(gradient_of(network), (*examples, weights)),
        (*examples, weights),
        folder / GRAPHS[1],
        names=((*names, "weights"), ("by_answers", "by_rings", "curve")),
        dynamic=(rows,) * 5,
    )
    return tuple((name, hashlib.sha256((folder / name).read_bytes()).hexdigest()) for name in GRAPHS)


def gradient_of(network: CellsNetwork) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
    """(inputs, weights) to the gradients of sum(weights * mean curve) by answers and rings, and the mean curve."""

    def total(
        answers: Tensor, rings: Tensor, contrast: Tensor, scale: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        curve = network.curve(answers, rings, contrast, scale)
        return (curve * weights).sum(), curve

    def gradient(
        answers: Tensor, rings: Tensor, contrast: Tensor, scale: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        by, curve = torch.func.grad(total, argnums=(0, 1), has_aux=True)(answers, rings, contrast, scale, weights)
        return by[0], by[1], curve

    return gradient


def _card(
    recipe: CellsRecipe, data: CellsData, files: tuple[tuple[str, str], ...], seed: int, epochs: int, seconds: float
) -> CellsCard:
    """The card before anything is measured."""
    phantom, k = PHANTOMS["cdmam34"], len(data.diameters_mm)
    notes = () if epochs == recipe.epochs else (f"{epochs} of {recipe.epochs} epochs were done",)
    held_out = len(np.unique(data.setting[data.held_out]))
    return CellsCard(
        format=FORMAT,
        name="cdmam34",
        version=f"{mammoqa.__version__}+{files[0][1][:8]}",
        diameters_mm=tuple(float(d) for d in data.diameters_mm),
        radius_mm=tuple(cell.diameter_mm / 2 for cell in phantom.cells),
        members=recipe.members,
        widen=(1.0,) * k,
        reference=((0.0,) * len(FINGERPRINT),),
        whiten=tuple(tuple(float(v) for v in row) for row in np.eye(len(FINGERPRINT))),
        farthest=1e9,
        settled=1e9,
        strain=(0.0,) * k,
        training=EnsembleTraining(
            recipe=recipe.name,
            network=f"cells, {recipe.directions} directions",
            seed=seed,
            data=f"{data.description}; {held_out} settings held out",
            data_sha256=data.sha256,
            images=int((~data.held_out).sum()),
            epochs=epochs,
            steps=epochs * -(-int((~data.held_out).sum()) // recipe.batch) * recipe.members,
            seconds=round(seconds, 1),
            torch_version=str(torch.__version__),
            notes=notes,
        ),
        metrics=(),
        limits_of_use=LIMITS,
        code_version=mammoqa.__version__,
        files=files,
    )


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """How families are read by readings that never saw them: errors and calibrated uncertainties (ln), and distances.

    `distance` is in units of the distance beyond which an image is unlike the training of the reading concerned,
    `settled` within which images are familiar (`_FAMILIAR`).
    """

    family: np.ndarray
    error: Float[np.ndarray, "n k"]
    total: Float[np.ndarray, "n k"]
    distance: Float[np.ndarray, " n"]
    settled: float


def left_out(data: CellsData, recipe: CellsRecipe) -> LeftOut:
    """Leaves out one family after the other (and with it the mixture of all), trains, and reads what was left out."""
    smaller = replace(recipe, members=recipe.apart_members, epochs=recipe.apart_epochs)
    found, settled = [], []
    for family in (*FAMILIES, MODELLED[1]):
        without = (family, MIXTURE)
        network, _ = fit_cells(data, smaller, _APART_SEED, without=without)
        there = ~np.isin(data.family, without)
        known, kept = np.flatnonzero(there & ~data.held_out), np.flatnonzero(there & data.held_out)
        apart = np.flatnonzero(data.family == family)
        reference = _reference(_said(network, data, known)[2], data.setting[known])
        error, total, prints = _said(network, data, kept)
        near = distances(prints, *reference)
        widen = _widen((error / total)[near <= np.quantile(near, _FAMILIAR)])
        error, total, prints = _said(network, data, apart)
        farthest = float(np.quantile(near, _OUTSIDE))
        found.append((data.family[apart], error, total * widen, distances(prints, *reference) / farthest))
        settled.append(float(np.quantile(near, _FAMILIAR)) / farthest)
        _LOG.info("without %s: relative error %.3f", family, float(np.abs(np.expm1(error)).mean()))
    names, errors, totals, apart_by = (np.concatenate(part) for part in zip(*found, strict=True))
    return LeftOut(names, errors, totals, apart_by, float(np.mean(settled)))


def _said(network: CellsNetwork, data: CellsData, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors, uncertainties [n, K] and fingerprints of a network that is not exported."""
    inputs = inputs_of(data, rows)
    with torch.no_grad():
        curve, variance, _, prints = network(*inputs)
    spread = combine(curve.numpy().astype(float), variance.numpy().astype(float))
    whole = fingerprints(prints[0].numpy(), inputs[3].numpy(), evidence_list(data, rows))
    return spread.mean - np.log(data.curve_um[rows]), spread.total, whole


def _strain(left: LeftOut) -> Float[np.ndarray, " k"]:
    """The further uncertainty for each unit of distance with which intervals hold on families that were left out.

    For each diameter the smallest that covers, among images beyond `settled`; smoothed over diameters.
    """
    further = beyond(left.distance, left.settled, 1.0)
    rows = further > 0.0
    tried = np.linspace(0.0, 1.0, 401)
    own = []
    for k in range(left.error.shape[1]):
        total = np.hypot(left.total[rows, k], tried[:, None] * further[rows])
        covered = (np.abs(left.error[rows, k]) <= EXPANSION * total).mean(axis=1)
        own.append(float(tried[min(int((covered < _COVERED).sum()), len(tried) - 1)]))
    return np.array([np.mean(own[max(k - 2, 0) : k + 3]) for k in range(len(own))])


def _calibrated(card: CellsCard, folder: Path, data: CellsData, left: LeftOut) -> Path:
    """Writes the card with what held-out settings and families say: intervals, what is unlike, and how good it is."""
    (folder / "card.json").write_text(as_json(card), encoding="utf-8")
    load_cells.cache_clear()
    model = load_cells(folder)
    known, kept = np.flatnonzero(~data.held_out), np.flatnonzero(data.held_out)
    reference, whiten = _reference(_prints(model, data, known), data.setting[known])
    card = replace(card, reference=_plain(reference), whiten=_plain(whiten))
    model = CellsModel(folder, card, "", 1)
    distance = model.distance(_prints(model, data, kept))
    found = model.read(evidence_list(data, kept))
    spread = combine(found.means, found.variances)
    error = spread.mean - np.log(data.curve_um[kept])
    widen = _widen((error / spread.total)[distance <= np.quantile(distance, _FAMILIAR)])
    strain, farthest = _strain(left), float(np.quantile(distance, _OUTSIDE))
    strained = beyond(distance, left.settled * farthest, farthest)[:, None] * strain
    total = np.hypot(spread.total * widen, strained)
    apart = np.hypot(left.total, beyond(left.distance, left.settled, 1.0)[:, None] * strain)
    card = replace(
        card,
        widen=tuple(float(w) for w in widen),
        farthest=farthest,
        settled=left.settled * farthest,
        strain=tuple(float(s) for s in strain),
        metrics=(
            *_metrics(error, total, data.setting[kept], "held-out settings"),
            *_metrics(left.error, apart, left.family, "families left out of the training, one by one"),
        ),
    )
    (folder / "card.json").write_text(as_json(card), encoding="utf-8")
    load_cells.cache_clear()
    return folder


def _prints(model: CellsModel, data: CellsData, rows: np.ndarray) -> Float[np.ndarray, "n prints"]:
    evidence = evidence_list(data, rows)
    feeds = model.feeds(evidence)
    (prints,) = model._run(GRAPHS[0], ("fingerprint",), feeds)
    return fingerprints(prints, feeds["scale"], evidence)


def _reference(
    prints: np.ndarray, setting: np.ndarray
) -> tuple[Float[np.ndarray, "s prints"], Float[np.ndarray, "prints prints"]]:
    """Mean fingerprints of the settings, and what makes differences of them distances."""
    means = np.array([prints[setting == s].mean(axis=0) for s in np.unique(setting)])
    left = np.concatenate([prints[setting == s] - prints[setting == s].mean(axis=0) for s in np.unique(setting)])
    free = max(len(left) - len(means), 1)
    covariance = left.T @ left / free + _KERNEL**2 * np.eye(prints.shape[1])
    return means, np.linalg.cholesky(np.linalg.inv(covariance)).T


def _widen(standard: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " k"]:
    """The factor on each diameter's uncertainty with which its intervals hold, smoothed over diameters."""
    own = np.quantile(np.abs(standard), _COVERED, axis=0) / EXPANSION
    near = np.array([own[max(k - 2, 0) : k + 3].mean() for k in range(len(own))])
    return np.asarray(np.maximum(near, 0.5))


def _metrics(error: np.ndarray, total: np.ndarray, setting: np.ndarray, of: str) -> tuple[Metric, ...]:
    """Error, coverage and width; intervals by resampling settings (or families)."""
    values = {
        "relative_error": np.abs(np.expm1(error)).mean(axis=1),
        "coverage_95": (np.abs(error) <= EXPANSION * total).mean(axis=1),
        "total_uncertainty_ln": total.mean(axis=1),
    }
    made = []
    for name, each in values.items():
        by_setting = np.array([each[setting == s].mean() for s in np.unique(setting)])
        low, high = _between(by_setting)
        made.append(Metric(name, "all", float(by_setting.mean()), low, high, len(by_setting), of))
    return tuple(made)


def _between(values: np.ndarray) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    means = rng.choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def _plain(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(float(v), 5) for v in row) for row in matrix)
