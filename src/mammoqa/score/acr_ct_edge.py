"""MTF from the round edge of the bone insert of module 1 (task transfer function, AAPM TG-233, 2019).

Pixels around the insert are sorted by their distance from its centre into an oversampled edge; its derivative is the
line spread, whose Fourier transform is the MTF. It holds for high contrast only where the reconstruction is iterative.
"""

import numpy as np
from jaxtyping import Float

from mammoqa.core import Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_ct_sampling import Slice, circle, slice_of_module
from mammoqa.score.acr_mri_sampling import NORMAL_95, measured, pitch_of, sample

_BIN_MM = 0.1
_REACH_MM = 8.0  # of the line spread to either side of the edge
_FREQUENCIES = np.arange(0.0, 15.0, 0.02)  # lp/cm
_SECTORS = 8  # for the interval


def score_edge(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """Frequencies in lp/cm at which the MTF falls to a half and to a tenth; nothing without module 1.

    The interval is the scatter over eight sectors of the edge, as the standard error of their mean.
    """
    part = slice_of_module(stack, pose, 1)
    if part is None:
        return (), ()
    bone = next(insert for insert in phantom.inserts if insert.name == "bone")
    centre = _centre(part, bone.centre_mm)
    radius_mm = bone.size_mm / 2
    distance, values, angle = _pixels(part, centre, radius_mm)
    if distance.size < 500:
        return (), ()
    curve = _mtf(distance, values)
    sector = np.floor((angle + np.pi) / (2 * np.pi) * _SECTORS).astype(int) % _SECTORS
    parts = [_mtf(distance[sector == k], values[sector == k]) for k in range(_SECTORS)]
    measurements = []
    for name, level in (("mtf_50", 0.5), ("mtf_10", 0.1)):
        value = _falls_to(curve, level)
        scatter = float(np.std([_falls_to(one, level) for one in parts], ddof=1) / np.sqrt(_SECTORS))
        measurements.append(measured(name, value, NORMAL_95 * scatter, "lp/cm", None, "edge of the bone insert"))
    return tuple(measurements), (circle(part, "edge for the MTF", centre, radius_mm),)


def _centre(part: Slice, nominal_mm: tuple[float, float]) -> tuple[float, float]:
    """Centroid of the insert above half of its height."""
    step = np.arange(-18.0, 18.05, 0.3)
    x, y = np.meshgrid(nominal_mm[0] + step, nominal_mm[1] + step)
    values = sample(part.image, part.pose, x, y)
    half = (float(np.percentile(values, 95)) + float(np.percentile(values, 20))) / 2
    weight = np.clip((values - half) / abs(half) + 0.5, 0.0, 1.0)
    return float((weight * x).sum() / weight.sum()), float((weight * y).sum() / weight.sum())


def _pixels(
    part: Slice, centre_mm: tuple[float, float], radius_mm: float
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Distance from the edge in mm, value and direction of every pixel near the edge."""
    pitch_y, pitch_x = pitch_of(part.image)
    at = part.pose.to_px(np.array([centre_mm]))[0]
    rows, columns = np.indices(part.image.pixels.shape)
    x, y = (columns - at[0]) * pitch_x, (rows - at[1]) * pitch_y
    away = np.hypot(x, y) - radius_mm
    near = np.abs(away) <= _REACH_MM
    return away[near], part.image.pixels[near].astype(np.float64), np.arctan2(y[near], x[near])


def _mtf(distance_mm: Float[np.ndarray, " n"], values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " frequencies"]:
    """The MTF at `_FREQUENCIES` of an edge from scattered samples."""
    place = np.arange(-_REACH_MM, _REACH_MM + _BIN_MM / 2, _BIN_MM)
    which = np.clip(np.round((distance_mm - place[0]) / _BIN_MM).astype(int), 0, place.size - 1)
    count = np.bincount(which, minlength=place.size)
    total = np.bincount(which, weights=values, minlength=place.size)
    full = count > 0
    edge = np.interp(place, place[full], total[full] / count[full])
    spread = -np.gradient(edge, _BIN_MM)
    middle = float(
        (np.clip(spread, 0, None) * place)[np.abs(place) < 3].sum() / np.clip(spread, 0, None)[np.abs(place) < 3].sum()
    )
    # a Hann window around the edge: what lies far from it is noise
    window = np.where(np.abs(place - middle) < 6.0, 0.5 + 0.5 * np.cos(np.pi * (place - middle) / 6.0), 0.0)
    waves = np.exp(-2j * np.pi * (_FREQUENCIES[:, None] / 10.0) * place)
    curve = np.abs(waves @ (spread * window))
    # binning and the difference quotient blur by a known factor each
    known = np.sinc(_FREQUENCIES / 10.0 * _BIN_MM) * np.sinc(_FREQUENCIES / 10.0 * 2 * _BIN_MM)
    return np.asarray(curve / curve[0] / known)


def _falls_to(curve: Float[np.ndarray, " frequencies"], level: float) -> float:
    below = np.flatnonzero(curve < level)
    if below.size == 0:
        return float(_FREQUENCIES[-1])
    k = max(int(below[0]), 1)
    share = (curve[k - 1] - level) / max(curve[k - 1] - curve[k], 1e-9)
    return float(_FREQUENCIES[k - 1] + share * (_FREQUENCIES[k] - _FREQUENCIES[k - 1]))
