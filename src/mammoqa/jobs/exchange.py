"""Measurements out of a store as CSV or Parquet, and earlier results into it from CSV or QATrack+'s JSON.

One line per number. The columns of an export are those that an import reads; of these only `station`, `acquired_at`,
`test`, `metric` and `value` are needed.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from io import StringIO, TextIOBase
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO

from mammoqa import __version__
from mammoqa.core import (
    Acquisition,
    Analysis,
    ConfigurationError,
    Measurement,
    MissingExtraError,
    Outcome,
    Provenance,
    Source,
    Verdict,
)

if TYPE_CHECKING:
    from mammoqa.store import Store
    from mammoqa.store.measurements import MeasurementLine

COLUMNS = (
    "station", "manufacturer", "model", "serial", "acquired_at", "test", "kind", "metric", "value", "unit",
    "low", "high", "limit_low", "limit_high", "outcome", "analysis_id", "version", "software", "model_card_sha256",
    "sha256", "sop_instance_uid",
)  # fmt: skip
NEEDED = ("station", "acquired_at", "test", "metric", "value")
Row = Mapping[str, Any]
_NUMBERS = ("value", "low", "high", "limit_low", "limit_high")
_COUNTS = ("analysis_id", "version")
_PART = 500  # rows that are written together


def as_row(line: "MeasurementLine") -> dict[str, Any]:
    """A line as the columns of an export."""
    return {
        "station": line.unit.station,
        "manufacturer": line.unit.manufacturer,
        "model": line.unit.model,
        "serial": line.unit.serial,
        "acquired_at": line.acquired_at.isoformat(),
        "test": line.phantom,
        "unit": line.unit_of_measure,
        **{name: getattr(line, name) for name in ("kind", "metric", "value", "low", "high", "limit_low", "limit_high")},
        **{name: getattr(line, name) for name in COLUMNS[14:]},
    }


def write_csv(rows: Iterable[Row], stream: TextIO | TextIOBase) -> int:
    """Write rows with a heading; how many. Numbers are written in full, none as an empty field."""
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow({name: _cell(row[name]) for name in COLUMNS})
        count += 1
    return count


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula is set apart by an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "@", "\t", "\r") else value


def csv_parts(rows: Iterable[Row]) -> Iterator[bytes]:
    """The same in parts of some hundred lines, as they come."""
    for start, part in enumerate(_together(rows)):
        stream = StringIO()
        if start == 0:
            write_csv(part, stream)
        else:
            csv.DictWriter(stream, COLUMNS, lineterminator="\n").writerows(
                {name: _cell(row[name]) for name in COLUMNS} for row in part
            )
        yield stream.getvalue().encode()


def _together(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows in lists of `_PART`; one empty list where there are none."""
    source = iter(rows)
    first = list(islice(source, _PART))
    yield first
    while more := list(islice(source, _PART)):
        yield more


def write_parquet(rows: Iterable[Row], target: Path | IO[bytes]) -> int:
    """Write one Parquet file, a row group at a time; how many rows. MissingExtraError without pyarrow."""
    try:
        pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")  # no types
    except ImportError as error:
        raise MissingExtraError("Parquet needs pyarrow: pip install 'mammoqa[service]', or export CSV") from error
    kinds = {**dict.fromkeys(_NUMBERS, pyarrow.float64()), **dict.fromkeys(_COUNTS, pyarrow.int64())}
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in COLUMNS])
    count = 0
    with parquet.ParquetWriter(target, schema) as writer:
        for part in _together(rows):
            writer.write_table(pyarrow.Table.from_pylist([dict(row) for row in part], schema))
            count += len(part)
    return count


@dataclass(frozen=True, slots=True)
class Earlier:
    """One earlier result: what a line of an import says."""

    station: str
    model: str
    manufacturer: str
    serial: str
    acquired_at: datetime
    test: str
    metric: str
    value: float
    unit: str
    total: bool
    low: float | None = None
    high: float | None = None
    limit_low: float | None = None
    limit_high: float | None = None


def read_csv(path: Path) -> Iterator[Earlier]:
    """The lines of a CSV; ConfigurationError names the line and column of what does not fit."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            missing = [name for name in NEEDED if name not in (rows.fieldnames or ())]
            if missing:
                raise ConfigurationError(f"{path}: the heading lacks {', '.join(missing)}")
            for row in rows:
                yield _earlier(row, f"{path}, line {rows.line_num}")
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{path} is no CSV in UTF-8: {error}") from error


def _earlier(row: Row, where: str) -> Earlier:
    def text(name: str) -> str:
        return str(row.get(name) or "").strip().removeprefix("'")

    def number(name: str) -> float | None:
        written = text(name)
        try:
            return float(written) if written else None
        except ValueError as error:
            raise ConfigurationError(f"{where}: {name} {written!r} is no number") from error

    value = number("value")
    if value is None or not text("station") or not text("metric") or not text("test"):
        raise ConfigurationError(f"{where}: station, test, metric and value are needed")
    return Earlier(
        station=text("station")[:200],
        model=text("model")[:200],
        manufacturer=text("manufacturer")[:200],
        serial=text("serial")[:200],
        acquired_at=moment_of(text("acquired_at"), where),
        test=text("test")[:64],
        metric=text("metric")[:100],
        value=value,
        unit=text("unit")[:32],
        total=text("kind") == "total",
        low=number("low"),
        high=number("high"),
        limit_low=number("limit_low"),
        limit_high=number("limit_high"),
    )


def moment_of(written: str, where: str) -> datetime:
    """A date in the unit's local time; a zone is dropped, as DICOM's times have none."""
    try:
        return datetime.fromisoformat(written).replace(tzinfo=None)
    except ValueError as error:
        raise ConfigurationError(f"{where}: acquired_at {written!r} is no date like 2026-03-01T08:00") from error


def analyses_of(lines: Iterable[Earlier], origin: str) -> Iterator[Analysis]:
    """One analysis per unit, time and test; its hash is that of its numbers, so that a repeated import is known."""
    together: dict[tuple[Any, ...], list[Earlier]] = {}
    for line in lines:
        key = (line.station, line.model, line.manufacturer, line.serial, line.acquired_at, line.test)
        together.setdefault(key, []).append(line)
    for found in together.values():
        yield _analysis(found, origin)


def _analysis(found: list[Earlier], origin: str) -> Analysis:
    first = found[0]
    numbers = sorted([line.metric, line.value] for line in found)
    identity = json.dumps([first.station, first.serial, first.acquired_at.isoformat(), first.test, numbers])
    digest = hashlib.sha256(identity.encode()).hexdigest()
    return Analysis(
        path=origin,
        sources=(Source(path=origin, sha256=digest),),
        acquisition=Acquisition(
            modality="OT",
            manufacturer=first.manufacturer or None,
            model=first.model or None,
            station=first.station,
            device_serial=first.serial or None,
            acquired_at=first.acquired_at,
            description="imported result",
        ),
        phantom=first.test,
        verdict=Verdict(Outcome.MEASURED, totals=tuple((line.metric, line.value) for line in found if line.total)),
        provenance=Provenance(f"imported by mammoqa {__version__}", None, None, datetime.now(UTC), 0.0),
        measurements=tuple(
            Measurement(m.metric, m.value, m.unit, m.low, m.high, m.limit_low, m.limit_high, note="imported")
            for m in found
            if not m.total
        ),
        notes=(f"imported from {Path(origin).name}",),
    )


def import_into(store: "Store", lines: Iterable[Earlier], origin: str) -> tuple[int, int]:
    """Save earlier results; how many are new, and how many were there already."""
    new = known = 0
    for analysis in analyses_of(lines, origin):
        if store.versions(analysis.sources[0].sha256):
            known += 1
        else:
            store.save(analysis)
            new += 1
    return new, known
