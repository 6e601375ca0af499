"""`mammoqa db`: look after the database."""

import click


@click.group("db")
def db() -> None:
    """Look after the database."""


@db.command("upgrade")
@click.option("--store", metavar="URL", help="The database: a URL, or the path of an SQLite file.")
def upgrade(store: str | None) -> None:
    """Bring a database to the form that this version of mammoqa reads; nothing in it is lost."""
    from mammoqa.core import ConfigurationError
    from mammoqa.jobs.outputs import store_url
    from mammoqa.settings import read_settings
    from mammoqa.store import upgrade as upgrade_schema

    text = store or read_settings().store
    if not text:
        raise ConfigurationError("which database? Give --store, or set MAMMOQA_STORE")
    upgrade_schema(store_url(text))
    click.echo("the database is up to date")
