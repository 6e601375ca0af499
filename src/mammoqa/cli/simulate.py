"""`mammoqa simulate`: exposures of a phantom, as DICOM and with their truth."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mammoqa.simulate import Exposure

_INTENTS = {"raw": "FOR PROCESSING", "presentation": "FOR PRESENTATION"}
_STYLES = ["linear", "sigmoid", "sharpened", "equalised"]  # simulate.presentation.STYLES, which loads numpy
_NAMES = {
    "dose": "target_mgd_mgy",
    "target": "anode",
    "tilt": "tilt_deg",
    "shift": "shift_mm",
    "collimation": "collimation_mm",
    "intensity": "pixel_intensity",
}
_FAULTS = {
    "dust": "dust",
    "scratches": "scratches",
    "dead_lines": "dead_lines",
    "ghosting": "ghosting",
    "blur": "extra_blur_mm",
    "noise": "extra_noise",
    "scatter": "extra_scatter",
}


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
@click.option(
    "--shift",
    type=(click.FloatRange(-200, 200), click.FloatRange(-200, 200)),
    metavar="ALONG AWAY",
    help="Move the phantom along the chest wall and away from it, in mm.",
)
@click.option("--mirror", is_flag=True, help="Lay the phantom upside down: a mirror image.")
@click.option("--collimation", type=click.FloatRange(0, 100), help="Width of the blades on three sides in mm.")
@click.option("--letters", metavar="TEXT", help='Text of the lead letters; "" leaves them out.')
@click.option("--tilt", type=click.FloatRange(-15, 15), help="Turn of the phantom in degrees.")
@click.option("--no-grid", is_flag=True, help="Leave the grid out.")
@click.option("--monochrome1", is_flag=True, help="Write MONOCHROME1 pixels.")
@click.option("--intensity", type=click.Choice(["LIN", "LOG"]), help="Scale of raw pixels; with --intent raw.")
@click.option("--style", type=click.Choice(_STYLES), help="Processing for display; not with --intent raw.")
@click.option("--dust", type=click.IntRange(0, 10000), help="Fault: grains of dust on the detector.")
@click.option("--scratches", type=click.IntRange(0, 1000), help="Fault: scratches on the detector.")
@click.option("--dead-lines", type=click.IntRange(0, 1000), help="Fault: dead read-out lines.")
@click.option("--ghosting", type=click.FloatRange(0, 1), help="Fault: share of sensitivity that a ghost takes.")
@click.option("--blur", type=click.FloatRange(0, 5), help="Fault: further blur, standard deviation in mm.")
@click.option("--noise", type=click.FloatRange(0, 20), help="Fault: further quantum noise, as a share of it.")
@click.option("--scatter", type=click.FloatRange(0, 5), help="Fault: added to the scatter-to-primary ratio.")
def simulate(phantom: str, out: Path, count: int, seed: int, **given: Any) -> None:
    """Simulate exposures of a phantom and write them as DICOM, with the truth of each beside it as JSON.

    What is not given has the simulator's default.
    """
    from mammoqa.cli.progress import watched
    from mammoqa.core import ConfigurationError
    from mammoqa.jobs.simulate import SIMULATED, STANDARDS, simulate_files

    if phantom not in SIMULATED:
        raise ConfigurationError(f"{phantom!r} cannot be simulated; choose one of {', '.join(SIMULATED)}")
    if phantom == "cdmam34" and given["letters"] is not None:
        raise click.UsageError("cdmam34 has writing of its own; leave --letters out")
    exposure = _exposure({name: value for name, value in given.items() if value is not None}, STANDARDS[phantom])
    for path in watched(simulate_files(phantom, exposure, out, count, seed), "simulating", total=count):
        click.echo(str(path))


def _exposure(given: dict[str, Any], standard: "Exposure") -> "Exposure":
    """The exposure that the options describe; the phantom's standard in all that they leave open."""
    from dataclasses import replace

    from mammoqa.core import Intent
    from mammoqa.simulate import Faults, Letter

    raw = _INTENTS[given["intent"]] == "FOR PROCESSING" if "intent" in given else standard.intent == "FOR PROCESSING"
    if "dose" in given and "mas" in given:
        raise click.UsageError("--dose and --mas contradict each other; give one of them")
    if "intensity" in given and not raw:
        raise click.UsageError("--intensity is the scale of raw pixels; add --intent raw")
    if "style" in given and raw:
        raise click.UsageError("--style is processing for display; leave it or --intent raw out")
    faults = Faults(**{_FAULTS[name]: given.pop(name) for name in list(given) if name in _FAULTS})
    chosen: dict[str, Any] = {"grid": not given.pop("no_grid"), "mirrored": given.pop("mirror")}
    if "intent" in given:
        chosen["intent"] = Intent(_INTENTS[given.pop("intent")])
    if "letters" in given:
        text = given.pop("letters").strip()
        chosen["letters"] = (Letter(text),) if text else ()
    chosen |= {_NAMES.get(name, name): value for name, value in given.items()}
    return replace(standard, faults=faults, **chosen)
