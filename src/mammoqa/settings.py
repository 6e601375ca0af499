"""Settings: read once from the environment where a program starts, and passed on as arguments from there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from mammoqa.core import ConfigurationError

PREFIX = "MAMMOQA_"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a site sets once; options of the command line come before these."""

    store: str | None = None
    jobs: int = 1
    dask: str | None = None
    saliency: bool = True


# Name of the setting, and its line in docs/reference/settings.md.
HELP: dict[str, str] = {
    "store": "Where analyses are saved: a database URL, or the path of an SQLite file. Nothing is saved without it.",
    "jobs": "How many images are analysed at a time; 0 takes all cores.",
    "dask": "Address of a Dask scheduler that takes the work, such as tcp://host:8786.",
    "saliency": "Whether the report shows what the network's scores rest on: 1 or 0.",
}


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from variables such as MAMMOQA_JOBS; ConfigurationError for a wrong value or an unknown name."""
    given = {name.removeprefix(PREFIX): text for name, text in environment.items() if name.startswith(PREFIX)}
    known = {field.name.upper(): field for field in fields(Settings)}
    unknown = sorted(set(given) - set(known))
    if unknown:
        names = ", ".join(PREFIX + name for name in known)
        raise ConfigurationError(f"{PREFIX}{unknown[0]} is no setting of mammoqa; there are {names}")
    values = {known[name].name: _parse(name, text, known[name].default) for name, text in given.items() if text != ""}
    return Settings(**values)


def _parse(name: str, text: str, default: Any) -> Any:
    """The text as the kind of value that the default is."""
    if isinstance(default, bool):
        words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        if text.lower() not in words:
            raise ConfigurationError(f"{PREFIX}{name} must be 1 or 0, not {text!r}")
        return words[text.lower()]
    if isinstance(default, int):
        if not text.isdecimal():
            raise ConfigurationError(f"{PREFIX}{name} must be a whole number of 0 or more, not {text!r}")
        return int(text)
    return text
