"""A training set from a person's own images: those that a table names, with their readers' scores. Needs no torch."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammoqa.core import ConfigurationError, Phantom
from mammoqa.jobs.manifest import SPLITS, Manifest, RefusedRow, Row
from mammoqa.jobs.own_images import cut_rows
from mammoqa.judge.many import PHANTOM, passes
from mammoqa.models.card import KINDS, InputSpec
from mammoqa.models.preprocess import DEFAULT
from mammoqa.train.dataset_file import DatasetWriter, split_by_unit

_LEAST_UNITS = 10  # that `split_by_unit` needs to give each split some


@dataclass(frozen=True, slots=True)
class Written:
    """The folder of a training set, how many images it holds, and the lines that were left out."""

    folder: Path
    images: int
    units: int
    refused: tuple[RefusedRow, ...]


def write_own_data(
    manifest: Manifest, phantom: Phantom, out: Path, seed: int, jobs: int = 2, report: bool = False
) -> Written:
    """Place the phantom in every image, cut out its objects and store them with their scores.

    Beside the training set come images.csv, with the file, SHA-256, unit and split of each image, and refused.csv.

    Args:
        manifest: as `read_manifest` gives it.
        phantom: the phantom that the images show.
        out: the folder of the training set.
        seed: of the split, where the table has none.
        jobs: images at a time; 0 takes all cores.
        report: show a progress bar.

    Raises:
        ConfigurationError: fewer units than a split needs, or no image was usable.
    """
    from rich.progress import track

    spec = InputSpec()
    cuts = cut_rows(manifest.rows, phantom, DEFAULT, spec.size_px, spec.pitch_mm, jobs)
    kinds = np.array([KINDS.index(insert.kind) for insert in phantom.inserts])
    sizes_mm = np.array([insert.size_mm for insert in phantom.inserts])
    kept: list[tuple[Row, str]] = []
    refused = list(manifest.refused)
    numbers: dict[str, int] = {}
    if not manifest.rows:
        raise ConfigurationError(f"no line of {manifest.name} can be read; the first: {refused[0]}")
    with DatasetWriter(out, len(manifest.rows), len(phantom.inserts)) as writer:
        for cut in track(cuts, "reading", total=len(manifest.rows)) if report else cuts:
            row = cut.row
            if cut.patches is None:
                refused.append(RefusedRow(row.line, row.image, f"{cut.code}: {cut.reason}"))
                writer.leave_out()
                continue
            writer.add(
                cut.patches,
                image=len(kept),
                unit=numbers.setdefault(row.unit, len(numbers)),
                kinds=kinds,
                sizes_mm=sizes_mm,
                panel=row.panel,
                readers=row.readers.T,
                filters=cut.filters,
                normalised=True,
            )
            kept.append((row, cut.sha256))
        refused.sort(key=lambda r: r.line)
        _write_refused(refused, out / "refused.csv")
        rows = [row for row, _ in kept]
        _check_units(rows, manifest, out / "refused.csv")
        splits = _splits(rows, numbers, phantom, seed)
        writer.set_split(splits)
        writer.describe(_description(manifest, len(rows), len(numbers)))
    _write_images(kept, numbers, splits, out / "images.csv")
    return Written(out, len(rows), len(numbers), tuple(refused))


def _check_units(rows: Sequence[Row], manifest: Manifest, refused: Path) -> None:
    """Raises ConfigurationError where there are too few units for a split."""
    if not rows:
        raise ConfigurationError(f"no image of {manifest.name} can be used; {refused} says why")
    units = {row.unit for row in rows}
    if rows[0].split is None and len(units) < _LEAST_UNITS:
        raise ConfigurationError(
            f"{manifest.name} has usable images of {len(units)} units; a split by unit needs {_LEAST_UNITS}. Add "
            f"images of more units, or a column split with {', '.join(SPLITS[:2])} and {SPLITS[2]}; {refused} says "
            "which images were left out"
        )


def _splits(rows: Sequence[Row], numbers: dict[str, int], phantom: Phantom, seed: int) -> dict[int, int]:
    """The split of each unit: the table's, or one stratified by pass rate."""
    if rows[0].split is not None:
        return {numbers[row.unit]: SPLITS.index(str(row.split)) for row in rows}
    units = np.array([numbers[row.unit] for row in rows])
    panel = np.stack([row.panel for row in rows])
    verdicts = passes(panel, phantom)[PHANTOM].astype(float)
    return split_by_unit(units, verdicts, np.random.default_rng(seed))


def _description(manifest: Manifest, images: int, units: int) -> str:
    """What the card says of the data: no paths, and the hash that `validate` recognises them by."""
    return (
        f"own images: {images} of the {manifest.lines} in {manifest.name} (SHA-256 {manifest.sha256}), {units} units, "
        f"columns of {manifest.readers} readers"
    )


def _write_images(kept: Sequence[tuple[Row, str]], numbers: dict[str, int], splits: dict[int, int], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("number", "line", "image", "sha256", "unit", "unit_number", "split"))
        for k, (row, sha256) in enumerate(kept):
            number = numbers[row.unit]
            table.writerow((k, row.line, row.image, sha256, row.unit, number, SPLITS[splits.get(number, 0)]))


def _write_refused(refused: Sequence[RefusedRow], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("line", "image", "reason"))
        table.writerows((r.line, r.image, r.reason) for r in refused)
