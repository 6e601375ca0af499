"""How visible each part of each test object is in one noise realisation.

For every speck, fibre segment and mass-contour sector a non-prewhitening matched filter is laid on the final pixels at
the part's true place. Its response, divided by the standard deviation that the filter has on this image's own noise
(from the noise power of object-free squares between the objects), is the detectability index of that part in this
realisation: about N(0, 1) where nothing is drawn. Specks are so small that the blur of the detector correlates the
noise over their size; their filter is prewhitened with the radially averaged noise power.
Source of the observer models: Burgess, JOSA A 16:633 (1999); ICRU Report 54 (1996).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mammoqa import physics
from mammoqa.core import Insert, Intent, Phantom
from mammoqa.simulate.expose import Simulated
from mammoqa.simulate.exposure import SOUND
from mammoqa.simulate.shapes import Map, Thickness, cylinder, lens, pixel_average, speck_centres_mm, sphere

SEGMENTS = 10
SECTORS = 12
COARSE_PITCH_MM = 0.1  # finer pixels are averaged for fibres and masses
SQUARE_MM = 10.0  # object-free squares between four objects, for the noise power


@dataclass(frozen=True, slots=True, eq=False)
class Visibility:
    """Detectability indices of one object's parts.

    fibre: `coarse` over 3 mm, `fine` over 1 mm, per segment; speck group: both per speck; mass: `coarse` per sector
    from centre to rim, `fine` per sector of the rim alone. `whole` is the index of the object as one.
    """

    kind: str
    coarse: Float[np.ndarray, " parts"]
    fine: Float[np.ndarray, " parts"]
    whole: float


@dataclass(frozen=True, slots=True, eq=False)
class _Filter:
    """A zero-mean template and the image window that it lies on."""

    window: tuple[int, int, int, int]
    weights: Map


def visibilities(simulated: Simulated, phantom: Phantom) -> tuple[Visibility, ...]:
    """Detectability of every part of every insert, in the phantom's order; zeros for objects outside the image."""
    truth, image = simulated.truth, simulated.image
    exposure = truth.exposure
    if image.pitch_mm is None:
        raise ValueError("a simulated image has a pixel pitch")
    film = physics.DETECTORS[exposure.detector].kind == "film"
    bright = film or exposure.intent is Intent.FOR_PRESENTATION or exposure.monochrome1
    sign = 1.0 if bright else -1.0
    blur_mm = blur_sigma_mm(exposure.detector, exposure.faults.extra_blur_mm)
    full = (image.pixels, truth.matrix, noise_power(image.pixels, truth.matrix, tapered=True))
    binned, matrix = _binned(image.pixels, truth.matrix, max(1, int(COARSE_PITCH_MM / image.pitch_mm[0] + 1e-6)))
    coarser = (binned, matrix, noise_power(binned, matrix))
    found = []
    for nominal, state in zip(phantom.inserts, truth.objects, strict=True):
        x, y = nominal.centre_mm
        insert = replace(nominal, centre_mm=(x + state.offset_mm[0], y + state.offset_mm[1]))
        white = insert.kind == "speck_group"
        pixels, matrix, power = full if white else coarser
        coarse, fine, whole = _parts(insert)
        parts = (*coarse, *whole) if fine is coarse else (*coarse, *fine, *whole)
        values = [
            _index(pixels, matrix, insert, part, reach, centre, blur_mm, power, white) * sign
            for part, centre, reach in parts
        ]
        if fine is coarse:
            values = values[:-1] * 2 + values[-1:]
        n = len(coarse)
        found.append(Visibility(insert.kind, np.array(values[:n]), np.array(values[n:-1]), values[-1]))
    return tuple(found)


def _binned(
    pixels: np.ndarray, matrix: Float[np.ndarray, "2 3"], factor: int
) -> tuple[np.ndarray, Float[np.ndarray, "2 3"]]:
    """Means of factor x factor pixels: specks need every pixel, the larger objects do not."""
    if factor == 1:
        return pixels, matrix
    rows, columns = (n // factor * factor for n in pixels.shape)
    blocks = pixels[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor)
    moved = matrix.copy()
    moved[:, 2] += 0.5
    moved /= factor
    moved[:, 2] -= 0.5
    return blocks.mean(axis=(1, 3), dtype=np.float32), moved


def blur_sigma_mm(detector: str, extra_mm: float) -> float:
    """Gaussian with the converter's MTF at 2 per mm, where speck contrast lives, and any further blur."""
    at_per_mm = 2.0
    mtf = float(physics.converter_mtf(physics.DETECTORS[detector], np.array([at_per_mm]))[0])
    return float(np.hypot(math.sqrt(-math.log(min(mtf, 0.999)) / 2) / (math.pi * at_per_mm), extra_mm))


Part = tuple[Thickness, tuple[float, float], float]  # thickness about the centre, centre, half window in mm


def _parts(insert: Insert) -> tuple[list[Part], list[Part], list[Part]]:
    """Coarse, fine and whole parts of a sound object."""
    if insert.kind == "fibre":
        return _fibre_parts(insert)
    if insert.kind == "speck_group":
        return _speck_parts(insert)
    return _mass_parts(insert)


def _fibre_parts(insert: Insert) -> tuple[list[Part], list[Part], list[Part]]:
    angle = math.radians(insert.angle_deg)
    step = insert.length_mm / SEGMENTS

    def piece(length: float) -> Thickness:
        def thickness(x: Map, y: Map) -> Map:
            along = x * math.cos(angle) + y * math.sin(angle)
            return np.where(np.abs(along) <= length / 2, cylinder(x, y, insert.diameter_mm, insert.angle_deg), 0.0)

        return thickness

    def at(along: float) -> tuple[float, float]:
        return (along * math.cos(angle), along * math.sin(angle))

    centres = [(k + 0.5) * step - insert.length_mm / 2 for k in range(SEGMENTS)]
    limit = insert.length_mm / 2 - 1.5 * step
    coarse = [(piece(3 * step), at(float(np.clip(c, -limit, limit))), 2.6) for c in centres]
    fine = [(piece(step), at(c), 1.8) for c in centres]
    return coarse, fine, [(piece(insert.length_mm), (0.0, 0.0), 5.6)]


def _speck_parts(insert: Insert) -> tuple[list[Part], list[Part], list[Part]]:
    def one(x: Map, y: Map) -> Map:
        return sphere(x, y, insert.diameter_mm)

    centres = speck_centres_mm(insert)

    def group(x: Map, y: Map) -> Map:
        total = np.zeros_like(x)
        for cx, cy in centres:
            total += sphere(x - cx, y - cy, insert.diameter_mm)
        return total

    parts: list[Part] = [(one, (float(cx), float(cy)), 1.2) for cx, cy in centres]
    return parts, parts, [(group, (0.0, 0.0), 4.4)]


def _mass_parts(insert: Insert) -> tuple[list[Part], list[Part], list[Part]]:
    radius = insert.diameter_mm / 2

    def wedge(k: int, inner: float, outer: float) -> Thickness:
        middle = (k + 0.5) / SECTORS

        def thickness(x: Map, y: Map) -> Map:
            turn = np.mod(np.arctan2(y, x) / (2 * np.pi) - middle + 0.5, 1.0) - 0.5
            inside = np.abs(turn) <= 0.5 / SECTORS
            away = np.hypot(x, y) / radius
            outside = inside & (away > 1.05) & (away <= 1.45)
            drawn = inside & (away >= inner) & (away <= outer)
            full = np.where(drawn, lens(x, y, insert.size_mm, insert.diameter_mm), 0.0)
            share = full.sum() / max(int(outside.sum()), 1)
            return full - np.where(outside, share, 0.0)

        return thickness

    def whole(x: Map, y: Map) -> Map:
        return lens(x, y, insert.size_mm, insert.diameter_mm)

    reach = radius * 1.5
    coarse = [(wedge(k, 0.0, 1.0), (0.0, 0.0), reach) for k in range(SECTORS)]
    rim = [(wedge(k, 0.72, 0.95), (0.0, 0.0), reach) for k in range(SECTORS)]
    return coarse, rim, [(whole, (0.0, 0.0), reach)]


def _index(
    pixels: np.ndarray,
    matrix: Float[np.ndarray, "2 3"],
    insert: Insert,
    part: Thickness,
    half_window_mm: float,
    centre_mm: tuple[float, float],
    blur_mm: float,
    power: Float[np.ndarray, "n m"],
    white: bool,
) -> float:
    """Filter response over its own noise."""
    from scipy.ndimage import gaussian_filter

    inverse = np.linalg.inv(matrix[:, :2])
    pixel_mm = float(np.sqrt(abs(np.linalg.det(inverse))))
    centre = matrix[:, :2] @ (np.array(insert.centre_mm) + centre_mm) + matrix[:, 2]
    reach = math.ceil(half_window_mm / pixel_mm)
    col0, row0 = (int(v) for v in np.rint(centre) - reach)
    window = (row0, row0 + 2 * reach + 1, col0, col0 + 2 * reach + 1)
    if row0 < 0 or col0 < 0 or window[1] > pixels.shape[0] or window[3] > pixels.shape[1]:
        return 0.0
    to_mm = np.column_stack([inverse, -inverse @ centre])
    oversampling = {"speck_group": 5, "fibre": 2}.get(insert.kind, 1)
    weights = gaussian_filter(pixel_average(part, to_mm, window, oversampling), blur_mm / pixel_mm, mode="constant")
    if white:
        weights = prewhitened(weights, power)
    weights -= weights.mean()
    response = float(np.vdot(weights, pixels[window[0] : window[1], window[2] : window[3]].astype(np.float64)))
    return response / filter_sigma(weights, power)


def prewhitened(weights: Map, power: Float[np.ndarray, "n n"]) -> Map:
    """A template divided by the noise power at each spatial frequency (its radial average), cut to its window."""
    from scipy.fft import irfft2, next_fast_len, rfft2

    n = power.shape[0]
    frequency = np.fft.fftfreq(n)
    ring = np.rint(np.hypot(frequency[:, None], frequency) * n).astype(int).ravel()
    shares = np.bincount(ring)[1:]
    radial = np.bincount(ring, power.ravel())[1:] / shares  # without the mean, which planes took off
    radial = np.convolve(np.pad(radial, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    size = next_fast_len(2 * max(weights.shape), real=True)
    here = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)) * n
    spectrum = rfft2(weights, (size, size)) / np.interp(here, np.arange(1, len(radial) + 1), radial)
    white: np.ndarray = irfft2(spectrum, (size, size))[: weights.shape[0], : weights.shape[1]]
    return white


def filter_sigma(weights: Map, power: Float[np.ndarray, "n m"]) -> float:
    """Standard deviation of a filter's response to noise of a given power (periodogram, any grid)."""
    from scipy.fft import next_fast_len, rfft2

    size = next_fast_len(max(power.shape[0], *weights.shape), real=True)
    spectrum = np.abs(rfft2(weights, (size, size))) ** 2
    index = np.rint(np.arange(size) * power.shape[0] / size).astype(int) % power.shape[0]
    spectrum *= power[np.ix_(index, index[: size // 2 + 1])]
    spectrum[:, 1 : (size + 1) // 2] *= 2  # the other half plane
    return float(np.sqrt(spectrum.sum()) / size)


def noise_power(
    pixels: np.ndarray, matrix: Float[np.ndarray, "2 3"], *, tapered: bool = False
) -> Float[np.ndarray, "n n"]:
    """Mean periodogram of the object-free squares between the objects, planes removed; its mean is the variance.

    A taper (Hann) keeps power of low frequencies from leaking into the far lower power of high ones.

    Squares with a disc, dust or a dead line in them vary more than the calmer half and are left out. A floor of the
    quantisation noise (1/12) keeps noise-free images finite.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    size = int(SQUARE_MM * scale) // 2 * 2
    y, x = np.mgrid[:size, :size]
    plane = np.stack([np.ones(size * size), x.ravel() - size / 2, y.ravel() - size / 2], axis=1)
    fit = np.linalg.pinv(plane)
    taper = np.hanning(size + 2)[1:-1, None] * np.hanning(size + 2)[1:-1] if tapered else np.ones((size, size))
    taper /= np.sqrt(np.mean(taper**2))
    squares = []
    for cx in (-20.0, 0.0, 20.0):
        for cy in (-20.0, 0.0, 20.0):
            column, row = np.rint(matrix[:, :2] @ (cx, cy) + matrix[:, 2] - size / 2).astype(int)
            if row < 0 or column < 0 or row + size > pixels.shape[0] or column + size > pixels.shape[1]:
                continue
            part = pixels[row : row + size, column : column + size].astype(np.float64).ravel()
            squares.append((part - plane @ (fit @ part)).reshape(size, size))
    if not squares:
        return np.full((size, size), 1 / 12)
    variance = np.array([square.var() for square in squares])
    calm = variance <= 1.3 * np.quantile(variance, 0.4)
    power = [np.abs(np.fft.fft2(s * taper)) ** 2 / size**2 for s, keep in zip(squares, calm, strict=True) if keep]
    return np.asarray(np.mean(power, axis=0) + 1 / 12)


__all__ = [
    "SECTORS",
    "SEGMENTS",
    "SOUND",
    "Visibility",
    "blur_sigma_mm",
    "filter_sigma",
    "noise_power",
    "prewhitened",
    "visibilities",
]
