"""`mammoqa validate physics`: run every check of the forward model, print them and write docs/validation/physics.md."""

import argparse
import sys
from pathlib import Path

from mammoqa.jobs.validate_physics import Check, run
from mammoqa.jobs.validate_physics_page import write_json, write_page

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation" / "physics.md"
COMMAND = "mammoqa validate physics"


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--seed", type=int, default=20, help="seed of the noise (default: 20)")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page goes (default: docs/validation)")
    parser.add_argument("--json", type=Path, help="also write the checks as JSON")
    arguments = parser.parse_args()
    checks = run(arguments.seed)
    for check in checks:
        print(line(check))
    write_page(checks, arguments.page, COMMAND)
    if arguments.json is not None:
        write_json(checks, arguments.json)
    return int(any(check.required and not check.passed for check in checks))


def line(check: Check) -> str:
    word = "pass" if check.passed else ("FAIL" if check.required else "note")
    if check.skipped:
        return f"skip  {check.name}: {check.skipped}"
    return f"{word}  {check.value:10.4g}  [{check.low:.4g}, {check.high:.4g}] {check.unit:6s} {check.name}"


if __name__ == "__main__":
    sys.exit(main())
