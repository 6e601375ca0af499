"""`mammoqa validate cdmam-conventional`: CDMAM beside cdcom and known truth, to docs/validation/cdmam.md."""

import argparse
import sys
from datetime import date
from pathlib import Path

from mammoqa.jobs import validate_cdmam as suite
from mammoqa.jobs.validate_cdmam_page import Results, write
from mammoqa.score.cdmam34 import CDCOM_SEARCH_MM

ROOT = Path(__file__).resolve().parents[1]
COMMAND = "mammoqa validate cdmam-conventional"


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "cdmam34_independent")
    parser.add_argument("--images", type=int, default=16, help="images of the simulated series (default: 16)")
    parser.add_argument("--series", type=int, default=6, help="simulated series (default: 6)")
    parser.add_argument("--repeats", type=int, default=200, help="series drawn for the intervals (default: 200)")
    parser.add_argument("--seed", type=int, default=34)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validation")
    arguments = parser.parse_args()
    there = arguments.data.is_dir()
    agreements, thresholds = suite.compare_cdcom(arguments.data) if there else ((), ())
    as_cdcom = suite.compare_cdcom(arguments.data, CDCOM_SEARCH_MM) if there else ((), ())
    for one in (*agreements, *as_cdcom[0]):
        print(f"{one.name}: corners {one.corner:.3f}, centres {one.centre:.3f}, hits {one.hits} of {one.cdcom_hits}")
    searches = suite.compare_searches(arguments.data, 8, arguments.seed + 1) if there else None
    placings = tuple(suite.placings(arguments.seed))
    for placed in placings:
        print(placed)
    series = suite.simulated_series(arguments.images, arguments.seed)
    print(f"series: hits {series.share[0]:.3f}, ideal {series.share[1]:.3f}; grid {series.errors_px.max():.3f} px")
    more = tuple(
        suite.simulated_series(arguments.images, arguments.seed + 100 + number) for number in range(1, arguments.series)
    )
    coverages = tuple(
        suite.coverage(series.chances, series.ideal_um, form, 16, arguments.repeats, arguments.seed)
        for form in ("logistic", "detectability")
    )
    for one in coverages:
        print(f"{one.form}: intervals hold {one.covered.mean():.3f}, curve {one.curve_covered.mean():.3f}")
    results = Results(agreements, thresholds, placings, series, coverages, searches, *as_cdcom, more)
    today = date.today().isoformat()
    write(results, arguments.out, COMMAND, (arguments.images, arguments.repeats, arguments.seed, today))
    print(f"written: {arguments.out / 'cdmam.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
