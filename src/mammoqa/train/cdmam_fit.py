"""Fits an ensemble by incremental training (Amanova et al. 2022, section 2.2 and appendix D).

Every member begins with its own random weights and sees the images in its own order (Lakshminarayanan et al. 2016). In
the first step only images without a margin are used, in the second those with the smaller margins too, in the third
all; images from a scanner, where there are any, come in the last. An epoch shows every image of a step once, in a
random one of its downsamplings, mirrored at random along both axes.
"""

import logging
import time
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import nn

from mammoqa.core import ConfigurationError
from mammoqa.train.cdmam_data import CdmamData
from mammoqa.train.cdmam_network import CurveNetwork
from mammoqa.train.cdmam_recipes import CdmamRecipe

_LOG = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class FittedMember:
    """A trained network; `epochs` and `steps` were done, `losses` are the mean losses of the epochs."""

    network: CurveNetwork
    epochs: int
    steps: int
    losses: list[float]
    seconds: float


def steps_of(data: CdmamData, recipe: CdmamRecipe) -> list[Int[np.ndarray, " rows"]]:
    """Which images each step of the incremental training uses; a step without any is left out.

    Raises:
        ConfigurationError: nothing is left to train on.
    """
    usable = ~data.evaluation
    steps = [np.flatnonzero(usable & ~data.recorded & np.isin(data.margin_mm, m)) for m in recipe.margin_steps]
    if data.recorded.any():
        steps.append(np.flatnonzero(usable))
    kept = [rows for rows in steps if len(rows)]
    if not kept or len(np.unique(data.setting[kept[-1]])) < 2:
        raise ConfigurationError("the training data need images of two settings or more; simulate some with --units N")
    return kept


def fit_member(
    data: CdmamData,
    recipe: CdmamRecipe,
    member: int,
    seed: int,
    budget_s: float | None = None,
    device: str = "cpu",
) -> FittedMember:
    """One member of the ensemble, in all steps; each step ends early when its share of `budget_s` is over."""
    rng = np.random.default_rng([seed, member])
    torch.manual_seed(int(rng.integers(2**31)))
    targets = np.log(data.curve_um)
    network = CurveNetwork(recipe, targets[~data.evaluation], data.images.shape[-1]).to(device)
    optimiser = torch.optim.Adam(_groups(network, recipe), lr=recipe.learning_rate)
    parts = steps_of(data, recipe)
    done = FittedMember(network, 0, 0, [], 0.0)
    start = time.monotonic()
    for number, rows in enumerate(parts):
        last = None if budget_s is None else start + budget_s * (number + 1) / len(parts)
        first = recipe.epochs * number // len(parts)
        for _ in range(recipe.epochs * (number + 1) // len(parts) - first):
            done.losses.append(_epoch(network, optimiser, data, targets, rows, recipe, rng, device))
            done.epochs += 1
            done.steps += -(-len(rows) // recipe.batch)
            if last is not None and time.monotonic() > last:
                break
        _LOG.info("member %d, step %d: %d epochs, loss %.3f", member, number + 1, done.epochs, done.losses[-1])
    done.seconds = time.monotonic() - start
    network.eval().cpu()
    return done


def mirrored(images: Float32[np.ndarray, "n rows columns"], rng: np.random.Generator) -> Float32[np.ndarray, "..."]:
    """Each image mirrored along none, one or both of its axes, never turned (section 3)."""
    out = images.copy()
    for image, (up, left) in zip(out, rng.integers(2, size=(len(images), 2)), strict=True):
        image[:] = image[:: 1 - 2 * int(up), :: 1 - 2 * int(left)].copy()
    return out


def normalised(data: CdmamData, raw: np.ndarray) -> Float32[np.ndarray, "..."]:
    """Raw values by the mean and standard deviation of the training images (section 2.2)."""
    return np.asarray((raw.astype(np.float64) - data.mean_dn) / data.std_dn, np.float32)


def _groups(network: nn.Module, recipe: CdmamRecipe) -> list[dict[str, object]]:
    """Weights with L2 regularisation; biases, norms and the variance without (a choice)."""
    heavy = [p for p in network.parameters() if p.ndim > 1]
    light = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": heavy, "weight_decay": recipe.l2}, {"params": light, "weight_decay": 0.0}]


def _epoch(
    network: CurveNetwork,
    optimiser: torch.optim.Optimizer,
    data: CdmamData,
    targets: Float[np.ndarray, "n k"],
    rows: Int[np.ndarray, " rows"],
    recipe: CdmamRecipe,
    rng: np.random.Generator,
    device: str,
) -> float:
    network.train()
    order, losses = rng.permutation(rows), []
    for start in range(0, len(order), recipe.batch):
        picked = order[start : start + recipe.batch]
        if len(picked) < 2:
            continue  # batch normalisation needs two
        which = rng.integers(data.images.shape[1], size=len(picked))
        raw = np.stack([data.images[i, d] for i, d in zip(picked, which, strict=True)])
        images = torch.from_numpy(mirrored(normalised(data, raw), rng))[:, None].to(device)
        loss = network.loss(images, torch.tensor(targets[picked], dtype=torch.float32, device=device))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses)) if losses else float("nan")
