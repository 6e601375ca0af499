"""mammoqa and pylinac beside simulated readers on the same exposures of the ACR DM phantom.

Both programs start from the same DICOM file and end with scores. Times are of the processor, of one thread each, with
reading the file and without starting the program; the first file of each program warms it up and is not timed.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Float

from mammoqa.core import ConfigurationError, RefusalError
from mammoqa.jobs.validate_acr_dm_cases import Case, make
from mammoqa.judge import TOTALS, counted_totals
from mammoqa.phantoms import PHANTOMS
from mammoqa.physics import DETECTORS

PEER_VERSION = "3.49.0"
# pylinac's own thresholds of visibility, and what is tried instead: one setting for all images, the best there is
MASS_VISIBILITY, SPECK_VISIBILITY = 20.0, 50.0
_TRIED = np.geomspace(0.2, 400.0, 80)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One program's scores of one image, in the phantom's order; None with the reason where it failed."""

    scores: Float[np.ndarray, " objects"] | None
    processor_s: float
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One image: its truth and both answers; `peer` is None where pylinac was not asked."""

    case: Case
    ours: Answer
    peer: Answer | None


class Peer:
    """pylinac in an environment of its own, asked over pipes."""

    def __init__(self, python: Path, script: Path) -> None:
        if not python.is_file():
            raise ConfigurationError(
                f"there is no {python}: make pylinac's environment as validation/pylinac/README.md says, "
                "or leave it out with --no-peer"
            )
        self.process = subprocess.Popen(
            [str(python), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )

    def ask(self, case: Case) -> Answer:
        """Ask for the scores of a case, given the orientation and the pixel size that it expects."""
        pitch_mm = DETECTORS[case.detector].pitch_mm / case.magnification
        request = {"path": str(case.path.resolve()), "dpi": 25.4 / pitch_mm, "invert": True}
        stdin, stdout = _pipes(self.process)
        stdin.write(json.dumps(request) + "\n")
        stdin.flush()
        line = stdout.readline()
        return answer_of(json.loads(line) if line else {"error": "it ended without an answer"})

    def close(self) -> None:
        """Let it end."""
        _pipes(self.process)[0].close()
        self.process.wait(timeout=60)


def _pipes(process: "subprocess.Popen[str]") -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise ConfigurationError("pylinac was started without pipes")
    return process.stdin, process.stdout


def answer_of(found: dict[str, Any]) -> Answer:
    """What pylinac's reader printed, as an answer."""
    if "error" in found:
        return Answer(None, float("nan"), str(found["error"]))
    scores = np.array([*found["fibre"], *found["speck_group"], *found["mass"]], dtype=float)
    return Answer(scores, float(found["processor_s"]), details=found)


def read_ours(path: Path) -> Answer:
    """Read a DICOM file as `mammoqa analyse` does; the scores and the time."""
    from mammoqa.dicom import read_file
    from mammoqa.locate import locate_acr_dm, patches
    from mammoqa.score.acr_dm import PITCH_MM, SIDE_PX, score_acr_dm

    phantom = PHANTOMS["acr_dm"]
    start = time.process_time()
    try:
        image = read_file(path)[0]
        pose = locate_acr_dm(image, phantom)
        cells = patches(image, phantom, pose, size_px=SIDE_PX, pitch_mm=PITCH_MM)
        objects, _ = score_acr_dm(cells, phantom, pose)
    except RefusalError as error:
        return Answer(None, float("nan"), error.reason)
    return Answer(np.array([o.score for o in objects]), time.process_time() - start)


def records(count: int, seed: int, work: Path, peer: Peer | None, limit: int | None = None) -> Iterator[Record]:
    """Simulate, read and compare; in an order that mixes doses and detectors, so that any first part is fair.

    Images and pylinac's answers are kept in `work` and not made again; `limit` stops after so many of `count`.
    """
    order = np.random.default_rng(0).permutation(count)[: limit or count].tolist()
    warm = False
    for number in order:
        case = make(work, number, count, seed)
        if not warm:
            read_ours(case.path)
            warm = True
        yield Record(case, read_ours(case.path), _asked(case, peer))


def _asked(case: Case, peer: Peer | None) -> Answer | None:
    kept = case.path.with_suffix(".pylinac.json")
    if kept.is_file():
        return answer_of(json.loads(kept.read_text(encoding="utf-8")))
    if peer is None:
        return None
    answer = peer.ask(case)
    kept.write_text(json.dumps(answer.details or {"error": answer.reason}) + "\n", encoding="utf-8")
    return answer


@dataclass(frozen=True, slots=True)
class Agreement:
    """One program beside the readers, for one kind: means over images, with the 95 % interval of the first."""

    kind: str
    difference: float  # mean absolute difference of an object's score from the readers' median
    low: float
    high: float
    same: float  # share of objects with the readers' score
    total: float  # mean absolute difference of totals under the stop rule


def agreement(
    scores: Float[np.ndarray, "images objects"], truth: Float[np.ndarray, "images objects"], rng: np.random.Generator
) -> tuple[Agreement, ...]:
    """Per kind and for all; intervals by the bootstrap over images."""
    kinds = [insert.kind for insert in PHANTOMS["acr_dm"].inserts]
    found = []
    for kind in (*TOTALS, "all"):
        columns = [k for k, each in enumerate(kinds) if kind in (each, "all")]
        apart = np.abs(scores[:, columns] - truth[:, columns])
        resampled = apart.mean(axis=1)[rng.integers(len(apart), size=(2000, len(apart)))].mean(axis=1)
        low, high = (float(v) for v in np.quantile(resampled, (0.025, 0.975)))
        totals = [
            np.abs(counted_totals(scores[:, part]) - counted_totals(truth[:, part]))
            for part in ([k for k in columns if kinds[k] == each] for each in TOTALS)
            if part
        ]
        found.append(
            Agreement(kind, float(apart.mean()), low, high, float((apart == 0).mean()), float(np.mean(totals)))
        )
    return tuple(found)


def peer_at_its_best(answers: list[Answer], truth: Float[np.ndarray, "images objects"]) -> np.ndarray:
    """Scores of pylinac with those two thresholds of visibility that agree best with the truth of these very images.

    Its fibres have no threshold. This favours pylinac: the thresholds see the answers.
    """
    specks = np.array([a.details["speck_visibility"] for a in answers])
    masses = np.array([a.details["mass_visibility"] for a in answers])
    counts = (specks[..., None] >= _TRIED).sum(axis=2)
    speck_scores = np.select([counts >= 4, counts >= 2], [1.0, 0.5], 0.0)
    mass_scores = (masses[..., None] >= _TRIED).astype(float)
    best = [
        tried[..., int(np.abs(tried - wanted[..., None]).mean(axis=(0, 1)).argmin())]
        for tried, wanted in ((speck_scores, truth[:, 6:12]), (mass_scores, truth[:, 12:18]))
    ]
    fibres = np.array([a.scores[:6] for a in answers if a.scores is not None])
    return np.concatenate([fibres, *best], axis=1)
