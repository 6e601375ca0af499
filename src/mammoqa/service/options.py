"""What a part of the service is started with, and what its functions are handed."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from mammoqa.core import ConfigurationError
from mammoqa.store import Store, open_store, upgrade

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """Everything that a site can set; see docs/reference/settings.md.

    `quiet_s` is how long a study rests before it is analysed; `max_bytes` bounds one received object, `max_pixels`
    what is decoded of it.
    """

    store_url: str
    data: Path
    host: str = "127.0.0.1"
    port: int = 8042
    dicom_host: str = "127.0.0.1"
    dicom_port: int = 11112
    ae_title: str = "MAMMOQA"
    workers: int = 1
    quiet_s: float = 5.0
    watch: Path | None = None
    max_bytes: int = 512 * _MIB
    known_peers_only: bool = False
    clinical_images: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_clients: Path | None = None  # certificate authorities of the peers
    public_url: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_role: str = "viewer"
    smtp_host: str = ""
    smtp_port: int = 25
    smtp_user: str = ""
    smtp_password: str = ""
    mail_from: str = ""
    mail_to: str = ""
    webhook: str = ""
    webhook_secret: str = ""
    metrics: bool = True


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

    ConfigurationError where the folder cannot be made.
    """
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
