"""Measurements as files, for pages and programs: written as they are read, so that much of it needs no memory."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import chain
from typing import Any

from fastapi.responses import StreamingResponse

from mammoqa.core import ConfigurationError
from mammoqa.jobs.exchange import as_row, csv_parts, write_parquet
from mammoqa.jobs.quaac import quaac_parts
from mammoqa.service.options import Service
from mammoqa.store import audit, fleet
from mammoqa.store.measurements import measurement_lines

FORMATS = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "parquet": ("application/vnd.apache.parquet", "parquet"),
    "quaac": ("application/json", "quaac.json"),
}
_CHUNK = 2**18


@dataclass(frozen=True, slots=True)
class Selection:
    """Which measurements: of one unit or phantom, from a day to a day (both taken in); all of them by default."""

    unit: int | None = None
    phantom: str = ""
    since: date | None = None
    until: date | None = None


def exported(service: Service, chosen: Selection, kind: str, person: str) -> StreamingResponse:
    """The file, with its entry in the audit log; NotStoredError for an unknown unit."""
    if kind not in FORMATS:
        raise ConfigurationError(f"a format is one of {', '.join(FORMATS)}")
    if chosen.unit is not None:
        fleet.unit(service.store, chosen.unit)
    media, suffix = FORMATS[kind]
    rows = (as_row(line) for line in measurement_lines(service.store, **_asked(chosen)))
    if kind == "quaac":
        parts = quaac_parts(rows, service.options.mail_from)
    else:
        parts = csv_parts(rows) if kind == "csv" else _parquet(rows)
    subject = f"unit {chosen.unit}" if chosen.unit is not None else "fleet"
    days = {"since": chosen.since, "until": chosen.until}
    audit.add(service.store, person, "export", subject, format=kind, phantom=chosen.phantom, **days)
    name = f"mammoqa-{subject.replace(' ', '-')}.{suffix}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    begun = chain((next(parts, b""),), parts)  # what cannot be read at all is told before a file is promised
    return StreamingResponse(begun, media_type=media, headers=headers)


def _asked(chosen: Selection) -> dict[str, Any]:
    since = None if chosen.since is None else datetime.combine(chosen.since, time())
    # the last moment of a day and not the next day: after the last day there is no other
    until = None if chosen.until is None else datetime.combine(chosen.until, time.max)
    return {"unit_id": chosen.unit, "phantom": chosen.phantom, "since": since, "until": until}


def _parquet(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """A Parquet file ends with its index: it is written beside the memory first, then sent."""
    with tempfile.TemporaryFile(prefix="mammoqa-") as file:
        write_parquet(rows, file)
        file.seek(0)
        while part := file.read(_CHUNK):
            yield part
