"""`mammoqa validate omig`: the checks of Amanova et al. 2022 on OMIG, for the single-image reading at full resolution.

    mammoqa validate omig
    mammoqa validate omig --images 8 --faithful 2        (minutes)

For an ensemble of the paper's kind: `mammoqa validate cdmam-explain --model DIR`. Writes docs/validation/omig.md and a
picture. Exit status 1 when an aim is missed.
"""

import argparse
import platform
import shlex
import sys
from datetime import date
from pathlib import Path

import numpy as np

import mammoqa
from mammoqa.jobs.cdmam34_single import cells_model
from mammoqa.jobs.validate_cdmam_cells_explain import Size, run
from mammoqa.jobs.validate_cdmam_cells_explain_page import aims, page
from mammoqa.phantoms import PHANTOMS
from mammoqa.report.signed_map import signed_maps

COMMAND = ("mammoqa", "validate", "omig")
OUT = Path(__file__).resolve().parents[1] / "docs" / "validation"


def main() -> int:
    from PIL import Image

    parser = argparse.ArgumentParser(prog=" ".join(COMMAND), description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", type=Path, metavar="DIR", help="a single-image reading; the shipped one by default")
    parser.add_argument("--images", type=int, default=100, metavar="N", help="for the fall of the midpoint (100)")
    parser.add_argument("--steps", type=int, default=5, metavar="L", help="of their paths (5; the paper: 50)")
    parser.add_argument("--long", type=int, default=4, metavar="N", help="images with 50 steps, too (4)")
    parser.add_argument("--faithful", type=int, default=12, metavar="N", help="for insertion and deletion (12)")
    parser.add_argument("--seed", type=int, default=34, metavar="S")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR")
    chosen = parser.parse_args()
    size = Size(chosen.images, chosen.steps, chosen.long, 4, chosen.faithful)
    model = cells_model(chosen.model, threads=2)
    found = run(model, PHANTOMS["cdmam34"], size, chosen.seed)
    given = ["--images", size.images, "--steps", size.steps, "--long", size.long_images]
    command = shlex.join([*COMMAND, *map(str, [*given, "--faithful", size.faithful_images, "--seed", chosen.seed])])
    versions = f"mammoqa {mammoqa.__version__}, Python {platform.python_version()}, numpy {np.__version__}"
    network = f"{model.card.training.recipe} {model.card.version}"
    chosen.out.mkdir(parents=True, exist_ok=True)
    text = page(found, size, (command, date.today().isoformat(), versions, network))
    (chosen.out / "omig.md").write_text(text, encoding="utf-8")
    Image.fromarray(signed_maps([s.map for s in found.structures])).save(chosen.out / "omig_maps.png")
    print(chosen.out / "omig.md")
    below = [f"{words}: {value}" for words, value, verdict in aims(found) if verdict != "yes"]
    print("all aims are met" if not below else "missed: " + "; ".join(below))
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
