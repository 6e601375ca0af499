"""Runs the single-image reading of a CDMAM: evidence of every cell in, a curve with its uncertainty out. No torch.

An artefact is a folder with model.onnx, gradient.onnx and card.json. Both graphs take

    answers   float32 [n, cells, 25]  of the disc's filter: five places, then twenty empty ones (0: no room)
    rings     float32 [n, cells, 5]   of the ring about each place
    contrast  float32 [n, cells]      of the cell's gold, up to a factor
    scale     float32 [n, 2]          ln of the pixels per mm and of the filter's blur in pixels

The first gives `curve` and `variance` [n, members, K], `seen` [n, cells], the d' of every disc, and `fingerprint`
[n, 7]; the second takes `weights` [n, K] besides and gives the gradients of sum(weights * mean curve) by answers and
rings, and the mean `curve` [n, K]. Curves are ln of the threshold in um at the card's diameters.

An image is unlike those of the training when its fingerprint is far from all of theirs: the level of detectability and
the scatter of answers of three groups of diameters, what scatters from cell to cell, the noise of a pixel, the blur and
the pixel size.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from mammoqa.core import ModelError
from mammoqa.models import card as cards
from mammoqa.models.cdmam_ensemble import EnsembleTraining
from mammoqa.models.sessions import described_as, open_session

FORMAT = "cdmam-cells-2"
CELL_MODELS: MappingProxyType[str, Path] = MappingProxyType(
    {"cdmam34": Path(__file__).parent / "artefacts" / "cdmam34"},
)
GRAPHS = ("model.onnx", "gradient.onnx")
FINGERPRINT = (
    "level, small discs",
    "level, middle discs",
    "level, large discs",
    "scatter, small discs",
    "scatter, middle discs",
    "scatter, large discs",
    "scatter from cell to cell, large discs",
    "noise of a pixel",
    "blur",
    "pixel size",
)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Answers in units of each cell's pixel noise, positive where something attenuates, in the order of the cells.

    `answers` are those of the disc's filter at the centre and the four corners, `empty` where no disc is (nan where
    there is no room), `rings` those of the ring about the five places. `contrast` is what the gold of the cell takes
    away, up to a factor. `noise` is the standard deviation of a pixel over its mean, `radius_px` and `blur_px` are
    those of the filter. `score.cdmam34_evidence` measures it.
    """

    answers: Float[np.ndarray, "cells 5"]
    empty: Float[np.ndarray, "cells 20"]
    rings: Float[np.ndarray, "cells 5"]
    contrast: Float[np.ndarray, " cells"]
    noise: Float[np.ndarray, " cells"]
    radius_px: Float[np.ndarray, " cells"]
    blur_px: float


@dataclass(frozen=True, slots=True)
class CellsCard:
    """What the reading needs beside its graphs, and what is known of it.

    `widen` [K] multiplies the total uncertainty so that intervals hold on held-out settings. `reference` are the
    fingerprints of the training settings, `whiten` turns differences of fingerprints into distances, and images
    farther than `farthest` from all of them are unlike the training. Beyond `settled`, a further uncertainty of
    `strain` [K] (ln) for each `farthest` is added in squares, as families that were left out of the training show.
    `radius_mm` is that of the cells' discs.
    """

    format: str
    name: str
    version: str
    diameters_mm: tuple[float, ...]
    radius_mm: tuple[float, ...]
    members: int
    widen: tuple[float, ...]
    reference: tuple[tuple[float, ...], ...]
    whiten: tuple[tuple[float, ...], ...]
    farthest: float
    settled: float
    strain: tuple[float, ...]
    training: EnsembleTraining
    metrics: tuple[cards.Metric, ...]
    limits_of_use: tuple[str, ...]
    code_version: str
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class CellsAnswer:
    """What the reading says of n images: ln thresholds (um) of human readers, and `seen`, d' of every disc.

    `stats.deep_ensemble.combine` makes one curve of the members' means and variances; its uncertainties are to be
    multiplied by the card's `widen`. `distance` [n] is that of the fingerprint from the nearest training setting,
    `unlike` [n] whether it is too far.
    """

    means: Float[np.ndarray, "members n k"]
    variances: Float[np.ndarray, "members n k"]
    seen: Float[np.ndarray, "n cells"]
    distance: Float[np.ndarray, " n"]
    unlike: np.ndarray


@dataclass(slots=True, eq=False)
class CellsModel:
    """A loaded reading with its card. Graphs are opened at their first use and stay open."""

    folder: Path
    card: CellsCard
    card_sha256: str
    threads: int
    _sessions: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def diameters_mm(self) -> Float[np.ndarray, " k"]:
        """Where the curve has its points."""
        return np.array(self.card.diameters_mm)

    def read(self, evidence: list[Evidence]) -> CellsAnswer:
        """The curves of images from their evidence."""
        feeds = self.feeds(evidence)
        curve, variance, seen, prints = self._run(GRAPHS[0], ("curve", "variance", "seen", "fingerprint"), feeds)
        means, variances = (part.transpose(1, 0, 2).astype(float) for part in (curve, variance))
        distance = self.distance(fingerprints(prints, feeds["scale"], evidence))
        return CellsAnswer(means, variances, seen.astype(float), distance, distance > self.card.farthest)

    def slopes(
        self, evidence: list[Evidence]
    ) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "n cells 25"], Float[np.ndarray, "n cells 5"]]:
        """The mean curves, and the gradients of their midpoints (the mean over K) by answers and rings."""
        k = len(self.card.diameters_mm)
        feeds = self.feeds(evidence) | {"weights": np.full((len(evidence), k), 1.0 / k, np.float32)}
        by_answers, by_rings, curve = self._run(GRAPHS[1], ("by_answers", "by_rings", "curve"), feeds)
        return curve.astype(float), by_answers.astype(float), by_rings.astype(float)

    def distance(self, prints: Float[np.ndarray, "n prints"]) -> Float[np.ndarray, " n"]:
        """How far fingerprints are from the nearest training setting's, in its units."""
        return distances(prints, np.array(self.card.reference), np.array(self.card.whiten))

    def strained(self, distance: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
        """The uncertainty (ln) that being so far from the training adds."""
        further = beyond(distance, self.card.settled, self.card.farthest)
        return np.asarray(further[:, None] * np.array(self.card.strain))

    def feeds(self, evidence: list[Evidence]) -> dict[str, np.ndarray]:
        """The graphs' inputs; ModelError where the cells are not those of the model's phantom."""
        if any(len(e.contrast) != len(self.card.radius_mm) for e in evidence):
            raise ModelError(f"{self.card.name} reads the {len(self.card.radius_mm)} cells of its phantom only")
        return graph_inputs(evidence, np.array(self.card.radius_mm))

    def _run(self, graph: str, outputs: tuple[str, ...], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        session = self._sessions.get(graph)
        if session is None:
            session = self._sessions[graph] = open_session(self.folder, graph, dict(self.card.files), self.threads)
        found: list[np.ndarray] = session.run(outputs, feeds)
        return found


def graph_inputs(evidence: list[Evidence], radius_mm: Float[np.ndarray, " cells"]) -> dict[str, np.ndarray]:
    """Evidence as the graphs take it."""
    answers = [np.concatenate([e.answers, np.nan_to_num(e.empty)], axis=1) for e in evidence]
    scale = [(np.log((e.radius_px / radius_mm).mean()), np.log(e.blur_px)) for e in evidence]
    made = {
        "answers": answers,
        "rings": [e.rings for e in evidence],
        "contrast": [e.contrast for e in evidence],
        "scale": scale,
    }
    return {name: np.asarray(value, np.float32) for name, value in made.items()}


def fingerprints(
    of_graph: Float[np.ndarray, "n 7"], scale: Float[np.ndarray, "n 2"], evidence: list[Evidence]
) -> Float[np.ndarray, "n prints"]:
    """The whole fingerprints: `FINGERPRINT`, logarithms all."""
    noise = np.log([float(np.median(e.noise)) for e in evidence])
    return np.concatenate([np.asarray(of_graph, float), noise[:, None], np.asarray(scale, float)[:, ::-1]], axis=1)


def distances(
    prints: Float[np.ndarray, "n prints"],
    reference: Float[np.ndarray, "s prints"],
    whiten: Float[np.ndarray, "prints prints"],
) -> Float[np.ndarray, " n"]:
    """How far fingerprints are from the nearest of the reference, in the units of `whiten`."""
    apart = (prints[:, None] - reference[None]) @ whiten.T
    return np.asarray(np.sqrt((apart**2).sum(axis=2).min(axis=1)))


def beyond(distance: Float[np.ndarray, " n"], settled: float, farthest: float) -> Float[np.ndarray, " n"]:
    """How far beyond `settled`, in units of `farthest`."""
    return np.asarray(np.maximum(distance - settled, 0.0) / farthest)


def is_cells_model(folder: Path) -> bool:
    """Whether a folder holds an artefact of this kind."""
    return described_as(folder, FORMAT)


@lru_cache(maxsize=2)
def load_cells(folder: Path, *, threads: int = 1) -> CellsModel:
    """The reading in an artefact folder; ModelError where it is missing or of another kind."""
    path = folder / "card.json"
    if not is_cells_model(folder):
        raise ModelError(f"{folder} holds no single-image reading of a CDMAM; check --model")
    raw = path.read_bytes()
    card: CellsCard = cards.from_plain(CellsCard, json.loads(raw), "card")
    if not card.reference or {len(card.widen), len(card.strain)} != {len(card.diameters_mm)}:
        raise ModelError(f"{path} is damaged; install mammoqa again")
    return CellsModel(folder, card, hashlib.sha256(raw).hexdigest(), threads)


def as_json(card: CellsCard) -> str:
    """The card as it is written to card.json."""
    return json.dumps(asdict(card), indent=1) + "\n"
