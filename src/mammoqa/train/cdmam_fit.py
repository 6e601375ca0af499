"""Fits an ensemble by incremental training (Amanova et al. 2022, section 2.2 and appendix D).

Every member begins with its own random weights and sees the images in its own order (Lakshminarayanan et al. 2016). In
the first step only images without a margin are used, in the second those with the smaller margins too, in the third
all; images from a scanner, where there are any, come in the last. Images are mirrored at random along both axes.

On a graphics card the images lie in its memory, weights stay in single precision while layers compute in bfloat16, and
a step is recorded once and played again: starting its hundred kernels one by one would take longer than they do.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int
from torch import Tensor, nn

from mammoqa.core import ConfigurationError
from mammoqa.train.cdmam_data import CdmamData
from mammoqa.train.cdmam_network import CurveNetwork
from mammoqa.train.cdmam_recipes import CdmamRecipe

_LOG = logging.getLogger(__name__)
_UNSIGNED = 0xFFFF  # pixels are kept as int16, which torch reads, and taken as uint16
_WARM_UP = 3  # steps before one is recorded
_LOOK = 100  # steps between two looks at the clock


@dataclass(slots=True, eq=False)
class FittedMember:
    """A trained network; `epochs` and `steps` were done, `losses` are the mean losses of the epochs."""

    network: CurveNetwork
    epochs: int
    steps: int
    losses: list[float]
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class OnDevice:
    """The training images where the networks are: raw pixels, and ln thresholds (targets) of each image."""

    pixels: Tensor  # int16 [images, draws, size, size]
    targets: Tensor  # float32 [images, K]
    mean_dn: float
    std_dn: float

    def batch(self, picked: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised, mirrored images [n, 1, size, size] and their targets, of `picked` [4, n]: see `epoch_order`."""
        image, draw, up, left = picked
        raw = self.pixels[image, draw].int().bitwise_and(_UNSIGNED).float()
        return mirrored((raw - self.mean_dn) / self.std_dn, up.bool(), left.bool())[:, None], self.targets[image]


def on_device(data: CdmamData, device: str) -> OnDevice:
    """The images of a training set on a device; on the processor they stay on disk."""
    pixels = torch.from_numpy(data.images.view(np.int16)).to(device)
    targets = torch.tensor(np.log(data.curve_um), dtype=torch.float32, device=device)
    return OnDevice(pixels, targets, data.mean_dn, data.std_dn)


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
    images: OnDevice | None = None,
) -> FittedMember:
    """One member of the ensemble, in all steps; each step ends early when its share of `budget_s` is over.

    `images` are those of `data` where the fit shall be done, and the network be left; the processor where None.
    """
    images = images or on_device(data, "cpu")
    device = images.pixels.device
    rng = np.random.default_rng([seed, member])
    torch.manual_seed(int(rng.integers(2**31)))
    curves = np.log(data.curve_um[~data.evaluation])
    network = CurveNetwork(recipe, curves, data.images.shape[-1]).to(device)
    if device.type == "cuda":
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 4.7 instead of 13 ms a step
    parts = steps_of(data, recipe)
    done = FittedMember(network, 0, 0, [], 0.0)
    start = time.monotonic()
    step = _step(network, recipe, images)
    network.train()
    for number, rows in enumerate(parts):
        last = None if budget_s is None else start + budget_s * (number + 1) / len(parts)
        first = recipe.epochs * number // len(parts)
        for _ in range(recipe.epochs * (number + 1) // len(parts) - first):
            loss, steps = _epoch(step, epoch_order(rows, data.images.shape[1], recipe, rng), recipe, images, last)
            done.losses.append(loss)
            done.epochs += 1
            done.steps += steps
            if last is not None and time.monotonic() > last:
                break
        _LOG.info("member %d, step %d: %d epochs, loss %.3f", member, number + 1, done.epochs, done.losses[-1])
    done.seconds = time.monotonic() - start
    network.eval()
    if device.type == "cuda":
        network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return done


def epoch_order(
    rows: Int[np.ndarray, " rows"], draws: int, recipe: CdmamRecipe, rng: np.random.Generator
) -> Int[np.ndarray, "4 n"]:
    """What an epoch shows, in its order: image, downsampling, and whether it is mirrored up-down and left-right.

    The last batch is filled up from the beginning, so that all are of one size.
    """
    if recipe.every_draw:
        image, draw = (part.ravel() for part in np.meshgrid(rows, np.arange(draws), indexing="ij"))
        order = rng.permutation(len(image))
        image, draw = image[order], draw[order]
    else:
        image = rng.permutation(rows)
        draw = rng.integers(draws, size=len(rows))
    if len(image) > recipe.batch:
        whole = -(-len(image) // recipe.batch) * recipe.batch
        image, draw = np.resize(image, whole), np.resize(draw, whole)
    return np.stack([image, draw, *rng.integers(2, size=(2, len(image)))])


def mirrored(images: Tensor, up: Tensor, left: Tensor) -> Tensor:
    """Images [n, rows, columns], those of `up` upside down and those of `left` left to right; never turned."""
    images = torch.where(up[:, None, None], images.flip(1), images)
    return torch.where(left[:, None, None], images.flip(2), images)


def normalised(data: CdmamData, raw: np.ndarray) -> Float32[np.ndarray, "..."]:
    """Raw values by the mean and standard deviation of the training images (section 2.2)."""
    return np.asarray((raw.astype(np.float64) - data.mean_dn) / data.std_dn, np.float32)


def _groups(network: nn.Module, recipe: CdmamRecipe) -> list[dict[str, object]]:
    """Weights with L2 regularisation; biases, norms and the variance without (a choice)."""
    heavy = [p for p in network.parameters() if p.ndim > 1]
    light = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": heavy, "weight_decay": recipe.l2}, {"params": light, "weight_decay": 0.0}]


Step = Callable[[Tensor], Tensor]  # what a batch shows [4, n] to its loss, one step of the optimiser done


def _step(network: CurveNetwork, recipe: CdmamRecipe, images: OnDevice) -> Step:
    card = images.pixels.device.type == "cuda"
    optimiser = torch.optim.Adam(_groups(network, recipe), lr=recipe.learning_rate, fused=card, capturable=card)

    def plain(picked: Tensor) -> Tensor:
        x, targets = images.batch(picked)
        with torch.autocast("cuda", torch.bfloat16, enabled=card, cache_enabled=False):
            loss = network.loss(x, targets)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return loss.detach()

    return _Recorded(plain, images.pixels.device) if card else plain


class _Recorded:
    """A step on a graphics card, recorded at its first batches and played for those of the same size."""

    def __init__(self, plain: Step, device: torch.device) -> None:
        self._plain, self._device = plain, device
        self._picked: Tensor | None = None
        self._loss: Tensor | None = None
        self._graph = torch.cuda.CUDAGraph()
        self._warmed = 0

    def __call__(self, picked: Tensor) -> Tensor:
        if self._warmed < _WARM_UP:
            self._warmed += 1
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                loss = self._plain(picked)
            torch.cuda.current_stream().wait_stream(side)
            return loss
        if self._picked is None:
            self._picked = picked.clone()
            with torch.cuda.graph(self._graph):
                self._loss = self._plain(self._picked)
        if self._picked.shape != picked.shape or self._loss is None:
            return self._plain(picked)
        self._picked.copy_(picked)
        self._graph.replay()
        return self._loss.clone()


def _epoch(
    step: Step, order: Int[np.ndarray, "4 n"], recipe: CdmamRecipe, images: OnDevice, last: float | None
) -> tuple[float, int]:
    """Mean loss and number of steps of an epoch; batch normalisation needs two images a step.

    An epoch longer than `_LOOK` steps ends when `last` is over.
    """
    shown = torch.from_numpy(order).to(images.pixels.device)
    losses: list[Tensor] = []
    for batch in torch.split(shown, recipe.batch, dim=1):
        if batch.shape[1] < 2:
            continue
        losses.append(step(batch))
        if last is not None and len(losses) % _LOOK == 0:
            losses[-1].item()  # waits for the device
            if time.monotonic() > last:
                break
    return float(torch.stack(losses).mean()) if losses else float("nan"), len(losses)
