"""Whether simulated images are valid DICOM: written as files, and given to `dciodvfy` (Debian's dicom3tools)."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammoqa.core import Intent
from mammoqa.simulate import Exposure, expose

VALIDATOR = "dciodvfy"
ABSENT = "dciodvfy is not installed (Debian package dicom3tools)"


@dataclass(frozen=True, slots=True)
class Findings:
    """What the validator says about one file: the object that it took it for, and the lines that begin with Error."""

    kind: str
    errors: tuple[str, ...]


def find_validator() -> str | None:
    """The path of `dciodvfy`; None where it is not installed."""
    return shutil.which(VALIDATOR)


def findings(output: str) -> Findings:
    """What `dciodvfy` printed, both streams together: its errors, and the kind of object, which stands alone in a line.

    Output without a kind, as of a file that is no DICOM object it knows, gives one error more: nothing was checked.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = tuple(line for line in lines if line.startswith("Error"))
    kinds = [line for line in lines if line.isalnum()]  # one word, such as MammographyImageForProcessing
    if not kinds:
        return Findings("", (*errors, "Error - the kind of object was not recognised"))
    return Findings(kinds[0], errors)


def validate_images(validator: str, rng: np.random.Generator) -> dict[Intent, Findings]:
    """Expose the ACR phantom once for each intent, write the images and validate the files."""
    from mammoqa.jobs.simulate import write_image
    from mammoqa.phantoms import PHANTOMS

    found = {}
    with tempfile.TemporaryDirectory(prefix="mammoqa-") as folder:
        for intent in Intent:
            path = Path(folder) / f"{intent.name.lower()}.dcm"
            write_image(expose(PHANTOMS["acr156"], Exposure(intent=intent), rng), path)
            found[intent] = findings(_run(validator, path))
    return found


def _run(validator: str, path: Path) -> str:
    """What the validator prints; its exit status says no more than that."""
    answer = subprocess.run([validator, str(path)], capture_output=True, text=True, errors="replace", check=False)
    return f"{answer.stdout}\n{answer.stderr}"
