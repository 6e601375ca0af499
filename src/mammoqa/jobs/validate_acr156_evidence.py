"""Evidence for `mammoqa validate acr156`: from a stored data set, or from the whole chain on fresh images.

Both routes give the same `Evidence`. The first scores the patches of a training folder's evaluation split; the second
simulates images of units that were never seen and sends them through `jobs.analyse`: locating and refusing count too.
"""

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float16, Float32

from mammoqa.core import Analysis, ConfigurationError, Outcome, Phantom, Pose
from mammoqa.jobs.validate_acr156 import reader_against_others
from mammoqa.jobs.validate_acr156_records import Evidence, Preprocessing
from mammoqa.judge.many import passes
from mammoqa.models import Card, Model, load_folder

EVALUATION = 2  # `split` of the held-out units in table.npz
_COLUMNS = ("image", "unit", "object_index", "kind", "size_mm", "panel", "readers", "filters", "split")
PANELS = 64  # that read each fresh image for the ceiling


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """One fresh image: the panel, an independent reader, and what the chain made of it (nan where it refused)."""

    unit: int
    panel: Float[np.ndarray, " objects"]
    reader: Float[np.ndarray, " objects"]
    probabilities: Float[np.ndarray, "objects 2"]
    refused: str | None
    misplaced: bool
    wrong_orientation: bool
    panels: Float[np.ndarray, "panels objects"] | None = None  # many panels on the same image; nan is N/A
    facts: tuple[tuple[str, str], ...] = ()


def from_dataset(folder: Path, phantom: Phantom, model: Model, split: int = EVALUATION) -> Evidence:
    """The held-out images of a stored data set (patches.npy, table.npz, about.json), scored by the model.

    Images of which some objects are missing are left out. The patches are stored normalised; the compression is undone,
    and the model's own normalisation, which ignores scale and level, then gives back what was stored.
    Raises ConfigurationError for an incomplete folder, another preprocessing or an empty split.
    """
    from mammoqa.simulate.readers import NOT_APPLICABLE

    table, patches = _open(folder, model)
    n_objects = len(phantom.inserts)
    rows = np.flatnonzero(table["split"] == split)
    order = rows[np.lexsort((table["object_index"][rows], table["image"][rows]))]
    images, start, count = np.unique(table["image"][order], return_index=True, return_counts=True)
    whole = start[count == n_objects]
    if whole.size == 0:
        raise ConfigurationError(f"{folder} holds no whole image in split {split}; write it with more units")
    index = order[whole[:, None] + np.arange(n_objects)]
    if (table["object_index"][index] != np.arange(n_objects)).any():
        raise ConfigurationError(f"{folder}: the objects of an image are not those of the phantom {phantom.name}")
    probabilities = np.stack([_asked(patches[rows], table["filters"][rows], phantom, model) for rows in index])
    panel = table["panel"][index].astype(np.float64)
    stranger = table.get("stranger")
    if stranger is not None and np.isfinite(stranger[index]).all():
        reader, reader_panel = np.where(stranger[index] == NOT_APPLICABLE, 0.0, stranger[index]), panel
        who = "the reader is one who is on no panel"
    else:
        reader, reader_panel = reader_against_others(np.moveaxis(table["readers"][index], 2, 1))
        who = "the reader is the panel's first, against the others, and so flattered where only two were asked"
    expected = table.get("expected")
    if expected is not None and not np.isfinite(expected[index]).all():
        expected = None  # the panel's own images: nobody knows what other panels would say
    return Evidence(
        panel=panel,
        probabilities=probabilities.astype(np.float64),
        thresholds=object_thresholds(model.card, phantom),
        reader=reader,
        reader_panel=reader_panel,
        unit=table["unit"][index[:, 0]].astype(np.int64),
        source=f"stored patches of {len(images)} held-out simulated images; {who}",
        expected=None if expected is None else expected[index].astype(np.float64),
        facts={name: table[name][index[:, 0]] for name in table if table[name].dtype.kind == "U"},
        pass_calibration=model.card.pass_calibration,
        referral_band=model.card.referral_band,
    )


def _asked(
    patches: Float16[np.ndarray, "n size size"],
    filters: Float32[np.ndarray, "n indices"],
    phantom: Phantom,
    model: Model,
) -> Float[np.ndarray, "n 2"]:
    """Probabilities of one stored image's objects."""
    from mammoqa.score.acr156 import probabilities_acr156
    from mammoqa.score.acr156_visible import unpacked

    raw = np.sinh(np.asarray(patches, dtype=np.float32))
    joins = bool(model.card.fusions)
    if joins and not np.isfinite(filters[:, 0]).all():
        raise ConfigurationError("the data set does not hold what filters see of every object; make it again")
    seen = [unpacked(row, insert) for row, insert in zip(filters, phantom.inserts, strict=True)] if joins else []
    return probabilities_acr156(raw, phantom, model, seen)


def _open(folder: Path, model: Model) -> tuple[dict[str, np.ndarray], np.ndarray]:
    missing = [name for name in ("patches.npy", "table.npz", "about.json") if not (folder / name).is_file()]
    if missing:
        raise ConfigurationError(f"{folder} is not a complete data set, it lacks {', '.join(missing)}")
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    if about.get("preprocessing") != asdict(model.card.preprocessing):
        raise ConfigurationError(f"{folder} was preprocessed in another way than model {model.name} {model.version}")
    with np.load(folder / "table.npz", allow_pickle=False) as columns:
        names = [n for n in columns.files if n in (*_COLUMNS, "expected", "stranger") or columns[n].dtype.kind == "U"]
        table = {name: columns[name] for name in names}
    absent = [name for name in _COLUMNS if name not in table]
    if absent:
        raise ConfigurationError(f"{folder}: table.npz lacks the columns {', '.join(absent)}")
    patches = np.load(folder / "patches.npy", mmap_mode="r")
    if {len(column) for column in table.values()} != {len(patches)}:
        raise ConfigurationError(f"{folder}: table and patches do not fit together")
    return table, patches


def object_thresholds(card: Card, phantom: Phantom) -> Float[np.ndarray, "objects 2"]:
    """The card's thresholds (present, abnormal) for each insert."""
    by_kind = {r.kind: (r.threshold_present, r.threshold_abnormal) for r in card.readings}
    return np.array([by_kind[insert.kind] for insert in phantom.inserts], dtype=np.float64)


def simulated_reads(
    phantom: Phantom, model: Model, count: int, seed: int, jobs: int = 1, per_unit: int = 4
) -> Iterator[Read]:
    """Fresh images through the whole chain, `per_unit` from each simulated unit, in order as they are done.

    Units are drawn from `seed`; `jobs` units are worked on at a time (0: one per core). Raises ConfigurationError when
    that is the seed of the model's training data.
    """
    from joblib import Parallel, delayed, parallel_config

    if seed == model.card.training.seed:
        raise ConfigurationError(f"seed {seed} was used in training; choose another, so that the units are new")
    units = [range(start, min(start + per_unit, count)) for start in range(0, count, per_unit)]
    with parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = Parallel(n_jobs=jobs or -1, batch_size=1, return_as="generator")
    reads = parallel(
        delayed(_read_unit)(phantom, seed, unit, len(images), model.folder) for unit, images in enumerate(units)
    )
    return itertools.chain.from_iterable(reads)


def _read_unit(phantom: Phantom, seed: int, unit: int, count: int, folder: Path) -> list[Read]:
    """One unit's images in one process, which then computes its beam once."""
    return [read_one(phantom, seed, unit, number, folder, threads=1) for number in range(count)]


def read_one(phantom: Phantom, seed: int, unit: int, number: int, folder: Path | None = None, threads: int = 2) -> Read:
    """Simulate one image, let the panel, one more reader and many panels score it, and analyse it.

    `folder` holds the network that reads; the shipped one where None.
    """
    from mammoqa.jobs.analyse import Options, analyse
    from mammoqa.simulate.archive import facts, make_case
    from mammoqa.simulate.readers import NOT_APPLICABLE, read

    if folder is not None:
        load_folder(folder, threads=threads)  # a network that is not there is told before the long work
    case = make_case(phantom, seed, unit, number)
    rng = np.random.default_rng([seed, unit, number + 1, 3])  # make_case takes 1 and 2 of this image
    panels = np.stack([read(case.seen, rng).panel for _ in range(PANELS)])
    analysis = analyse(
        case.simulated.image, Options(phantom.name, model=folder, threads=threads, pictures=False, deduct=False)
    )
    truth = case.simulated.truth
    misplaced, wrong_orientation = placement(analysis.pose, truth.matrix, truth.chest_wall, truth.mirrored, phantom)
    return Read(
        unit=unit,
        panel=case.panel.panel,
        reader=np.where(case.stranger == NOT_APPLICABLE, 0.0, case.stranger),
        probabilities=_probabilities(analysis, phantom),
        refused=str(analysis.verdict.reason_code) if analysis.verdict.outcome is Outcome.REFUSED else None,
        misplaced=misplaced,
        wrong_orientation=wrong_orientation,
        panels=panels,
        facts=tuple(facts(case).items()),
    )


def _probabilities(analysis: Analysis, phantom: Phantom) -> Float[np.ndarray, "objects 2"]:
    by_name = {o.name: (o.p_present, o.p_abnormal) for o in analysis.objects}
    nothing = (float("nan"), float("nan"))
    return np.array([by_name.get(insert.name, nothing) for insert in phantom.inserts], dtype=np.float64)


def placement(
    pose: Pose | None, matrix: Float[np.ndarray, "2 3"], chest_wall: str, mirrored: bool, phantom: Phantom
) -> tuple[bool, bool]:
    """Whether an object was looked for further than half the grid pitch away, and whether the orientation is wrong."""
    if pose is None:
        return False, False
    centres = np.array([insert.centre_mm for insert in phantom.inserts], dtype=np.float64)
    pitch_mm = float(np.min(np.linalg.norm(centres[1:] - centres[0], axis=1)))
    true_px = centres @ matrix[:, :2].T + matrix[:, 2]
    error_mm = np.linalg.norm(pose.to_mm(true_px) - centres, axis=1)
    turned = pose.chest_wall != chest_wall or pose.mirrored != mirrored
    return bool(error_mm.max() > pitch_mm / 2), turned


def collect(reads: Iterable[Read], card: Card, phantom: Phantom, seed: int) -> Evidence:
    """Evidence of all images that were not refused, and what became of the others."""
    everything = tuple(reads)
    kept = [r for r in everything if r.refused is None]
    if not kept:
        raise ConfigurationError("every image was refused; there is nothing to evaluate")
    refused = Counter(r.refused for r in everything if r.refused is not None)
    panel = np.stack([r.panel for r in kept])
    panels = (
        np.stack([r.panels for r in kept if r.panels is not None]) if all(r.panels is not None for r in kept) else None
    )
    facts = [dict(r.facts) for r in kept]
    return Evidence(
        panel=panel,
        probabilities=np.stack([r.probabilities for r in kept]),
        thresholds=object_thresholds(card, phantom),
        reader=np.stack([r.reader for r in kept]),
        reader_panel=panel,
        unit=np.array([r.unit for r in kept], dtype=np.int64),
        source=f"the whole chain on {len(everything)} fresh simulated images (seed {seed}); "
        "the reader is one more, who is not of the panel",
        preprocessing=Preprocessing(
            images=len(everything),
            refused=tuple(sorted(refused.items())),
            misplaced=sum(r.misplaced for r in kept),
            wrong_orientation=sum(r.wrong_orientation for r in kept),
        ),
        expected=None if panels is None else shares_of(panels),
        pass_shares=None if panels is None else {n: p.mean(axis=1) for n, p in passes(panels, phantom).items()},
        facts={name: np.array([f[name] for f in facts]) for name in facts[0]},
        pass_calibration=card.pass_calibration,
        referral_band=card.referral_band,
    )


def shares_of(panels: Float[np.ndarray, "images panels objects"]) -> Float[np.ndarray, "images objects 4"]:
    """Shares of the scores 0, 0.5, 1 and N/A (nan) among panels."""
    each = [(panels == s).mean(axis=1) for s in (0.0, 0.5, 1.0)]
    return np.stack([*each, np.isnan(panels).mean(axis=1)], axis=-1)
