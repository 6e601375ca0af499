"""Engines: SQLite with write-ahead log, foreign keys and transactions that wait for each other; PostgreSQL as it is."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from mammoqa.core import ConfigurationError, StoreError

BUSY_TIMEOUT_S = 30.0
BACKENDS = ("sqlite", "postgresql")


def connect(url: str) -> Engine:
    """An engine for a URL; `engine.execution_options(writes=True)` takes SQLite's write lock when it begins.

    Raises ConfigurationError for a database of another kind and StoreError for a SQLite file in no folder.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend not in BACKENDS:
        raise ConfigurationError(
            f"{readable(url)} is no database for mammoqa: give sqlite:///path/to/file.db or postgresql+psycopg://user@host/name"
        )
    if backend != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.database and parsed.database != ":memory:":
        folder = Path(parsed.database).expanduser().parent
        if not folder.is_dir():
            raise StoreError(f"there is no folder {folder} for the database; check the path, or make the folder first")
        parsed = parsed.set(database=str(Path(parsed.database).expanduser()))
    engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def require_existing(url: str) -> None:
    """StoreError where an SQLite URL names a file that is not there; other URLs are left to the driver."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return  # `engine_for` says what is wrong with it
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        return
    path = Path(str(parsed.database)).expanduser()
    if not path.is_file():
        raise StoreError(f"there is no database {path}; `mammoqa analyse --store` makes one")


def readable(url: str | URL) -> str:
    """The URL for a message, without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return str(url)


def _on_connect(dbapi_connection: Any, _record: Any) -> None:
    """Let SQLAlchemy begin transactions (the driver would begin too late to hold a lock), and set the pragmas."""
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a commit outlives a power cut: received images are acknowledged by it
    cursor.close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
