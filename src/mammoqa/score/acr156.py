"""Scores of the test objects of a mammography phantom, by the network (Yun et al. 2025, "Network architecture").

The network sees one patch per object and answers whether the object is present and, given that, whether it is
abnormal (partly visible). Score 0 where it is not present, 0.5 where abnormal, else 1.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Int, Real

from mammoqa.core import ObjectScore, Phantom, Pose
from mammoqa.models import KINDS, Card, Model, fuse, scores
from mammoqa.score.acr156_visible import features
from mammoqa.score.acr_dm import Seen


def kinds_and_sizes(phantom: Phantom) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Index into `models.KINDS` and nominal size in mm of each insert, as the networks take them."""
    kinds = np.array([KINDS.index(insert.kind) for insert in phantom.inserts], dtype=np.int64)
    return kinds, np.array([insert.size_mm for insert in phantom.inserts], dtype=np.float64)


def probabilities_acr156(
    patches: Real[np.ndarray, "n rows columns"],
    phantom: Phantom,
    model: Model,
    seen: Sequence[Seen],
    answer: Float[np.ndarray, "n 2"] | None = None,
) -> Float[np.ndarray, "n 2"]:
    """Probabilities (present, abnormal given present) of one image's objects: the network's, joined with filters.

    Args:
        patches: one per insert of the phantom, in its order.
        phantom: whose inserts they are.
        model: the network; its card says for which kinds filters are joined, and with what weights.
        seen: what `acr156_visible.look` found of each.
        answer: what `Model.predict` or `Model.explain` answers, where it was asked already.
    """
    kinds, sizes_mm = kinds_and_sizes(phantom)
    probabilities = model.predict(patches, kinds, sizes_mm) if answer is None else answer.copy()
    return joined(probabilities, kinds, seen, model.card)


def joined(
    probabilities: Float[np.ndarray, "n 2"], kinds: Int[np.ndarray, " n"], seen: Sequence[Seen], card: Card
) -> Float[np.ndarray, "n 2"]:
    """The network's probabilities joined with what filters see, for the kinds that the card has a fusion for.

    Args:
        probabilities: of each object, calibrated.
        kinds: index into `models.KINDS`.
        seen: what `acr156_visible.look` found of each.
        card: the model card.
    """
    out = probabilities.copy()
    for fusion in card.fusions:
        rows = np.flatnonzero(kinds == KINDS.index(fusion.kind)).tolist()
        if rows:
            out[rows] = fuse(probabilities[rows], np.stack([features(seen[k]) for k in rows]), fusion)
    return out


def score_acr156(
    patches: Float32[np.ndarray, "n rows columns"],
    phantom: Phantom,
    pose: Pose,
    model: Model,
    seen: Sequence[Seen],
    answer: Float[np.ndarray, "n 2"] | None = None,
) -> tuple[ObjectScore, ...]:
    """One score per insert, in the order of the phantom's inserts.

    Args:
        patches: one per insert, as `locate.patches` cuts them at the pitch of the model's card.
        phantom: whose inserts they are.
        pose: gives each object's place in the image.
        model: the network; its card holds calibration and thresholds.
        seen: what `acr156_visible.look` found of each.
        answer: what the network answers, where it was asked already.
    """
    kinds, _ = kinds_and_sizes(phantom)
    probabilities = probabilities_acr156(patches, phantom, model, seen, answer)
    values = scores(probabilities, kinds, model.card)
    centres_px = pose.to_px(np.array([insert.centre_mm for insert in phantom.inserts], dtype=np.float64))
    return tuple(
        ObjectScore(
            name=insert.name,
            kind=insert.kind,
            size_mm=insert.size_mm,
            score=float(value),
            p_present=float(present),
            p_abnormal=float(abnormal),
            centre_px=(float(x), float(y)),
        )
        for insert, value, (present, abnormal), (x, y) in zip(
            phantom.inserts, values, probabilities, centres_px, strict=True
        )
    )
