"""Makes a training set from a simulated archive: expose, locate, cut patches, normalise. Needs no torch."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float16, Float32

from mammoqa.core import Phantom, RefusalError
from mammoqa.jobs.acr156 import look_at
from mammoqa.locate import locate_acr156, patches
from mammoqa.models.card import KINDS, InputSpec
from mammoqa.models.preprocess import DEFAULT, normalise
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.acr156_visible import packed
from mammoqa.simulate.archive import facts, made, make_case
from mammoqa.train.dataset_file import READERS, DatasetWriter, split_by_unit

# Large objects are hardly ever incomplete in a fleet, and a network that never saw a square mass takes it for a round
# one. So beside every six units stands one whose phantom is worn out; it is for training only.
WORN_AMONG = 6
MISPLACED_MM = 2.0  # a patch further off may not hold its object, and its score would mislead


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One image of the archive as training sees it; `patches` is None when the phantom could not be located."""

    unit: int
    number: int
    patches: Float16[np.ndarray, "objects size size"] | None
    filters: Float32[np.ndarray, "objects indices"] | None
    panel: Float[np.ndarray, " objects"]
    readers: Float[np.ndarray, "readers objects"]
    expected: Float[np.ndarray, "objects 4"]
    stranger: Float[np.ndarray, " objects"]
    facts: Mapping[str, str]
    refused: str | None
    pose_error_mm: float


def make_entry(phantom_name: str, seed: int, unit: int, number: int, *, worn: bool = False) -> Entry:
    """Simulate, read, locate and cut one image; `worn` as in `simulate.archive.make_case`."""
    phantom = PHANTOMS[phantom_name]
    case = make_case(phantom, seed, unit, number, worn=worn)
    image = case.simulated.image
    cut, filters, reason, error_mm = None, None, None, float("nan")
    try:
        pose = locate_acr156(image, phantom)
        raw = patches(image, phantom, pose)
        cut = normalise(raw, DEFAULT).astype(np.float16)
        filters = packed(look_at(image, phantom, pose, raw, InputSpec().pitch_mm))
        centres = np.array([insert.centre_mm for insert in phantom.inserts])
        built = np.array([insert.centre_mm for insert in made(phantom, case.make).inserts])
        true = built @ case.simulated.truth.matrix[:, :2].T + case.simulated.truth.matrix[:, 2]
        error_mm = float(np.linalg.norm(pose.to_mm(true) - centres, axis=1).max())
    except RefusalError as error:
        reason = f"{error.code}: {error.reason}"
    said = case.panel.panel, case.panel.readers, case.expected, case.stranger
    return Entry(unit, number, cut, filters, *said, facts(case), reason, error_mm)


def _unit_entries(phantom_name: str, seed: int, unit: int, images: int, worn: bool) -> list[Entry]:
    """All images of one unit in one process, which then computes its spectra once."""
    return [make_entry(phantom_name, seed, unit, number, worn=worn) for number in range(images)]


def entries(
    phantom_name: str,
    units: int,
    images_per_unit: int,
    seed: int,
    jobs: int = 2,
    dask: str | None = None,
    worn: int = 0,
) -> Iterator[Entry]:
    """The archive, unit by unit in a fixed order, by `jobs` processes of one thread each or on a Dask cluster.

    After its `units` come `worn` further ones with worn-out phantoms.
    """
    from mammoqa.jobs.side_by_side import cluster, in_order, processes

    work = ((_unit_entries, phantom_name, seed, unit, images_per_unit, unit >= units) for unit in range(units + worn))
    with cluster(dask) if dask is not None else processes(jobs) as crew:
        for of_unit in in_order(crew, work):
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
    out: Path,
    phantom_name: str,
    units: int,
    images_per_unit: int,
    seed: int,
    jobs: int = 2,
    dask: str | None = None,
    report: bool = True,
) -> Path:
    """Make an archive and store it as a dataset, split 70/10/20 by unit; units with worn-out phantoms only to train on.

    Images whose phantom cannot be located, or lies more than `MISPLACED_MM` beside its true place, are left out; their
    number is in the description. Patches go to disk as they come, so that memory does not grow with the archive.
    """
    from rich.progress import track

    worn = units // WORN_AMONG
    total = (units + worn) * images_per_unit
    made = entries(phantom_name, units, images_per_unit, seed, jobs, dask, worn)
    shown = track(made, "simulating", total=total) if report else made
    return store(out, PHANTOMS[phantom_name], shown, total, seed, units)


def store(out: Path, phantom: Phantom, made: Iterable[Entry], total: int, seed: int, fleet: int | None = None) -> Path:
    """Store the entries of a simulated archive of `total` images as a dataset.

    Units numbered `fleet` and above are no part of the fleet, but only to train on.
    """
    kinds = np.array([KINDS.index(insert.kind) for insert in phantom.inserts])
    sizes = np.array([insert.size_mm for insert in phantom.inserts])
    units: list[int] = []
    verdicts: list[bool] = []
    refused: list[str] = []
    misplaced = worn = 0
    with DatasetWriter(out, total, len(phantom.inserts)) as writer:
        for image, entry in enumerate(made):
            practice = fleet is not None and entry.unit >= fleet
            worn += practice
            if entry.patches is None or entry.pose_error_mm > MISPLACED_MM:
                refused.append(entry.refused or "")
                misplaced += entry.patches is not None
                writer.leave_out()
                continue
            writer.add(
                entry.patches,
                image=image,
                unit=entry.unit,
                kinds=kinds,
                sizes_mm=sizes,
                panel=entry.panel,
                readers=entry.readers[:READERS].T,
                expected=entry.expected,
                stranger=entry.stranger,
                filters=entry.filters,
                facts=entry.facts,
                normalised=True,
            )
            if practice:
                continue
            units.append(entry.unit)
            verdicts.append(passes(phantom, entry.panel))
        passed = np.array(verdicts, dtype=float)
        writer.set_split(split_by_unit(np.array(units), passed, np.random.default_rng(seed)))
        writer.describe(
            f"simulated {phantom.name} archive: {len(np.unique(units))} units, {total - worn} images, seed {seed}; "
            f"{worn} more of worn-out phantoms to train on; of all {len(refused) - misplaced} not located, "
            f"{misplaced} misplaced, {passed.mean():.1%} of the rest pass"
        )
    return out
