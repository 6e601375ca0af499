"""`mammoqa serve`: the QA service, with its parts as processes of their own."""

import logging
import os
import signal
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mammoqa.service.options import Service, ServiceOptions

_PARTS = ("web", "receiver", "worker")


@click.command("serve")
@click.option("--store", metavar="URL", help="The database: a URL, or the path of an SQLite file.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="The folder of received objects.")
@click.option("--host", help="Address of the web pages; 127.0.0.1 by default.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the web pages; 8042 by default.")
@click.option("--dicom-host", help="Address of the DICOM receiver; 127.0.0.1 by default.")
@click.option("--dicom-port", type=click.IntRange(1, 65535), help="Port of the DICOM receiver; 11112 by default.")
@click.option("--ae-title", help="Application entity title of the receiver; MAMMOQA by default.")
@click.option("--workers", type=click.IntRange(0, 64), help="Worker processes; 1 by default.")
@click.option("--quiet", "quiet_s", type=click.FloatRange(0.1, 3600), help="Seconds that a study rests first; 5.")
@click.option("--watch", type=click.Path(path_type=Path, file_okay=False), help="Take in files of this folder.")
@click.option("--part", type=click.Choice(_PARTS), help="Run this part only, in this process.")
@click.option("--name", default="", help="Name of the process; with --part.")
def serve(part: str | None, name: str, **given: object) -> None:
    """Receive, analyse, watch and show: web pages, a DICOM receiver and workers.

    Everything listens on this computer only, unless told otherwise. Settings come from the environment
    (docs/reference/settings.md); options come before them.
    """
    from mammoqa.core.extras import require
    from mammoqa.service.options import open_service
    from mammoqa.service.parts import children, run_part, supervise

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("pynetdicom.transport").setLevel(logging.CRITICAL)  # the service says itself why it cannot call
    options = _options({key: value for key, value in given.items() if value is not None})
    if part is not None:
        run_part(open_service(options, newest=False), part, name or part)
        return
    require("service", "the service")
    _check_roles(options)
    service = open_service(options)
    _say_where(options, service)
    service.store.close()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    supervise(children(options.workers), _environment(options), stop)


def _check_roles(options: "ServiceOptions") -> None:
    """A misspelt role is told before any part starts; ConfigurationError."""
    from mammoqa.service.oidc import roles_of

    roles_of(options.oidc_roles)


def _options(given: dict[str, object]) -> "ServiceOptions":
    """What the environment sets, and the command line before it."""
    from mammoqa.cli.stored import database_url
    from mammoqa.service.options import ServiceOptions
    from mammoqa.settings import read_settings

    settings = read_settings()
    named = asdict(settings) | given
    url = database_url(str(named["store"]) if named["store"] else "mammoqa.db")
    known = {key: named[key] for key in ServiceOptions.__dataclass_fields__ if key in named and named[key] is not None}
    known.setdefault("data", Path("mammoqa-data"))
    return ServiceOptions(store_url=url, **known)


def _environment(options: "ServiceOptions") -> dict[str, str]:
    """This process's environment, with every option as the setting of its name."""
    from mammoqa.settings import PREFIX

    named = asdict(options)
    named["store"] = named.pop("store_url")
    words = {key: str(int(value)) if isinstance(value, bool) else str(value) for key, value in named.items() if value}
    words |= {key: "0" for key, value in named.items() if value is False or (value == 0 and not isinstance(value, str))}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    return kept | {PREFIX + key.upper(): value for key, value in words.items()}


def _say_where(options: "ServiceOptions", service: "Service") -> None:
    from mammoqa.service.setup import setup_secret
    from mammoqa.store import people

    scheme = "https" if options.tls_certificate else "http"
    address = f"{scheme}://{options.host}:{options.port}"
    click.echo(f"pages:    {address}")
    click.echo(f"receiver: {options.ae_title} at {options.dicom_host}:{options.dicom_port}")
    if not people.count_accounts(service.store):
        click.echo(f"first, make the administrator: {address}/setup?key={setup_secret(options.data)}")
