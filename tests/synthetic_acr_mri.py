"""An analytic ACR large MRI phantom: every number that the tests ask for is known by construction.

Water 1000, plastic 0. Edges are exact to a quarter of a pixel (3 x 3 samples a pixel). The ramps follow a rectangular
slice profile, so that each is ten times as long as the slice is thick; the wedges lie at 45 degrees, so that a slice
`shift_mm` off their vertex shows bars that differ by twice that.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from mammoqa.core import Acquisition, Image, Source, Stack

_PART = 3
_WATER = 1000.0
_RAMP = 0.2


@dataclass(frozen=True)
class Made:
    """What is acquired; the truth follows from it."""

    numbers: tuple[int, ...] = tuple(range(1, 12))
    size: int = 256
    pitch_mm: float = 250.0 / 256.0
    centre_mm: tuple[float, float] = (0.0, 0.0)  # of the phantom, from the middle of the image
    tilt_deg: float = 0.0
    mirrored: bool = False
    diameters_mm: tuple[float, float] = (190.0, 190.0)  # along x and y of the image
    thickness_mm: float = 5.0
    shift_mm: float = 0.0
    spin: float = 1.0  # upper ramp longer by this factor, lower ramp shorter: a turn about the vertical axis
    gradient: float = 0.0  # signal change from the centre to 95 mm, along x of the image
    ghost: float = 0.0  # part of the signal that appears half a field away along the rows
    noise: float = 5.0
    bubble: bool = False
    field_strength_t: float = 1.5
    echoes_ms: tuple[float, ...] = (20.0,)
    seed: int = 1


def stack(made: Made, *, reverse: bool = False) -> Stack:
    """The slices in the order of their positions, or against it."""
    rng = np.random.default_rng(made.seed)
    images = []
    for number in made.numbers:
        clean = _pixels(replace(made, noise=0.0, seed=0, echoes_ms=(), numbers=(), field_strength_t=0.0), number)
        for echo in made.echoes_ms:
            noisy = np.hypot(clean + rng.normal(0, made.noise, clean.shape), rng.normal(0, made.noise, clean.shape))
            images.append(_image(made, noisy.astype(np.float32), 10.0 * number, echo))
    return Stack(tuple(reversed(images)) if reverse else tuple(images), spacing_mm=10.0)


def side_view(made: Made) -> Stack:
    """A sagittal localiser: 148 mm by 190 mm of water."""
    x, y = _grid(made)
    pixels = np.where((np.abs(x) < 74.0) & (np.abs(y) < 95.0), _WATER, 0.0)
    return Stack((_image(made, _binned(pixels).astype(np.float32), 0.0, 20.0),), spacing_mm=0.0)


def _image(made: Made, pixels: np.ndarray, z_mm: float, echo_ms: float) -> Image:
    acquisition = Acquisition(
        modality="MR", field_strength_t=made.field_strength_t, phase_encoding="ROW", echo_time_ms=echo_ms
    )
    return Image(
        pixels,
        (made.pitch_mm, made.pitch_mm),
        Source("synthetic", "0" * 64),
        acquisition,
        position_mm=(0.0, 0.0, z_mm),
        orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    )


def _grid(made: Made) -> tuple[np.ndarray, np.ndarray]:
    """Sample places in mm from the phantom's centre, along the image axes."""
    axis = ((np.arange(made.size * _PART) + 0.5) / _PART - made.size / 2) * made.pitch_mm
    return np.meshgrid(axis - made.centre_mm[0], axis - made.centre_mm[1])


def _binned(fine: np.ndarray) -> np.ndarray:
    size = fine.shape[0] // _PART
    return fine.reshape(size, _PART, size, _PART).mean(axis=(1, 3))


@lru_cache(maxsize=64)
def _pixels(made: Made, number: int) -> np.ndarray:
    across, down = _grid(made)
    cos, sin = np.cos(np.deg2rad(made.tilt_deg)), np.sin(np.deg2rad(made.tilt_deg))
    x, y = cos * across + sin * down, -sin * across + cos * down
    x = -x if made.mirrored else x
    radius = np.hypot(across / made.diameters_mm[0], down / made.diameters_mm[1])
    water = (radius <= 0.5).astype(np.float64)
    if made.bubble:
        water[(np.hypot(x, (y + 100.0) * 2.0) < 20.0)] = 0.0
    water *= _contents(made, number, x, y)
    pixels = _binned(_WATER * water * (1.0 + made.gradient * across / 95.0))
    return pixels + made.ghost * np.roll(pixels, made.size // 2, axis=1)


def _contents(made: Made, number: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Part of the full signal at each place of the slice, before the border of the water."""
    part = np.ones_like(x)
    part[(np.abs(x) < 6.0) & (y < -80.0)] = 0.0
    shift = made.shift_mm + 10.0 * (number - (1 if number < 6 else 11))
    if abs(shift) < 12.0 and number != 6:
        for side, sign in ((x < 0, -1.0), (x >= 0, 1.0)):
            end = -63.0 + sign * shift
            filled = np.clip((y - end) / made.thickness_mm + 0.5, 0.0, 1.0)
            bar = side & (np.abs(x) < 6.0) & (y < -40.0)
            part[bar] = np.minimum(part[bar], filled[bar])
    if number in (1, 2, 3, 4):
        bar = (np.abs(x) < 88.0) & (np.abs(y) < 5.6)
        part[bar] = _ramps(made, x[bar], y[bar]) if number == 1 else 0.0
        part[np.abs(np.hypot(x + 45.0, y + 44.0) - 16.5) < 3.0] = 0.0
        block = (np.abs(x) < 57.0) & (np.abs(y - 39.0) < 19.0) if number == 1 else np.abs(x - 57.0) + np.abs(y - 40) < 9
        part[block] = 0.0
    if number == 5:
        part[(np.abs(x) < 66.0) & (np.abs(y) < 60.0) & ((x % 13.0 < 2.0) | (y % 13.0 < 2.0))] = 0.0
    if number in (8, 9, 10, 11):
        part[np.abs(np.hypot(x, y - 8.0) - 48.0) < 3.0] = 0.0
    return part


def _ramps(made: Made, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    signal = np.zeros_like(x)
    for above, slope, factor in ((True, 1.0, made.spin), (False, -1.0, 1.0 / made.spin)):
        strip = (np.abs(y) > 0.4) & (np.abs(y) < 4.8) & ((y < 0) == above)
        run = np.abs(x - 10.0 * slope * made.shift_mm) / (5.0 * made.thickness_mm * factor)
        signal[strip & (run <= 1.0)] = _RAMP
    return signal
