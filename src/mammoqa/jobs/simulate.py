"""Simulated exposures to DICOM files, each with its truth beside it."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mammoqa.core.plain import to_plain
from mammoqa.jobs.outputs import make_folder
from mammoqa.phantoms import PHANTOMS
from mammoqa.physics import DETECTORS
from mammoqa.simulate import Exposure, Simulated, Truth, expose

SIMULATED = ("acr156",)
# Detector Type (0018,7004) of each kind of detector.
_DETECTOR_TYPES = {"direct": "DIRECT", "indirect": "SCINTILLATOR", "cr": "STORAGE", "film": "FILM"}


def simulate_files(phantom: str, exposure: Exposure, folder: Path, count: int, seed: int) -> Iterator[Path]:
    """Expose a phantom `count` times with independent noise; the path of each DICOM file as it is written.

    Raises:
        ConfigurationError: an unknown detector, beam or style, or a folder that cannot be written.
    """
    make_folder(folder)
    for number, stream in enumerate(np.random.default_rng(seed).spawn(count), start=1):
        simulated = expose(PHANTOMS[phantom], exposure, stream)
        path = folder / f"{phantom}-{seed}-{number:03d}.dcm"
        write_image(simulated, path)
        write_truth(simulated.truth, path.with_suffix(".truth.json"))
        yield path


def write_image(simulated: Simulated, path: Path) -> None:
    """A simulated image as a DICOM file."""
    from mammoqa.dicom.write import write_mammogram

    exposure = simulated.truth.exposure
    kind = DETECTORS[exposure.detector].kind
    write_mammogram(
        simulated.image, path, chest_wall=exposure.chest_wall, detector_type=_DETECTOR_TYPES.get(kind, "DIRECT")
    )


def write_truth(truth: Truth, path: Path) -> None:
    """What was simulated, as JSON."""
    path.write_text(json.dumps(to_plain(truth), indent=1) + "\n", encoding="utf-8")
