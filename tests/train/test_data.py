"""Which objects are trained on, and batches of them."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'mammoqa[train]'")

import toy  # noqa: E402
from mammoqa.train.data import batches, full_or_first_failure, select, targets_of  # noqa: E402
from mammoqa.train.dataset_file import TEST, TRAIN, Table, open_dataset  # noqa: E402


def test_the_papers_selection_takes_full_scores_and_the_largest_failure():
    panel = np.array([1, np.nan, 0.5, 0, 1, 0, 0, 1], dtype=float)
    n = len(panel)
    table = Table(
        image=np.array([0, 0, 0, 0, 0, 0, 1, 1]),
        unit=np.zeros(n, int),
        object_index=np.arange(n),
        kind=np.array([0, 0, 0, 0, 1, 1, 0, 0]),
        size_mm=np.array([4.0, 3, 2, 1, 2, 1, 4, 3]),
        panel=panel,
        readers=np.full((n, 5), np.nan),
        expected=np.full((n, 4), np.nan),
        stranger=np.full(n, np.nan),
        filters=np.full((n, 25), np.nan),
        split=np.zeros(n, int),
    )
    assert np.flatnonzero(full_or_first_failure(table)).tolist() == [0, 2, 4, 5, 6, 7]


def test_batches_hold_every_scored_object_of_the_split_once(tmp_path):
    data = open_dataset(toy.write_dataset(tmp_path, 20, size_px=64))
    rows = select(data.table, TRAIN, "all")
    assert not np.isnan(data.table.panel[rows]).any()
    assert not set(rows) & set(select(data.table, TEST, "all"))
    taken = list(batches(data, rows, 16, 0.0))
    assert sum(len(b.kind) for b in taken) == len(rows)
    shuffled = list(batches(data, rows, 16, 0.0, np.random.default_rng(0)))
    assert {len(b.kind) for b in shuffled} == {16}
    first = taken[0]
    np.testing.assert_array_equal(first.patches[:, 0].numpy(), data.patches[rows[:16]].astype(np.float32))
    np.testing.assert_allclose(first.log_size.numpy(), np.log2(data.table.size_mm[rows[:16]]), rtol=1e-6)
    assert first.one_hot.argmax(dim=1).tolist() == data.table.kind[rows[:16]].tolist()


def test_shares_of_many_panels_take_the_place_of_a_panels_score_where_they_are_known(tmp_path):
    table = open_dataset(toy.write_dataset(tmp_path, 2, size_px=64)).table
    shares = np.full((len(table.panel), 4), np.nan)
    shares[0] = (0.2, 0.3, 0.1, 0.4)
    table = dataclasses.replace(table, expected=shares)
    rows = np.flatnonzero(np.isfinite(table.panel) | (np.arange(len(table.panel)) == 0))
    target, weight = targets_of(table, rows, 0.7)
    np.testing.assert_allclose(target[0], [0.4 / 0.6, 0.3 / 0.4], rtol=1e-6)
    np.testing.assert_allclose(weight[0], [0.6, 0.4], rtol=1e-6)
    by_votes, _ = targets_of(dataclasses.replace(table, expected=np.full_like(shares, np.nan)), rows, 0.7)
    np.testing.assert_allclose(target[1:], by_votes[1:])
    hard, _ = targets_of(table, rows, 0.0)
    assert set(hard[1:, 0].tolist()) <= {0.0, 1.0}
