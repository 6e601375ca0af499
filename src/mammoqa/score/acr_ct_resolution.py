"""High contrast: the eight squares of bars of module 4. ACR, Phantom Testing: CT.

For each square the amplitude of its own frequency is fitted to the profile across the bars. Bars and gaps are equally
wide, so that the square's mean lies half-way between aluminium and body whatever the blur (Droege and Morin, Med.
Phys. 9 (1982) 758): the modulation transfer at the frequency is the amplitude over 4/pi times that mean. A pattern of
another frequency, such as aliasing of bars finer than the pixels, does not count.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from mammoqa.core import Insert, Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_ct_sampling import Slice, read_disc, slice_of_module
from mammoqa.score.acr_mri_sampling import NORMAL_95, measured, pitch_of, polyline_px, sample

_READ_MM = 11.0  # side of the part of a square that is read, clear of its edges
_STEP_MM = 0.1
_SEEN_MODULATION = 0.05  # least modulation that an observer sees as bars (a choice; readers differ)
_SEEN_NOISE = 4.0  # and so many times the error of the amplitude


@dataclass(frozen=True, slots=True)
class Bars:
    """One square: its frequency, modulation transfer with its error, and whether its bars are seen."""

    insert: Insert
    centre_mm: tuple[float, float]
    transfer: float
    error: float
    seen: bool


def score_resolution(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """Highest frequency of which it and all lower ones are seen, and the modulation transfer at each.

    Nothing without module 4. A limit of 0 lp/cm says that not even the coarsest bars are seen.
    """
    part = slice_of_module(stack, pose, 4)
    if part is None:
        return (), ()
    ground = read_disc(part.image, part.pose, (0.0, 0.0), 30.0)
    if ground is None:
        return (), ()
    squares = [_bars(part, insert, ground.mean) for insert in phantom.inserts if insert.kind == "bars"]
    read = sorted((square for square in squares if square is not None), key=lambda square: square.insert.size_mm)
    if not read:
        return (), ()
    limit = 0.0
    for square in read:
        if not square.seen:
            break
        limit = square.insert.size_mm
    note = f"seen from a modulation of {_SEEN_MODULATION:g}, at the bars' own frequency"
    measurements = [Measurement("high_contrast_resolution", limit, "lp/cm", note=note)]
    for square in read:
        name = f"mtf_bars_{square.insert.size_mm:g}_lp_cm"
        measurements.append(measured(name, square.transfer, NORMAL_95 * square.error, "", None, floor=0.0))
    regions = tuple(_outline(part, square) for square in read)
    return tuple(measurements), regions


def _bars(part: Slice, insert: Insert, ground: float) -> Bars | None:
    """The bars of one square; None where the square is not there."""
    centre = _centre(part, insert, ground)
    if centre is None:
        return None
    along = np.arange(-_READ_MM / 2, _READ_MM / 2, _STEP_MM)
    smooth = _spline(part, centre)
    best: tuple[float, float, float] | None = None
    for turn in (45.0, -45.0):
        cos, sin = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
        u, v = np.meshgrid(along, along)
        values = smooth(centre[0] + cos * u - sin * v, centre[1] + sin * u + cos * v)
        amplitude, error = _amplitude(along, values, insert.size_mm / 10.0)
        level = float(values.mean()) - ground
        if best is None or amplitude > best[0]:
            best = (amplitude, error, level)
    if best is None or best[2] <= 0:
        return None
    amplitude, error, level = best
    full = 4.0 / np.pi * level
    seen = amplitude / level >= _SEEN_MODULATION and amplitude >= _SEEN_NOISE * error
    return Bars(insert, centre, float(amplitude / full), float(error / full), bool(seen))


def _centre(part: Slice, insert: Insert, ground: float) -> tuple[float, float] | None:
    """Centroid of the bright square within 14 mm of its nominal place."""
    step = np.arange(-14.0, 14.0, 0.4)
    x, y = np.meshgrid(insert.centre_mm[0] + step, insert.centre_mm[1] + step)
    values = sample(part.image, part.pose, x, y) - ground
    bright = values > 0.35 * float(np.percentile(values, 98))
    if float(np.percentile(values, 90)) < 200.0 or not bright.any():
        return None
    return float(x[bright].mean()), float(y[bright].mean())


def _spline(part: Slice, centre_mm: tuple[float, float]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Values between the pixels by a cubic spline: straight lines would take a fifth off bars of 6 lp/cm."""
    at = part.pose.to_px(np.array([centre_mm]))[0]
    half = int(np.ceil(16.0 / min(pitch_of(part.image))))
    top, left = max(0, int(at[1]) - half), max(0, int(at[0]) - half)
    cut = part.image.pixels[top : top + 2 * half, left : left + 2 * half].astype(np.float64)
    coefficients = ndimage.spline_filter(cut, order=3)

    def value(x_mm: np.ndarray, y_mm: np.ndarray) -> np.ndarray:
        px = part.pose.to_px(np.column_stack([x_mm.ravel(), y_mm.ravel()]))
        where = [px[:, 1] - top, px[:, 0] - left]
        found = ndimage.map_coordinates(coefficients, where, order=3, prefilter=False, mode="nearest")
        return np.asarray(found).reshape(x_mm.shape)

    return value


def _amplitude(
    along_mm: Float[np.ndarray, " n"], values: Float[np.ndarray, "n n"], frequency_per_mm: float
) -> tuple[float, float]:
    """Amplitude at the bars' frequency (best within 3 %) of the profile along the first axis, and its error.

    The error is the scatter of the amplitudes at neighbouring frequencies where bars have no power.
    """
    profile = values.mean(axis=0)
    profile = profile - np.polyval(np.polyfit(along_mm, profile, 2), along_mm)
    window = np.hanning(along_mm.size)

    def amplitude(frequency: float) -> float:
        wave = np.exp(-2j * np.pi * frequency * along_mm)
        return float(2 * abs((profile * window * wave).sum()) / window.sum())

    peak = max(amplitude(frequency_per_mm * f) for f in np.linspace(0.97, 1.03, 13))
    aside = [amplitude(frequency_per_mm + sign * away / _READ_MM) for sign in (-1, 1) for away in (2.2, 2.7, 3.2)]
    return peak, float(np.sqrt(np.mean(np.square(aside)) / 2))


def _outline(part: Slice, square: Bars) -> Region:
    half = _READ_MM / np.sqrt(2.0)
    x, y = square.centre_mm
    corners = [(x, y - half), (x + half, y), (x, y + half), (x - half, y)]
    label = f"{square.insert.size_mm:g} lp/cm {'seen' if square.seen else 'not seen'}"
    return Region(label, polyline_px(part.pose, corners), index=part.index)
