"""A watched folder: files that lie still are taken in, and moved to a folder of done ones beside."""

import logging
from collections.abc import Iterator
from pathlib import Path

from mammoqa.core import RefusalError, StoreError
from mammoqa.service.intake import Origin, take
from mammoqa.service.options import Service

LOG = logging.getLogger("mammoqa.watch")
DONE, REFUSED = ".taken", ".refused"
_CHUNK = 2**20


class Watcher:
    """Remembers sizes and times between looks, so that a file that is still being written is left alone."""

    def __init__(self, service: Service) -> None:
        assert service.options.watch is not None
        self._service = service
        self._folder = service.options.watch
        self._seen: dict[Path, tuple[int, int]] = {}

    def look(self) -> int:
        """Take in the files that have not changed since the last look; how many."""
        if not self._folder.is_dir():
            return 0
        now: dict[Path, tuple[int, int]] = {}
        taken = 0
        for path in self._files():
            status = path.stat()
            now[path] = (status.st_size, status.st_mtime_ns)
            if self._seen.get(path) == now[path]:
                taken += self._take(path)
        self._seen = now
        return taken

    def _files(self) -> Iterator[Path]:
        for path in sorted(self._folder.rglob("*")):
            inside = path.relative_to(self._folder).parts
            if path.is_file() and not path.is_symlink() and not any(part.startswith(".") for part in inside):
                yield path

    def _take(self, path: Path) -> int:
        try:
            with path.open("rb") as file:
                chunks = iter(lambda: file.read(_CHUNK), b"")
                take(self._service, chunks, Origin("folder", self._folder.name))
        except RefusalError as error:
            LOG.warning("%s: %s", path, error)
            self._move(path, REFUSED)
            return 0
        except (OSError, StoreError) as error:
            LOG.warning("%s stays where it is for now: %s", path, error)
            return 0
        self._move(path, DONE)
        return 1

    def _move(self, path: Path, where: str) -> None:
        target = self._folder / where / path.relative_to(self._folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
