"""Scores of the test objects of a mammography phantom, by the network (Yun et al. 2025, "Network architecture").

The network sees one patch per object and answers whether the object is present and, given that, whether it is
abnormal (partly visible). Score 0 where it is not present, 0.5 where abnormal, else 1.
"""

import numpy as np
from jaxtyping import Float, Float32, Int

from mammoqa.core import ObjectScore, Phantom, Pose
from mammoqa.models import KINDS, Model, scores


def kinds_and_sizes(phantom: Phantom) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Index into `models.KINDS` and nominal size in mm of each insert, as the networks take them."""
    kinds = np.array([KINDS.index(insert.kind) for insert in phantom.inserts], dtype=np.int64)
    return kinds, np.array([insert.size_mm for insert in phantom.inserts], dtype=np.float64)


def score_acr156(
    patches: Float32[np.ndarray, "n rows columns"], phantom: Phantom, pose: Pose, model: Model
) -> tuple[ObjectScore, ...]:
    """One score per insert, in the order of the phantom's inserts.

    Args:
        patches: one per insert, as `locate.patches` cuts them at the pitch of the model's card.
        phantom: whose inserts they are.
        pose: gives each object's place in the image.
        model: the network; its card holds calibration and thresholds.
    """
    kinds, sizes_mm = kinds_and_sizes(phantom)
    probabilities = model.predict(patches, kinds, sizes_mm)
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
