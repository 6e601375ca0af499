"""Settings: read once from the environment where a program starts, and passed on as arguments from there."""

import math
import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any

from mammoqa.core import ConfigurationError

PREFIX = "MAMMOQA_"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What a site sets for its service; see docs/reference/settings.md.

    `quiet_s` is how long a study rests before it is analysed; `max_bytes` bounds one received object.
    """

    host: str = "127.0.0.1"
    port: int = 8042
    dicom_host: str = "127.0.0.1"
    dicom_port: int = 11112
    ae_title: str = "MAMMOQA"
    workers: int = 1
    quiet_s: float = 5.0
    watch: Path | None = None
    max_bytes: int = 512 * 2**20
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
    oidc_roles: str = ""
    oidc_claim: str = "groups"
    smtp_host: str = ""
    smtp_port: int = 25
    smtp_user: str = ""
    smtp_password: str = ""
    mail_from: str = ""
    mail_to: str = ""
    webhook: str = ""
    webhook_secret: str = ""
    metrics: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ServiceSettings):
    """What a site sets once; options of the command line come before these."""

    store: str | None = None
    jobs: int = 1
    dask: str | None = None
    saliency: bool = True
    data: Path | None = None


# Name of the setting, and its line in docs/reference/settings.md.
HELP: dict[str, str] = {
    "store": "Where analyses are saved: a database URL, or the path of an SQLite file. Nothing is saved without it.",
    "jobs": "How many images are analysed at a time; 0 takes all cores.",
    "dask": "Address of a Dask scheduler that takes the work, such as tcp://host:8786.",
    "saliency": "Whether the report shows what the network's scores rest on: 1 or 0.",
    "data": "The service: the folder of received objects.",
    "host": "The service: the address that the web pages are served at.",
    "port": "The service: the port of the web pages.",
    "dicom_host": "The service: the address that the DICOM receiver listens at.",
    "dicom_port": "The service: the port of the DICOM receiver.",
    "ae_title": "The service: the application entity title of the receiver.",
    "workers": "The service: how many worker processes analyse.",
    "quiet_s": "The service: how many seconds a study rests before it is analysed, unless it is complete before.",
    "watch": "The service: a folder whose files are taken in.",
    "max_bytes": "The service: the largest object that is received, in bytes.",
    "known_peers_only": "The service: whether only application entities from the list of peers may send: 1 or 0.",
    "clinical_images": "The service: whether images that show no phantom are kept and shown: 1 or 0.",
    "tls_certificate": "The service: the file of the certificate; with it pages and receiver speak TLS.",
    "tls_key": "The service: the file of the certificate's private key.",
    "tls_clients": "The service: the file of the authorities whose certificates senders need.",
    "public_url": "The service: the address that people reach it at, such as https://qa.example.org.",
    "oidc_issuer": "The service: the address of the OpenID Connect provider.",
    "oidc_client_id": "The service: the name under which the provider knows it.",
    "oidc_client_secret": "The service: the secret for the provider.",
    "oidc_role": "The service: the role of people who come through the provider, where oidc_roles gives them none.",
    "oidc_roles": "The service: roles by the provider's groups, such as physics=physicist, it=administrator.",
    "oidc_claim": "The service: the claim of the ID token that names a person's groups.",
    "smtp_host": "The service: the mail server that alerts are sent through.",
    "smtp_port": "The service: the port of the mail server.",
    "smtp_user": "The service: the name at the mail server.",
    "smtp_password": "The service: the password at the mail server.",
    "mail_from": "The service: the address that alerts come from.",
    "mail_to": "The service: the addresses that alerts go to, with commas between.",
    "webhook": "The service: the address that alerts are posted to as JSON.",
    "webhook_secret": "The service: the key of the HMAC-SHA256 signature of such posts.",
    "metrics": "The service: whether /metrics answers Prometheus: 1 or 0.",
}


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from variables such as MAMMOQA_JOBS; ConfigurationError for a wrong value or an unknown name."""
    given = {name.removeprefix(PREFIX): text for name, text in environment.items() if name.startswith(PREFIX)}
    known = {field.name.upper(): field for field in fields(Settings)}
    unknown = sorted(set(given) - set(known))
    if unknown:
        names = ", ".join(PREFIX + name for name in known)
        raise ConfigurationError(f"{PREFIX}{unknown[0]} is no setting of mammoqa; there are {names}")
    values = {known[name].name: _parse(name, text, known[name]) for name, text in given.items() if text != ""}
    return Settings(**values)


def _parse(name: str, text: str, field: Field[Any]) -> Any:
    """The text as the kind of value that the field holds."""
    default = field.default
    if field.type == Path | None:
        return Path(text)
    if isinstance(default, bool):
        words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        if text.lower() not in words:
            raise ConfigurationError(f"{PREFIX}{name} must be 1 or 0, not {text!r}")
        return words[text.lower()]
    if isinstance(default, float):
        return _positive(name, text)
    if isinstance(default, int):
        if not text.isdecimal():
            raise ConfigurationError(f"{PREFIX}{name} must be a whole number of 0 or more, not {text!r}")
        return int(text)
    return text


def _positive(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ConfigurationError(f"{PREFIX}{name} must be a number above 0, not {text!r}")
    return value
