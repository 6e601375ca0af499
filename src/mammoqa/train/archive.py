"""Makes a training set from a simulated archive: expose, locate, cut patches, normalise. Needs no torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float16

from mammoqa.core import Phantom, RefusalError
from mammoqa.locate import locate_acr156, patches
from mammoqa.models.card import KINDS
from mammoqa.models.preprocess import DEFAULT, normalise
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate.archive import make_case
from mammoqa.train.dataset_file import READERS, DatasetWriter, split_by_unit

MISPLACED_MM = 2.0  # a patch further off may not hold its object, and its score would mislead


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One image of the archive as training sees it; `patches` is None when the phantom could not be located."""

    unit: int
    number: int
    patches: Float16[np.ndarray, "objects size size"] | None
    panel: Float[np.ndarray, " objects"]
    readers: Float[np.ndarray, "readers objects"]
    refused: str | None
    pose_error_mm: float


def make_entry(phantom_name: str, seed: int, unit: int, number: int) -> Entry:
    """Simulate, read, locate and cut one image."""
    phantom = PHANTOMS[phantom_name]
    case = make_case(phantom, seed, unit, number)
    image = case.simulated.image
    try:
        pose = locate_acr156(image, phantom)
        cut = normalise(patches(image, phantom, pose), DEFAULT).astype(np.float16)
    except RefusalError as error:
        reason = f"{error.code}: {error.reason}"
        return Entry(unit, number, None, case.panel.panel, case.panel.readers, reason, float("nan"))
    centres = np.array([insert.centre_mm for insert in phantom.inserts])
    true = centres @ case.simulated.truth.matrix[:, :2].T + case.simulated.truth.matrix[:, 2]
    error_mm = np.linalg.norm(pose.to_mm(true) - centres, axis=1).max()
    return Entry(unit, number, cut, case.panel.panel, case.panel.readers, None, float(error_mm))


def _unit_entries(phantom_name: str, seed: int, unit: int, images: int) -> list[Entry]:
    """All images of one unit in one process, which then computes its spectra once."""
    return [make_entry(phantom_name, seed, unit, number) for number in range(images)]


def entries(
    phantom_name: str, units: int, images_per_unit: int, seed: int, jobs: int = 2, first_unit: int = 0
) -> Iterator[Entry]:
    """The archive, unit by unit in a fixed order, made by `jobs` processes of one thread each."""
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        made = Parallel(n_jobs=jobs, return_as="generator", batch_size=1)(
            delayed(_unit_entries)(phantom_name, seed, unit, images_per_unit)
            for unit in range(first_unit, first_unit + units)
        )
        for of_unit in made:
            yield from of_unit


def passes(phantom: Phantom, panel: Float[np.ndarray, " objects"]) -> bool:
    """Whether the panel's scores pass, under the stop rule; N/A counts as 0."""
    scores = np.nan_to_num(panel, nan=0.0)
    for criterion, kind in zip(phantom.criteria, KINDS, strict=True):
        of_kind = [s for s, insert in zip(scores, phantom.inserts, strict=True) if insert.kind == kind]
        if _counted(of_kind) < (criterion.low or 0.0):
            return False
    return True


def _counted(scores: list[float]) -> float:
    """Sum up to and including the first score below 1."""
    full = next((k for k, s in enumerate(scores) if s < 1), len(scores))
    return float(sum(scores[: full + 1]))


def write_archive(
    out: Path, phantom_name: str, units: int, images_per_unit: int, seed: int, jobs: int = 2, report: bool = True
) -> Path:
    """Make an archive and store it as a dataset, split 70/10/20 by unit.

    Images whose phantom cannot be located, or lies more than `MISPLACED_MM` beside its true place, are left out; their
    number is in the description.
    """
    from rich.progress import track

    phantom = PHANTOMS[phantom_name]
    kinds = np.array([KINDS.index(insert.kind) for insert in phantom.inserts])
    sizes = np.array([insert.size_mm for insert in phantom.inserts])
    total = units * images_per_unit
    made = entries(phantom_name, units, images_per_unit, seed, jobs)
    kept = [e for e in (track(made, "simulating", total=total) if report else made) if e.patches is not None]
    about = (
        f"simulated {phantom_name} archive: {units} units, {total} images, seed {seed}; {total - len(kept)} not located"
    )
    with DatasetWriter(out, len(kept), len(phantom.inserts), description=about) as writer:
        for image, entry in enumerate(kept):
            assert entry.patches is not None
            writer.add(
                entry.patches,
                image=image,
                unit=entry.unit,
                kinds=kinds,
                sizes_mm=sizes,
                panel=entry.panel,
                readers=entry.readers[:READERS].T,
                normalised=True,
            )
        verdicts = np.array([passes(phantom, e.panel) for e in kept], dtype=float)
        writer.set_split(split_by_unit(np.array([e.unit for e in kept]), verdicts, np.random.default_rng(seed)))
    return out
