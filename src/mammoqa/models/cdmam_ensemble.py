"""Runs a deep ensemble that reads the contrast-detail curve from downsampled images of a CDMAM. No torch.

An artefact is a folder with card.json and, for each member, member-NN.onnx and member-NN-gradient.onnx, which share
their weights in member-NN.weights. Both graphs take

    images   float32 [n, 1, 250, 250]  downsampled, (raw pixel value - mean) / standard deviation of the training images

and the gradient graph `weights` float32 [n, K] besides. The first gives `curve` [n, K], the second `gradient`
[n, 250, 250], of sum(weights * curve) by the images, and the same `curve`. A curve is ln of the threshold in um at the
card's diameters: thresholds scatter by a factor, not by an amount (a choice; the paper does not say).
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Real

from mammoqa.core import ModelError
from mammoqa.models import card as cards
from mammoqa.models.cdmam_downsample import SIZE_PX
from mammoqa.models.sessions import described_as, open_session

FORMAT = "cdmam-ensemble-1"
ENSEMBLES: MappingProxyType[str, Path] = MappingProxyType({})  # none is shipped: see docs/explanation/cdmam_ensemble.md
_BATCH = 32  # images at a time; more only cost memory


@dataclass(frozen=True, slots=True)
class EnsembleTraining:
    """How the members came about."""

    recipe: str
    network: str
    seed: int
    data: str
    data_sha256: str
    images: int
    epochs: int
    steps: int
    seconds: float
    torch_version: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EnsembleCard:
    """What an ensemble needs beside its graphs. `variances` [members][K] are those of ln thresholds, learned.

    `files` holds the SHA-256 of each file by name.
    """

    format: str
    name: str
    version: str
    size_px: int
    mean_dn: float
    std_dn: float
    diameters_mm: tuple[float, ...]
    variances: tuple[tuple[float, ...], ...]
    training: EnsembleTraining
    metrics: tuple[cards.Metric, ...]
    limits_of_use: tuple[str, ...]
    code_version: str
    files: tuple[tuple[str, str], ...]
    pitch_mm: float = 0.07


@dataclass(slots=True, eq=False)
class Ensemble:
    """A loaded ensemble with its card. Graphs are opened at their first use and stay open."""

    folder: Path
    card: EnsembleCard
    card_sha256: str
    threads: int
    _sessions: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def members(self) -> int:
        """How many networks there are."""
        return len(self.card.variances)

    @property
    def size_px(self) -> int:
        """Side of the downsampled images."""
        return self.card.size_px

    @property
    def diameters_mm(self) -> Float[np.ndarray, " k"]:
        """Where the curve has its points."""
        return np.array(self.card.diameters_mm)

    def normalise(self, raw: Real[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
        """Raw pixel values as the networks take them (Amanova et al. 2022, section 2.2)."""
        return np.asarray((raw - self.card.mean_dn) / self.card.std_dn, np.float32)

    def means(self, x: Float32[np.ndarray, "n size size"]) -> Float[np.ndarray, "members n k"]:
        """Every member's curve (ln um) of normalised, downsampled images."""
        return np.stack([self._run(member_files(m)[0], ("curve",), self._feeds(x))[0] for m in range(self.members)])

    def variances(self, n: int) -> Float[np.ndarray, "members n k"]:
        """Every member's learned variance, the same for all of `n` images."""
        each = np.array(self.card.variances)[:, None, :]
        return np.broadcast_to(each, (self.members, n, each.shape[-1]))

    def curve(self, x: Float32[np.ndarray, "n size size"]) -> Float[np.ndarray, "n k"]:
        """The mean of the members' curves."""
        return np.asarray(self.means(x).mean(axis=0))

    def slopes(
        self, x: Float32[np.ndarray, "n size size"]
    ) -> tuple[Float[np.ndarray, "n k"], Float32[np.ndarray, "n size size"]]:
        """The curve, and the gradient R(x) of its midpoint by the images (Amanova et al. 2022, eq 1)."""
        k = len(self.card.diameters_mm)
        feeds = self._feeds(x) | {"weights": np.full((len(x), k), 1.0 / k, np.float32)}
        curve, gradient = np.zeros((len(x), k)), np.zeros(x.shape, np.float32)
        for m in range(self.members):
            one, by_pixel = self._run(member_files(m)[1], ("curve", "gradient"), feeds)
            curve += one / self.members
            gradient += by_pixel / np.float32(self.members)
        return curve, gradient

    def _feeds(self, x: Float32[np.ndarray, "n rows columns"]) -> dict[str, np.ndarray]:
        size = self.card.size_px
        if x.shape[1:] != (size, size):
            raise ModelError(f"ensemble {self.card.name} reads {size} x {size} pixels, not {x.shape[1:]}")
        return {"images": np.ascontiguousarray(x[:, None])}

    def _run(self, graph: str, outputs: tuple[str, ...], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        session = self._sessions.get(graph)
        if session is None:
            weights = f"{graph[:9]}.weights"
            session = open_session(self.folder, graph, dict(self.card.files), self.threads, weights)
            self._sessions[graph] = session
        parts = [
            session.run(outputs, {name: value[start : start + _BATCH] for name, value in feeds.items()})
            for start in range(0, len(feeds["images"]), _BATCH)
        ]
        return [np.concatenate(column) for column in zip(*parts, strict=True)]


def member_files(member: int) -> tuple[str, str, str]:
    """Names of a member's forward graph, gradient graph and weights."""
    return f"member-{member:02d}.onnx", f"member-{member:02d}-gradient.onnx", f"member-{member:02d}.weights"


def is_ensemble(folder: Path) -> bool:
    """Whether a folder holds an artefact of this kind."""
    return described_as(folder, FORMAT)


@lru_cache(maxsize=2)
def load_ensemble(folder: Path, *, threads: int = 2) -> Ensemble:
    """The ensemble in an artefact folder; ModelError where it is missing or of another kind."""
    path = folder / "card.json"
    if not path.is_file():
        raise ModelError(f"there is no network for CDMAM in {folder}: no card.json; check --model")
    if not is_ensemble(folder):
        raise ModelError(f"{path} does not describe an ensemble that reads a CDMAM; check --model")
    raw = path.read_bytes()
    card: EnsembleCard = cards.from_plain(EnsembleCard, json.loads(raw), "card")
    if card.std_dn <= 0 or not card.variances or {len(v) for v in card.variances} != {len(card.diameters_mm)}:
        raise ModelError(f"{path} is damaged; train the ensemble again")
    return Ensemble(folder, card, hashlib.sha256(raw).hexdigest(), threads)


def as_json(card: EnsembleCard) -> str:
    """The card as it is written to card.json."""
    return json.dumps(asdict(card), indent=1) + "\n"


__all__ = ["ENSEMBLES", "FORMAT", "SIZE_PX", "Ensemble", "EnsembleCard", "EnsembleTraining", "load_ensemble"]
