"""Simulated exposures of the ACR DM phantom with what readers give them: the cases of `mammoqa validate acr_dm`."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mammoqa.core.plain import to_plain
from mammoqa.jobs.simulate import write_image
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate import expose
from mammoqa.simulate.acr_dm import draw_exposure, read_dm
from mammoqa.simulate.detectability import visibilities

VALIDATION_SEED, CALIBRATION_SEED = 20261120, 7  # never the same images


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One image, and its truth: the median and the mean score of the simulated readers per object."""

    path: Path
    detector: str
    dose_mgy: float
    magnification: float  # of the insert, for programs that do not measure it
    truth: Float[np.ndarray, " objects"]
    mean: Float[np.ndarray, " objects"]


def make(folder: Path, number: int, count: int, seed: int, field_mm: tuple[float, float] | None = None) -> Case:
    """Simulate case `number` of `count` into `folder`, unless it lies there already; `field_mm` crops the field."""
    path = folder / f"acr_dm-{seed}-{count}-{number:04d}.dcm"
    beside = path.with_suffix(".json")
    if not (path.is_file() and beside.is_file()):
        folder.mkdir(parents=True, exist_ok=True)
        _simulate(path, beside, number, count, seed, field_mm)
    kept = json.loads(beside.read_text(encoding="utf-8"))
    return Case(
        path,
        kept["detector"],
        kept["dose_mgy"],
        kept["magnification"],
        np.array(kept["truth"]),
        np.array(kept["mean"]),
    )


def _simulate(
    path: Path, beside: Path, number: int, count: int, seed: int, field_mm: tuple[float, float] | None
) -> None:
    from dataclasses import replace

    phantom = PHANTOMS["acr_dm"]
    rng = np.random.default_rng([seed, number])
    exposure = replace(draw_exposure(phantom, rng, number, count), field_mm=field_mm)
    simulated = expose(phantom, exposure, rng)
    seen = visibilities(simulated, phantom)
    scores = read_dm(seen, rng)
    truth = simulated.truth
    pitch_mm = simulated.image.pitch_mm or (1.0, 1.0)
    kept = {
        "detector": exposure.detector,
        "dose_mgy": truth.mean_glandular_dose_mgy,
        "magnification": float(np.sqrt(abs(np.linalg.det(truth.matrix[:, :2])))) * pitch_mm[0],
        "truth": np.median(scores, axis=0).tolist(),
        "mean": scores.mean(axis=0).tolist(),
        "matrix": truth.matrix.tolist(),
        "objects": to_plain(truth.objects),
        "seen": [{"coarse": v.coarse.tolist(), "fine": v.fine.tolist(), "whole": v.whole} for v in seen],
    }
    write_image(simulated, path)
    beside.write_text(json.dumps(kept) + "\n", encoding="utf-8")
