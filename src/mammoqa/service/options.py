"""What a part of the service is started with, and what its functions are handed."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from mammoqa.core import ConfigurationError
from mammoqa.core.extras import require
from mammoqa.settings import ServiceSettings
from mammoqa.store import Store, open_store, upgrade


@dataclass(frozen=True, slots=True)
class ServiceOptions(ServiceSettings):
    """What a site can set, with the database and the folder of its service."""

    store_url: str
    data: Path


@dataclass(frozen=True, slots=True)
class Service:
    """An open service: its options and its database."""

    options: ServiceOptions
    store: Store

    @property
    def objects(self) -> Path:
        """The folder of the received objects."""
        return self.options.data / "objects"

    @property
    def incoming(self) -> Path:
        """The folder of objects that are being received; on the same file system."""
        return self.options.data / "incoming"


def open_service(options: ServiceOptions, *, newest: bool = True) -> Service:
    """The service with its folders and its database, brought to the newest schema where `newest`.

    ConfigurationError where the folder cannot be made, MissingExtraError where the service is not installed.
    """
    require("service", "the service")
    if newest:
        upgrade(options.store_url)
    service = Service(options, open_store(options.store_url))
    for folder in (service.objects, service.incoming):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"the folder {folder} cannot be made: {error.strerror}") from error
    return service


def queue_url(store_url: str) -> str:
    """Where DBOS keeps its state: the same PostgreSQL database, or a file beside the SQLite one.

    A file of its own, so that polling the queue never waits for a result that is being written.
    """
    url = make_url(store_url)
    if url.get_backend_name() != "sqlite":
        return url.render_as_string(hide_password=False)
    path = Path(str(url.database))
    return f"sqlite:///{path.with_name(path.stem + '-queue.db')}"
