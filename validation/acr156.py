"""`mammoqa validate acr156`: the network's scores against the panel's, on simulated images of units never seen.

    mammoqa validate acr156 --count 600 --seed 7    fresh images through the whole chain
    mammoqa validate acr156 --data DIR              the held-out split of a stored data set
    mammoqa validate acr156 --data FILE             a table (CSV) of own images and their scores

Writes docs/validation/acr156.md, acr156.json and charts. Exit status 1 when an aim is missed.
"""

import argparse
import shlex
import sys
from datetime import date
from pathlib import Path

import numpy as np

from mammoqa import models
from mammoqa.cli.progress import watched
from mammoqa.core import ModelId, Phantom
from mammoqa.jobs.manifest import Defaults, read_manifest
from mammoqa.jobs.validate_acr156 import evaluate
from mammoqa.jobs.validate_acr156_evidence import collect, from_dataset, simulated_reads
from mammoqa.jobs.validate_acr156_own import collect_own, own_reads
from mammoqa.jobs.validate_acr156_page import Context, missed, save, versions
from mammoqa.jobs.validate_acr156_records import Evidence
from mammoqa.phantoms import PHANTOMS
from mammoqa.stats.bootstrap import N_RESAMPLES

COMMAND = ("mammoqa", "validate", "acr156")
OUT = Path(__file__).resolve().parents[1] / "docs" / "validation"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mammoqa validate acr156", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, metavar="PATH", help="a stored data set, or a table of own images (CSV)")
    parser.add_argument("--pitch", type=float, metavar="MM", help="pixel size where the table has no pitch_mm")
    parser.add_argument("--attenuating", choices=("bright", "dark"), help="where the table has no such column")
    parser.add_argument("--every-image-a-unit", action="store_true", help="where the table has no column unit")
    parser.add_argument("--model", type=Path, metavar="DIR", help="this artefact, not the shipped one")
    parser.add_argument("--count", type=int, default=600, metavar="N", help="fresh images (600)")
    parser.add_argument("--seed", type=int, default=7, metavar="S", help="of the fresh units and the bootstrap (7)")
    parser.add_argument("--per-unit", type=int, default=4, metavar="N", help="fresh images of each unit (4)")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="units at a time; 0 takes all cores (0)")
    parser.add_argument("--resamples", type=int, default=N_RESAMPLES, metavar="N", help=f"bootstrap ({N_RESAMPLES})")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (docs/validation; own images: here)")
    return parser.parse_args()


def from_table(chosen: argparse.Namespace, phantom: Phantom, model: models.Model) -> Evidence:
    """The images of a table through the whole chain; what was left out is told."""
    defaults = Defaults(chosen.pitch, chosen.attenuating, chosen.every_image_a_unit)
    manifest = read_manifest(chosen.data, phantom, defaults)
    reads = own_reads(manifest, phantom, model.card, model.folder, chosen.jobs)
    evidence, left_out = collect_own(watched(reads, "reading", len(manifest.rows)), manifest, phantom, model.card)
    for row in left_out:
        print(f"left out, {row}", file=sys.stderr)
    return evidence


def main() -> int:
    chosen = arguments()
    phantom = PHANTOMS["acr156"]
    model = models.load("acr156") if chosen.model is None else models.load_folder(chosen.model)
    own = chosen.data is not None and chosen.data.is_file()
    if own:
        evidence = from_table(chosen, phantom, model)
        command = ["--data", chosen.data.name]
    elif chosen.data is not None:
        evidence = from_dataset(chosen.data, phantom, model)
        command = ["--data", "DIR"]
    else:
        reads = simulated_reads(phantom, model, chosen.count, chosen.seed, chosen.jobs, chosen.per_unit)
        evidence = collect(watched(reads, "simulating and reading", chosen.count), model.card, phantom, chosen.seed)
        command = ["--count", str(chosen.count), "--seed", str(chosen.seed), "--per-unit", str(chosen.per_unit)]
    if chosen.model is not None:
        command += ["--model", "DIR"]
    results = evaluate(evidence, phantom, np.random.default_rng(chosen.seed), chosen.resamples)
    identity = ModelId(model.name, model.version, model.card_sha256)
    told = Context(shlex.join([*COMMAND, *command]), date.today().isoformat(), identity, versions(), own)
    page = save(results, told, chosen.out or (Path() if own else OUT))
    below = missed(results)
    print(f"{results.images} images, {results.units} units: {page}")
    print("all aims are met" if not below else "missed: " + "; ".join(below))
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
