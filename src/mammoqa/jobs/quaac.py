"""Measurements out of a store as a QuAAC document (Quality Assurance Archive & Communication, version 1.0, JSON).

A data point per number; units are primary equipment, phantoms ancillary equipment, and each refers to them by its hash:
the MD5 of the entry's fields as JSON with sorted keys, as quaac 1.0.2 computes and checks it. Written as it comes, with
equipment and users at the end, so that large selections need no memory.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mammoqa import __version__
from mammoqa.jobs.exchange import Row
from mammoqa.phantoms import PHANTOMS

NO_ADDRESS = "not-given@example.org"  # the format asks for one; example.org belongs to nobody (RFC 2606)
_PARAMETERS = (
    "test", "kind", "low", "high", "limit_low", "limit_high", "outcome", "analysis_id", "version", "software",
    "model_card_sha256", "sha256", "sop_instance_uid",
)  # fmt: skip
_ALIASES = (
    "perform_datetime", "measurement_value", "measurement_unit", "reference_value", "performer_comment",
    "primary_equipment", "ancillary_equipment", "serial_number",
)  # fmt: skip
Entry = Mapping[str, Any]


def quaac_parts(rows: Iterable[Row], address: str = "") -> Iterator[bytes]:
    """The document in parts. `address` is the e-mail address of whoever answers for the numbers."""
    user = {"name": f"mammoqa {__version__}", "email": address or NO_ADDRESS}
    equipment: dict[str, Entry] = {}
    yield b'{"version": "1.0", "datapoints": ['
    before = b""
    for row in rows:
        unit, phantom = _unit(row), _phantom(row)
        equipment |= {_hash(one): one for one in (unit, phantom)}
        yield before + _written(_point(row, user, unit, phantom))
        before = b",\n"
    yield b'],\n"equipment": [' + b",\n".join(map(_written, equipment.values()))
    yield b'],\n"users": [' + (_written(user) if before else b"") + b'],\n"attachments": []}\n'


def _unit(row: Row) -> Entry:
    names = {"serial_number": "serial", "manufacturer": "manufacturer", "model": "model"}
    found = {ours: _text(row[theirs]) for ours, theirs in names.items()}
    name = _text(row["station"]) or " ".join(part for part in (found["model"], found["serial_number"]) if part)
    return {"name": name or "unknown unit", "type": "imaging unit", **found}


def _phantom(row: Row) -> Entry:
    known = PHANTOMS.get(row["test"])
    name = known.title if known else _text(row["test"])
    return {"name": name, "type": "phantom", "serial_number": "", "manufacturer": "", "model": _text(row["test"])}


def _text(value: Any) -> str:
    return str(value or "").strip()  # the format's reader strips, and hashes what is left


def _point(row: Row, user: Entry, unit: Entry, phantom: Entry) -> Entry:
    value = float(row["value"])
    return {
        "name": _text(row["metric"]),
        "perform_datetime": row["acquired_at"],
        "measurement_value": value if math.isfinite(value) else str(value),
        "measurement_unit": _text(row["unit"]),
        "reference_value": None,
        "description": "",
        "procedure": "",
        "performer": _named(user),
        "performer_comment": "",
        "primary_equipment": _named(unit),
        "reviewer": None,
        "parameters": {name: _finite(row[name]) for name in _PARAMETERS},
        "ancillary_equipment": [_named(phantom)],
        "attachments": [],
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _hash(entry: Entry) -> str:
    return hashlib.md5(json.dumps(entry, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def _named(entry: Entry) -> str:
    return f"({entry['name']}) {_hash(entry)}"


def _written(entry: Entry) -> bytes:
    """An entry under the names that the format has in files, with its hash."""
    plain = {(name.replace("_", " ") if name in _ALIASES else name): value for name, value in entry.items()}
    return json.dumps(plain | {"hash": _hash(entry)}, allow_nan=False).encode()
