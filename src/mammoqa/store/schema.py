"""The schema's versions: which one a database has, and bringing it up to date.

`SCHEMA_VERSIONS` lists every revision under migrations/versions, oldest first; a database with another one was written
by a newer mammoqa and is left alone.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError

from mammoqa.core import MissingExtraError, StoreError
from mammoqa.store.connection import connect, readable

SCHEMA_VERSIONS = ("0001", "0002", "0003")


def upgrade(url: str) -> str:
    """Bring a database to the newest schema (`mammoqa db upgrade`), creating it where it is empty; gives the version.

    Raises StoreError when the database cannot be reached, is not mammoqa's, or is newer than this program.
    """
    engine = engine_for(url)
    try:
        migrate(engine)
    finally:
        engine.dispose()
    return SCHEMA_VERSIONS[-1]


def engine_for(url: str) -> Engine:
    """An engine for a database URL; StoreError where the URL is wrong, MissingExtraError where its driver is absent.

    ConfigurationError where it names a database that is neither SQLite nor PostgreSQL.
    """
    try:
        return connect(url)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{readable(url)} needs the driver {error.name!r}: install it with `pip install mammoqa[service]`"
        ) from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(f"{readable(url)} is no database URL: write sqlite:///path/to/file.db") from error


def current(engine: Engine) -> str | None:
    """The schema version of a database, None for an empty one; StoreError for a foreign or unreadable one."""
    try:
        with engine.connect() as connection:
            return _current(connection)
    except DatabaseError as error:
        raise StoreError(f"{readable(engine.url)} cannot be read as a database: {error.orig}") from error


def check(engine: Engine, version: str | None) -> None:
    """StoreError unless the version is this program's newest."""
    name = readable(engine.url)
    if version is None or version in SCHEMA_VERSIONS[:-1]:
        state = "is empty" if version is None else f"has the older schema {version}"
        raise StoreError(f"{name} {state}: run `mammoqa db upgrade`")
    _refuse_newer(name, version)


def migrate(engine: Engine) -> None:
    """Run the missing migrations in one transaction; safe when several processes do it at once."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.execution_options(writes=True).begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(1560156)"))
            version = _current(connection)
            if version is not None:
                _refuse_newer(readable(engine.url), version)
            if version == SCHEMA_VERSIONS[-1]:
                return
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        raise StoreError(f"{readable(engine.url)} cannot be written: {error.orig}") from error
    except DatabaseError as error:
        raise StoreError(f"{readable(engine.url)} cannot be read as a database: {error.orig}") from error


def _current(connection: Connection) -> str | None:
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if version is not None:
            return str(version)
    if tables and tables != ["alembic_version"]:
        raise StoreError(f"{readable(connection.engine.url)} holds other tables: choose a database of its own")
    return None


def _refuse_newer(name: str, version: str) -> None:
    if version not in SCHEMA_VERSIONS:
        raise StoreError(
            f"{name} has the schema {version}, newer than this program's {SCHEMA_VERSIONS[-1]}: update mammoqa"
        )
