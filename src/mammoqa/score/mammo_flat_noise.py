"""Normalised noise power spectrum of the even field: IEC 62220-1-2, half-overlapping regions of 256 pixels."""

import numpy as np
from jaxtyping import Float

from mammoqa.core import Image, Measurement, Phantom, Pose, Region
from mammoqa.score.mammo_flat_field import detrended, inner, pitch_of, usable

REGION_PX = 256
FREQUENCIES = (0.5, 1.0, 2.0, 4.0)  # 1/mm
_AXES = 7  # lines on either side of each axis that are averaged, without the axis itself


def score_noise(image: Image, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """NNPS in mm2 at 0.5, 1, 2 and 4 per mm, mean of both directions, with the interval of its periodograms."""
    spectra = periodograms(image, phantom)
    if len(spectra) < 4:
        return (), ()
    pitch = pitch_of(image)[0]
    curves = np.array([_along_axes(one, pitch) for one in spectra])
    error = curves.std(axis=0, ddof=1) / np.sqrt(len(spectra) / 2)  # halves overlap
    frequency = np.fft.rfftfreq(REGION_PX, pitch)
    found = []
    for wanted in FREQUENCIES:
        if wanted > 0.45 / pitch:
            continue
        near = np.abs(frequency - wanted) <= 0.1 + 1.0 / (REGION_PX * pitch)
        value = float(curves.mean(axis=0)[near].mean())
        half = float(1.96 * np.sqrt((error[near] ** 2).sum()) / near.sum())
        name = f"nnps_{wanted:g}".replace(".", "_") + "_per_mm"
        found.append(Measurement(name, 1e6 * value, "um2", low=1e6 * (value - half), high=1e6 * (value + half)))
    return tuple(found), ()


def periodograms(image: Image, phantom: Phantom) -> list[Float[np.ndarray, "region region"]]:
    """NNPS in mm2 of each region of the field that is clear of a plate; zero frequency first."""
    rows, columns = inner(image, phantom)
    step = 8
    clear = usable(image, step)
    pitch_y, pitch_x = pitch_of(image)
    found = []
    for top in range(rows.start, rows.stop - REGION_PX + 1, REGION_PX // 2):
        for left in range(columns.start, columns.stop - REGION_PX + 1, REGION_PX // 2):
            cut = clear[top // step : (top + REGION_PX) // step, left // step : (left + REGION_PX) // step]
            if cut.all():
                part = detrended(image.pixels[top : top + REGION_PX, left : left + REGION_PX])
                level = float(part.mean())
                power = np.abs(np.fft.fft2(part - level)) ** 2
                found.append(power * pitch_y * pitch_x / REGION_PX**2 / level**2)
    return _without_outliers(found)


def _without_outliers(spectra: list[np.ndarray]) -> list[np.ndarray]:
    """Regions without dead lines and test objects: those whose total is within three times the median's scatter."""
    if len(spectra) < 8:
        return spectra
    totals = np.array([one.sum() for one in spectra])
    scatter = 1.4826 * float(np.median(np.abs(totals - np.median(totals))))
    return [one for one, t in zip(spectra, totals, strict=True) if abs(t - np.median(totals)) <= 4 * scatter + 1e-15]


def _along_axes(power: Float[np.ndarray, "region region"], pitch_mm: float) -> Float[np.ndarray, " half"]:
    half = REGION_PX // 2 + 1
    along_x = (power[1 : _AXES + 1, :half].mean(axis=0) + power[-_AXES:, :half].mean(axis=0)) / 2
    along_y = (power[:half, 1 : _AXES + 1].mean(axis=1) + power[:half, -_AXES:].mean(axis=1)) / 2
    return np.asarray((along_x + along_y) / 2)
