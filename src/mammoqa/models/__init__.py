"""The runtime of trained networks: load an ONNX artefact and its card, run batches and input gradients. No torch."""

from mammoqa.models.card import KINDS, OUTPUTS, Card, Fusion, InputSpec, Metric, Parent, Platt, Reading, Training
from mammoqa.models.fusion import fuse
from mammoqa.models.preprocess import Preprocessing, noise_sigma, normalise
from mammoqa.models.runtime import GRAPHS, MODELS, Model, load, load_folder, scores

__all__ = [
    "GRAPHS",
    "KINDS",
    "MODELS",
    "OUTPUTS",
    "Card",
    "Fusion",
    "InputSpec",
    "Metric",
    "Model",
    "Parent",
    "Platt",
    "Preprocessing",
    "Reading",
    "Training",
    "fuse",
    "load",
    "load_folder",
    "noise_sigma",
    "normalise",
    "scores",
]
