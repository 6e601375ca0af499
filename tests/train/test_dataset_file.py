"""The training set on disk and its split by unit."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import toy
from mammoqa.core import ConfigurationError
from mammoqa.models import normalise
from mammoqa.train.dataset_file import EVALUATION, TEST, TRAIN, DatasetWriter, open_dataset, split_by_unit


def test_what_was_written_is_read(tmp_path):
    rng = np.random.default_rng(0)
    patches = np.stack([toy.draw(k, 0.5, 1.0, rng) for k in (0, 1, 2)])
    panel = np.array([1.0, 0.5, np.nan])
    with DatasetWriter(tmp_path, 2, 3, description="two images") as writer:
        for image in (10, 11):
            writer.add(
                patches + image,
                image=image,
                unit=image - 7,
                kinds=np.array([0, 1, 2]),
                sizes_mm=np.array([1.0, 0.3, 0.5]),
                panel=panel,
                readers=np.array([[1.0, 1.0], [0.5, 1.0], [0.0, 0.5]]),
            )
        writer.set_split({3: TRAIN, 4: EVALUATION})
    data = open_dataset(tmp_path)
    np.testing.assert_allclose(data.patches[3:], normalise(patches), atol=2e-3)  # half precision
    np.testing.assert_array_equal(data.table.image, [10] * 3 + [11] * 3)
    np.testing.assert_array_equal(data.table.split, [TRAIN] * 3 + [EVALUATION] * 3)
    np.testing.assert_array_equal(data.table.panel, np.tile(panel, 2))
    assert data.table.readers.shape == (6, 5)
    assert np.isnan(data.table.readers[:, 2:]).all()
    assert data.description == "two images"
    assert len(data.sha256) == 64


def test_too_few_and_too_many_images_are_told(tmp_path):
    one = {
        "image": 0,
        "unit": 0,
        "kinds": np.array([0]),
        "sizes_mm": np.array([1.0]),
        "panel": np.array([1.0]),
        "readers": np.ones((1, 2)),
    }
    patch = np.ones((1, 160, 160), dtype=np.float32)

    def write(announced, added):
        with DatasetWriter(tmp_path, announced, 1, description="") as writer:
            for _ in range(added):
                writer.add(patch, **one)

    with pytest.raises(ConfigurationError, match="1 objects were added, 2 were announced"):
        write(2, 1)
    with pytest.raises(ConfigurationError, match="more objects"):
        write(1, 2)


def test_an_image_that_does_not_come_leaves_no_rows(tmp_path):
    one = {"unit": 0, "kinds": np.array([0]), "sizes_mm": np.array([1.0]), "panel": np.array([1.0])}
    with DatasetWriter(tmp_path, 3, 1, size_px=64) as writer:
        for image in (0, 2):
            patch = np.full((1, 64, 64), image + 1, dtype=np.float16)
            writer.add(patch, image=image, readers=np.ones((1, 5)), normalised=True, **one)
        writer.leave_out()
        writer.describe("two of three")
    dataset = open_dataset(tmp_path)
    assert dataset.description == "two of three"
    assert dataset.patches.shape == (2, 64, 64)
    assert dataset.patches[:, 0, 0].tolist() == [1.0, 3.0]
    assert np.isnan(dataset.table.expected).all()
    assert (tmp_path / "patches.npy").stat().st_size == dataset.patches.offset + 2 * 64 * 64 * 2


def test_an_incomplete_folder_is_refused(tmp_path):
    (tmp_path / "about.json").write_text(json.dumps({}))
    with pytest.raises(ConfigurationError, match=r"lacks patches\.npy, table\.npz"):
        open_dataset(tmp_path)


@given(units=st.integers(10, 200), seed=st.integers(0, 1000))
def test_split_has_the_shares_and_the_pass_rates(units, seed):
    rng = np.random.default_rng(seed)
    names = np.repeat(np.arange(units), 6)
    quality = rng.random(units)
    passed = (rng.random(len(names)) < quality[names]).astype(float)
    split = split_by_unit(names, passed, rng)
    assert set(split) == set(range(units))
    parts = np.array([split[unit] for unit in range(units)])
    for part, share in ((TRAIN, 0.7), (TEST, 0.1), (EVALUATION, 0.2)):
        assert abs((parts == part).sum() - share * units) <= 7  # the last run of ten may be cut
    if units >= 100:
        rates = [passed[parts[names] == part].mean() for part in (TRAIN, EVALUATION)]
        assert abs(rates[0] - rates[1]) < 0.1


def test_a_set_of_an_earlier_version_is_refused(tmp_path):
    toy.write_dataset(tmp_path, 4, size_px=64)
    with np.load(tmp_path / "table.npz") as columns:
        older = {name: columns[name] for name in columns.files if name != "filters"}
    np.savez(tmp_path / "table.npz", allow_pickle=False, **older)
    with pytest.raises(ConfigurationError, match=r"lacks filters.*make it again"):
        open_dataset(tmp_path)
