"""Storing an archive: who is trained on, who is held out."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate.archive import draw_exposure, draw_unit
from mammoqa.train.archive import Entry, store
from mammoqa.train.dataset_file import EVALUATION, TEST, TRAIN, open_dataset

OBJECTS = len(PHANTOMS["acr156"].inserts)


def entry(unit: int, score: float) -> Entry:
    patches = np.zeros((OBJECTS, 160, 160), dtype=np.float16)
    panel = np.full(OBJECTS, score)
    readers, expected = np.tile(panel, (5, 1)), np.tile([0.0, 0.0, 1.0, 0.0], (OBJECTS, 1))
    return Entry(unit, 0, patches, None, panel, readers, expected, panel, {"make": "A"}, None, 0.0)


def test_worn_phantoms_are_only_trained_on_and_do_not_count_as_passes(tmp_path: Path) -> None:
    made = [entry(unit, 1.0) for unit in range(20)] + [entry(unit, 0.0) for unit in (20, 21)]
    dataset = open_dataset(store(tmp_path, PHANTOMS["acr156"], made, 22, 3, fleet=20))
    split = {int(unit): int(part) for unit, part in zip(dataset.table.unit, dataset.table.split, strict=True)}
    assert [split[unit] for unit in (20, 21)] == [TRAIN, TRAIN]
    assert {split[unit] for unit in range(20)} == {TRAIN, TEST, EVALUATION}
    assert "20 units, 20 images" in dataset.description
    assert "2 more of worn-out phantoms" in dataset.description
    assert "100.0% of the rest pass" in dataset.description


def test_a_worn_phantom_that_is_refused_is_none_of_the_fleet(tmp_path: Path) -> None:
    made = [entry(unit, 1.0) for unit in range(20)] + [replace(entry(20, 0.0), patches=None, refused="not_located: x")]
    about = open_dataset(store(tmp_path, PHANTOMS["acr156"], made, 21, 3, fleet=20)).description
    assert "20 units, 20 images" in about
    assert "1 more of worn-out phantoms to train on; of all 1 not located" in about


def test_worn_phantoms_have_large_objects_incomplete_and_of_any_strength() -> None:
    phantom = PHANTOMS["acr156"]
    unit = draw_unit(phantom, 1, 4)
    worn = [draw_exposure(phantom, replace(unit, worn=True), np.random.default_rng(k), k).objects for k in range(60)]
    sound = [draw_exposure(phantom, unit, np.random.default_rng(k), k).objects for k in range(60)]
    first = [insert.name for insert in phantom.inserts].index("mass-1")
    square = [states[first].squareness > 0.2 for states in worn]
    strength = np.array([state.weight for states in worn for state in states]) / unit.contrast
    assert 0.15 < np.mean(square) < 0.5
    assert np.mean([states[first].squareness > 0 for states in sound]) < 0.15
    assert 0.02 < np.mean(strength == 0) < 0.12
    assert strength[strength > 0].min() >= 0.25
    assert strength.max() > 3
