"""`mammoqa validate acr156-locate`: is the phantom found in any orientation, and refused where it cannot be read?

    mammoqa validate acr156-locate --count 1000 --archive 300

Writes docs/validation/acr156_locate.md. Exit status 1 when an aim is missed.
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
from mammoqa.cli.progress import watched
from mammoqa.jobs.validate_acr156_locate import archive_results, stress_results
from mammoqa.jobs.validate_acr156_locate_page import Context, missed, page
from mammoqa.phantoms import PHANTOMS

COMMAND = ("mammoqa", "validate", "acr156-locate")
OUT = Path(__file__).resolve().parents[1] / "docs" / "validation"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=" ".join(COMMAND), description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=1000, metavar="N", help="images under stress (1000)")
    parser.add_argument("--archive", type=int, default=300, metavar="N", help="images of the archive (300)")
    parser.add_argument("--seed", type=int, default=2026, metavar="S", help="of everything random (2026)")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="exposures at a time; 0 takes all cores (0)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to write (docs/validation)")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    phantom = PHANTOMS["acr156"]
    stressed = stress_results(phantom, chosen.count, chosen.seed, chosen.jobs)
    found = list(watched(stressed, "stressing", chosen.count))
    drawn = archive_results(phantom, chosen.archive, chosen.seed, chosen.jobs)
    archive = list(watched(drawn, "archive", chosen.archive)) if chosen.archive else []
    given = ["--count", str(chosen.count), "--archive", str(chosen.archive), "--seed", str(chosen.seed)]
    versions = (
        f"mammoqa {mammoqa.__version__}, Python {platform.python_version()}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}"
    )
    context = Context(shlex.join([*COMMAND, *given]), date.today().isoformat(), versions)
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "acr156_locate.md"
    path.write_text(page(found, archive, context), encoding="utf-8")
    below = missed(found, archive)
    print(f"{len(found)} images under stress, {len(archive)} of the archive: {path}")
    print("all aims are met" if not below else "missed: " + "; ".join(below))
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
