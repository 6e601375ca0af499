"""Fits the single-image reading: members that start from physics and see settings drawn with replacement.

Every member's settings are a bootstrap sample, so that their disagreement tells how much depends on which settings
there happened to be. The loss is the negative log likelihood of the true curve, at every diameter for itself; beside it
the convention is fitted to curves that were computed from detectabilities.
"""

import logging
import time

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mammoqa.core import ConfigurationError, Phantom
from mammoqa.models.cdmam_cells import Evidence, graph_inputs
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.cdmam34_evidence import EMPTY, empty_places_mm
from mammoqa.stats.psychometric import GOLD_PER_UM, THRESHOLD_DETECTABILITY
from mammoqa.train.cdmam_cells_data import FIELDS, CellsData
from mammoqa.train.cdmam_cells_network import CellsNetwork, Layout, Start
from mammoqa.train.cdmam_recipes import CellsRecipe

_LOG = logging.getLogger(__name__)
_LIMIT_SPREAD, _LIMITS_AT_A_TIME = 0.02, 128  # of the computed curves: the error that counts as one, and how many
_CONVENTION_STEPS, _CONVENTION_RATE = 2000, 1e-2  # with these alone, before the images
_RIDGE = 0.3  # of the convention's start: thresholds of neighbouring diameters say much the same


def layout_of(phantom: Phantom) -> Layout:
    """The phantom's cells as the network takes them."""
    room = np.zeros((len(phantom.cells), EMPTY))
    for k, cell in enumerate(phantom.cells):
        room[k, empty_places_mm(cell)[1]] = 1.0
    sizes = {cell.row: cell.diameter_mm for cell in phantom.cells}
    return Layout(
        rows=np.array([cell.row for cell in phantom.cells]),
        corners=np.array([cell.corner for cell in phantom.cells]),
        room=room,
        diameters_mm=np.array([sizes[row] for row in sorted(sizes)]),
    )


def evidence_list(data: CellsData, rows: Int[np.ndarray, " n"]) -> list[Evidence]:
    """The evidence of some images."""
    arrays = [name for name in FIELDS if name != "blur_px"]
    return [
        Evidence(**{name: data.evidence[name][i] for name in arrays}, blur_px=float(data.evidence["blur_px"][i]))
        for i in rows
    ]


def inputs_of(data: CellsData, rows: Int[np.ndarray, " n"]) -> tuple[Tensor, ...]:
    """The network's inputs of some images."""
    radius_mm = np.array([cell.diameter_mm / 2 for cell in PHANTOMS["cdmam34"].cells])
    made = graph_inputs(evidence_list(data, rows), radius_mm)
    return tuple(torch.from_numpy(made[name]) for name in ("answers", "rings", "contrast", "scale"))


def start_of(data: CellsData, rows: Int[np.ndarray, " n"], layout: Layout, directions: int) -> Start:
    """The prior and the convention that simple sums over the images of each setting give."""
    k = _simple_levels(data, rows, layout)
    settings = np.unique(data.setting[rows])
    levels = np.array([k[data.setting[rows] == s].mean(axis=0) for s in settings])
    curves = np.log([data.curve_um[rows[data.setting[rows] == s][0]] for s in settings])
    mean = levels.mean(axis=0)
    _, size, axes = np.linalg.svd(levels - mean, full_matrices=False)
    kept = axes[:directions].T * size[:directions] / np.sqrt(max(len(settings) - 1, 1))
    log_t = np.log(-np.log1p(-np.minimum(THRESHOLD_DETECTABILITY * np.exp(-levels), 0.7)) / GOLD_PER_UM)
    centre, target = log_t.mean(axis=0), curves.mean(axis=0)
    own = np.zeros((len(target), len(mean)))  # the curve begins as each diameter's own threshold
    own[np.arange(len(target)), _own_rows(data, layout)] = 1.0
    left = (curves - target) - (log_t - centre) @ own.T
    normal = (log_t - centre).T @ (log_t - centre) + _RIDGE * np.eye(len(mean))
    turn = own + np.linalg.solve(normal, (log_t - centre).T @ left).T
    return Start(mean, kept, turn, target - turn @ centre)


def _own_rows(data: CellsData, layout: Layout) -> Int[np.ndarray, " k"]:
    return np.array([int(np.argmin(np.abs(layout.diameters_mm - d))) for d in data.diameters_mm])


def _simple_levels(data: CellsData, rows: Int[np.ndarray, " n"], layout: Layout) -> Float[np.ndarray, "n phantom_rows"]:
    """Logarithm of the detectability per contrast of each diameter, by least squares on the filter's own answers."""
    answers, contrast = data.evidence["answers"][rows], data.evidence["contrast"][rows]
    true = np.concatenate([np.ones((len(layout.rows), 1)), np.arange(4) == layout.corners[:, None]], axis=1)
    one_hot = (np.arange(len(layout.diameters_mm))[:, None] == layout.rows).astype(float)
    empty = np.concatenate([answers * (1 - true), np.nan_to_num(data.evidence["empty"][rows])], axis=2)
    number = 3 + layout.room.sum(axis=1)
    within = (empty**2).sum(axis=2) - empty.sum(axis=2) ** 2 / number
    spread = np.sqrt((within @ one_hot.T) / (one_hot @ (number - 1)))
    first = ((answers * true).sum(axis=2) * contrast) @ one_hot.T
    second = 2.0 * contrast**2 @ one_hot.T
    return np.asarray(np.log(np.maximum(first / second / spread, 0.05)))


def fit_cells(
    data: CellsData, recipe: CellsRecipe, seed: int, deadline: float | None = None, without: tuple[str, ...] = ()
) -> tuple[CellsNetwork, int]:
    """All members, trained side by side, and how many epochs they saw; families in `without` are left out.

    Raises:
        ConfigurationError: too few settings for the prior.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(int(rng.integers(2**31)))
    settings = np.unique(data.setting[~data.held_out & ~np.isin(data.family, without)])
    if len(settings) < 2 * recipe.directions:
        raise ConfigurationError(
            f"a prior with {recipe.directions} directions needs {2 * recipe.directions} settings to train on or more; "
            f"these data have {len(settings)}: simulate more with --units N"
        )
    drawn = [rng.choice(settings, len(settings)) for _ in range(recipe.members)]
    rows = [np.concatenate([np.flatnonzero(data.setting == s) for s in one]) for one in drawn]
    layout = layout_of(PHANTOMS["cdmam34"])
    network = CellsNetwork(layout, [start_of(data, one, layout, recipe.directions) for one in rows])
    inputs = inputs_of(data, np.arange(len(data.setting)))
    target = torch.tensor(np.log(data.curve_um), dtype=torch.float32)
    log_k = torch.tensor(data.log_k, dtype=torch.float32)
    limit = torch.tensor(np.log(data.limit_um), dtype=torch.float32)
    _fit_convention(network, log_k, limit, rng)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    count = min(len(one) for one in rows)
    steps = recipe.epochs * -(-count // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.learning_rate, total_steps=steps, pct_start=0.1)
    epoch, loss = 0, torch.zeros(())
    for epoch in range(1, recipe.epochs + 1):
        order = np.stack([rng.permutation(one)[:count] for one in rows])
        for start in range(0, count, recipe.batch):
            part = torch.from_numpy(order[:, start : start + recipe.batch])
            curve, variance, _, _ = network(*(x[part] for x in inputs))
            loss = 0.5 * (torch.log(variance) + (curve - target[part]) ** 2 / variance).mean()
            some = torch.from_numpy(rng.integers(len(log_k), size=_LIMITS_AT_A_TIME))
            loss = loss + _limit_loss(network, log_k[some], limit[some])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0 * recipe.members)
            optimiser.step()
            schedule.step()
        if epoch % 20 == 0:
            _LOG.info("epoch %d of %d, loss %.3f", epoch, recipe.epochs, float(loss.detach()))
        if deadline is not None and time.monotonic() > deadline:
            break
    return network.eval(), epoch


def _fit_convention(network: CellsNetwork, log_k: Tensor, limit: Tensor, rng: np.random.Generator) -> None:
    """The convention layer alone, to curves that were computed."""
    parts = [network.turn, network.offset, *(one for name, one in network.named_parameters() if "bent" in name)]
    optimiser = torch.optim.Adam(parts, lr=_CONVENTION_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _CONVENTION_RATE, total_steps=_CONVENTION_STEPS)
    for _ in range(_CONVENTION_STEPS):
        some = torch.from_numpy(rng.integers(len(log_k), size=_LIMITS_AT_A_TIME))
        optimiser.zero_grad(set_to_none=True)
        loss = _limit_loss(network, log_k[some], limit[some])
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()


def _limit_loss(network: CellsNetwork, log_k: Tensor, limit: Tensor) -> Tensor:
    """How far curves are from those that were computed; those beyond the gold that was tried count less."""
    apart = (network.convention(log_k) - limit) / _LIMIT_SPREAD
    return nn.functional.smooth_l1_loss(apart, torch.zeros_like(apart))
