"""`mammoqa db`: look after the database."""

from pathlib import Path

import click

from mammoqa.cli.exchange import export, import_results
from mammoqa.cli.stored import database_url, opened


@click.group("db")
def db() -> None:
    """Look after the database."""


db.add_command(export)
db.add_command(import_results)


@db.command("upgrade")
@click.option("--store", metavar="URL", help="The database: a URL, or the path of an SQLite file.")
def upgrade(store: str | None) -> None:
    """Bring a database to the form that this version of mammoqa reads; nothing in it is lost."""
    from mammoqa.store import upgrade as upgrade_schema

    upgrade_schema(database_url(store))
    click.echo("the database is up to date")


@db.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--store", metavar="URL", help="The database: the path of an SQLite file.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="The service's folder of objects.")
def backup(file: Path, store: str | None, data: Path | None) -> None:
    """Write the database and the received objects of a service to one archive; the service may run meanwhile."""
    from mammoqa.service.backup import backup as write_backup
    from mammoqa.service.options import ServiceOptions, open_service

    options = ServiceOptions(database_url(store), data or Path("mammoqa-data"))
    held = write_backup(open_service(options, newest=False), file)
    click.echo(f"{file}: {held['objects']} objects, {held['audit_rows']} audit entries up to {held['audit_head']}")


@db.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--store", metavar="URL", help="The database to make: the path of an SQLite file that is not there yet.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="The folder of objects to make.")
def restore(file: Path, store: str | None, data: Path | None) -> None:
    """Make a database and a folder of objects from a backup, checking every hash."""
    from mammoqa.service.backup import restore as read_backup

    held = read_backup(file, database_url(store), data or Path("mammoqa-data"))
    click.echo(f"restored: {held['objects']} objects, {held['audit_rows']} audit entries up to {held['audit_head']}")


@db.command("list")
@click.option("--store", metavar="URL", help="The database: a URL, or the path of an SQLite file.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Only the N last analysed.")
def list_analyses(store: str | None, limit: int | None) -> None:
    """List the newest analysis of every image, the last analysed first: its number, outcome, unit and file."""
    with opened(store) as database:
        for line in database.latest(limit=limit):
            unit = line.unit.label if line.unit else ""
            acquired = f"{line.acquired_at:%Y-%m-%d}" if line.acquired_at else "-"
            signed = "signed off" if line.signed_off else "-"
            parts = (f"{line.id:>6}", f"{line.outcome.upper():<8}", f"{acquired:<10}", f"{unit or '-':<12}")
            click.echo("  ".join((*parts, f"{signed:<10}", line.path)))
