"""From a model's function and an input to a map, and tests of whether the map is faithful."""

from mammoqa.explain.faithfulness import Deletion, deletion
from mammoqa.explain.saliency import (
    METHODS,
    Explainable,
    assemble,
    normalise_per_kind,
    occlusion,
    saliency,
    smoothgrad,
    weights_for,
)

__all__ = [
    "METHODS",
    "Deletion",
    "Explainable",
    "assemble",
    "deletion",
    "normalise_per_kind",
    "occlusion",
    "saliency",
    "smoothgrad",
    "weights_for",
]
