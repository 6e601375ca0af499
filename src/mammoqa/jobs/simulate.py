"""Simulated exposures to DICOM files, each with its truth beside it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from mammoqa.core.plain import to_plain
from mammoqa.jobs.outputs import make_folder
from mammoqa.phantoms import PHANTOMS
from mammoqa.physics import DETECTORS
from mammoqa.simulate import Exposure, Simulated, Truth, expose
from mammoqa.simulate.acr_dm import STANDARD as ACR_DM
from mammoqa.simulate.cdmam import STANDARD, CdmamTruth, SimulatedCdmam, expose_cdmam
from mammoqa.simulate.cdmam_series import series

# Which phantoms can be simulated, and the exposure of each where nothing else is asked for.
STANDARDS: Mapping[str, Exposure] = MappingProxyType({"acr156": Exposure(), "acr_dm": ACR_DM, "cdmam34": STANDARD})
SIMULATED = tuple(STANDARDS)
# Detector Type (0018,7004) of each kind of detector.
_DETECTOR_TYPES = {"direct": "DIRECT", "indirect": "SCINTILLATOR", "cr": "STORAGE", "film": "FILM"}


def simulate_files(phantom: str, exposure: Exposure, folder: Path, count: int, seed: int) -> Iterator[Path]:
    """Expose a phantom `count` times with independent noise; the path of each DICOM file as it is written.

    Images of a contrast-detail phantom are one series, the phantom moved a little in between.

    Raises:
        ConfigurationError: an unknown detector, beam or style, or a folder that cannot be written.
    """
    make_folder(folder)
    rng = np.random.default_rng(seed)
    if PHANTOMS[phantom].cells:
        yield from _series_files(phantom, exposure, folder, count, (seed, rng))
        return
    for number, stream in enumerate(rng.spawn(count), start=1):
        simulated = expose(PHANTOMS[phantom], exposure, stream)
        path = folder / f"{phantom}-{seed}-{number:03d}.dcm"
        write_image(simulated, path)
        write_truth(simulated.truth, path.with_suffix(".truth.json"))
        yield path


def _series_files(
    phantom: str, exposure: Exposure, folder: Path, count: int, seeded: tuple[int, np.random.Generator]
) -> Iterator[Path]:
    seed, rng = seeded
    for number, (each, stream) in enumerate(series(exposure, count, rng), start=1):
        simulated = expose_cdmam(PHANTOMS[phantom], each, rng=stream)
        path = folder / f"{phantom}-{seed}-{number:03d}.dcm"
        write_cdmam_image(simulated, path, f"{phantom}/{exposure.device_serial}/{seed}", number)
        write_truth(simulated.truth, path.with_suffix(".truth.json"))
        yield path


def write_cdmam_image(simulated: SimulatedCdmam, path: Path, study: str, number: int) -> None:
    """Image `number` of a series as a DICOM file; the images of one `study` share its UIDs."""
    from mammoqa.dicom.write import write_mammogram

    exposure = simulated.truth.exposure
    write_mammogram(
        simulated.image,
        path,
        seed=study,
        phantom="CDMAM34",
        chest_wall=exposure.chest_wall,
        detector_type=_DETECTOR_TYPES[DETECTORS[exposure.detector].kind],
        instance_number=number,
    )


def write_image(simulated: Simulated, path: Path) -> None:
    """A simulated image as a DICOM file."""
    from mammoqa.dicom.write import write_mammogram

    exposure = simulated.truth.exposure
    kind = DETECTORS[exposure.detector].kind
    write_mammogram(
        simulated.image, path, chest_wall=exposure.chest_wall, detector_type=_DETECTOR_TYPES.get(kind, "DIRECT")
    )


def write_truth(truth: Truth | CdmamTruth, path: Path) -> None:
    """What was simulated, as JSON."""
    path.write_text(json.dumps(to_plain(truth), indent=1) + "\n", encoding="utf-8")
