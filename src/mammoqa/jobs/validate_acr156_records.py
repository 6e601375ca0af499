"""The records of `mammoqa validate acr156`: what goes in, and the figures that come out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from mammoqa.models import Platt
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

    `expected` are the shares of 0, 0.5, 1 and N/A among many panels that read the same image, and `pass_shares` how
    often those panels' scores pass, per kind and for the phantom; None where they are not known (`pass_shares` then
    follow from `expected`, objects taken as independent). `facts` hold a word per image, by what it is about.
    `pass_calibration` and `referral_band` are the model card's.
    """

    panel: Float[np.ndarray, "images objects"]
    probabilities: Float[np.ndarray, "images objects 2"]
    thresholds: Float[np.ndarray, "objects 2"]
    reader: Float[np.ndarray, "images objects"]
    reader_panel: Float[np.ndarray, "images objects"]
    unit: Int[np.ndarray, " images"]
    source: str
    preprocessing: Preprocessing | None = None
    expected: Float[np.ndarray, "images objects 4"] | None = None
    pass_shares: Mapping[str, Float[np.ndarray, " images"]] | None = None
    facts: Mapping[str, np.ndarray] = field(default_factory=dict)
    pass_calibration: Platt = field(default_factory=Platt)
    referral_band: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class ObjectFigures:
    """Scores against the panel's for one kind of object; `confusion[true][given]` over 0, 0.5, 1."""

    kind: str
    n: int
    accuracy: Interval
    macro_f1: Interval
    kappa: Interval  # quadratic weights
    half_recall: Interval  # of the score 0.5
    half_precision: Interval
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
    """How well one output of the network ranks and how honest its probabilities are.

    `chance_error` is the calibration error that perfect probabilities would show on so many cases; `panels_error` the
    one against the shares of many panels, nan where they are not known.
    """

    kind: str
    output: str
    n: int
    auc: Interval
    calibration_error: Interval
    chance_error: float
    panels_error: float
    brier: float
    roc: Roc | None
    reliability: Reliability


@dataclass(frozen=True, slots=True)
class ThresholdFigures:
    """The card's threshold of one output, and the one with the best F1 on these images (Yun 2025, Fig 9).

    `rates` are the false and true positive rate at the card's threshold.
    """

    kind: str
    output: str
    threshold: float
    f1: float
    best: float
    best_f1: float
    rates: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Performance:
    """One reader, human or network, against a panel."""

    objects: tuple[ObjectFigures, ...]
    pass_fail: tuple[PassFailFigures, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Quadratic weighted kappa of the program with the panel and of one reader with the others', and the difference.

    The difference is over the same resamples of units.
    """

    kind: str
    program: Interval
    reader: Interval
    difference: Interval


@dataclass(frozen=True, slots=True)
class CeilingFigures:
    """One figure against many panels: of one reader, of the program, and the best that any reader could reach.

    `reader` is nan where a single reader has no such figure.
    """

    figure: str
    kind: str
    reader: Interval
    program: Interval
    ceiling: Interval


@dataclass(frozen=True, slots=True, eq=False)
class Referral:
    """Accuracy of the phantom's verdict on what is not referred, at shares of 0 to one half.

    `ceiling` is the best possible accuracy on the rest at the same shares (nan where not known). `band` is the card's,
    `band_share` how many it refers, `band_accuracy` the accuracy on the rest; nan without a band.
    """

    shares: tuple[float, ...]
    accuracy: tuple[Interval, ...]
    ceiling: tuple[float, ...]
    band: tuple[float, float] | None
    band_share: Interval
    band_accuracy: Interval

    def at(self, share: float) -> Interval:
        """The accuracy on the rest at a share that was computed."""
        return self.accuracy[self.shares.index(share)]


@dataclass(frozen=True, slots=True)
class Subset:
    """Accuracies on the images of which `about` is `value`, by kind and for the phantom."""

    about: str
    value: str
    images: int
    accuracy: tuple[tuple[str, Interval], ...]


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
    thresholds: tuple[ThresholdFigures, ...] = ()
    agreement: tuple[Agreement, ...] = ()
    ceiling: tuple[CeilingFigures, ...] = ()
    referral: Referral | None = None
    subsets: tuple[Subset, ...] = ()
    passed_share: float = float("nan")
