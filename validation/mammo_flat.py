"""`mammoqa validate mammo-flat`: simulated flat fields against their model, to docs/validation/mammo_flat.md.

Exit status 1 when a number misses its tolerance.
"""

import argparse
import sys
from datetime import date
from pathlib import Path

from mammoqa.jobs.validate_mammo_flat import run

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(prog="mammoqa validate mammo-flat", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validation", metavar="DIR")
    chosen = parser.parse_args()
    page, failed = run(chosen.seed, date.today().isoformat(), chosen.out)
    print(f"written: {page}")
    print("all aims are met" if not failed else "missed: " + ", ".join(f"{row.case} {row.name}" for row in failed))
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
