"""What acr156-explain finds: answers per trial, curves, behaviours, the size bias and the masking of artefacts."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from mammoqa.jobs.validate_acr156_explain_bench import Trial

PRESENT, ABNORMAL = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What each network says of each trial, beside what simulated panels say of the same pixels.

    `probabilities` are (present, abnormal) with the true nominal size given; `one_size` those with the size of the
    third-largest object given to all; `swapped` the range of the probabilities over all nominal sizes of the kind, nan
    outside the experiment on size. `expected` are the panels' shares of 0, 0.5, 1 and N/A.
    """

    trials: tuple[Trial, ...]
    networks: tuple[str, ...]
    probabilities: Float[np.ndarray, "networks n 2"]
    one_size: Float[np.ndarray, "networks n 2"]
    swapped: Float[np.ndarray, "networks n 2"]
    expected: Float[np.ndarray, "n 4"]
    whole: Float[np.ndarray, " n"]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One network's answers along x: mean, 10 and 90 % quantiles over realisations, and the panel's answer.

    The second axis of each array is (present, abnormal); `panel` is nan where panels hardly ever see the object.
    """

    experiment: str
    name: str
    kind: str
    x: Float[np.ndarray, " points"]
    mean: Float[np.ndarray, "points 2"]
    low: Float[np.ndarray, "points 2"]
    high: Float[np.ndarray, "points 2"]
    panel: Float[np.ndarray, "points 2"]
    realisations: int


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One expected behaviour: the number that stands for it and its bar. `sense` is ">=", "<=" or "="."""

    name: str
    figure: str
    value: float
    sense: str
    bar: float
    unit: str
    note: str

    @property
    def holds(self) -> bool:
        """Whether the value reaches the bar."""
        if self.sense == "=":
            return bool(self.value == self.bar)
        return bool(self.value >= self.bar if self.sense == ">=" else self.value <= self.bar)


@dataclass(frozen=True, slots=True, eq=False)
class SizeBias:
    """How far one output drifts with nominal size at equal visibility: see `validate_acr156_explain_size`."""

    kind: str
    output: str
    what: str
    network: str
    bias: float
    low: float
    high: float
    spread: float
    panel_spread: float
    one_size_bias: float
    swapped: float
    draws: Float[np.ndarray, " resamples"]
    x: Float[np.ndarray, " levels"]
    sizes_mm: Float[np.ndarray, " sizes"]
    means: Float[np.ndarray, "sizes levels"]
    panel_means: Float[np.ndarray, "sizes levels"]


@dataclass(frozen=True, slots=True)
class Masking:
    """Patches with one kind of artefact beside the object: how many answers masking leaves as they were."""

    artefact: str
    network: str
    patches: int
    unchanged: int
    left_out: int
    mean_change: float
    largest_change: float


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """Patches of one experiment with the saliency of one output and what the network says of them."""

    name: str
    kind: Int[np.ndarray, " n"]
    patches: Float32[np.ndarray, "n size size"]
    maps: Float32[np.ndarray, "n size size"]
    labels: tuple[str, ...]
    columns: int


@dataclass(frozen=True, slots=True)
class Pointing:
    """How well one method's maps of one kind point: see `validate_acr156_explain_maps`."""

    kind: str
    method: str
    inside: float
    hit: float
    deletion: float
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Everything that the page shows; the first network is the one that is judged."""

    networks: tuple[str, ...]
    curves: tuple[Curve, ...]
    behaviours: tuple[Behaviour, ...]
    biases: tuple[SizeBias, ...]
    masking: tuple[Masking, ...]
    strips: tuple[Strip, ...]
    pointing: tuple[Pointing, ...]
    weights: tuple[tuple[str, float], ...]
    repeats: int
    trials: int
    ratio: tuple[float, float, float] | None  # of the headline size bias to the baseline's, with its 95 % interval
