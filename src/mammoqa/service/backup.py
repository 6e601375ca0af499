"""Backup and restore: one archive with the database, the objects and what proves that they are whole."""

import hashlib
import json
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from mammoqa.core import ConfigurationError, StoreError
from mammoqa.service.objects import path_of
from mammoqa.service.options import Service
from mammoqa.store import audit
from mammoqa.store.objects_list import all_hashes
from mammoqa.store.schema import SCHEMA_VERSIONS

DATABASE, CONTENTS = "database.sqlite", "contents.json"


def backup(service: Service, target: Path) -> dict[str, object]:
    """Write database and objects to an archive while the service runs; what it holds, with the audit log's head.

    Raises ConfigurationError for PostgreSQL, whose own tools back it up (docs/how-to/back-up.md), and where the file is
    there already.
    """
    source = _sqlite_file(service.options.store_url)
    if target.exists():
        raise ConfigurationError(f"{target} is there already")
    chain = audit.check(service.store)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="backup-") as name:
        copy = Path(name) / DATABASE
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(copy)) as kept:
            live.backup(kept)
        hashes = [h for h in all_hashes(service.store) if path_of(service.objects, h).is_file()]
        contents: dict[str, object] = {
            "schema": SCHEMA_VERSIONS[-1],
            "database_sha256": _sha256(copy),
            "objects": len(hashes),
            "audit_rows": chain.rows,
            "audit_head": chain.head,
            "audit_broken_at": chain.broken_at,
        }
        part = Path(name) / "archive"
        with tarfile.open(part, "w") as archive:
            note = Path(name) / CONTENTS
            note.write_text(json.dumps(contents), "utf-8")
            archive.add(note, CONTENTS)
            archive.add(copy, DATABASE)
            for sha256 in hashes:
                archive.add(path_of(service.objects, sha256), f"objects/{sha256[:2]}/{sha256}.dcm")
        part.replace(target)
    return contents


def restore(archive_path: Path, store_url: str, data: Path) -> dict[str, object]:
    """Unpack a backup to a new database and folder, checking every hash; what it held.

    Raises ConfigurationError where something is there already, StoreError for an archive that is not whole.
    """
    database = _sqlite_file(store_url)
    if database.exists() or (data / "objects").exists():
        raise ConfigurationError("a backup is restored to a new database and a new folder only")
    try:
        with tarfile.open(archive_path) as archive:
            contents: dict[str, object] = json.loads((archive.extractfile(CONTENTS) or _none()).read())
            _unpack(archive, database, data)
    except (tarfile.TarError, KeyError, json.JSONDecodeError, EOFError) as error:
        raise StoreError(f"{archive_path} is no whole backup: {error}") from error
    found = len(list((data / "objects").rglob("*.dcm")))
    if _sha256(database) != contents["database_sha256"] or found != contents["objects"]:
        raise StoreError(f"{archive_path} is no whole backup: its database or its objects do not fit its contents")
    return contents


def _unpack(archive: tarfile.TarFile, database: Path, data: Path) -> None:
    (data / "objects").mkdir(parents=True)
    for member in archive:
        name = Path(member.name)
        if name.name == DATABASE:
            database.write_bytes((archive.extractfile(member) or _none()).read())
        elif name.parts[0] == "objects" and member.isfile():
            content = (archive.extractfile(member) or _none()).read()
            if hashlib.sha256(content).hexdigest() != name.stem:
                raise StoreError(f"object {name.stem} of the backup was changed")
            target = path_of(data / "objects", name.stem)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)


def _none() -> "tarfile.ExFileObject":
    raise KeyError("a file is missing")


def _sqlite_file(store_url: str) -> Path:
    url = make_url(store_url)
    if url.get_backend_name() != "sqlite":
        raise ConfigurationError("PostgreSQL is backed up by pg_dump, and the folder of objects beside it")
    return Path(str(url.database))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
