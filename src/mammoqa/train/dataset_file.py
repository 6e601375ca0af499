"""The training set on disk: written by a generator, read by training. numpy only, so that a generator needs no torch.

A folder with

    patches.npy   float16 [rows, 160, 160]   patches as `models.preprocess.normalise` leaves them (one row per object)
    table.npz     one array per column of `Table`, all of length rows
    about.json    what the data are, the preprocessing, the SHA-256 of patches.npy

Rows need not come in whole images; `image` and `unit` say which belong together.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import Float, Float16, Int, Real

from mammoqa.core import ConfigurationError
from mammoqa.models.card import KINDS
from mammoqa.models.preprocess import DEFAULT, Preprocessing, normalise
from mammoqa.score.acr156_visible import INDICES

READERS = 5
TRAIN, TEST, EVALUATION = 0, 1, 2  # "test" tunes and stops early, "evaluation" is held out (Yun et al. 2025)
SHARES = (0.70, 0.10, 0.20)  # Yun et al. 2025


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What is known of each object (row). Scores are 0, 0.5 or 1; nan means N/A."""

    image: Int[np.ndarray, " rows"]
    unit: Int[np.ndarray, " rows"]
    object_index: Int[np.ndarray, " rows"]  # position in `Phantom.inserts`
    kind: Int[np.ndarray, " rows"]  # index into `models.KINDS`
    size_mm: Float[np.ndarray, " rows"]
    panel: Float[np.ndarray, " rows"]
    readers: Float[np.ndarray, "rows readers"]  # nan where a reader was not asked
    expected: Float[np.ndarray, "rows 4"]  # shares of 0, 0.5, 1 and N/A among many panels; nan where not known
    stranger: Float[np.ndarray, " rows"]  # one more reader, who is on no panel; -1 for N/A, nan where there is none
    filters: Float[np.ndarray, "rows indices"]  # what filters see (`acr156_visible.packed`); nan where not known
    split: Int[np.ndarray, " rows"]  # TRAIN, TEST or EVALUATION


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """An opened training set; `patches` is a memory map."""

    folder: Path
    patches: Float16[np.ndarray, "rows size size"]
    table: Table
    description: str
    preprocessing: Preprocessing
    sha256: str


class DatasetWriter:
    """Writes a dataset image by image; `patches.npy` is laid out at once for `images` times `objects` rows.

    Use as a context manager; the folder is complete when the block ends without an exception. `set_split` may be
    called at any time before, once the units' verdicts are known (see `split_by_unit`).
    """

    def __init__(
        self,
        folder: Path,
        images: int,
        objects: int = 16,
        *,
        description: str = "",
        size_px: int = 160,
        preprocessing: Preprocessing = DEFAULT,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._objects = folder, objects
        self._description, self._preprocessing = description, preprocessing
        rows = images * objects
        self._patches = np.lib.format.open_memmap(
            folder / "patches.npy", mode="w+", dtype=np.float16, shape=(rows, size_px, size_px)
        )
        self._columns: dict[str, list[np.ndarray]] = {field.name: [] for field in fields(Table)}
        self._written = 0
        self._left_out = 0
        self._split_of_unit: dict[int, int] = {}

    def add(
        self,
        patches: Real[np.ndarray, "n size size"],
        *,
        image: int,
        unit: int,
        kinds: Int[np.ndarray, " n"],
        sizes_mm: Real[np.ndarray, " n"],
        panel: Real[np.ndarray, " n"],
        readers: Real[np.ndarray, "n r"],
        expected: Real[np.ndarray, "n 4"] | None = None,
        stranger: Real[np.ndarray, " n"] | None = None,
        filters: Real[np.ndarray, "n indices"] | None = None,
        facts: Mapping[str, str] | None = None,
        normalised: bool = False,
    ) -> None:
        """One image's objects in the order of `Phantom.inserts`.

        Args:
            patches: as `locate.patches` gives them (raw), or already normalised (float16 or float32).
            image: a number of the image, unique.
            unit: the simulated unit it comes from; whole units go to one split.
            kinds: index into `models.KINDS`.
            sizes_mm: nominal sizes.
            panel: the panel's score, nan for N/A.
            readers: the single readers' scores, nan where not asked, -1 for N/A; at most `READERS` columns.
            expected: shares of the scores 0, 0.5, 1 and N/A among many panels, which only a simulation knows.
            stranger: what one more reader says, who is on no panel.
            filters: what filters see of each object, as `acr156_visible.packed` gives it.
            facts: what else is known of the image, by name; the same names for every image. Subsets are formed by it.
            normalised: the patches have passed `normalise`.
        """
        n = len(patches)
        if n > len(self._patches) - self._written:
            raise ConfigurationError("more objects than the dataset was laid out for")
        ready = patches if normalised else normalise(patches, self._preprocessing)
        self._patches[self._written : self._written + n] = ready.astype(np.float16)
        all_readers = np.full((n, READERS), np.nan)
        all_readers[:, : readers.shape[1]] = readers
        row = {
            "image": np.full(n, image),
            "unit": np.full(n, unit),
            "object_index": np.arange(n),
            "kind": np.asarray(kinds, dtype=np.int64),
            "size_mm": np.asarray(sizes_mm, dtype=np.float64),
            "panel": np.asarray(panel, dtype=np.float64),
            "readers": all_readers,
            "expected": np.full((n, 4), np.nan) if expected is None else np.asarray(expected, dtype=np.float64),
            "stranger": np.full(n, np.nan) if stranger is None else np.asarray(stranger, dtype=np.float64),
            "filters": np.full((n, INDICES), np.nan, np.float32) if filters is None else filters,
            "split": np.full(n, TRAIN),
        }
        for name, values in row.items():
            self._columns[name].append(values)
        for name, word in (facts or {}).items():
            self._columns.setdefault(name, []).append(np.full(n, word))
        self._written += n

    def leave_out(self) -> None:
        """One of the images that the dataset was laid out for does not come."""
        self._left_out += self._objects

    def describe(self, description: str) -> None:
        """What the data are, when that is known only at the end."""
        self._description = description

    def set_split(self, split_of_unit: dict[int, int]) -> None:
        """Which split each unit belongs to; units that are not named stay in TRAIN."""
        self._split_of_unit = dict(split_of_unit)

    def __enter__(self) -> "DatasetWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patches.flush()
        if kind is None:
            self._finish()

    def _finish(self) -> None:
        if self._left_out:
            self._shorten()
        if self._written != len(self._patches):
            raise ConfigurationError(f"{self._written} objects were added, {len(self._patches)} were announced")
        columns = {name: np.concatenate(parts) for name, parts in self._columns.items()}
        columns["split"] = np.array([self._split_of_unit.get(int(unit), TRAIN) for unit in columns["unit"]])
        np.savez_compressed(self._folder / "table.npz", allow_pickle=False, **columns)
        about = {
            "description": self._description,
            "preprocessing": asdict(self._preprocessing),
            "sha256": _sha256(self._folder / "patches.npy"),
        }
        (self._folder / "about.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")

    def _shorten(self) -> None:
        """Cut the file to the rows that are expected: its header has the same length for any number of rows."""
        path, rows = self._folder / "patches.npy", len(self._patches) - self._left_out
        shape = (rows, *self._patches.shape[1:])
        old, size = self._patches.offset, int(np.prod(shape, dtype=np.int64)) * 2
        self._patches.flush()
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float16)), "fortran_order": False, "shape": shape}
        with path.open("r+b") as file:
            np.lib.format.write_array_header_1_0(file, header)
            if file.tell() != old:
                raise ConfigurationError(f"{path}: the header of a shorter file has another length")
            file.truncate(old + size)
        self._patches = np.load(path, mmap_mode="r+")


def open_dataset(folder: Path) -> Dataset:
    """An existing dataset; patches stay on disk until they are used.

    Raises:
        ConfigurationError: the folder is not a complete dataset.
    """
    missing = [name for name in ("patches.npy", "table.npz", "about.json") if not (folder / name).is_file()]
    if missing:
        raise ConfigurationError(f"{folder} is not a complete training set, it lacks {', '.join(missing)}")
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    with np.load(folder / "table.npz", allow_pickle=False) as columns:
        absent = [field.name for field in fields(Table) if field.name not in columns.files]
        if absent:
            what = f"{folder}/table.npz lacks {', '.join(absent)}"
            raise ConfigurationError(f"{what}: an earlier version wrote this training set, make it again")
        table = Table(**{field.name: columns[field.name] for field in fields(Table)})
    patches = np.load(folder / "patches.npy", mmap_mode="r")
    if len(patches) != len(table.panel) or (len(table.kind) and int(table.kind.max()) >= len(KINDS)):
        raise ConfigurationError(f"{folder}: table and patches do not fit together")
    return Dataset(
        folder, patches, table, about["description"], Preprocessing(**about["preprocessing"]), about["sha256"]
    )


def split_by_unit(
    units: Int[np.ndarray, " images"], passed: Real[np.ndarray, " images"], rng: np.random.Generator
) -> dict[int, int]:
    """A 70/10/20 split of whole units, stratified on each unit's pass rate (Yun et al. 2025; units instead of images).

    Units are ordered by pass rate (ties at random) and dealt out in runs of ten: seven to training, one to test, two to
    evaluation, in random order within each run, so that every run has the same range of pass rates.

    Args:
        units: the unit of each image.
        passed: whether each image passes (1) or fails (0).
        rng: decides ties and the order within runs.
    """
    names = np.unique(units)
    rates = np.array([float(np.mean(passed[units == name])) for name in names])
    order = names[np.lexsort((rng.permutation(len(names)), rates))]
    run = np.repeat((TRAIN, TEST, EVALUATION), np.round(np.array(SHARES) * 10).astype(int))
    split: dict[int, int] = {}
    for start in range(0, len(order), len(run)):
        dealt = rng.permutation(run)
        split.update({int(unit): int(part) for unit, part in zip(order[start : start + len(run)], dealt, strict=False)})
    return split


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
