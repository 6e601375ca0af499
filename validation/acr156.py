"""`mammoqa validate acr156`: the network's scores against the panel's, on simulated images of units never seen.

    mammoqa validate acr156 --count 600 --seed 7    fresh images through the whole chain
    mammoqa validate acr156 --data DIR              the held-out split of a stored data set

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
from mammoqa.core import ModelId
from mammoqa.jobs.validate_acr156 import evaluate
from mammoqa.jobs.validate_acr156_evidence import collect, from_dataset, object_thresholds, simulated_reads
from mammoqa.jobs.validate_acr156_page import Context, missed, save, versions
from mammoqa.phantoms import PHANTOMS
from mammoqa.stats.bootstrap import N_RESAMPLES

COMMAND = ("mammoqa", "validate", "acr156")
OUT = Path(__file__).resolve().parents[1] / "docs" / "validation"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mammoqa validate acr156", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="a stored data set instead of fresh images")
    parser.add_argument("--model", type=Path, metavar="DIR", help="with --data: this artefact, not the shipped one")
    parser.add_argument("--count", type=int, default=600, metavar="N", help="fresh images (600)")
    parser.add_argument("--seed", type=int, default=7, metavar="S", help="of the fresh units and the bootstrap (7)")
    parser.add_argument("--per-unit", type=int, default=4, metavar="N", help="fresh images of each unit (4)")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="units at a time; 0 takes all cores (0)")
    parser.add_argument("--resamples", type=int, default=N_RESAMPLES, metavar="N", help=f"bootstrap ({N_RESAMPLES})")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to write (docs/validation)")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    phantom = PHANTOMS["acr156"]
    if chosen.data is not None:
        model = models.load_folder(chosen.model) if chosen.model is not None else models.load("acr156")
        evidence = from_dataset(chosen.data, phantom, model)
        command = ["--data", "DIR"]
    else:
        model = models.load("acr156")
        reads = simulated_reads(phantom, model, chosen.count, chosen.seed, chosen.jobs, chosen.per_unit)
        seen = watched(reads, "simulating and reading", chosen.count)
        evidence = collect(seen, object_thresholds(model.card, phantom), chosen.seed)
        command = ["--count", str(chosen.count), "--seed", str(chosen.seed), "--per-unit", str(chosen.per_unit)]
    results = evaluate(evidence, phantom, np.random.default_rng(chosen.seed), chosen.resamples)
    identity = ModelId(model.name, model.version, model.card_sha256)
    page = save(
        results, Context(shlex.join([*COMMAND, *command]), date.today().isoformat(), identity, versions()), chosen.out
    )
    below = missed(results)
    print(f"{results.images} images, {results.units} units: {page}")
    print("all aims are met" if not below else "missed: " + "; ".join(below))
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
