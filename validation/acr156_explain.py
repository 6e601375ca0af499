"""`mammoqa validate acr156-explain`: does a network score by the protocol's rules, and does size mislead it?

    mammoqa validate acr156-explain                               the shipped network
    mammoqa validate acr156-explain --model DIR --baseline DIR    another one, held against a baseline's size bias

The experiments of Yun et al. 2025, Figs 12 to 15, on simulated patches. Writes docs/validation/acr156_explain.md and
its pictures. Exit status 1 when an expected behaviour is missed.
"""

import argparse
import shlex
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

from mammoqa import models
from mammoqa.cli.progress import watched
from mammoqa.core import ModelId
from mammoqa.jobs.validate_acr156_explain import BASELINE, Effort, run
from mammoqa.jobs.validate_acr156_explain_page import Context, missed, save
from mammoqa.jobs.validate_acr156_page import versions
from mammoqa.phantoms import PHANTOMS

COMMAND = ("mammoqa", "validate", "acr156-explain")
OUT = Path(__file__).resolve().parents[1] / "docs" / "validation"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=shlex.join(COMMAND), description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", type=Path, metavar="DIR", help="this artefact, not the shipped one")
    parser.add_argument("--baseline", type=Path, metavar="DIR", help="the artefact whose size bias is the measure")
    parser.add_argument("--repeats", type=int, default=12, metavar="N", help="realisations of each state (12)")
    parser.add_argument("--size-repeats", type=int, default=40, metavar="N", help="the same for the size bias (40)")
    parser.add_argument("--masked", type=int, default=18, metavar="N", help="exposures with each artefact (18)")
    parser.add_argument("--explained", type=int, default=2, metavar="N", help="exposures whose maps are tested (2)")
    parser.add_argument("--seed", type=int, default=7, metavar="S", help="of all that is drawn (7)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that simulate (1)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to write (docs/validation)")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    shipped = models.load("acr156") if chosen.model is None else models.load_folder(chosen.model)
    networks = {"as scored": shipped}
    if chosen.baseline is not None:
        networks[BASELINE] = models.load_folder(chosen.baseline)
    if shipped.card.fusions:
        networks["network alone"] = replace(shipped, card=replace(shipped.card, fusions=()))
    effort = Effort(chosen.repeats, chosen.size_repeats, chosen.masked, chosen.explained)
    results = run(PHANTOMS["acr156"], networks, chosen.seed, effort, chosen.jobs, watched)
    command = [*COMMAND, "--seed", str(chosen.seed), "--repeats", str(chosen.repeats)]
    command += ["--size-repeats", str(chosen.size_repeats), "--masked", str(chosen.masked)]
    command += ["--model", "DIR"] * (chosen.model is not None) + ["--baseline", "DIR"] * (chosen.baseline is not None)
    identities = tuple(dict.fromkeys(ModelId(m.name, m.version, m.card_sha256) for m in networks.values()))
    context = Context(shlex.join(command), date.today().isoformat(), identities, versions())
    where = save(results, context, chosen.out)
    below = missed(results)
    print(f"{results.trials} objects: {where}")
    print(f"{len(results.behaviours) - len(below)} of {len(results.behaviours)} expected behaviours hold")
    for behaviour in below:
        print(f"missed: {behaviour.name}: {behaviour.value:.3f} {behaviour.sense} {behaviour.bar:.3f}")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
