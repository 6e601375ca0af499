"""A table of images and their scores: `--data manifest.csv` of `mammoqa train acr156` and `validate acr156`.

One line per image; the columns are described in docs/how-to/train-on-your-own-images.md:

    image         DICOM, PNG or NPY file, relative to the table
    unit          the X-ray unit: images of one unit stay together in the split
    fibre-1 ...   the panel's score of each object, 0, 0.5, 1 or N/A
    fibre-1.reader1 ...   what each reader said; empty where not asked (optional)
    pitch_mm      pixel size in mm; needed for PNG and NPY
    attenuating   bright or dark: how the image shows attenuating parts; needed for PNG and NPY
    split         train, test or evaluation, the same for all images of a unit (optional)

Nothing is guessed: a line that is not clear is refused with its number and what to do, and the others are read.
"""

import csv
import hashlib
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mammoqa.core import ConfigurationError, Phantom

READERS = 5
NOT_ASKED, NOT_APPLICABLE = math.nan, -1.0  # as `simulate.readers` has it
SPLITS = ("train", "test", "evaluation")
PICTURES = (".png", ".npy")  # that say nothing of pixel size and polarity; everything else is read as DICOM
_NOT_READ = (".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".npz")
PITCH_MM = (0.02, 0.6)  # finest film digitiser to the coarsest pixels that still show a speck group; a choice
_OWN = ("image", "unit", "pitch_mm", "attenuating", "split")
_NA = frozenset({"n/a", "na", "n.a."})
_IMAGE_NAMES = ("file", "filename", "path", "case")  # other words for `image`


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is given once for all images where the table has no such column.

    `every_image_a_unit` takes each image for a unit of its own, for collections that do not tell units apart.
    """

    pitch_mm: float | None = None
    attenuating: str | None = None
    every_image_a_unit: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One readable line. Scores are in the order of `Phantom.inserts`."""

    line: int
    image: str
    path: Path
    unit: str
    panel: Float[np.ndarray, " objects"]  # nan for N/A
    readers: Float[np.ndarray, "readers objects"]  # nan where not asked, -1 for N/A
    pitch_mm: float | None
    attenuating: str | None
    split: str | None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A line that was left out, and what to do about it."""

    line: int
    image: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.image or 'no image'}: {self.reason}"


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """A table that was read; `ignored` are columns without a meaning here, `readers` how many have columns."""

    name: str
    sha256: str
    rows: tuple[Row, ...]
    refused: tuple[RefusedRow, ...]
    readers: int
    ignored: tuple[str, ...]

    @property
    def lines(self) -> int:
        """Images in the table, refused ones included."""
        return len(self.rows) + len(self.refused)


class _BadLine(ValueError):
    """Why a line cannot be used."""


def read_manifest(path: Path, phantom: Phantom, defaults: Defaults | None = None) -> Manifest:
    """The table, line by line.

    Raises:
        ConfigurationError: the file cannot be read, is no table, or lacks a column that every line needs.
    """
    raw = _bytes(path)
    header, lines = _table(raw, path)
    names = [insert.name for insert in phantom.inserts]
    columns, ignored = _columns(header, names, path)
    defaults = defaults or Defaults()
    _check_columns(columns, names, defaults, path)
    rows: list[Row] = []
    refused: list[RefusedRow] = []
    for line, cells in lines:
        values = {name: cells[i].strip() for name, i in columns.items() if i < len(cells)}
        try:
            if len(cells) != len(header):
                raise _BadLine(f"{len(cells)} cells under {len(header)} headings; put text with commas in quotes")
            rows.append(_row(line, values, names, path.parent, defaults))
        except _BadLine as error:
            refused.append(RefusedRow(line, values.get("image", ""), str(error)))
    kept, doubtful = _consistent(rows)
    everything = tuple(sorted((*refused, *doubtful), key=lambda r: r.line))
    readers = max((int(name.rpartition(".reader")[2]) for name in columns if ".reader" in name), default=0)
    return Manifest(path.name, hashlib.sha256(raw).hexdigest(), tuple(kept), everything, readers, tuple(ignored))


def heading(text: str) -> str:
    """A heading in this program's words: `Fiber 1`, `specks_1` and `Mass1` are fibre-1, speck-group-1 and mass-1."""
    plain = re.sub(r"[\s_-]+", "-", text.strip().lower())
    found = re.fullmatch(r"(fib(?:re|er)|speck(?:s|-groups?)?|mass)-?(\d+)(\.reader\d+)?", plain)
    if found is None:
        name = plain.replace("-", "_")
        return "image" if name in _IMAGE_NAMES else name
    kind = {"f": "fibre", "s": "speck-group", "m": "mass"}[found[1][0]]
    return f"{kind}-{found[2]}{found[3] or ''}"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the table {path} cannot be read: {error.strerror}") from error


def _table(raw: bytes, path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Headings, and the other lines with their numbers; empty lines are passed over."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text: save the table as 'CSV UTF-8'") from error
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",")
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise ConfigurationError(f"{path} is no CSV table (line {reader.line_num}: {error})") from error
    if len(lines) < 2:
        raise ConfigurationError(f"{path} holds no images: it needs a line of headings and a line for each image")
    return lines[0][1], lines[1:]


def _columns(header: Sequence[str], names: Sequence[str], path: Path) -> tuple[dict[str, int], list[str]]:
    """The place of each column that has a meaning, and the headings of the others."""
    readers = {f"{name}.reader{k}" for name in names for k in range(1, READERS + 1)}
    known: dict[str, int] = {}
    ignored: list[str] = []
    for place, text in enumerate(header):
        name = heading(text)
        if name not in (*_OWN, *names) and name not in readers:
            ignored.append(text.strip())
            continue
        if name in known:
            raise ConfigurationError(f"{path} has two columns for {name}: leave one of them out")
        known[name] = place
    return known, ignored


def _check_columns(columns: Mapping[str, int], names: Sequence[str], defaults: Defaults, path: Path) -> None:
    needed = ["image", *([] if defaults.every_image_a_unit else ["unit"]), *names]
    missing = [name for name in needed if name not in columns]
    if missing:
        raise ConfigurationError(
            f"{path} lacks the columns {', '.join(missing)}; the headings are described in "
            "docs/how-to/train-on-your-own-images.md"
        )
    if defaults.every_image_a_unit and "unit" in columns:
        raise ConfigurationError(f"{path} has a column unit: leave --every-image-a-unit out")
    for name, value in (("pitch_mm", defaults.pitch_mm), ("attenuating", defaults.attenuating)):
        if value is not None and name in columns:
            raise ConfigurationError(f"{path} has a column {name}: leave the option out, or the column")
    for k in range(1, READERS + 1):
        there = [f"{name}.reader{k}" in columns for name in names]
        if any(there) and not all(there):
            lacks = names[there.index(False)]
            raise ConfigurationError(f"{path} has columns of reader{k} but not {lacks}.reader{k}: give all or none")


def _row(line: int, values: Mapping[str, str], names: Sequence[str], folder: Path, defaults: Defaults) -> Row:
    image = values["image"]
    if not image:
        raise _BadLine("no image is named: write the path of its file")
    path = folder / image
    if path.suffix.lower() in _NOT_READ:
        raise _BadLine(f"files of the kind {path.suffix} are not read: give DICOM, PNG or NPY")
    unit = image if defaults.every_image_a_unit else values["unit"]
    if not unit:
        raise _BadLine("column unit is empty: name the X-ray unit, in any words, the same for all of its images")
    split = values.get("split") or None
    if "split" in values and split not in SPLITS:
        raise _BadLine(f"column split: {split or 'empty'!r}; write {', '.join(SPLITS[:2])} or {SPLITS[2]}")
    pitch_mm, attenuating = _pitch(values, defaults), _attenuating(values, defaults)
    if path.suffix.lower() in PICTURES:
        for name, value in (("pitch_mm", pitch_mm), ("attenuating", attenuating)):
            if value is None:
                raise _BadLine(f"a {path.suffix[1:].upper()} file does not say its {name}: fill in that column")
    panel = np.array([_score(values[name], name) for name in names])
    readers = np.array(
        [
            [_reader(values[f"{name}.reader{k}"], f"{name}.reader{k}") for name in names]
            for k in range(1, READERS + 1)
            if f"{names[0]}.reader{k}" in values
        ]
    ).reshape(-1, len(names))
    panel = np.where(panel == NOT_APPLICABLE, np.nan, panel)
    return Row(line, image, path, unit, panel, readers, pitch_mm, attenuating, split)


def _pitch(values: Mapping[str, str], defaults: Defaults) -> float | None:
    text = values.get("pitch_mm", "")
    if not text:
        return defaults.pitch_mm
    try:
        pitch_mm = float(text)
    except ValueError:
        pitch_mm = math.nan
    if not PITCH_MM[0] <= pitch_mm <= PITCH_MM[1]:
        raise _BadLine(f"column pitch_mm: {text!r}; write the side of a pixel in mm, {PITCH_MM[0]} to {PITCH_MM[1]}")
    return pitch_mm


def _attenuating(values: Mapping[str, str], defaults: Defaults) -> str | None:
    text = values.get("attenuating", "").lower()
    if text not in ("", "bright", "dark"):
        raise _BadLine(f"column attenuating: {text!r}; write bright or dark, as the objects are shown")
    return text or defaults.attenuating


def _score(text: str, name: str) -> float:
    if text.lower() in _NA:
        return NOT_APPLICABLE
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if value not in (0.0, 0.5, 1.0):
        raise _BadLine(f"column {name}: {text or 'empty'!r} is no score; write 0, 0.5, 1 or N/A")
    return value


def _reader(text: str, name: str) -> float:
    return NOT_ASKED if not text else _score(text, name)


def _consistent(rows: Sequence[Row]) -> tuple[list[Row], list[RefusedRow]]:
    """Lines without those that repeat an image, and without units that lie in two splits."""
    first: dict[Path, int] = {}
    splits: dict[str, tuple[str | None, int]] = {}
    kept: list[Row] = []
    refused: list[RefusedRow] = []
    for row in rows:
        line = first.setdefault(row.path.resolve(), row.line)
        split, since = splits.setdefault(row.unit, (row.split, row.line))
        if line != row.line:
            refused.append(RefusedRow(row.line, row.image, f"the image of line {line} again: leave one of them out"))
        elif split != row.split:
            reason = f"unit {row.unit!r} is in {split!r} on line {since}: keep all images of a unit in one split"
            refused.append(RefusedRow(row.line, row.image, reason))
        else:
            kept.append(row)
    return kept, refused
