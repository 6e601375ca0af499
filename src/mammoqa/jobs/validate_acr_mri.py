"""The MRI phantom's measurements beside those of hazen and pylinac, on a folder of real stacks.

Compute only, but for `run`, which writes docs/validation/acr_mri_large.md and its pictures.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from mammoqa.core import Acquisition, Measurement, Pose, Region, Stack
from mammoqa.jobs.validate_acr_mri_peers import (
    hazen_readings,
    pylinac_readings,
    repeat_hazen,
    repeat_hazen_diagonals,
    repeat_hazen_uniformity,
)
from mammoqa.phantoms import PHANTOMS

UNIFORMITY_TOLERANCE = 3.0  # points, and
DIAMETER_TOLERANCE_MM = 1.0  # wanted of the agreement with hazen where hazen is right


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One stack: our readings, the peers', and hazen's way repeated on the same images."""

    name: str
    stack: Stack
    pose: Pose
    measurements: dict[str, Measurement]
    regions: tuple[Region, ...]
    hazen: dict[str, float]
    pylinac: dict[str, float]
    repeated: dict[str, float]
    repeated_low_mm: tuple[float, float] | None  # where hazen's lowest region lies, from the phantom's centre
    diagonal_spread_mm: float  # of hazen's diagonals, over centres within a pixel
    seconds: float  # of processor time, to locate and measure

    @property
    def acquisition(self) -> Acquisition:
        """How the stack was acquired."""
        return self.stack.images[0].acquisition

    def difference(self, name: str) -> float | None:
        """Ours minus hazen's; None where either is missing."""
        if name not in self.measurements or name not in self.hazen:
            return None
        return self.measurements[name].value - self.hazen[name]


def compare(data: Path, reference: Path | None) -> tuple[Compared, ...]:
    """Measure every axial stack under `data`, one folder each; raises RefusalError where one cannot be measured."""
    from mammoqa.dicom import gather

    hazen = hazen_readings(reference) if reference else {}
    pylinac = pylinac_readings(reference) if reference else {}
    found = []
    for item in gather([data]):
        if isinstance(item, Stack) and item.images[0].acquisition.modality == "MR" and len(item.images) > 1:
            name = Path(item.images[0].source.path).parent.name
            found.append(_compared(name, item, hazen.get(name, {}), pylinac.get(name, {})))
    return tuple(sorted(found, key=lambda compared: compared.name))


def run(data: Path, reference: Path | None, out: Path = Path("docs/validation")) -> tuple[Compared, ...]:
    """Compare, and write the page `acr_mri_large.md` with its pictures into `out`."""
    from mammoqa.jobs.validate_acr_mri_page import page
    from mammoqa.jobs.validate_acr_mri_pictures import pictures

    compared = compare(data, reference)
    out.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures(compared).items():
        picture.save(out / name, optimize=True)
    (out / "acr_mri_large.md").write_text(page(compared, reference), encoding="utf-8")
    return compared


def _compared(name: str, stack: Stack, hazen: dict[str, float], pylinac: dict[str, float]) -> Compared:
    from mammoqa.locate.acr_mri import locate_acr_mri
    from mammoqa.score.acr_mri import score_acr_mri

    phantom = PHANTOMS["acr_mri_large"]
    start = time.process_time()
    pose = locate_acr_mri(stack, phantom)
    measurements, regions = score_acr_mri(stack, phantom, pose)
    seconds = time.process_time() - start
    repeated = repeat_hazen(stack, pose)
    low_mm, spread_mm = None, 0.0
    if "slice_5_diameter_diagonal_up" in hazen:
        diagonals, spread_mm = repeat_hazen_diagonals(stack, pose, hazen)
        repeated |= diagonals
    if "percent_image_uniformity" in hazen:
        piu, _, low_mm = repeat_hazen_uniformity(stack, pose, hazen["percent_image_uniformity"])
        repeated["percent_image_uniformity"] = piu
    return Compared(
        name=name,
        stack=stack,
        pose=pose,
        measurements={m.name: m for m in measurements},
        regions=regions,
        hazen=hazen,
        pylinac=pylinac,
        repeated=repeated,
        repeated_low_mm=low_mm,
        diagonal_spread_mm=spread_mm,
        seconds=seconds,
    )
