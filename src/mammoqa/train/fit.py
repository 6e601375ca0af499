"""Trains a network by a recipe: one loop, a checkpoint each epoch, a time budget that the schedule follows."""

import csv
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from mammoqa.core import ConfigurationError, ModelError
from mammoqa.models.card import KINDS
from mammoqa.train.augment import augment
from mammoqa.train.data import Batch, batches, select, targets_of
from mammoqa.train.dataset_file import TEST, TRAIN, Dataset, open_dataset
from mammoqa.train.losses import class_weights, focal
from mammoqa.train.networks import build
from mammoqa.train.recipes import Recipe
from mammoqa.train.threads import Threads

log = logging.getLogger(__name__)
_EVALUATION_BATCH = 128


@dataclass(slots=True)
class Progress:
    """How far a training has come; written into every checkpoint."""

    epoch: int = 0
    steps: int = 0
    seconds: float = 0.0
    best_loss: float = math.inf
    best_epoch: int = -1
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """The best averaged network of a training, on the CPU in evaluation mode, and how it was reached."""

    network: nn.Module
    progress: Progress
    dataset: Dataset
    rows: int


@dataclass(slots=True, eq=False)
class _State:
    """Everything that changes during training."""

    network: nn.Module
    average: AveragedModel
    optimiser: torch.optim.Optimizer
    progress: Progress
    best: dict[str, Tensor]
    threads: Threads = field(default_factory=Threads)


def fit(
    recipe: Recipe, data: Path, out: Path, seed: int, budget_minutes: float | None = None, *, resume: bool = True
) -> Fitted:
    """Trains and returns the weights with the lowest loss on the test split.

    With a budget the learning rate follows the clock, so that the schedule ends in time whatever else the machine
    does; results then depend on its speed. Without one a seed gives the same weights on the same machine.

    Args:
        recipe: one of `RECIPES`.
        data: folder written by `DatasetWriter`.
        out: receives checkpoint.pt after each epoch and log.csv.
        seed: of weights, order and augmentation.
        budget_minutes: wall time for training, earlier runs that are resumed included.
        resume: continue from out/checkpoint.pt where it exists.
    """
    dataset = open_dataset(data)
    rows, tuning = (select(dataset.table, split, recipe.selection) for split in (TRAIN, TEST))
    if len(rows) < 2 or len(tuning) < 2:
        raise ConfigurationError(f"{data} has {len(rows)} objects for training and {len(tuning)} for tuning; too few")
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    state = _start(recipe, device)
    checkpoint = out / "checkpoint.pt"
    if resume and checkpoint.is_file():
        _restore(state, checkpoint, recipe, seed)
    weights = _weights_of(dataset, rows, recipe).to(device)
    with _bar() as show:
        while not _over(state.progress, recipe, budget_minutes):
            _epoch(state, dataset, rows, recipe, weights, seed, budget_minutes, show)
            _judge(state, dataset, tuning, recipe, weights)
            _save(state, checkpoint, recipe, seed)
            _write_log(state.progress.history, out / "log.csv")
    state.threads.restore()
    network = state.average.module
    if not state.best:
        raise ModelError(f"training diverged, the loss on the test split was never finite; see {out / 'log.csv'}")
    network.load_state_dict(state.best)
    return Fitted(network.cpu().eval(), state.progress, dataset, len(rows))


def evaluate(
    network: nn.Module, dataset: Dataset, rows: Int[np.ndarray, " rows"], recipe: Recipe, weights: Tensor
) -> dict[str, float]:
    """Focal loss (that of training) and the share of right scores at thresholds of one half, against the panel."""
    logits = torch.from_numpy(predict(network, dataset, rows, bfloat16=recipe.bfloat16))
    table = dataset.table
    target, mask = targets_of(table, rows, recipe.soft)
    kind = torch.from_numpy(table.kind[rows]).long()
    loss = focal(logits, target.float(), mask.float(), weights.cpu()[kind], recipe.gamma)
    probability = torch.sigmoid(logits).numpy()
    scores = np.where(probability[:, 0] < 0.5, 0.0, np.where(probability[:, 1] >= 0.5, 0.5, 1.0))
    right = scores == table.panel[rows]
    each = {
        f"accuracy_{name}": float(right[kind.numpy() == k].mean()) for k, name in enumerate(KINDS) if (kind == k).any()
    }
    return {"loss": float(loss), "accuracy": float(right.mean()), **each}


def predict(
    network: nn.Module, dataset: Dataset, rows: Int[np.ndarray, " rows"], *, bfloat16: bool = False
) -> Float[np.ndarray, "rows 2"]:
    """Logits of rows, in their order."""
    device = next(network.parameters()).device
    network.eval()
    parts = []
    with torch.inference_mode():
        for batch in batches(dataset, rows, _EVALUATION_BATCH, 0.0):
            parts.append(_logits(network, batch.patches, batch.one_hot, batch.log_size, device, bfloat16).cpu().numpy())
    return np.concatenate(parts)


def share_done(progress: Progress, total_steps: int, budget_s: float | None, seconds: float) -> float:
    """How much of the run is over, 0..1: by steps, or by the clock where that is further on."""
    by_steps = progress.steps / max(total_steps, 1)
    by_clock = 0.0 if budget_s is None else seconds / max(budget_s, 1e-9)
    return min(1.0, max(by_steps, by_clock))


def rate(share: float, recipe: Recipe) -> float:
    """Learning rate at a share of the run: linear warm-up, then half a cosine to 1 % of the peak; or constant."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    if share < recipe.warmup:
        return recipe.learning_rate * max(0.02, share / recipe.warmup)
    falling = (share - recipe.warmup) / (1 - recipe.warmup)
    return recipe.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * falling)))


def _start(recipe: Recipe, device: torch.device) -> _State:
    network = build(recipe.network, pretrained=recipe.pretrained).to(device)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    decay = [p for p in network.parameters() if p.ndim > 1]
    free = [p for p in network.parameters() if p.ndim <= 1]  # biases and norms are not decayed
    groups = [{"params": decay, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
    optimiser: torch.optim.Optimizer
    if recipe.optimiser == "adamw":
        optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate)
    else:
        optimiser = torch.optim.SGD(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    average = AveragedModel(network, avg_fn=_averaging(recipe.ema), use_buffers=True)
    return _State(network, average, optimiser, Progress(), {})


def _averaging(decay: float) -> Any:
    """Exponential average that trusts the network at once in its first steps."""

    def average(old: Tensor, new: Tensor, count: Tensor | int) -> Tensor:
        now = min(decay, (1 + int(count)) / (10 + int(count))) if decay > 0 else 0.0
        return torch.lerp(new, old, now) if old.is_floating_point() else new

    return average


def _weights_of(dataset: Dataset, rows: Int[np.ndarray, " rows"], recipe: Recipe) -> Tensor:
    table = dataset.table
    target, mask = targets_of(table, rows, recipe.soft)
    if not recipe.balance:
        return torch.ones(len(KINDS), target.shape[1], 2)
    return class_weights(target.float(), mask, torch.from_numpy(table.kind[rows]).long(), len(KINDS))


def _epoch(
    state: _State,
    dataset: Dataset,
    rows: Int[np.ndarray, " rows"],
    recipe: Recipe,
    weights: Tensor,
    seed: int,
    budget_minutes: float | None,
    show: Callable[[float], None],
) -> None:
    """One pass over the rows, or less where the time is up."""
    progress = state.progress
    rng = np.random.default_rng((seed, progress.epoch))
    torch_rng = torch.Generator().manual_seed(int(rng.integers(2**62)))
    total = recipe.epochs * max(1, len(rows) // recipe.batch)
    budget_s = None if budget_minutes is None else 60 * budget_minutes
    before, start, losses = progress.seconds, time.monotonic(), []
    threads = state.threads if budget_s is not None and weights.device.type == "cpu" else None
    if threads is not None:
        threads.again()
    state.network.train()
    for batch in batches(dataset, rows, recipe.batch, recipe.soft, rng):
        share = share_done(progress, total, budget_s, progress.seconds)
        if share >= 1.0:
            break
        if threads is not None:
            threads.tick()
        for group in state.optimiser.param_groups:
            group["lr"] = rate(share, recipe)
        losses.append(_step(state, batch, recipe, weights, torch_rng))
        progress.steps += 1
        progress.seconds = before + time.monotonic() - start
        show(share)
    progress.epoch += 1
    progress.history.append(
        {
            "epoch": progress.epoch,
            "steps": progress.steps,
            "seconds": round(progress.seconds, 1),
            "share": round(share_done(progress, total, budget_s, progress.seconds), 4),
            "train_loss": float(np.mean(losses)) if losses else math.nan,
        }
    )


def _step(state: _State, batch: Batch, recipe: Recipe, weights: Tensor, rng: torch.Generator) -> float:
    device = weights.device
    patches, log_size = augment(batch.patches, batch.log_size, recipe.augmentation, rng)
    logits = _logits(state.network, patches, batch.one_hot, log_size, device, recipe.bfloat16)
    loss = focal(logits, batch.target.to(device), batch.mask.to(device), weights[batch.kind.to(device)], recipe.gamma)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.network.parameters(), 1.0)
    state.optimiser.step()
    state.average.update_parameters(state.network)
    return float(loss.detach())


def _logits(
    network: nn.Module, patches: Tensor, one_hot: Tensor, log_size: Tensor, device: torch.device, bfloat16: bool
) -> Tensor:
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
        moved = patches.to(device).contiguous(memory_format=torch.channels_last)
        logits: Tensor = network(moved, one_hot.to(device), log_size.to(device))
    return logits.float()


def _judge(state: _State, dataset: Dataset, tuning: Int[np.ndarray, " rows"], recipe: Recipe, weights: Tensor) -> None:
    """Measures the averaged network on the test split and keeps the best weights."""
    progress, start = state.progress, time.monotonic()
    measured = evaluate(state.average.module, dataset, tuning, recipe, weights)
    progress.history[-1].update(measured)
    if measured["loss"] < progress.best_loss:
        progress.best_loss, progress.best_epoch = measured["loss"], progress.epoch
        state.best = {name: value.detach().clone() for name, value in state.average.module.state_dict().items()}
    progress.seconds += time.monotonic() - start
    log.info("epoch %d: %s", progress.epoch, ", ".join(f"{k} {v:.4g}" for k, v in progress.history[-1].items()))


def _over(progress: Progress, recipe: Recipe, budget_minutes: float | None) -> bool:
    """Out of epochs, out of time, or no better for too long."""
    out_of_time = budget_minutes is not None and progress.seconds >= 60 * budget_minutes
    stale = progress.best_epoch >= 0 and progress.epoch - progress.best_epoch >= recipe.patience
    return progress.epoch > 0 and (progress.epoch >= recipe.epochs or out_of_time or stale)


def _save(state: _State, path: Path, recipe: Recipe, seed: int) -> None:
    temporary = path.with_suffix(".tmp")
    torch.save(
        {
            "recipe": recipe.name,
            "seed": seed,
            "network": state.network.state_dict(),
            "average": state.average.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "progress": asdict(state.progress),
            "best": state.best,
        },
        temporary,
    )
    temporary.replace(path)  # an interrupted run leaves the last whole checkpoint


def _restore(state: _State, path: Path, recipe: Recipe, seed: int) -> None:
    saved = torch.load(path, map_location="cpu", weights_only=True)
    if (saved["recipe"], saved["seed"]) != (recipe.name, seed):
        raise ConfigurationError(
            f"{path} belongs to recipe {saved['recipe']}, seed {saved['seed']}; choose another folder or remove it"
        )
    state.network.load_state_dict(saved["network"])
    state.average.load_state_dict(saved["average"])
    state.optimiser.load_state_dict(saved["optimiser"])
    state.progress = Progress(**saved["progress"])
    state.best = saved["best"]


def _write_log(history: list[dict[str, float]], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(history)


@contextmanager
def _bar() -> Iterator[Callable[[float], None]]:
    """A progress bar on a terminal, nothing when piped; gives what takes the share that is done."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with Bar(console=console, transient=True) as bar:
        task = bar.add_task("training", total=1.0)
        yield lambda share: bar.update(task, completed=share)
