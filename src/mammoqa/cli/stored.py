"""Which database a command works on: the option, else the site's setting."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mammoqa.store import Store

ID_MAX = 2**63 - 1  # the largest number that databases take


def database_url(text: str | None) -> str:
    """The URL of the database that `--store` or MAMMOQA_STORE names; ConfigurationError where neither does."""
    from mammoqa.core import ConfigurationError
    from mammoqa.jobs.outputs import store_url
    from mammoqa.settings import read_settings

    text = text or read_settings().store
    if not text:
        raise ConfigurationError("which database? Give --store, or set MAMMOQA_STORE")
    return store_url(text)


def opened(text: str | None) -> "Store":
    """The database that `--store` or MAMMOQA_STORE names, which must be there; to be used in a `with` statement."""
    from mammoqa.store import open_store

    return open_store(database_url(text), create=False)
