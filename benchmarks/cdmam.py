"""`mammoqa benchmark cdmam`: the conventional reading, the simulation and OMIG; to benchmarks/cdmam.md.

Exit status 1 when an aim is missed. Needs a Unix system (getrusage).
"""

import argparse
import platform
import shlex
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import mammoqa
from mammoqa.jobs.benchmark_cdmam import aims, benchmark, page
from mammoqa.jobs.simulate import simulate_files
from mammoqa.simulate.cdmam import STANDARD

OUT = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="mammoqa benchmark cdmam", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--images", type=int, default=4, metavar="N", help="of each kind (4)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the simulated images (1)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to write (benchmarks)")
    chosen = parser.parse_args()
    with TemporaryDirectory() as name:
        paths = list(simulate_files("cdmam34", STANDARD, Path(name), chosen.images, chosen.seed))
        found = benchmark(paths, chosen.images, chosen.seed + 1)
    command = shlex.join(["mammoqa", "benchmark", "cdmam", "--images", str(chosen.images), "--seed", str(chosen.seed)])
    versions = f"mammoqa {mammoqa.__version__}, Python {platform.python_version()}, numpy {np.__version__}"
    path = chosen.out / "cdmam.md"
    path.write_text(page(found, command, date.today().isoformat(), versions), encoding="utf-8")
    print(path)
    below = [f"{words}: {value}" for words, value, reached in aims(found) if not reached]
    print("all aims are met" if not below else "missed: " + "; ".join(below))
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
