"""`mammoqa train`: a recipe to an artefact."""

import sys
from pathlib import Path

import click


@click.command("train")
@click.argument("recipe")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of training data."
)
@click.option("--units", metavar="N", type=click.IntRange(min=10), help="Simulate an archive of N units there first.")
@click.option(
    "--images", metavar="N", type=click.IntRange(min=1), default=10, show_default=True, help="Images per unit."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where to write; runs/RECIPE by default.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything random.")
@click.option("--budget", metavar="MINUTES", type=click.FloatRange(min=0, min_open=True), help="Time for the fit.")
@click.option("--resume/--afresh", default=True, help="Continue an interrupted run in the folder, or start again.")
def train(
    recipe: str,
    data: Path,
    units: int | None,
    images: int,
    out: Path | None,
    seed: int,
    budget: float | None,
    resume: bool,
) -> None:
    """Train a network by a recipe and export it.

    The artefact (two graphs and a card) is written to the folder; it takes the place of the shipped one only by hand.
    """
    import logging

    from mammoqa.train import run

    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("mammoqa.train").setLevel(logging.INFO)  # that one only: the ONNX libraries talk a lot
    if units is not None:
        from mammoqa.train.archive import write_archive

        write_archive(data, "acr156", units, images, seed, report=sys.stderr.isatty())
    click.echo(str(run(recipe, data, out or Path("runs") / recipe, seed, budget, resume=resume)))
