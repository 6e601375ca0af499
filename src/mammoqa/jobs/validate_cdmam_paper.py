"""What an ensemble of the paper's kind reads from the images of `validate cdmam-ensemble`, kept as a file.

The ensemble of Amanova et al. 2022 has 2.5 GB of weights and is read where it was trained. Its answers are small: they
are kept as JSON, so that the other readings can be compared with them on any machine.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32, Real

from mammoqa.core import ConfigurationError
from mammoqa.stats.deep_ensemble import EXPANSION, combine

_DIGITS = 5  # of ln thresholds


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Curves (ln um) of n images by one way of reading, and half widths of their 95 % intervals.

    `strange` [n] grows with how unlike the training an image seems.
    """

    mean: Float[np.ndarray, "n k"]
    half: Float[np.ndarray, "n k"]
    strange: Float[np.ndarray, " n"]


@dataclass(frozen=True, slots=True, eq=False)
class PaperReadings:
    """Readings by scenario, and in words what read them: recipe, training, machine."""

    described: str
    by_scenario: Mapping[str, Reading]


@runtime_checkable
class Members(Protocol):
    """An ensemble: `models.Ensemble`, or one where it was trained."""

    @property
    def size_px(self) -> int:
        """Side of the downsampled images."""

    def normalise(self, raw: Real[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
        """Raw pixel values as the networks take them."""

    def means(self, x: Float32[np.ndarray, "n size size"]) -> Float[np.ndarray, "members n k"]:
        """Every member's curve (ln um)."""

    def variances(self, n: int) -> Float[np.ndarray, "members n k"]:
        """Every member's learned variance."""


def read_draws(drawn: Real[np.ndarray, "n draws size size"], ensemble: Members) -> Reading:
    """Every image from its first random downsampling.

    Raises:
        ConfigurationError: the ensemble reads another size.
    """
    if drawn.shape[-1] != ensemble.size_px:
        raise ConfigurationError(f"the ensemble reads {ensemble.size_px} pixels, the images have {drawn.shape[-1]}")
    means = ensemble.means(ensemble.normalise(drawn[:, 0]))
    spread = combine(means, ensemble.variances(len(drawn)))
    return Reading(spread.mean, EXPANSION * spread.total, spread.epistemic.mean(axis=1))


def save_readings(of: PaperReadings, path: Path) -> None:
    """Keep readings as JSON."""
    plain: dict[str, Any] = {"described": of.described}
    for name, one in of.by_scenario.items():
        parts = {"mean": one.mean, "half": one.half, "strange": one.strange}
        plain[name] = {part: np.round(values, _DIGITS).tolist() for part, values in parts.items()}
    path.write_text(json.dumps(plain) + "\n", encoding="utf-8")


def load_readings(path: Path) -> PaperReadings:
    """Readings that were kept; ConfigurationError where the file holds something else."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        described = str(plain.pop("described"))
        readings = {
            name: Reading(*(np.array(one[part], float) for part in ("mean", "half", "strange")))
            for name, one in plain.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path} holds no readings of an ensemble: {error}") from error
    return PaperReadings(described, readings)
