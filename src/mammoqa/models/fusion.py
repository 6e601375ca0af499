"""Joins the network's probabilities with measured features of an object: a logistic regression on both.

Small specks cover one or two pixels of a patch. A filter that knows where the six must lie sees more of them than the
network does, the network more of what is not a speck; together they agree better with a panel than either. So it is,
to a lesser degree, with the parts of fibres and the contours of masses.
"""

import numpy as np
from jaxtyping import Float

from mammoqa.core import ModelError
from mammoqa.models.card import Fusion

_EDGE = 1e-6  # log odds stay finite


def terms(
    probabilities: Float[np.ndarray, "n 2"], features: Float[np.ndarray, "n features"]
) -> Float[np.ndarray, "n terms"]:
    """What the weights multiply: one, the log odds of both probabilities, the features."""
    p = np.clip(probabilities, _EDGE, 1 - _EDGE)
    return np.column_stack([np.ones(len(p)), np.log(p / (1 - p)), features])


def fuse(
    probabilities: Float[np.ndarray, "n 2"], features: Float[np.ndarray, "n features"], fusion: Fusion
) -> Float[np.ndarray, "n 2"]:
    """Probabilities (present, abnormal given present) of objects of the fusion's kind.

    Args:
        probabilities: the network's, calibrated.
        features: of the same objects, as many as the fusion was fitted with.
        fusion: weights, from the model card.

    Raises:
        ModelError: the card has another number of weights.
    """
    x = terms(probabilities, features)
    if x.shape[1] != len(fusion.present):
        raise ModelError(f"the model card's fusion has {len(fusion.present)} weights, {x.shape[1]} are needed")
    odds = np.clip(x @ np.array([fusion.present, fusion.abnormal]).T, -30.0, 30.0)
    joined: np.ndarray = 1.0 / (1.0 + np.exp(-odds))
    return joined
