"""Digital reference slices of the ACR large MRI phantom, acquired as a scanner does: truncated in k-space, then noise.

The object is drawn on a grid at least four times as fine as the image; its Fourier transform is cut to the matrix,
which gives the blur and the ringing of a real image. Water is 1000.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mammoqa.core import Acquisition, Image, Pose, Source, Stack
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.acr_mri_resolution import holes_mm
from mammoqa.score.acr_mri_spokes import FIRST_DEG, diameters_mm, places_mm

CONTRAST = {8: 0.014, 9: 0.025, 10: 0.036, 11: 0.051}
_WATER = 1000.0
_FINE_PX = 2048


@dataclass(frozen=True)
class Reference:
    """What is acquired. `away_mm` moves the phantom, `spokes_turn_deg` the discs of low contrast."""

    field_mm: float = 250.0
    matrix: int = 256
    noise: float = 2.0
    away_mm: tuple[float, float] = (0.0, 0.0)
    spokes_turn_deg: float = 0.0
    contrast: float = 1.0  # part of the phantom's own contrasts
    field_strength_t: float = 1.5
    echo_time_ms: float = 20.0
    repetition_time_ms: float = 500.0
    seed: int = 3


def pose(made: Reference) -> Pose:
    """Where the phantom lies, known by construction; slice k + 1 is image k."""
    pitch = made.field_mm / made.matrix
    middle = (made.matrix - 1) / 2
    matrix = np.array(
        [[1 / pitch, 0.0, middle + made.away_mm[0] / pitch], [0.0, 1 / pitch, middle + made.away_mm[1] / pitch]]
    )
    return Pose(matrix, "bottom", False, 0.0, 1.0, False, 0.1, (0.0, 1200.0), slices=tuple(range(11)))


@lru_cache(maxsize=16)
def reference_stack(made: Reference) -> Stack:
    """Slices 1 to 11; 2 to 6 are plain water."""
    rng = np.random.default_rng(made.seed)
    plain = None
    images = []
    for number in range(1, 12):
        if number in (1, 8, 9, 10, 11):
            clean = _acquired(made, number)
        else:
            plain = clean = _acquired(made, number) if plain is None else plain
        noisy = np.hypot(clean + rng.normal(0, made.noise, clean.shape), rng.normal(0, made.noise, clean.shape))
        images.append(_image(made, noisy.astype(np.float32), number))
    return Stack(tuple(images), spacing_mm=10.0)


def _image(made: Reference, pixels: np.ndarray, number: int) -> Image:
    pitch = made.field_mm / made.matrix
    acquisition = Acquisition(
        modality="MR",
        field_strength_t=made.field_strength_t,
        echo_time_ms=made.echo_time_ms,
        repetition_time_ms=made.repetition_time_ms,
    )
    return Image(
        pixels,
        (pitch, pitch),
        Source("reference", "0" * 64),
        acquisition,
        position_mm=(0.0, 0.0, 10.0 * number),
        orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    )


@lru_cache(maxsize=32)
def _acquired_clean(
    field_mm: float, matrix: int, away: tuple[float, float], turn: float, part: float, number: int
) -> np.ndarray:
    fine = field_mm / _FINE_PX if number == 1 else field_mm / (4 * matrix)
    side = round(field_mm / fine)
    # pixel k of the image has its centre at (k + 0.5) pixels from the border of the field
    axis = (np.arange(side) + 0.5) * fine - field_mm / 2
    x, y = np.meshgrid(axis - away[0], axis - away[1])
    signal = np.where(np.hypot(x, y) <= 95.0, _WATER, 0.0)
    if number == 1:
        _block(signal, x, y)
    elif number in FIRST_DEG:
        _disc(signal, x, y, number, turn, part)
    # binned rather than cut, down to four times the matrix; then cut in k-space
    step = side // (4 * matrix)
    coarse = signal.reshape(4 * matrix, step, 4 * matrix, step).mean(axis=(1, 3))
    spectrum = np.fft.fftshift(np.fft.fft2(coarse))
    low = (4 * matrix - matrix) // 2
    # the first sample of the grid lies 1.5 quarter pixels before the first pixel's centre
    index = np.arange(matrix) - matrix // 2
    shift = np.exp(2j * np.pi * index * 1.5 / (4 * matrix))
    kept = spectrum[low : low + matrix, low : low + matrix] * shift[:, None] * shift[None, :]
    return np.abs(np.fft.ifft2(np.fft.ifftshift(kept))) / 16.0


def _acquired(made: Reference, number: int) -> np.ndarray:
    turn = made.spokes_turn_deg if number in FIRST_DEG else 0.0
    part = made.contrast if number in FIRST_DEG else 1.0
    return np.asarray(_acquired_clean(made.field_mm, made.matrix, made.away_mm, turn, part, number))


def _block(signal: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    signal[(np.abs(x) < 57.0) & (np.abs(y - 39.0) < 19.0)] = 0.0
    for insert in PHANTOMS["acr_mri_large"].inserts:
        for at in holes_mm(insert).reshape(-1, 2):
            _hole(signal, x, y, at, insert.size_mm)


def _disc(signal: np.ndarray, x: np.ndarray, y: np.ndarray, number: int, turn: float, part: float) -> None:
    away = np.hypot(x, y - 8.0)
    signal[np.abs(away - 48.0) < 3.0] = 0.0
    plate = 1.0 - part * CONTRAST[number]  # the plate takes the place of water but for its holes
    signal[away <= 45.0] = _WATER * plate
    for spoke, diameter in zip(places_mm(number, turn), diameters_mm(), strict=True):
        for at in spoke:
            _hole(signal, x, y, at + np.array([0.0, 8.0]), diameter)


def _hole(signal: np.ndarray, x: np.ndarray, y: np.ndarray, at: np.ndarray, diameter_mm: float) -> None:
    rows = slice(*np.searchsorted(y[:, 0], [at[1] - diameter_mm, at[1] + diameter_mm]))
    columns = slice(*np.searchsorted(x[0], [at[0] - diameter_mm, at[0] + diameter_mm]))
    part = np.hypot(x[rows, columns] - at[0], y[rows, columns] - at[1]) <= diameter_mm / 2
    signal[rows, columns][part] = _WATER
