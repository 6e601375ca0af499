"""`mammoqa simulate`: exposures of a phantom, as DICOM and with their truth."""

from pathlib import Path
from typing import Any

import click

_INTENTS = {"raw": "FOR PROCESSING", "presentation": "FOR PRESENTATION"}


@click.command("simulate")
@click.argument("phantom")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder to write to.")
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="How many exposures.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed, the same images."
)
@click.option("--kvp", type=click.FloatRange(22, 49), help="Tube voltage in kV, 22 to 49.")
@click.option("--mas", type=click.FloatRange(min=0, min_open=True), help="Tube load; without it the dose is aimed at.")
@click.option("--dose", type=click.FloatRange(0.01, 20), help="Mean glandular dose to aim at, 0.01 to 20 mGy.")
@click.option("--target", metavar="W|Mo|Rh", help="Anode material.")
@click.option("--filter", "filter_material", metavar="Rh|Ag|Al|Mo", help="Filter material.")
@click.option("--detector", metavar="NAME", help="a-se-70, a-se-85, csi-100, cr-50 or film-50.")
@click.option("--intent", type=click.Choice(list(_INTENTS)), help="Raw pixels, or processed for display.")
@click.option("--chest-wall", type=click.Choice(["top", "right", "bottom", "left"]), help="Its side of the image.")
@click.option("--tilt", type=click.FloatRange(-15, 15), help="Turn of the phantom in degrees.")
@click.option("--no-grid", is_flag=True, help="Leave the grid out.")
@click.option("--monochrome1", is_flag=True, help="Write MONOCHROME1 pixels.")
def simulate(phantom: str, out: Path, count: int, seed: int, intent: str | None, no_grid: bool, **given: Any) -> None:
    """Simulate exposures of a phantom and write them as DICOM, with the truth of each beside it as JSON.

    What is not given has the simulator's default.
    """
    from mammoqa.cli.progress import watched
    from mammoqa.core import ConfigurationError, Intent
    from mammoqa.jobs.simulate import SIMULATED, simulate_files
    from mammoqa.simulate import Exposure

    if phantom not in SIMULATED:
        raise ConfigurationError(f"{phantom!r} cannot be simulated; choose one of {', '.join(SIMULATED)}")
    if given["dose"] is not None and given["mas"] is not None:
        raise click.UsageError("--dose and --mas contradict each other; give one of them")
    names = {"dose": "target_mgd_mgy", "target": "anode", "tilt": "tilt_deg"}
    chosen = {names.get(name, name): value for name, value in given.items() if value is not None}
    if intent is not None:
        chosen["intent"] = Intent(_INTENTS[intent])
    exposure = Exposure(grid=not no_grid, **chosen)
    for path in watched(simulate_files(phantom, exposure, out, count, seed), "simulating", total=count):
        click.echo(str(path))
