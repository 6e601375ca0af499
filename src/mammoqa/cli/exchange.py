"""`mammoqa db export` and `mammoqa db import`: measurements out, earlier results in."""

import sys
from pathlib import Path

import click

from mammoqa.cli.stored import database_url, opened


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--store", metavar="URL", help="The database: a URL, or the path of an SQLite file.")
def export(file: Path, store: str | None) -> None:
    """Write every measurement: FILE.csv, FILE.parquet, FILE.json (QuAAC), or - for CSV on standard output."""
    from mammoqa.jobs.exchange import as_row, write_csv, write_parquet
    from mammoqa.jobs.quaac import quaac_parts
    from mammoqa.store.measurements import measurement_lines

    with opened(store) as database:
        rows = (as_row(line) for line in measurement_lines(database))
        if str(file) == "-":
            write_csv(rows, sys.stdout)
            return
        if file.suffix == ".json":
            with file.open("wb") as target:
                target.writelines(quaac_parts(rows))
            click.echo(f"{file}: a QuAAC document")
            return
        if file.suffix == ".parquet":
            count = write_parquet(rows, file)
        else:
            with file.open("w", encoding="utf-8", newline="") as stream:
                count = write_csv(rows, stream)
    click.echo(f"{file}: {count} measurements")


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--store", metavar="URL", help="The database: a URL, or the path of an SQLite file.")
def import_results(path: Path, store: str | None) -> None:
    """Take earlier results in: a CSV, or JSON of QATrack+ (a file, or a folder of pages of its API).

    A result that is there already is passed over.
    """
    from mammoqa.jobs.exchange import import_into, read_csv
    from mammoqa.jobs.qatrack import read_qatrack
    from mammoqa.store import open_store

    lines = list(read_qatrack(path) if path.is_dir() or path.suffix == ".json" else read_csv(path))
    with open_store(database_url(store)) as database:
        new, known = import_into(database, lines, str(path))
    click.echo(f"{new} results taken in, {known} were there already")
