"""`mammoqa validate acr156-artefacts`: are artefacts as visible as the last object deducted, and only those?

    mammoqa validate acr156-artefacts --count 300

Writes docs/validation/acr156_artefacts.md. Exit status 1 when the aim is missed.
"""

import argparse
import platform
import shlex
import sys
from datetime import date
from pathlib import Path

import numpy as np
import scipy

import mammoqa
from mammoqa import models
from mammoqa.cli.progress import watched
from mammoqa.jobs.validate_acr156_artefacts import results
from mammoqa.jobs.validate_acr156_artefacts_page import Context, figures, page
from mammoqa.phantoms import PHANTOMS

COMMAND = ("mammoqa", "validate", "acr156-artefacts")
OUT = Path(__file__).resolve().parents[1] / "docs" / "validation"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=" ".join(COMMAND), description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=300, metavar="N", help="images (300)")
    parser.add_argument("--seed", type=int, default=31, metavar="S", help="of everything random (31)")
    parser.add_argument("--model", type=Path, metavar="DIR", help="this artefact, not the shipped one")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="images at a time; 0 takes all cores (0)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to write (docs/validation)")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    folder = chosen.model or models.MODELS["acr156"]
    tried = list(
        watched(results(PHANTOMS["acr156"], folder, chosen.count, chosen.seed, chosen.jobs), "planting", chosen.count)
    )
    given = ["--count", str(chosen.count), "--seed", str(chosen.seed)]
    model = models.load_folder(folder)
    versions = (
        f"mammoqa {mammoqa.__version__}, model {model.name} {model.version}, Python {platform.python_version()}, "
        f"numpy {np.__version__}, scipy {scipy.__version__}"
    )
    context = Context(shlex.join([*COMMAND, *given]), date.today().isoformat(), versions)
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "acr156_artefacts.md"
    path.write_text(page(tried, context), encoding="utf-8")
    print(f"{len(tried)} images: {path}")
    below = [f"{words}: {value}" for words, value, aim in figures(tried) if "not reached" in aim]
    print("the aim is met" if not below else "missed: " + "; ".join(below))
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
