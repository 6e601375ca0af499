"""The loss of Yun et al. 2025: focal, inverse class weights, abnormality masked where nothing is present."""

import torch
from torch import Tensor

ABSENT, HALF, FULL = 0.0, 0.5, 1.0


def targets(panel: Tensor, readers: Tensor, soft: float) -> tuple[Tensor, Tensor]:
    """Targets and masks [n, 2] of (present, abnormal) from scores.

    Score 1 is (1, 0), 0.5 is (1, 1), 0 is (0, masked), nan (N/A) is masked in both (Yun et al. 2025).

    Args:
        panel: the panel's scores [n].
        readers: single readers' scores [n, readers], nan where not asked.
        soft: 0 takes the panel's score, 1 the mean of the readers' votes, between them a mixture.
    """
    known = ~torch.isnan(panel)
    present = (panel > ABSENT).float()
    abnormal = (panel == HALF).float()
    if soft > 0:
        asked = ~torch.isnan(readers)
        saw = asked & (readers > ABSENT)
        votes, seen = asked.sum(dim=1), saw.sum(dim=1)
        share = saw.sum(dim=1) / votes.clamp(min=1)
        half = (saw & (readers == HALF)).sum(dim=1) / seen.clamp(min=1)
        present = torch.where(votes > 0, (1 - soft) * present + soft * share, present)
        abnormal = torch.where(seen > 0, (1 - soft) * abnormal + soft * half, abnormal)
    mask = torch.stack([known, known & (panel > ABSENT)], dim=1).float()
    return torch.stack([present, abnormal], dim=1), mask


def expected_targets(expected: Tensor) -> tuple[Tensor, Tensor]:
    """Targets and weights [n, 2] of (present, abnormal) from the shares of 0, 0.5, 1 and N/A [n, 4].

    With these weights the cross entropy of both outputs is that of the score; N/A does not count.
    """
    absent, half, full, _ = expected.unbind(dim=1)
    there = half + full
    scored = absent + there
    target = torch.stack([there / scored.clamp(min=1e-6), half / there.clamp(min=1e-6)], dim=1)
    return target, torch.stack([scored, there], dim=1)


def class_weights(target: Tensor, mask: Tensor, kind: Tensor, kinds: int) -> Tensor:
    """Inverse class frequencies [kinds, 2 outputs, 2 classes], mean 1 over the objects of each kind and output.

    Args:
        target: [n, 2], hard or soft.
        mask: [n, 2].
        kind: index of each object [n].
        kinds: how many there are.
    """
    weights = torch.ones(kinds, target.shape[1], 2)
    for k in range(kinds):
        of_kind = (kind == k)[:, None] * mask
        positive = (target * of_kind).sum(dim=0)
        total = of_kind.sum(dim=0)
        share = (positive / total.clamp(min=1)).clamp(0.02, 0.98)  # a class that hardly occurs must not rule
        weights[k] = torch.stack([0.5 / (1 - share), 0.5 / share], dim=1)
    return weights


def focal(logits: Tensor, target: Tensor, mask: Tensor, weights: Tensor, gamma: float) -> Tensor:
    """Mean focal loss over what is not masked (Lin et al. 2017; |target - p| for soft targets, Li et al. 2020).

    Args:
        logits: [n, 2].
        target: [n, 2] in 0..1.
        mask: [n, 2], 0 where an output does not count.
        weights: [n, 2, 2], weight of class 0 and 1 for each object and output.
        gamma: 0 is cross entropy.
    """
    probability = torch.sigmoid(logits)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    weight = weights[..., 0] * (1 - target) + weights[..., 1] * target
    loss = (target - probability).abs().pow(gamma) * weight * entropy * mask
    return loss.sum() / mask.sum().clamp(min=1)
