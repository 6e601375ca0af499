"""`mammoqa benchmark acr156`: time per image, warm and cold, step by step, and peak memory.

Writes benchmarks/acr156.md and acr156.json; with --archive acr156_archive.md and .json: images a second and memory over
archives of 50, 100 and 200 images. Exit status 1 when an aim is missed. Needs a Unix system (getrusage; /proc for
--archive).
"""

import argparse
import shlex
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from mammoqa.jobs import benchmark_acr156_archive_page as archive_page
from mammoqa.jobs.benchmark_acr156 import benchmark, write_samples
from mammoqa.jobs.benchmark_acr156_archive import ARCHIVES, benchmark_archive, write_distinct
from mammoqa.jobs.benchmark_acr156_page import missed, page, save
from mammoqa.jobs.validate_acr156_page import versions

OUT = Path(__file__).resolve().parent
SAMPLES = 4
DISTINCT = 12  # files of an archive; the rest are hard links


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mammoqa benchmark acr156", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--warm", type=int, default=20, metavar="N", help="analyses in one process (20)")
    parser.add_argument("--cold", type=int, default=5, metavar="N", help="runs of each command (5)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the simulated images (1)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to write (benchmarks)")
    parser.add_argument("--archive", action="store_true", help="whole archives instead of one image")
    sizes = {"type": int, "nargs": "+", "default": ARCHIVES, "metavar": "N"}
    parser.add_argument("--sizes", **sizes, help="images in each archive (50 100 200)")
    return parser.parse_args()


def of_archives(chosen: argparse.Namespace) -> int:
    with TemporaryDirectory() as name:
        folder = Path(name)
        megapixels = write_distinct(folder / "distinct", DISTINCT, chosen.seed)
        distinct = sorted((folder / "distinct").glob("*.dcm"))
        found = benchmark_archive(distinct, megapixels, folder, chosen.sizes)
    command = shlex.join(["mammoqa", "benchmark", "acr156", "--archive", "--seed", str(chosen.seed)])
    text = archive_page.page(found, command, date.today().isoformat(), versions())
    print(archive_page.save(found, text, chosen.out))
    below = archive_page.missed(found)
    print("all aims are met" if not below else "missed: " + "; ".join(below))
    return 1 if below else 0


def main() -> int:
    chosen = arguments()
    if chosen.archive:
        return of_archives(chosen)
    with TemporaryDirectory() as folder:
        samples = write_samples(Path(folder), SAMPLES, chosen.seed)
        found = benchmark(samples, chosen.warm, chosen.cold)
    command = shlex.join(["mammoqa", "benchmark", "acr156", "--seed", str(chosen.seed)])
    text = page(found, command, date.today().isoformat(), versions())
    print(save(found, text, chosen.out))
    below = missed(found)
    print("all aims are met" if not below else "missed: " + "; ".join(below))
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
