"""From a table of images to a training set: what is stored, how it is split, what is left out."""

import csv
from pathlib import Path

import numpy as np
import pytest

from locate.drawn import Drawing, draw
from mammoqa.core import ConfigurationError
from mammoqa.jobs.manifest import Manifest, RefusedRow, Row
from mammoqa.models.card import KINDS
from mammoqa.phantoms import PHANTOMS
from mammoqa.train.dataset_file import EVALUATION, TEST, TRAIN, open_dataset
from mammoqa.train.own_data import write_own_data

ACR156 = PHANTOMS["acr156"]
SPLITS = ("train", "train", "test", "evaluation")


def manifest_of(folder: Path, splits: tuple[str | None, ...] = SPLITS, blank: int | None = 1) -> Manifest:
    """Images of one unit each; that numbered `blank` shows nothing."""
    image = draw(ACR156, Drawing(), np.random.default_rng(3))
    rows = []
    for k, split in enumerate(splits):
        pixels = np.asarray(image.pixels) + (k + 1)
        np.save(folder / f"{k}.npy", np.zeros_like(pixels) if k == blank else pixels)
        panel = np.r_[np.ones(5), np.nan, np.ones(4), 0.5, np.ones(5)]
        readers = np.stack([panel, np.nan_to_num(panel, nan=-1.0)])
        pitch_mm = image.pitch_mm[0]
        rows.append(Row(k + 2, f"{k}.npy", folder / f"{k}.npy", f"room {k}", panel, readers, pitch_mm, "bright", split))
    return Manifest("own.csv", "ab" * 32, tuple(rows), (RefusedRow(9, "x.npy", "no score"),), 2, ())


def test_what_is_stored(tmp_path: Path) -> None:
    out = tmp_path / "data"
    written = write_own_data(manifest_of(tmp_path), ACR156, out, seed=0, jobs=1)
    assert (written.images, written.units) == (3, 3)
    assert [(r.line, r.reason.split(":")[0]) for r in written.refused] == [(3, "not_located"), (9, "no score")]
    dataset = open_dataset(out)
    assert dataset.patches.shape == (48, 160, 160)
    table = dataset.table
    assert table.split[::16].tolist() == [TRAIN, TEST, EVALUATION]
    assert table.kind[:16].tolist() == [KINDS.index(insert.kind) for insert in ACR156.inserts]
    assert np.isnan(table.panel[5])
    assert table.panel[10] == 0.5
    assert table.readers[5, 1] == -1
    assert np.isnan(table.readers[:, 2:]).all()
    assert dataset.description.startswith(f"own images: 3 of the 5 in own.csv (SHA-256 {'ab' * 32}), 3 units")
    with (out / "images.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [(x["line"], x["unit"], x["split"]) for x in lines] == [
        ("2", "room 0", "train"),
        ("4", "room 2", "test"),
        ("5", "room 3", "evaluation"),
    ]
    assert all(len(x["sha256"]) == 64 for x in lines)
    with (out / "refused.csv").open() as file:
        assert [x["line"] for x in csv.DictReader(file)] == ["3", "9"]


def test_few_units_need_a_split(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, (None, None), blank=None)
    with pytest.raises(ConfigurationError, match="images of 2 units; a split by unit needs 10"):
        write_own_data(manifest, ACR156, tmp_path / "data", seed=0, jobs=1)


def test_a_table_without_a_readable_line(tmp_path: Path) -> None:
    manifest = Manifest("own.csv", "0" * 64, (), (RefusedRow(2, "x.npy", "no score"),), 0, ())
    with pytest.raises(ConfigurationError, match=r"the first: line 2: x\.npy: no score"):
        write_own_data(manifest, ACR156, tmp_path / "data", seed=0, jobs=1)
