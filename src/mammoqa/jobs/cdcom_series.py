"""Series that cdcom has read: its matrices to an Analysis, and decisions back to matrices.

A folder holds one series: one pair matrix.inp and matrix2.inp for each image, each pair in a folder of its own (or one
pair in the folder itself). So an old series goes on in the same trend, and mammoqa's decisions can go into other
programs.
"""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import mammoqa
from mammoqa.core import Acquisition, Analysis, Phantom, Provenance, ReasonCode, Refused, ScoreError, Source
from mammoqa.jobs.cdmam34 import measured
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.cdcom_matrices import CENTRE_FILE, CORNER_FILE, read_matrix, write_matrix


def analyse_matrices(folder: Path) -> Analysis:
    """One Analysis of all pairs of matrices below a folder; REFUSED where there are none or one is damaged."""
    from mammoqa.jobs.analyse import analyse

    phantom = PHANTOMS["cdmam34"]
    start = datetime.now(UTC)
    pairs = _pairs(folder)
    if not pairs:
        reason = f"no folder here holds a pair {CORNER_FILE} and {CENTRE_FILE} of cdcom"
        return analyse(Refused(str(folder), ReasonCode.NOT_FOUND, reason))
    try:
        corner, centre = (np.stack([_read(pair[which], phantom) for pair in pairs]) for which in (0, 1))
        found = measured(corner, centre, phantom)
    except ScoreError as error:
        return analyse(Refused(str(folder), error.code, error.reason))
    notes = (*found.notes, "decisions of cdcom, read from its matrices: no image was seen")
    return Analysis(
        path=str(folder),
        sources=tuple(Source(str(pair[0]), hashlib.sha256(pair[0].read_bytes()).hexdigest()) for pair in pairs),
        acquisition=Acquisition(modality="MG"),
        phantom=phantom.name,
        verdict=found.verdict,
        provenance=Provenance(
            software=f"mammoqa {mammoqa.__version__}",
            phantom_version=phantom.version,
            model=None,
            analysed_at=start,
            seconds=(datetime.now(UTC) - start).total_seconds(),
        ),
        measurements=found.measurements,
        notes=notes,
        contrast_detail=found.contrast_detail,
    )


def write_matrices(analysis: Analysis, folder: Path) -> tuple[Path, ...]:
    """The decisions of each image as matrix.inp and matrix2.inp, in a folder named after it; nothing for others."""
    found = analysis.contrast_detail
    if found is None:
        return ()
    made, taken = [], set()
    for number, source in enumerate(analysis.sources[: len(found.corner)]):
        stem = Path(source.path).stem or "image"
        name = stem if stem not in taken else f"{stem}-{number + 1}"
        taken.add(name)
        (folder / name).mkdir(parents=True, exist_ok=True)
        for file, decisions in ((CORNER_FILE, found.corner), (CENTRE_FILE, found.centre)):
            path = folder / name / file
            path.write_text(write_matrix(decisions[number].astype(np.int64)), encoding="ascii")
            made.append(path)
    return tuple(made)


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    if not folder.is_dir():
        return []
    found = sorted(path for path in folder.rglob("*") if path.name.lower() == CORNER_FILE and path.is_file())
    beside = [next((p for p in path.parent.iterdir() if p.name.lower() == CENTRE_FILE), None) for path in found]
    return [(path, other) for path, other in zip(found, beside, strict=True) if other is not None]


def _read(path: Path, phantom: Phantom) -> np.ndarray:
    used = np.full((16, 16), -1, np.int64)
    for cell in phantom.cells:
        used[cell.row, cell.column] = 0
    try:
        return read_matrix(path.read_text(encoding="ascii", errors="strict"), used)
    except UnicodeDecodeError as error:
        raise ScoreError(ReasonCode.DAMAGED_FILE, f"{path.name} holds no text; export the matrices again") from error
    except ScoreError as error:
        raise ScoreError(error.code, f"{path.parent.name}/{path.name}: {error.reason}") from error
