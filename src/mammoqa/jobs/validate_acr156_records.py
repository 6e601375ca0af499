"""The records of `mammoqa validate acr156`: what goes in, and the figures that come out."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mammoqa.stats.bootstrap import Interval
from mammoqa.stats.calibration import Reliability
from mammoqa.stats.roc import Roc


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What became of the images before scoring; `refused` counts images by reason code."""

    images: int
    refused: tuple[tuple[str, int], ...] = ()
    misplaced: int = 0  # an object lies further than half the grid pitch from where it is
    wrong_orientation: int = 0  # chest-wall side or mirroring


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Panel and network on the same images, objects in the order of `Phantom.inserts`; nan is N/A.

    `probabilities` are (present, abnormal given present), `thresholds` those of each object. `reader` is one reader,
    with N/A as 0, and `reader_panel` what that reader is compared with.
    """

    panel: Float[np.ndarray, "images objects"]
    probabilities: Float[np.ndarray, "images objects 2"]
    thresholds: Float[np.ndarray, "objects 2"]
    reader: Float[np.ndarray, "images objects"]
    reader_panel: Float[np.ndarray, "images objects"]
    unit: Int[np.ndarray, " images"]
    source: str
    preprocessing: Preprocessing | None = None


@dataclass(frozen=True, slots=True)
class ObjectFigures:
    """Scores against the panel's for one kind of object; `confusion[true][given]` over 0, 0.5, 1."""

    kind: str
    n: int
    accuracy: Interval
    macro_f1: Interval
    kappa: Interval  # quadratic weights
    recall: tuple[float, float, float]
    precision: tuple[float, float, float]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class PassFailFigures:
    """Pass or fail of one kind or of the whole phantom; a fail is the positive case."""

    name: str
    n: int
    accuracy: Interval
    fail_precision: Interval
    fail_recall: Interval
    confusion: tuple[tuple[int, ...], ...]  # [true][given] over pass, fail


@dataclass(frozen=True, slots=True, eq=False)
class OutputFigures:
    """How well one output of the network ranks and how honest its probabilities are."""

    kind: str
    output: str
    n: int
    auc: Interval
    calibration_error: float
    brier: float
    roc: Roc | None
    reliability: Reliability


@dataclass(frozen=True, slots=True)
class Performance:
    """One reader, human or network, against a panel."""

    objects: tuple[ObjectFigures, ...]
    pass_fail: tuple[PassFailFigures, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Everything on the page. `paper_selection` counts full scores and the largest object below 1 of each kind only."""

    images: int
    units: int
    resamples: int
    not_applicable: int
    source: str
    network: Performance
    reader: Performance
    paper_selection: tuple[ObjectFigures, ...]
    outputs: tuple[OutputFigures, ...]
    p_pass: OutputFigures
    preprocessing: Preprocessing | None
