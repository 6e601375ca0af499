"""What `analyse` does with each Analysis as it comes: print it, write it, save it."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

import click

from mammoqa.core import Analysis

Sink = Callable[[Analysis], object]


@contextmanager
def json_array(target: str) -> Iterator[Sink]:
    """One JSON array, element by element as they come; "-" is standard output. Closed on errors too."""
    from mammoqa.report.as_json import as_json

    with ExitStack() as files:
        stream = sys.stdout if target == "-" else files.enter_context(_writable(Path(target)))
        separator = "[\n"

        def put(analysis: Analysis) -> None:
            nonlocal separator
            stream.write(separator + json.dumps(as_json(analysis), allow_nan=False))
            stream.flush()
            separator = ",\n"

        try:
            yield put
        finally:
            stream.write("\n]\n" if separator != "[\n" else "[]\n")
            stream.flush()


def _writable(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise click.FileError(str(path), hint=error.strerror or "cannot be written") from error


def printed(analysis: Analysis) -> None:
    """The lines for a person, on standard output."""
    from mammoqa.cli.outcome import lines

    for line in lines(analysis):
        click.echo(line)


def report_folder(folder: Path) -> Sink:
    """JSON, HTML and PDF of each analysis in this folder."""
    from mammoqa.jobs.outputs import ReportFolder

    return ReportFolder(folder).add


def database(text: str) -> Sink:
    """The database at this URL or path."""
    from mammoqa.jobs.outputs import store_url
    from mammoqa.store import open_store

    return open_store(store_url(text)).save
