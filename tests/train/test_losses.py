"""Targets, masks, class weights and focal loss."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'mammoqa[train]'")

from mammoqa.train.losses import class_weights, focal, targets  # noqa: E402

PANEL = torch.tensor([1.0, 0.5, 0.0, math.nan])
READERS = torch.tensor(
    [
        [1.0, 1, math.nan, math.nan, math.nan],
        [0.5, 1, 0.5, 0.5, 1],
        [0, 0, math.nan, math.nan, math.nan],
        [0, 0.5, 0, 1, 1],
    ]
)
ONES = torch.ones(4, 2, 2)


def test_scores_are_encoded_as_in_the_paper():
    target, mask = targets(PANEL, READERS, 0.0)
    assert target[:2].tolist() == [[1, 0], [1, 1]]
    assert target[2, 0] == 0
    assert mask.tolist() == [[1, 1], [1, 1], [1, 0], [0, 0]]


def test_readers_votes_soften_the_target():
    target, mask = targets(PANEL, READERS, 0.5)
    assert target[0].tolist() == [1, 0]
    assert target[1].tolist() == pytest.approx([1, 0.5 + 0.5 * 0.6])
    assert mask.tolist() == targets(PANEL, READERS, 0.0)[1].tolist()


def test_masked_objects_change_nothing():
    target, mask = targets(PANEL, READERS, 0.0)
    logits = torch.tensor([[2.0, -1], [0.5, 0.5], [-1, 3], [0, 0]])
    changed = logits.clone()
    changed[2, 1], changed[3] = -7.0, 9.0
    assert focal(logits, target, mask, ONES, 2.0) == focal(changed, target, mask, ONES, 2.0)


def test_gamma_zero_is_cross_entropy_and_gamma_two_forgives_the_easy():
    target, mask = torch.tensor([[1.0, 0.0]]), torch.ones(1, 2)
    logits = torch.tensor([[3.0, 1.0]])
    p = 1 / (1 + np.exp(-np.array([3.0, 1.0])))
    entropy = np.array([-np.log(p[0]), -np.log(1 - p[1])])
    assert float(focal(logits, target, mask, ONES[:1], 0.0)) == pytest.approx(entropy.mean(), rel=1e-5)
    expected = np.mean(entropy * np.array([1 - p[0], p[1]]) ** 2)
    assert float(focal(logits, target, mask, ONES[:1], 2.0)) == pytest.approx(expected, rel=1e-5)


def test_rare_classes_weigh_more_and_classes_sum_alike():
    panel = torch.tensor([1.0] * 8 + [0.5] * 2 + [0.0] * 10)
    target, mask = targets(panel, torch.full((20, 5), math.nan), 0.0)
    weights = class_weights(target, mask, torch.zeros(20, dtype=torch.long), 3)
    assert weights[0, 0].tolist() == pytest.approx([1.0, 1.0])
    assert weights[0, 1].tolist() == pytest.approx([0.625, 2.5])  # 2 of 10 are abnormal
    assert (weights[0, 1] * torch.tensor([8.0, 2.0])).tolist() == pytest.approx([5, 5])
