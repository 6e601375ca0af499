"""`mammoqa demo`: the whole program on simulated images."""

import os
import sys
from pathlib import Path

import click


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-output"),
    show_default=True,
    help="Where images, reports and the database go.",
)
@click.option("--open/--no-open", "show", default=None, help="Open the overview in a browser, or not.")
def demo(out: Path, show: bool | None) -> None:
    """Simulate a month of QC on two units, analyse it, store it and write the reports.

    One of the units loses dose from week to week; its scores fall. Takes up to a minute.
    """
    from mammoqa.cli.progress import watched
    from mammoqa.jobs.demo import IMAGES, run_demo, write_overview

    done = []
    for analysis, page in watched(run_demo(out), "simulating and analysing", total=IMAGES):
        done.append((analysis, page))
    overview = write_overview(out, done)
    click.echo(f"reports:  {overview}")
    click.echo(f"images:   {out / 'images'}")
    click.echo(f"database: {out / 'mammoqa.db'}")
    if show is None:
        show = sys.stdout.isatty() and bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if show:
        click.launch(str(overview))
