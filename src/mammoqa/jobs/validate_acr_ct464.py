"""The CT phantom's measurements beside pylinac's on the same stacks, and mammoqa's own in pylinac's places.

Compute only; `validate_acr_ct464_page` writes it down.
"""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mammoqa.core import Analysis, ConfigurationError, Measurement, Pose, Stack
from mammoqa.phantoms import PHANTOMS

CT_NUMBER_TOLERANCE_HU = 3.0  # wanted of the agreement with pylinac where its regions lie rightly, and
CNR_TOLERANCE = 0.1
RIGHT_MM = 3.0  # a region lies rightly within this of its nominal place
_THEIR_NAMES = {"Air": "air", "Poly": "polyethylene", "Acrylic": "acrylic", "Bone": "bone", "Water": "water"}
_THEIR_CLOCK = {"Top": "12", "Right": "3", "Bottom": "6", "Left": "9"}


@dataclass(frozen=True, slots=True)
class Row:
    """One number of both programs; `repeated` is mammoqa's in pylinac's slice and region, by pylinac's formula."""

    name: str
    ours: float
    theirs: float
    repeated: float | None
    rightly: bool
    why: str

    @property
    def difference(self) -> float:
        """Ours minus theirs."""
        return self.ours - self.theirs


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One stack: the whole analysis, and the rows beside pylinac; none where it was not asked."""

    name: str
    stack: Stack
    analysis: Analysis
    rows: tuple[Row, ...] = ()
    peer: dict[str, Any] = field(default_factory=dict)

    @property
    def measurements(self) -> dict[str, Measurement]:
        """Measurements by name."""
        return {m.name: m for m in self.analysis.measurements}


def ask_pylinac(python: Path, script: Path, folders: list[Path]) -> list[dict[str, Any]]:
    """What pylinac reads in each folder, in an environment of its own; raises ConfigurationError without one."""
    if not python.is_file():
        raise ConfigurationError(
            f"there is no {python}: make pylinac's environment as validation/pylinac/README.md says, "
            "or leave it out with --no-peer"
        )
    asked = subprocess.run(
        [str(python), str(script)],
        input="".join(f"{folder.resolve()}\n" for folder in folders),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    answers = [json.loads(line) for line in asked.stdout.splitlines() if line.startswith("{")]
    return [*answers, *[{"error": "no answer"}] * (len(folders) - len(answers))]


def compare(folders: list[Path], peers: list[dict[str, Any]]) -> tuple[Compared, ...]:
    """Analyse the stack of each folder and set it beside pylinac's answer (an empty one where it was not asked)."""
    from mammoqa.dicom import gather
    from mammoqa.jobs.analyse import analyse

    found = []
    for folder, peer in zip(folders, peers, strict=True):
        stack = max(
            (item for item in gather([folder]) if isinstance(item, Stack)), key=lambda s: len(s.images), default=None
        )
        if stack is None:
            raise ConfigurationError(f"{folder} holds no stack of CT slices")
        analysis = analyse(stack)
        found.append(Compared(folder.name, stack, analysis, _rows(stack, analysis, peer), peer))
    return tuple(found)


def _rows(stack: Stack, analysis: Analysis, peer: dict[str, Any]) -> tuple[Row, ...]:
    pose = analysis.pose
    if not peer or "error" in peer or pose is None:
        return ()
    ours = {m.name: m.value for m in analysis.measurements}
    return (
        *_material_rows(stack, pose, ours, peer),
        _cnr_row(stack, pose, ours, peer),
        *_uniformity_rows(stack, pose, ours, peer),
    )


def _material_rows(stack: Stack, pose: Pose, ours: dict[str, float], peer: dict[str, Any]) -> list[Row]:
    module = peer["modules"]["materials"]
    rows = []
    for theirs, name in _THEIR_NAMES.items():
        region = module["regions"][theirs]
        nominal = next(i.centre_mm for i in PHANTOMS["acr_ct464"].inserts if i.name == name)
        repeated = _mean(stack, module["slice"], region, 10.0)
        rightly = _away_mm(stack, pose, module["slice"], region, nominal) < RIGHT_MM
        why = _slices(stack, pose, module["slice"], 1)
        rows.append(Row(f"ct_number_{name}", ours[f"ct_number_{name}"], region["value"], repeated, rightly, why))
    return rows


def _cnr_row(stack: Stack, pose: Pose, ours: dict[str, float], peer: dict[str, Any]) -> Row:
    module = peer["modules"]["low contrast"]
    rod = module["regions"]["ROI"]
    beside = {"x": peer["background_px"][0], "y": peer["background_px"][1]}
    first, second = (_values(stack, module["slice"], place, 6.0) for place in (rod, beside))
    median = abs(float(np.median(first)) - float(np.median(second))) / float(second.std())
    mean = abs(float(first.mean()) - float(second.mean())) / float(second.std())
    rightly = _away_mm(stack, pose, module["slice"], rod, (0.0, -60.0)) < RIGHT_MM
    where = _slices(stack, pose, module["slice"], 2)
    why = f"{where}; pylinac takes medians of whole HU, by means it is {mean:.2f} there"
    return Row("low_contrast_cnr", ours["low_contrast_cnr"], peer["cnr"], median, rightly, why)


def _uniformity_rows(stack: Stack, pose: Pose, ours: dict[str, float], peer: dict[str, Any]) -> list[Row]:
    module = peer["modules"]["uniformity"]
    centre = module["regions"]["Center"]
    why = _slices(stack, pose, module["slice"], 3)
    middle = _mean(stack, module["slice"], centre, 11.0)
    rows = [Row("ct_number_centre", ours["ct_number_centre"], centre["value"], middle, True, why)]
    for theirs, clock in _THEIR_CLOCK.items():
        region = module["regions"][theirs]
        repeated = _mean(stack, module["slice"], region, 11.0) - middle
        name = f"uniformity_{clock}_oclock"
        rows.append(Row(name, ours[name], region["value"] - centre["value"], repeated, True, why))
    deviation = float(_values(stack, module["slice"], centre, 11.0).std())
    rows.append(Row("noise", ours["noise"], peer["noise"], deviation, True, why))
    if "bead_distance" in ours:
        said = f"{why}; pylinac looks for the beads in that slice alone, where noise may be brightest"
        rows.append(Row("bead_distance", ours["bead_distance"], peer["bead_distance_mm"], None, False, said))
    return rows


def _slices(stack: Stack, pose: Pose, theirs: int, module: int) -> str:
    """Which slice pylinac reads, by its distance from the module's centre."""
    centre = pose.slices[module - 1]
    away = (theirs - centre) * stack.spacing_mm * (1 if pose.slices[3] > pose.slices[0] else -1)
    return f"pylinac reads slice {theirs + 1}, {away:+.1f} mm from the module's centre in slice {centre + 1}"


def _values(stack: Stack, index: int, place: dict[str, float], radius_mm: float) -> np.ndarray:
    image = stack.images[index]
    pitch_mm = (image.pitch_mm or (1.0, 1.0))[0]
    rows, columns = np.ogrid[: image.pixels.shape[0], : image.pixels.shape[1]]
    near = np.hypot(columns - place["x"], rows - place["y"]) < radius_mm / pitch_mm
    return np.asarray(image.pixels[near].astype(np.float64))


def _mean(stack: Stack, index: int, place: dict[str, float], radius_mm: float) -> float:
    return float(_values(stack, index, place, radius_mm).mean())


def _away_mm(stack: Stack, pose: Pose, index: int, place: dict[str, float], nominal: tuple[float, float]) -> float:
    from mammoqa.score.acr_ct_sampling import centred

    there = centred(stack.images[index], pose).to_mm(np.array([[place["x"], place["y"]]]))[0]
    return float(np.hypot(there[0] - nominal[0], there[1] - nominal[1]))
