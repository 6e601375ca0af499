"""Received objects on disk, under the hash of their content; never changed after they were written."""

import hashlib
import os
import tempfile
from pathlib import Path

from mammoqa.core import RefusalError
from mammoqa.core.result import ReasonCode
from mammoqa.dicom.header import HEAD_BYTES


def path_of(objects: Path, sha256: str) -> Path:
    """Where the object with this hash lies; two letters of it are a folder, so that none grows too long."""
    return objects / sha256[:2] / f"{sha256}.dcm"


class Spool:
    """An object on its way in: a file of its own, not yet synced; `size` and the first bytes (`head`) so far.

    OSError where the disk is full, RefusalError TOO_LARGE as soon as there is more than `max_bytes`. As a context, it
    leaves nothing behind but what `keep` put in its place.
    """

    def __init__(self, incoming: Path, max_bytes: int) -> None:
        handle, name = tempfile.mkstemp(dir=incoming, suffix=".part")
        self.path, self.max_bytes = Path(name), max_bytes
        self.size, self.head = 0, bytearray()
        self._file, self._digest, self._kept = os.fdopen(handle, "wb", buffering=0), hashlib.sha256(), False

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    @property
    def sha256(self) -> str:
        """Of what was written."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes | memoryview) -> None:
        """Add bytes."""
        self.size += len(chunk)
        if self.size > self.max_bytes:
            raise RefusalError(ReasonCode.TOO_LARGE, f"more than {self.max_bytes} bytes: the limit for one object")
        if len(self.head) < HEAD_BYTES:
            self.head += chunk[: HEAD_BYTES - len(self.head)]
        view, at = memoryview(chunk), 0
        while at < len(view):
            at += self._file.write(view[at:])
        self._digest.update(chunk)

    def keep(self, objects: Path) -> Path:
        """Move it to its place and wait until file and folder are on the disk."""
        target = path_of(objects, self.sha256)
        if not target.parent.is_dir():  # the first object: all folders at once, so that no later one waits for its own
            for number in range(256):
                (objects / f"{number:02x}").mkdir(parents=True, exist_ok=True)
            _sync(objects)
        os.fsync(self._file.fileno())
        self.path.replace(target)
        self._kept = True
        _sync(target.parent)
        return target

    def drop(self) -> None:
        """Close it; a file that was not kept is removed."""
        self._file.close()
        if not self._kept:
            self.path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
