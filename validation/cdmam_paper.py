"""`mammoqa validate cdmam-paper`: the ensemble of Amanova et al. 2022, trained and tried in one run, best on a GPU.

    mammoqa validate cdmam-paper --minutes 6 --keep runs/scenes
    mammoqa validate cdmam-paper --settings 4 --images 18 --draws 2 --members 2 --minutes 1 --quick     (to try it)

Simulates the training images, fits the members, reads the images that `validate cdmam-ensemble --keep` kept, and makes
the paper's checks of OMIG (`validate cdmam-explain`) where the weights are. Writes cdmam_paper.json (for `validate
cdmam-ensemble --paper`), cdmam_explain.md and a picture. Needs the train extra.
"""

import argparse
import logging
import platform
import shlex
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import mammoqa
from mammoqa.explain.omig import PAPER_DRAWS
from mammoqa.jobs.validate_cdmam_explain import Size, run
from mammoqa.jobs.validate_cdmam_explain_page import Context, figures, page
from mammoqa.jobs.validate_cdmam_paper import PaperReadings, read_draws, save_readings
from mammoqa.phantoms import PHANTOMS
from mammoqa.report.signed_map import signed_maps
from mammoqa.simulate.cdmam_scenarios import SCENARIOS

if TYPE_CHECKING:
    from mammoqa.train.cdmam_data import CdmamData
    from mammoqa.train.cdmam_live import LiveEnsemble

COMMAND = ("mammoqa", "validate", "cdmam-paper")
OUT = Path(__file__).resolve().parents[1] / "docs" / "validation"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=" ".join(COMMAND), description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--recipe", default="cdmam34_amanova2022", help="of the ensemble (cdmam34_amanova2022)")
    parser.add_argument("--settings", type=int, default=44, metavar="N", help="of the training images (44)")
    parser.add_argument("--images", type=int, default=26, metavar="N", help="of each setting, two held out (26)")
    parser.add_argument("--draws", type=int, default=50, metavar="N", help="downsamplings of each image (50)")
    parser.add_argument("--members", type=int, default=10, metavar="N", help="networks (10)")
    parser.add_argument("--map-members", type=int, metavar="N", help="of them for OMIG's checks (all)")
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="for the fit of all members; all epochs if not given"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="scenes of `validate cdmam-ensemble --keep`")
    parser.add_argument("--reference", type=int, default=PAPER_DRAWS, metavar="N", help="draws of the map (5000)")
    parser.add_argument("--quick", action="store_true", help="8 images and 40 draws for OMIG: to see that it runs")
    parser.add_argument("--seed", type=int, default=34, metavar="S", help="of everything random (34)")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes that simulate (0: one a core)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to write (docs/validation)")
    return parser.parse_args()


def main() -> int:
    from PIL import Image

    from mammoqa.train.cdmam_data import read_cdmam_data, settings, write_cdmam_data

    chosen = arguments()
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mammoqa-paper-") as name:
        began = time.perf_counter()
        scenarios = settings(chosen.settings, np.random.default_rng(chosen.seed))
        write_cdmam_data(Path(name), scenarios, chosen.images, chosen.seed, chosen.draws, held_out=2, jobs=chosen.jobs)
        logging.info("simulated in %.0f s", time.perf_counter() - began)
        data = read_cdmam_data(Path(name))
        ensemble, described, machine, notes = _fitted(chosen, data)
        held = np.flatnonzero(data.evaluation)
        known = read_draws(np.asarray(data.images[held, :1]), ensemble)
        truth = np.log(data.curve_um[held])
        error = np.abs(np.expm1(known.mean - truth)).mean()
        covered = (np.abs(known.mean - truth) <= known.half).mean()
    described += (
        f" Held-out images of the training's settings ({len(held)}), against their labels: relative error "
        f"{error:.1%}, coverage {covered:.3f}"
    )
    print(described, flush=True)
    readings = {}
    for scenario in SCENARIOS if chosen.keep else ():
        (path,) = chosen.keep.glob(f"{scenario}-*.npz")
        readings[scenario] = read_draws(np.load(path)["draws"], ensemble)
    if readings:
        save_readings(PaperReadings(described, readings), chosen.out / "cdmam_paper.json")
    asked = ensemble.of(chosen.map_members or ensemble.members)
    if asked.members < ensemble.members:
        notes = (*notes, f"the checks below are of the first {asked.members} members")
    size = Size(100, chosen.reference, 256, batch=256, jobs=chosen.jobs)
    if chosen.quick:
        size = Size(8, 40, 20, 3, 3, batch=256, jobs=chosen.jobs)
    began = time.perf_counter()
    found = run(asked, PHANTOMS["cdmam34"], size, chosen.seed)
    logging.info("OMIG's checks in %.0f s", time.perf_counter() - began)
    context = Context(
        shlex.join([*COMMAND, *sys.argv[1:]]),
        date.today().isoformat(),
        f"mammoqa {mammoqa.__version__}, Python {platform.python_version()}, numpy {np.__version__}",
        described,
        notes,
        size,
        machine,
    )
    (chosen.out / "cdmam_explain.md").write_text(page(found, context), encoding="utf-8")
    Image.fromarray(signed_maps([s.map for s in found.structures])).save(chosen.out / "cdmam_explain_maps.png")
    for words, value, verdict in figures(found, context):
        print(f"{words}: {value}: {verdict}")
    return 0


def _fitted(chosen: argparse.Namespace, data: "CdmamData") -> tuple["LiveEnsemble", str, str, tuple[str, ...]]:
    """The ensemble, and in words: what it is, on which machine, what was not as in the paper."""
    from dataclasses import replace

    import torch

    from mammoqa.train.cdmam import notes_of
    from mammoqa.train.cdmam_fit import fit_member, on_device, steps_of
    from mammoqa.train.cdmam_live import LiveEnsemble
    from mammoqa.train.cdmam_recipes import CDMAM_RECIPES

    recipe = replace(CDMAM_RECIPES[chosen.recipe], members=chosen.members)
    card = torch.cuda.is_available()
    images = on_device(data, "cuda" if card else "cpu")
    machine = torch.cuda.get_device_name() if card else f"{platform.machine()} processor"
    each_s = None if chosen.minutes is None else 60 * chosen.minutes / recipe.members
    members = []
    for member in range(recipe.members):
        members.append(fit_member(data, recipe, member, chosen.seed, each_s, images))
        logging.info("member %d: %d steps in %.0f s", member, members[-1].steps, members[-1].seconds)
    ensemble = LiveEnsemble(members, data.diameters_mm, data.mean_dn, data.std_dn, data.images.shape[-1])
    epochs = min(m.epochs for m in members)
    number = len(steps_of(data, recipe)[-1]) * (data.images.shape[1] if recipe.every_draw else 1)
    steps = sum(m.steps for m in members) // len(members)
    described = (
        f"`{recipe.name}`, {recipe.members} members, {number:,} training images (the paper: 57,600), {epochs} epochs "
        f"(the paper: 300), {steps:,} steps a member (the paper: {300 * 57_600 // 50:,}), "
        f"{sum(m.seconds for m in members):.0f} s on {machine}; data: {data.description}."
    )
    moved = recipe.learning_rate * steps
    if moved < 1:
        described += (
            " The logarithm of its learned variance moves by no more than the learning rate a step, "
            f"{moved:.2f} in all: its intervals are about as wide as they began, too wide."
        )
    return ensemble, described, machine, notes_of(data, recipe, epochs)


if __name__ == "__main__":
    sys.exit(main())
