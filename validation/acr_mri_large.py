"""`mammoqa validate acr_mri_large`: real stacks beside hazen and pylinac, to docs/validation/acr_mri_large.md."""

import argparse
import sys
from pathlib import Path

from mammoqa.jobs.validate_acr_mri import run

ROOT = Path(__file__).resolve().parents[1]
COMMAND = "mammoqa validate acr_mri_large"


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "acr_mri_large")
    parser.add_argument("--reference", type=Path, default=ROOT.parent / "shared" / "reference")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validation")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        parser.error(f"there is no folder {arguments.data}: give the stacks with --data")
    compared = run(arguments.data, arguments.reference if arguments.reference.is_dir() else None, arguments.out)
    for one in compared:
        print(f"{one.name}: {len(one.measurements)} numbers in {one.seconds:.2f} s of processor time")
    print(f"written: {arguments.out / 'acr_mri_large.md'}")
    return int(not compared)


if __name__ == "__main__":
    sys.exit(main())
