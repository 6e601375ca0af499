"""`mammoqa train`: a recipe to an artefact."""

import sys
from pathlib import Path
from typing import Any

import click


@click.command("train")
@click.argument("recipe")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of training data, or a table (CSV) of images and their scores.",
)
@click.option(
    "--units", metavar="N", type=click.IntRange(min=2), help="Simulate N units (CDMAM: settings) there first."
)
@click.option(
    "--images", metavar="N", type=click.IntRange(min=1), help="Images per unit (10; per CDMAM setting 18 or 4)."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where to write; runs/RECIPE by default.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything random.")
@click.option("--budget", metavar="MINUTES", type=click.FloatRange(min=0, min_open=True), help="Time for the fit.")
@click.option("--resume/--afresh", default=True, help="Continue an interrupted run in the folder, or start again.")
@click.option("--start-from", metavar="PATH", type=click.Path(path_type=Path), help="Train these weights further.")
@click.option("--draws", metavar="N", type=click.IntRange(min=1), help="Downsamplings of a CDMAM image (8).")
@click.option("--jobs", metavar="N", type=click.IntRange(min=0), default=0, help="Images read or simulated at a time.")
@click.option("--pitch", "pitch_mm", metavar="MM", type=float, help="Pixel size where the table has no pitch_mm.")
@click.option("--attenuating", type=click.Choice(["bright", "dark"]), help="Where the table has no such column.")
@click.option("--every-image-a-unit", is_flag=True, help="Where the table has no column unit.")
def train(
    recipe: str,
    data: Path,
    units: int | None,
    images: int | None,
    out: Path | None,
    seed: int,
    budget: float | None,
    resume: bool,
    start_from: Path | None,
    draws: int | None,
    jobs: int,
    **absent: Any,
) -> None:
    """Train a network by a recipe and export it.

    The artefact (two graphs and a card) is written to the folder; it takes the place of the shipped one only by hand.
    --start-from takes a checkpoint.pt, or the folder of an artefact with weights.npz. PNG and NPY files say neither
    pixel size nor polarity: give them in the table, or here for all.
    """
    import logging

    from mammoqa.train import run

    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("mammoqa.train").setLevel(logging.INFO)  # that one only: the ONNX libraries talk a lot
    if units is not None:
        _simulate(recipe, data, units, images, seed, draws, jobs)
    out = out or Path("runs") / recipe
    if data.is_file():
        data = _from_table(data, out / "data", seed, jobs, absent)
    elif any(absent.values()):
        raise click.UsageError("--pitch, --attenuating and --every-image-a-unit belong to a table (CSV) as --data")
    click.echo(str(run(recipe, data, out, seed, budget, resume=resume, start_from=start_from)))


def _simulate(recipe: str, data: Path, units: int, images: int | None, seed: int, draws: int | None, jobs: int) -> None:
    """Training data for the recipe, in the folder `data`."""
    from mammoqa.train.cdmam_recipes import CDMAM_RECIPES, CELLS_RECIPES

    report = sys.stderr.isatty()
    if recipe in CELLS_RECIPES:
        import numpy as np

        from mammoqa.train import cdmam_cells_data

        exposures = cdmam_cells_data.settings(units, np.random.default_rng(seed))
        invented = round(cdmam_cells_data.INVENTED_PER_SETTING * units)
        cdmam_cells_data.write_cells_data(data, exposures, images or 4, seed, report=report, invented=invented)
        return
    if recipe in CDMAM_RECIPES:
        import numpy as np

        from mammoqa.train.cdmam_data import settings, write_cdmam_data

        label_images = CDMAM_RECIPES[recipe].label_images
        held_out = max(0, min(2, (images or 18) - label_images))
        scenarios = settings(units, np.random.default_rng(seed))
        write_cdmam_data(
            data,
            scenarios,
            images or 18,
            seed,
            draws or 8,
            held_out,
            label_images=label_images,
            report=report,
            jobs=jobs,
        )
        return
    if units < 10:
        raise click.BadParameter("an archive needs 10 units or more", param_hint="--units")
    from mammoqa.train.archive import write_archive

    write_archive(data, "acr156", units, images or 10, seed, report=report)


def _from_table(table: Path, folder: Path, seed: int, jobs: int, absent: dict[str, Any]) -> Path:
    """The training set of a table's images; what was left out is told, and listed in refused.csv."""
    from mammoqa.jobs.manifest import Defaults, read_manifest
    from mammoqa.phantoms import PHANTOMS
    from mammoqa.train.own_data import write_own_data

    phantom = PHANTOMS["acr156"]
    manifest = read_manifest(table, phantom, Defaults(**absent))
    if manifest.ignored:
        click.echo(f"columns without a meaning here: {', '.join(manifest.ignored)}", err=True)
    written = write_own_data(manifest, phantom, folder, seed, jobs, report=sys.stderr.isatty())
    click.echo(f"{written.images} of {manifest.lines} images of {written.units} units: {folder}", err=True)
    for row in written.refused:
        click.echo(f"left out, {row}", err=True)
    return folder
