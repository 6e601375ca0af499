"""Evidence for `mammoqa validate acr156 --data manifest.csv`: a person's own images through the whole chain."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mammoqa.core import ConfigurationError, Outcome, Phantom, RefusalError
from mammoqa.jobs.analyse import Options, analyse
from mammoqa.jobs.manifest import NOT_APPLICABLE, SPLITS, Manifest, RefusedRow, Row
from mammoqa.jobs.own_images import check_polarity, read_row
from mammoqa.jobs.validate_acr156 import reader_against_others
from mammoqa.jobs.validate_acr156_evidence import object_thresholds
from mammoqa.jobs.validate_acr156_records import Evidence, Preprocessing
from mammoqa.models import Card


@dataclass(frozen=True, slots=True, eq=False)
class OwnRead:
    """One line's image and what the chain made of it (nan where it refused)."""

    row: Row
    probabilities: Float[np.ndarray, "objects 2"]
    refused: str | None
    reason: str | None


def own_reads(manifest: Manifest, phantom: Phantom, card: Card, folder: Path, jobs: int = 1) -> Iterator[OwnRead]:
    """Each image that is to be evaluated, in order; where the table has splits, those of the evaluation split.

    Args:
        manifest: as `read_manifest` gives it.
        phantom: the phantom that the images show.
        card: the model's, which says what it was trained on.
        folder: the model's artefact.
        jobs: images at a time; 0 takes all cores.

    Raises:
        ConfigurationError: the model was trained on this table, or no line is left.
    """
    from mammoqa.jobs.side_by_side import in_order, processes

    rows = [row for row in manifest.rows if row.split in (None, SPLITS[2])]
    trained_on = (card.training.data, card.training.parent.data if card.training.parent else None)
    if any(manifest.sha256 in (text or "") for text in trained_on) and (not rows or rows[0].split is None):
        raise ConfigurationError(
            f"the model was trained on images of {manifest.name}: give the folder data of its training instead, of "
            "which the held-out units are evaluated, or a table of other units"
        )
    if not rows:
        raise ConfigurationError(f"{manifest.name} has no readable line to evaluate (of split {SPLITS[2]})")
    if jobs == 1:
        return (read_own(row, phantom, folder) for row in rows)

    def side_by_side() -> Iterator[OwnRead]:
        with processes(jobs) as crew:
            yield from in_order(crew, ((read_own, row, phantom, folder) for row in rows))

    return side_by_side()


def read_own(row: Row, phantom: Phantom, folder: Path) -> OwnRead:
    """Read and analyse one line's image as `mammoqa analyse` does."""
    nothing = np.full((len(phantom.inserts), 2), np.nan)
    options = Options(phantom=phantom.name, model=folder, threads=1, pictures=False)
    try:
        analysis = analyse(read_row(row), options)
        if analysis.verdict.outcome is Outcome.REFUSED:
            return OwnRead(row, nothing, str(analysis.verdict.reason_code), analysis.verdict.reason)
        if analysis.pose is not None:
            check_polarity(row, analysis.pose)
    except RefusalError as error:
        return OwnRead(row, nothing, str(error.code), error.reason)
    by_name = {o.name: (o.p_present, o.p_abnormal) for o in analysis.objects}
    return OwnRead(row, np.array([by_name[i.name] for i in phantom.inserts], dtype=np.float64), None, None)


def collect_own(
    reads: Iterable[OwnRead], manifest: Manifest, phantom: Phantom, card: Card
) -> tuple[Evidence, tuple[RefusedRow, ...]]:
    """Evidence of all images that were read, and every line that was left out.

    The reader compared with the panel is the first whose scores the table has; without readers there is none (nan).
    """
    everything = list(reads)
    kept = [r for r in everything if r.refused is None]
    left_out = [RefusedRow(r.row.line, r.row.image, f"{r.refused}: {r.reason}") for r in everything if r.refused]
    if not kept:
        raise ConfigurationError(f"no image of {manifest.name} could be read; the first: {left_out[0]}")
    panel = np.stack([r.row.panel for r in kept])
    reader, reader_panel = _reader(kept, panel)
    refused = Counter(r.refused for r in everything if r.refused is not None)
    numbers = {unit: k for k, unit in enumerate(dict.fromkeys(r.row.unit for r in kept))}
    evidence = Evidence(
        panel=panel,
        probabilities=np.stack([r.probabilities for r in kept]),
        thresholds=object_thresholds(card, phantom),
        reader=reader,
        reader_panel=reader_panel,
        unit=np.array([numbers[r.row.unit] for r in kept], dtype=np.int64),
        source=f"the whole chain on the {len(everything)} images of {manifest.name} (SHA-256 {manifest.sha256}), "
        f"{len(manifest.refused)} more of its lines refused",
        preprocessing=Preprocessing(images=len(everything), refused=tuple(sorted(refused.items()))),
        pass_calibration=card.pass_calibration,
        referral_band=card.referral_band,
    )
    return evidence, tuple(sorted((*manifest.refused, *left_out), key=lambda r: r.line))


def _reader(kept: list[OwnRead], panel: Float[np.ndarray, "images objects"]) -> tuple[np.ndarray, np.ndarray]:
    """The first reader against the others, against the panel where there is one reader only; nan without readers."""
    readers = np.stack([r.row.readers for r in kept])
    nothing = np.full_like(panel, np.nan)
    if readers.shape[1] == 0:
        return nothing, nothing
    if readers.shape[1] == 1:
        first = readers[:, 0]
        return np.where(first == NOT_APPLICABLE, 0.0, first), np.where(np.isfinite(first), panel, np.nan)
    return reader_against_others(readers)
