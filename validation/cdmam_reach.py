"""`mammoqa validate cdmam-reach`: how far about a disc's place cdcom looks, by the published ratios of people to it.

    mammoqa validate cdmam-reach --images 24

Writes docs/validation/cdmam_reach.md. Simulated images only; `score.cdmam34.CDCOM_SEARCH_MM` is what it tells.
"""

import argparse
import platform
import shlex
import sys
from datetime import date
from pathlib import Path

import numpy as np

import mammoqa
from mammoqa.jobs.validate_cdmam_reach import DETECTORS, page, reaches_of

COMMAND = ("mammoqa", "validate", "cdmam-reach")
ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(prog=" ".join(COMMAND), description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--images", type=int, default=24, metavar="N", help="of each detector (24)")
    parser.add_argument("--seed", type=int, default=340, metavar="S", help="of the simulated images (340)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validation", metavar="DIR")
    chosen = parser.parse_args()
    found = []
    for number, detector in enumerate(DETECTORS):
        found.append(reaches_of(detector, chosen.images, chosen.seed + number))
        print(detector, found[-1].reach_mm.round(3), found[-1].slope.round(3), found[-1].error.round(3), flush=True)
    command = shlex.join([*COMMAND, "--images", str(chosen.images), "--seed", str(chosen.seed)])
    versions = f"mammoqa {mammoqa.__version__}, Python {platform.python_version()}, numpy {np.__version__}"
    path = chosen.out / "cdmam_reach.md"
    path.write_text(page(found, f"`{command}`, {date.today().isoformat()}. {versions}."), encoding="utf-8")
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
