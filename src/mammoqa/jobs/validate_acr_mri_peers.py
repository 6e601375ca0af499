"""What hazen and pylinac read from the MRI stacks, and hazen's way of reading repeated here, to explain differences.

Readings come from stored JSON files; neither program is a dependency. The repeats follow hazen's published source
(ACRObject.py, acr_uniformity.py, acr_geometric_accuracy.py; Apache-2.0), written anew.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from scipy import signal

from mammoqa.core import Image, Pose, Stack

HAZEN = "acr_mri_hazen_2.0.0.json"
PYLINAC = "acr_mri_pylinac_3.49.0.json"
_HAZEN_DIAMETERS = {
    "Slice 1 Horizontal distance": "slice_1_diameter_horizontal",
    "Slice 1 Vertical distance": "slice_1_diameter_vertical",
    "Slice 5 Horizontal distance": "slice_5_diameter_horizontal",
    "Slice 5 Vertical distance": "slice_5_diameter_vertical",
    "Slice 5 Diagonal SW distance": "slice_5_diameter_diagonal_up",
    "Slice 5 Diagonal SE distance": "slice_5_diameter_diagonal_down",
}
_DIAGONALS = ("slice_5_diameter_diagonal_up", "slice_5_diameter_diagonal_down")
_HAZEN_SINGLE = {
    "acr_slice_thickness": "slice_thickness",
    "acr_uniformity": "percent_image_uniformity",
    "acr_ghosting": "percent_signal_ghosting",
}
# pylinac counts bar differences left minus right
_PYLINAC = {
    "geometric_distortion_module.profiles.horizontal.width (mm)": ("slice_5_diameter_horizontal", 1.0),
    "geometric_distortion_module.profiles.vertical.width (mm)": ("slice_5_diameter_vertical", 1.0),
    "geometric_distortion_module.profiles.negative diagonal.width (mm)": ("slice_5_diameter_diagonal_down", 1.0),
    "geometric_distortion_module.profiles.positive diagonal.width (mm)": ("slice_5_diameter_diagonal_up", 1.0),
    "slice1.measured_slice_thickness_mm": ("slice_thickness", 1.0),
    "slice1.bar_difference_mm": ("slice_1_position", -1.0),
    "slice11.bar_difference_mm": ("slice_11_position", -1.0),
    "uniformity_module.piu": ("percent_image_uniformity", 1.0),
    "uniformity_module.psg": ("percent_signal_ghosting", 1.0),
}


def hazen_readings(reference: Path) -> dict[str, dict[str, float]]:
    """Stack name -> measurement name -> value, from hazen's stored results; empty without the file."""
    path = reference / HAZEN
    if not path.is_file():
        return {}
    return {name: _hazen_stack(tasks) for name, tasks in json.loads(path.read_text()).items()}


def pylinac_readings(reference: Path) -> dict[str, dict[str, float]]:
    """Stack name -> measurement name -> value, from pylinac's stored results; empty without the file."""
    path = reference / PYLINAC
    if not path.is_file():
        return {}
    found = {}
    for name, values in json.loads(path.read_text()).items():
        found[name] = {
            ours: sign * float(values[theirs])
            for theirs, (ours, sign) in _PYLINAC.items()
            if isinstance(values.get(theirs), int | float)
        }
    return found


def _hazen_stack(tasks: dict[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for entry in _finals(tasks, "acr_geometric_accuracy"):
        found[_HAZEN_DIAMETERS[entry["subtype"]]] = float(entry["value"])
    for entry in _finals(tasks, "acr_slice_position"):
        number = entry["description"].split()[1]
        found[f"slice_{number}_position"] = float(entry["value"])
    for task, name in _HAZEN_SINGLE.items():
        for entry in _finals(tasks, task):
            found[name] = float(entry["value"])
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _finals(tasks: dict[str, Any], task: str) -> list[dict[str, Any]]:
    entries = tasks.get(task, [])
    return [entry for entry in entries if entry["visibility"] == "final"] if isinstance(entries, list) else []


def repeat_hazen(stack: Stack, pose: Pose) -> dict[str, float]:
    """Diameters along x and y as hazen reads them.

    Whole pixels, last minus first, of the convex hull of all above 7 % of the largest value, on the line through the
    centre.
    """
    found = {}
    for number in (1, 5):
        image = stack.images[pose.slices[number - 1]]
        hull = hazen_hull(image)
        x, y = (round(float(v)) for v in pose.matrix[:, 2])
        pitch_y, pitch_x = image.pitch_mm or (np.nan, np.nan)
        across, down = np.flatnonzero(hull[y]), np.flatnonzero(hull[:, x])
        found[f"slice_{number}_diameter_horizontal"] = float(across[-1] - across[0]) * pitch_x
        found[f"slice_{number}_diameter_vertical"] = float(down[-1] - down[0]) * pitch_y
    return found


def hazen_hull(image: Image) -> Bool[np.ndarray, "rows columns"]:
    """The phantom as hazen sees it: the convex hull of all above 7 % of the largest value."""
    from skimage.morphology import area_opening, convex_hull_image

    bright = image.pixels > 0.07 * float(image.pixels.max())
    opened = area_opening(bright, 500)  # type: ignore[no-untyped-call]
    return np.asarray(convex_hull_image(opened), dtype=bool)  # type: ignore[no-untyped-call]


def repeat_hazen_diagonals(stack: Stack, pose: Pose, wanted: dict[str, float]) -> tuple[dict[str, float], float]:
    """Diagonals of slice 5 as hazen reads them, and how far one of them moves with the centre, in mm.

    The hull is turned by 45 degrees about the centre and counted in whole pixels. Of nine centres within a pixel of the
    phantom's, the pair nearest `wanted` is given, and the largest spread over the nine.
    """
    from skimage.transform import rotate

    image = stack.images[pose.slices[4]]
    hull = hazen_hull(image)
    pitch_mm = float(np.sqrt(np.mean(np.square(image.pitch_mm or (np.nan, np.nan)))))
    x, y = (round(float(v)) for v in pose.matrix[:, 2])
    pairs = []
    for at_x, at_y in ((x + i, y + j) for i in (0, -1, 1) for j in (0, -1, 1)):
        turned = np.asarray(rotate(hull, 45, center=(at_x, at_y)))  # type: ignore[no-untyped-call]
        across, down = np.flatnonzero(turned[at_y]), np.flatnonzero(turned[:, at_x])
        pairs.append((float(down[-1] - down[0]) * pitch_mm, float(across[-1] - across[0]) * pitch_mm))
    aim = np.array([wanted[name] for name in _DIAGONALS])
    best = min(pairs, key=lambda pair: float(np.abs(np.array(pair) - aim).sum()))
    return dict(zip(_DIAGONALS, best, strict=True)), float(np.ptp(np.array(pairs), axis=0).max())


def repeat_hazen_uniformity(
    stack: Stack, pose: Pose, wanted: float
) -> tuple[float, tuple[float, float], tuple[float, float]]:
    """Of nine centres within a pixel of the phantom's, the PIU nearest `wanted`; its centre and lowest place in mm.

    A region of 80 mm radius, rounded up to pixels. hazen's centre is a circle found to whole pixels and is not among
    its results, hence the nine.
    """
    image = stack.images[pose.slices[6]]
    pitch_y, pitch_x = image.pitch_mm or (np.nan, np.nan)
    large, small = int(np.ceil(80 / pitch_x)), int(np.ceil(np.sqrt(100 / np.pi) / pitch_x))
    rows, columns = np.mgrid[-small : small + 1, -small : small + 1]
    disc = (np.hypot(rows, columns) <= small).astype(np.float64)
    means = signal.fftconvolve(image.pixels.astype(np.float64), disc / disc.sum(), mode="same")
    rows, columns = np.indices(image.pixels.shape)
    x, y = (float(v) for v in pose.matrix[:, 2])
    best = (np.inf, (0.0, 0.0), (0.0, 0.0))
    for shift_x in (0, -1, 1):
        for shift_y in (0, -1, 1):
            at_x, at_y = round(x) + shift_x, round(y) + shift_y
            inside = np.hypot(columns - at_x, rows - at_y) + small <= large
            high, low = float(means[inside].max()), float(means[inside].min())
            piu = 100.0 * (1.0 - (high - low) / (high + low))
            if abs(piu - wanted) < abs(best[0] - wanted):
                row, column = np.unravel_index(int(np.argmin(np.where(inside, means, np.inf))), means.shape)
                place = ((float(column) - x) * pitch_x, (float(row) - y) * pitch_y)
                best = (piu, ((at_x - x) * pitch_x, (at_y - y) * pitch_y), place)
    return best
