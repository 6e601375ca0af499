"""A progress bar on a terminal, and none where standard error is a file or a pipe."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def watched(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """The items, counted on the terminal as they come."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    to_terminal = sys.stdout.isatty()  # else rich would send what belongs into a pipe to the terminal
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=to_terminal) as progress:
        task = progress.add_task(what, total=total)
        for item in items:
            progress.advance(task)
            yield item
