"""`mammoqa validate acr-ct464`: real scans of the ACR CT phantom beside pylinac, to docs/validation/acr_ct464.md.

    mammoqa validate acr-ct464 --peer PYTHON     pylinac's environment, see validation/pylinac/README.md
    mammoqa validate acr-ct464 --no-peer         mammoqa alone

The data are folders of slices, or .tar.xz archives of them. Exit status 1 when an aim is missed.
"""

import argparse
import sys
import tarfile
import tempfile
from datetime import date
from pathlib import Path

from mammoqa.jobs.validate_acr_ct464 import ask_pylinac, compare
from mammoqa.jobs.validate_acr_ct464_page import save

HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="mammoqa validate acr-ct464", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data" / "acr_ct464")
    parser.add_argument("--peer", type=Path, default=HERE / "pylinac" / ".venv" / "bin" / "python", metavar="PYTHON")
    parser.add_argument("--no-peer", action="store_true", help="without pylinac")
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "validation", metavar="DIR")
    chosen = parser.parse_args()
    if not chosen.data.is_dir():
        parser.error(f"there is no folder {chosen.data}: give the scans with --data")
    with tempfile.TemporaryDirectory() as unpacked:
        for archive in sorted(chosen.data.glob("*.tar.xz")):
            with tarfile.open(archive) as opened:
                opened.extractall(unpacked, filter="data")
        folders = sorted(f for root in (chosen.data, Path(unpacked)) for f in root.iterdir() if f.is_dir())
        peers = [{}] * len(folders)
        if not chosen.no_peer:
            peers = ask_pylinac(chosen.peer, HERE / "pylinac" / "read_acr_ct.py", folders)
        compared = compare(folders, peers)
        page, missed = save(compared, date.today().isoformat(), chosen.out)
    print(f"{len(compared)} scans: {page}")
    print("all aims are met" if not missed else "missed: " + "; ".join(missed))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
