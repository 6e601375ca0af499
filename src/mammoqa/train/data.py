"""Rows of a dataset as batches of tensors."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from mammoqa.models.card import KINDS
from mammoqa.train.dataset_file import TRAIN, Dataset, Table
from mammoqa.train.losses import expected_targets, targets


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What one step needs; the first dimension is the batch."""

    patches: Tensor  # [n, 1, size, size]
    kind: Tensor  # [n], index
    log_size: Tensor  # [n], log2 of mm
    target: Tensor  # [n, 2]
    mask: Tensor  # [n, 2]

    @property
    def one_hot(self) -> Tensor:
        """Kind as the networks take it, [n, 3]."""
        return torch.nn.functional.one_hot(self.kind, len(KINDS)).float()


def select(table: Table, split: int, selection: str) -> Int[np.ndarray, " rows"]:
    """Rows of a split that are trained or tuned on; N/A objects never are."""
    wanted = (table.split == split) & ~np.isnan(table.panel)
    if split == TRAIN and selection == "all":
        wanted |= (table.split == split) & (table.expected[:, :3].sum(axis=1) > 0.05)  # some panels score it
    if selection == "yun2025":
        wanted &= full_or_first_failure(table)
    return np.flatnonzero(wanted)


def full_or_first_failure(table: Table) -> Bool[np.ndarray, " rows"]:
    """Objects with score 1, and in each image and kind the largest that has not (Yun et al. 2025, "Model training")."""
    chosen: np.ndarray = table.panel == 1.0
    failed = np.flatnonzero(table.panel < 1.0)  # nan compares false
    order = failed[np.lexsort((-table.size_mm[failed], table.kind[failed], table.image[failed]))]
    groups = np.stack([table.image[order], table.kind[order]])
    first = np.ones(len(order), dtype=bool)
    first[1:] = (groups[:, 1:] != groups[:, :-1]).any(axis=0)
    chosen[order[first]] = True
    return chosen


def batches(
    dataset: Dataset, rows: Int[np.ndarray, " rows"], batch: int, soft: float, rng: np.random.Generator | None = None
) -> Iterator[Batch]:
    """All rows once, in batches; shuffled, and without a last incomplete batch, where `rng` is given."""
    order = rows if rng is None else rng.permutation(rows)
    stop = len(order) if rng is None or len(order) < batch else len(order) // batch * batch
    for start in range(0, stop, batch):
        yield take(dataset, np.sort(order[start : start + batch]), soft)


def take(dataset: Dataset, rows: Int[np.ndarray, " rows"], soft: float) -> Batch:
    """The batch of given rows."""
    table = dataset.table
    target, mask = targets_of(table, rows, soft)
    return Batch(
        patches=torch.from_numpy(dataset.patches[rows])[:, None].float(),
        kind=torch.from_numpy(table.kind[rows]).long(),
        log_size=torch.from_numpy(np.log2(table.size_mm[rows])).float(),
        target=target.float(),
        mask=mask.float(),
    )


def targets_of(table: Table, rows: Int[np.ndarray, " rows"], soft: float) -> tuple[Tensor, Tensor]:
    """Targets and weights [n, 2]: shares of scores where they are known and wanted, else the readers' votes."""
    target, mask = targets(torch.from_numpy(table.panel[rows]), torch.from_numpy(table.readers[rows]), soft)
    if soft <= 0:
        return target, mask
    expected = torch.from_numpy(table.expected[rows])
    known = torch.isfinite(expected).all(dim=1, keepdim=True)
    better, weight = expected_targets(torch.nan_to_num(expected))
    return torch.where(known, better, target), torch.where(known, weight, mask)
