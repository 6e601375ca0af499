"""`mammoqa validate acr_dm`: mammoqa and pylinac beside simulated readers, on the same simulated exposures.

    mammoqa validate acr_dm                     200 exposures over dose and detector
    mammoqa validate acr_dm --limit 50          the first 50 of them, in mixed order
    mammoqa validate acr_dm --no-peer           without pylinac

Writes docs/validation/acr_dm.md and its pictures. Exit status 1 when an aim is missed. What was simulated and read is
kept in the folder --work, so that an interrupted run goes on where it stopped.
"""

import argparse
import sys
from datetime import date
from pathlib import Path

from mammoqa.cli.progress import watched
from mammoqa.jobs.validate_acr_dm import Peer, records
from mammoqa.jobs.validate_acr_dm_cases import VALIDATION_SEED
from mammoqa.jobs.validate_acr_dm_page import evaluate, save

HERE = Path(__file__).resolve().parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mammoqa validate acr_dm", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=200, metavar="N", help="exposures of the plan (200)")
    parser.add_argument("--limit", type=int, metavar="N", help="stop after so many of them")
    parser.add_argument("--work", type=Path, default=HERE.parent / "runs" / "acr_dm", metavar="DIR", help="kept images")
    python = HERE / "pylinac" / ".venv" / "bin" / "python"
    parser.add_argument("--peer", type=Path, default=python, metavar="PYTHON", help="of pylinac's environment")
    parser.add_argument("--no-peer", action="store_true", help="ask mammoqa only; kept answers of pylinac still count")
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "validation", metavar="DIR")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    peer = None if chosen.no_peer else Peer(chosen.peer, HERE / "pylinac" / "read_acr_dm.py")
    found = list(
        watched(
            records(chosen.count, VALIDATION_SEED, chosen.work, peer, chosen.limit),
            "simulating and reading",
            total=chosen.limit or chosen.count,
        )
    )
    if peer is not None:
        peer.close()
    results = evaluate(found, chosen.count)
    page = save(results, found, date.today().isoformat(), chosen.out)
    print(f"{len(found)} of {chosen.count} exposures: {page}")
    print("all aims are met" if not results.missed else "missed: " + "; ".join(results.missed))
    return int(bool(results.missed))


if __name__ == "__main__":
    sys.exit(main())
