"""Runs a trained network: patches in, calibrated probabilities and input gradients out. No torch.

An artefact is a folder with model.onnx, gradient.onnx and card.json. Both graphs take

    patches   float32 [n, 1, size, size]   normalised by `preprocess.normalise`
    kind      float32 [n, 3]               one-hot in the order of `card.KINDS`
    log_size  float32 [n]                  log2 of the nominal size in mm

and gradient.onnx `weights` float32 [n, 2] besides. model.onnx gives `logits` [n, 2]; gradient.onnx gives `gradient`
[n, size, size], of sum(weights * logits) by the patches, and the same `logits`.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int, Real

from mammoqa.core import ModelError
from mammoqa.models import card as cards
from mammoqa.models.preprocess import normalise
from mammoqa.models.sessions import open_session

MODELS: MappingProxyType[str, Path] = MappingProxyType(
    {"acr156": Path(__file__).parent / "artefacts" / "acr156"},
)
GRAPHS = ("model.onnx", "gradient.onnx")
_BATCH = 64  # more patches at once only cost memory


@dataclass(slots=True, eq=False)
class Model:
    """A loaded network with its card. Calls do not change it and may come from several threads."""

    folder: Path
    card: cards.Card
    card_sha256: str
    threads: int
    _sessions: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The card's name."""
        return self.card.name

    @property
    def version(self) -> str:
        """The card's version."""
        return self.card.version

    def predict(
        self,
        patches: Real[np.ndarray, "n rows columns"],
        kinds: Int[np.ndarray, " n"],
        sizes_mm: Real[np.ndarray, " n"],
    ) -> Float[np.ndarray, "n 2"]:
        """Calibrated probabilities (present, abnormal given present) of each patch.

        Args:
            patches: raw pixel values at the card's pitch, attenuating parts bright.
            kinds: index into `card.KINDS`.
            sizes_mm: nominal size (fibre and speck diameter, mass thickness).
        """
        feeds = self._feeds(patches, kinds, sizes_mm)
        (logits,) = self._run("model.onnx", ("logits",), feeds)
        return calibrate(logits, kinds, self.card)

    def saliency(
        self,
        patches: Real[np.ndarray, "n rows columns"],
        kinds: Int[np.ndarray, " n"],
        sizes_mm: Real[np.ndarray, " n"],
        weights: Real[np.ndarray, "n 2"],
    ) -> Float32[np.ndarray, "n rows columns"]:
        """Absolute gradient of sum(weights * logits) by the normalised patch (Simonyan et al. 2014)."""
        return self.explain(patches, kinds, sizes_mm, weights)[1]

    def explain(
        self,
        patches: Real[np.ndarray, "n rows columns"],
        kinds: Int[np.ndarray, " n"],
        sizes_mm: Real[np.ndarray, " n"],
        weights: Real[np.ndarray, "n 2"],
    ) -> tuple[Float[np.ndarray, "n 2"], Float32[np.ndarray, "n rows columns"]]:
        """What `predict` and `saliency` give, from one run of the gradient graph."""
        feeds = self._feeds(patches, kinds, sizes_mm)
        feeds["weights"] = np.ascontiguousarray(weights, dtype=np.float32).reshape(len(patches), 2)
        gradient, logits = self._run("gradient.onnx", ("gradient", "logits"), feeds)
        return calibrate(logits, kinds, self.card), np.abs(gradient)

    def _feeds(
        self,
        patches: Real[np.ndarray, "n rows columns"],
        kinds: Int[np.ndarray, " n"],
        sizes_mm: Real[np.ndarray, " n"],
    ) -> dict[str, np.ndarray]:
        size = self.card.input.size_px
        if patches.shape[1:] != (size, size):
            raise ModelError(f"model {self.name} reads patches of {size} x {size} pixels, not {patches.shape[1:]}")
        if len(kinds) and not (int(kinds.min()) >= 0 and int(kinds.max()) < len(cards.KINDS)):
            raise ModelError(f"kinds must be indices into {cards.KINDS}")
        if len(sizes_mm) and not float(np.min(sizes_mm)) > 0:
            raise ModelError("object sizes must be positive, in mm")
        return {
            "patches": normalise(patches, self.card.preprocessing)[:, None],
            "kind": one_hot(kinds),
            "log_size": np.log2(np.asarray(sizes_mm, dtype=np.float64)).astype(np.float32),
        }

    def _run(self, graph: str, outputs: tuple[str, ...], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        session = self._sessions.get(graph)
        if session is None:
            session = self._sessions[graph] = open_session(self.folder, graph, dict(self.card.files), self.threads)
        n = len(feeds["patches"])
        parts = [
            session.run(outputs, {name: value[start : start + _BATCH] for name, value in feeds.items()})
            for start in range(0, n, _BATCH)
        ]
        if not parts:
            size = self.card.input.size_px
            shapes = {"logits": (0, 2), "gradient": (0, size, size)}
            return [np.zeros(shapes[name], np.float32) for name in outputs]
        return [np.concatenate(column) for column in zip(*parts, strict=True)]


def load(name: str = "acr156", *, threads: int = 2) -> Model:
    """The shipped model of that name, cached; graphs are opened at their first use.

    Raises:
        ModelError: unknown name, or the artefact is incomplete or damaged.
    """
    if name not in MODELS:
        raise ModelError(f"no model named {name!r}; known: {', '.join(MODELS)}")
    return load_folder(MODELS[name], threads=threads)


@lru_cache(maxsize=8)
def load_folder(folder: Path, *, threads: int = 2) -> Model:
    """The model in an artefact folder, for one that was just trained; ModelError where it is missing or damaged."""
    if not folder.is_dir() and folder not in MODELS.values():
        raise ModelError(f"there is no folder {folder} with a network; check --model")
    card, sha256 = cards.read(folder)
    return Model(folder, card, sha256, threads)


def one_hot(kinds: Int[np.ndarray, " n"]) -> Float32[np.ndarray, "n 3"]:
    """Kinds as the graphs take them."""
    identity: np.ndarray = np.eye(len(cards.KINDS), dtype=np.float32)
    encoded: np.ndarray = identity[kinds]
    return encoded


def calibrate(
    logits: Float[np.ndarray, "n 2"], kinds: Int[np.ndarray, " n"], card: cards.Card
) -> Float[np.ndarray, "n 2"]:
    """Platt-calibrated probabilities from logits, by the constants of each object's kind."""
    slopes = np.array([[r.present.slope, r.abnormal.slope] for r in card.readings])
    offsets = np.array([[r.present.offset, r.abnormal.offset] for r in card.readings])
    x = np.clip(slopes[kinds] * logits.astype(np.float64) + offsets[kinds], -60.0, 60.0)
    probabilities: np.ndarray = 1.0 / (1.0 + np.exp(-x))
    return probabilities


def scores(
    probabilities: Float[np.ndarray, "n 2"], kinds: Int[np.ndarray, " n"], card: cards.Card
) -> Float[np.ndarray, " n"]:
    """Scores 0, 0.5 or 1 from calibrated probabilities and the card's thresholds (Yun et al. 2025)."""
    present = np.array([r.threshold_present for r in card.readings])[kinds]
    abnormal = np.array([r.threshold_abnormal for r in card.readings])[kinds]
    return np.where(probabilities[:, 0] < present, 0.0, np.where(probabilities[:, 1] >= abnormal, 0.5, 1.0))
