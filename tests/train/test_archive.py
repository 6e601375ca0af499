"""Storing an archive: who is trained on, who is held out."""

from pathlib import Path

import numpy as np

from mammoqa.phantoms import PHANTOMS
from mammoqa.train.archive import Entry, store
from mammoqa.train.dataset_file import EVALUATION, TEST, TRAIN, open_dataset

OBJECTS = len(PHANTOMS["acr156"].inserts)


def entry(unit: int, score: float) -> Entry:
    patches = np.zeros((OBJECTS, 160, 160), dtype=np.float16)
    panel = np.full(OBJECTS, score)
    readers, expected = np.tile(panel, (5, 1)), np.tile([0.0, 0.0, 1.0, 0.0], (OBJECTS, 1))
    return Entry(unit, 0, patches, panel, readers, expected, panel, {"make": "A"}, None, 0.0)


def test_worn_phantoms_are_only_trained_on_and_do_not_count_as_passes(tmp_path: Path) -> None:
    made = [entry(unit, 1.0) for unit in range(20)] + [entry(unit, 0.0) for unit in (20, 21)]
    dataset = open_dataset(store(tmp_path, PHANTOMS["acr156"], made, 22, 3, fleet=20))
    split = {int(unit): int(part) for unit, part in zip(dataset.table.unit, dataset.table.split, strict=True)}
    assert [split[unit] for unit in (20, 21)] == [TRAIN, TRAIN]
    assert {split[unit] for unit in range(20)} == {TRAIN, TEST, EVALUATION}
    assert "20 units, 20 images" in dataset.description
    assert "2 more of worn-out phantoms" in dataset.description
    assert "100.0% of the rest pass" in dataset.description
