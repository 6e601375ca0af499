"""`mammoqa validate cdmam-explain`: the checks of Amanova et al. 2022 on OMIG, for an ensemble that was trained.

    mammoqa validate cdmam-explain --model runs/cdmam34_amanova2022/artefact
    mammoqa validate cdmam-explain --model DIR --quick     (minutes)

Writes docs/validation/cdmam_explain.md and a picture. Exit status 1 when an aim is missed.
"""

import argparse
import platform
import shlex
import sys
from datetime import date
from pathlib import Path

import numpy as np

import mammoqa
from mammoqa.core import ModelError
from mammoqa.explain.omig import PAPER_DRAWS
from mammoqa.jobs.validate_cdmam_explain import Size, run
from mammoqa.jobs.validate_cdmam_explain_page import Context, figures, page
from mammoqa.models.cdmam_ensemble import ENSEMBLES, load_ensemble
from mammoqa.phantoms import PHANTOMS
from mammoqa.report.signed_map import signed_maps

COMMAND = ("mammoqa", "validate", "cdmam-explain")
OUT = Path(__file__).resolve().parents[1] / "docs" / "validation"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=" ".join(COMMAND), description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", type=Path, metavar="DIR", help="the ensemble's artefact; none is shipped")
    parser.add_argument("--images", type=int, default=100, metavar="N", help="for the fall of the midpoint (100)")
    parser.add_argument("--draws", type=int, default=PAPER_DRAWS, metavar="N", help="of the reference (5000)")
    parser.add_argument("--check-draws", type=int, default=500, metavar="N", help="of the maps that are shown (500)")
    parser.add_argument("--quick", action="store_true", help="8 images, 40 draws: to see that all of it runs")
    parser.add_argument("--seed", type=int, default=34, metavar="S", help="of everything random (34)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="of the network (2)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to write (docs/validation)")
    chosen = parser.parse_args()
    chosen.model = chosen.model or ENSEMBLES.get("cdmam34")
    if chosen.model is None:
        parser.error("no ensemble is shipped: train one (mammoqa train cdmam34_amanova2022) and give --model DIR")
    return chosen


def main() -> int:
    from PIL import Image

    chosen = arguments()
    size = Size(chosen.images, chosen.draws, chosen.check_draws)
    if chosen.quick:
        size = Size(8, 40, 20, 3, 3)
    try:
        ensemble = load_ensemble(chosen.model, threads=chosen.threads)
    except ModelError as error:
        sys.exit(str(error))
    found = run(ensemble, PHANTOMS["cdmam34"], size, chosen.seed)
    given = ["--quick"] if chosen.quick else ["--images", str(size.images), "--draws", str(size.reference_draws)]
    training = ensemble.card.training
    context = Context(
        shlex.join([*COMMAND, *given, "--seed", str(chosen.seed)]),
        date.today().isoformat(),
        f"mammoqa {mammoqa.__version__}, Python {platform.python_version()}, numpy {np.__version__}",
        f"{training.recipe}, {ensemble.members} members, {training.images} images, {training.epochs} epochs",
        training.notes,
        size,
    )
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "cdmam_explain.md"
    path.write_text(page(found, context), encoding="utf-8")
    Image.fromarray(signed_maps([s.map for s in found.structures])).save(chosen.out / "cdmam_explain_maps.png")
    print(path)
    below = [f"{words}: {value}" for words, value, verdict in figures(found, context) if verdict != "yes"]
    print("all aims are met" if not below else "missed: " + "; ".join(below))
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
