"""How far about its place cdcom looks for a disc, told by the published ratios of people to cdcom. Simulated images.

People's thresholds are 1.40 times cdcom's for discs of 0.08 mm and 2.11 times for 1 mm (`HUMAN_OVER_AUTOMATIC`). An
observer who knows the places has no reason to be so much nearer to people at small discs; one who searches has, as
noise then has more chances to look like a small disc. So if people lie above the observer of known places by the same
factor at every size (an assumption: their efficiency at discs from 0.08 to 0.63 mm does not change), the ratios say how
much cdcom loses at each, and with it how far it looks. Nothing here is taken from images that cdcom has read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from mammoqa import physics
from mammoqa.core import Image, Phantom
from mammoqa.jobs.cdmam34 import axes_of
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.cdmam34 import decisions
from mammoqa.stats.contrast_detail import HUMAN_OVER_AUTOMATIC, Method, contrast_detail

DETECTORS = ("a-se-70", "a-se-85", "csi-100", "cr-50")  # all that are read by programs
LARGEST_MM = 0.63  # above, thresholds lie at the thinnest gold of the plate
FARTHEST_MM = 0.36
_MARGIN_MM = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Reaches:
    """Of one detector: the slope of ln(ratio x loss by the search) over ln(diameter) for every reach, and its error."""

    detector: str
    images: int
    reach_mm: Float[np.ndarray, " reaches"]
    slope: Float[np.ndarray, " reaches"]
    error: Float[np.ndarray, " reaches"]


@dataclass(frozen=True, slots=True)
class Told:
    """The reach at which the mean slope is 0, so that people lie above known places by one factor; its 68 % interval.

    The interval is by resampling detectors and the slopes' errors.
    """

    reach_mm: float
    low_mm: float
    high_mm: float


def told(found: Sequence[Reaches], seed: int = 0) -> Told:
    """What several detectors tell together."""
    grid = np.linspace(0.0, min(one.reach_mm[-1] for one in found), 200)
    rng = np.random.default_rng(seed)

    def crossing(chosen: Sequence[Reaches], scatter: float) -> float:
        mean = np.zeros(grid.size)
        for one in chosen:
            # errors of one series go together: its thresholds at known places are in all of its slopes
            mean += np.interp(grid, one.reach_mm, one.slope + scatter * rng.normal() * one.error.mean())
        below = np.flatnonzero(mean <= 0)
        return float(grid[below[0]] if len(below) else grid[-1])

    again = [crossing([found[k] for k in rng.integers(len(found), size=len(found))], 1.0) for _ in range(400)]
    low, high = np.quantile(again, (0.16, 0.84))
    return Told(crossing(found, 0.0), float(low), float(high))


def reaches_of(detector: str, images: int, seed: int) -> Reaches:
    """A simulated series of the standard exposure with a detector, read with every reach of whole pixels."""
    phantom = PHANTOMS["cdmam34"]
    pitch_mm = physics.detector(detector).pitch_mm
    reach_mm = pitch_mm * np.arange(int(FARTHEST_MM / pitch_mm) + 1)
    taken = _read(_images(phantom, detector, images, seed), phantom, reach_mm)
    return slopes(detector, taken, reach_mm, phantom)


def slopes(
    detector: str,
    taken: Int[np.ndarray, "reaches images rows columns"],
    reach_mm: Float[np.ndarray, " reaches"],
    phantom: Phantom,
) -> Reaches:
    """From the corner decisions with every reach; the first is at the known places."""
    diameters, thicknesses = axes_of(phantom)
    fits = [
        contrast_detail(one, diameters, thicknesses, np.random.default_rng(0), Method(resamples=2)) for one in taken
    ]
    thresholds = np.array([fit.automatic.value_um for fit in fits])
    ratio = np.array([HUMAN_OVER_AUTOMATIC.get(round(float(d), 2), np.nan) for d in diameters])
    used = np.isfinite(ratio) & (diameters <= LARGEST_MM)
    level = np.log(ratio[used] * thresholds[:, used] / thresholds[0, used])
    x = np.log(diameters[used])
    x = x - x.mean()
    slope = level @ x / (x @ x)
    rest = level - level.mean(axis=1, keepdims=True) - slope[:, None] * x
    error = np.sqrt((rest**2).sum(axis=1) / (used.sum() - 2) / (x @ x))
    return Reaches(detector, taken.shape[1], reach_mm, slope, error)


def _images(phantom: Phantom, detector: str, images: int, seed: int) -> Iterable[Image]:
    from mammoqa.simulate.cdmam import STANDARD, expose_cdmam
    from mammoqa.simulate.cdmam_scene import Arrangement
    from mammoqa.simulate.cdmam_series import series

    for exposure, rng in series(replace(STANDARD, detector=detector), images, np.random.default_rng(seed)):
        yield expose_cdmam(phantom, exposure, Arrangement(margin_mm=_MARGIN_MM), rng).image


def _read(
    images: Iterable[Image], phantom: Phantom, reach_mm: Float[np.ndarray, " reaches"]
) -> Int[np.ndarray, "reaches images rows columns"]:
    from mammoqa.locate import locate_cdmam34
    from mammoqa.score.cdmam34 import read_cells

    found = []
    for image in images:
        pose = locate_cdmam34(image, phantom)
        found.append(
            [decisions(read_cells(image, phantom, pose, float(mm) + 1e-6).corner_hit, phantom) for mm in reach_mm]
        )
    return np.array(found).swapaxes(0, 1)


def page(found: Sequence[Reaches], made: str) -> str:
    """The page as Markdown; `made` says by which command and when."""
    all_of_them = told(found)
    ratios = ", ".join(
        f"{ratio:.2f} at {mm:g} mm" for mm, ratio in HUMAN_OVER_AUTOMATIC.items() if mm in (0.08, 0.25, 1)
    )
    rows = [
        f"| `{one.detector}` | {mm:.3f} | {slope:+.3f} | {error:.3f} |"
        for one in found
        for mm, slope, error in zip(one.reach_mm, one.slope, one.error, strict=True)
    ]
    return (
        "# CDMAM: how far about its place cdcom looks for a disc\n\n"
        f"{made} **Simulated images**, {found[0].images} of the standard exposure with each detector. Nothing here is "
        "taken from images that cdcom has read.\n\n"
        "EUREF's reader cdcom looks for each disc in a small area about its place; how large is not published. What is "
        f"published are the ratios of people's thresholds to cdcom's: {ratios} (docs/reference/cdmam.md). An observer "
        "who searches loses more at small discs, as noise has more chances to look like one. If people lie above an "
        "observer of known places by the same factor at every size, the fall of the ratios is what cdcom loses by its "
        "search, and the reach is where the loss that is found here makes up for it: where ratio times loss no longer "
        f"depends on the diameter (from 0.08 to {LARGEST_MM:g} mm).\n\n"
        f"**Told by all detectors together: {all_of_them.reach_mm:.2f} mm** (68 % interval {all_of_them.low_mm:.2f} to "
        f"{all_of_them.high_mm:.2f} mm).\n\n"
        "Slope: of ln(ratio × threshold with the search / threshold at the known places) over ln(diameter). Known "
        "places leave the ratios' own slope.\n\n"
        "| detector | within, mm | slope | its standard error |\n|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
        "## What this rests on\n\n"
        "- That people's efficiency does not change from 0.08 to 0.63 mm. Observer studies find it a little lower for "
        "large signals, which would make the true reach smaller.\n"
        "- On the units with which the ratios were found (mostly those of the years about 2006) being like these "
        "detectors, and on cdcom having one reach in mm for all of them.\n"
        "- Before this was done, the agreement with cdcom on four images had been seen for reaches of 0, 0.07, 0.14 "
        "and 0.21 mm ([page](cdmam.md)).\n"
    )
