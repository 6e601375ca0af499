"""Received objects on disk, under the hash of their content; never changed after they were written."""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mammoqa.core import RefusalError
from mammoqa.core.result import ReasonCode


def path_of(objects: Path, sha256: str) -> Path:
    """Where the object with this hash lies; two letters of it are a folder, so that none grows too long."""
    return objects / sha256[:2] / f"{sha256}.dcm"


def spool(incoming: Path, chunks: Iterable[bytes], max_bytes: int) -> tuple[Path, str, int]:
    """Write what arrives to a file of its own, not yet synced; its path, SHA-256 and size.

    RefusalError TOO_LARGE as soon as there is more than `max_bytes`; OSError where the disk is full. Nothing stays
    behind then.
    """
    digest, size = hashlib.sha256(), 0
    handle, name = tempfile.mkstemp(dir=incoming, suffix=".part")
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > max_bytes:
                    raise RefusalError(ReasonCode.TOO_LARGE, f"more than {max_bytes} bytes: the limit for one object")
                digest.update(chunk)
                file.write(chunk)
    except (OSError, RefusalError):
        path.unlink(missing_ok=True)
        raise
    return path, digest.hexdigest(), size


def keep(objects: Path, part: Path, sha256: str) -> Path:
    """Move a spooled file to its place and wait until file and folder are on the disk."""
    target = path_of(objects, sha256)
    if not target.parent.is_dir():  # the first object: all folders at once, so that no later one waits for its own
        for number in range(256):
            (objects / f"{number:02x}").mkdir(parents=True, exist_ok=True)
        _sync(objects)
    _sync(part)
    part.replace(target)
    _sync(target.parent)
    return target


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
