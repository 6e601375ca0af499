"""From the mean absorbed energy to pixel values: blur, quantum, electronic and structure noise, gain and digitisation.

The map that comes in is the mean over each pixel (the aperture is already in it, by sub-pixel coverage), so the signal
is blurred by the converter and the focal spot only. Quantum noise is Poisson in the number of quanta and weighted by
their energy: its variance in one pixel of area A is A x mean x (second moment / mean). Where the converter spreads
light, that noise is spread with it, so that its power is the converter's MTF² times that of unspread quanta, which the
pixels count independently. (A spread before the sampling would alias a little less: at the Nyquist frequency itself
the power would be a fifth lower.) In a direct converter the noise stays white.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32, UInt16

from mammoqa.physics.detectors import Detector, film_density, gaussian


def detect(
    mean_kev_per_mm2: Float[np.ndarray, "rows columns"],
    quantum_kev: "Float[np.ndarray, 'rows columns'] | float",
    detector: Detector,
    rng: np.random.Generator | None,
    *,
    focal_sigma_mm: float = 0.0,
    unit_seed: int = 0,
) -> UInt16[np.ndarray, "rows columns"]:
    """Pixel values of a mean map; larger means more exposure (for film: darker).

    `quantum_kev` is the second moment over the mean (`Response.quantum_kev`), as a map or one number. `rng=None` leaves
    all noise out, the fixed pattern too. `unit_seed` picks one unit's fixed pattern.
    """
    energy = absorbed(mean_kev_per_mm2, quantum_kev, detector, rng, focal_sigma_mm=focal_sigma_mm, unit_seed=unit_seed)
    return digitise(energy, detector, rng)


def absorbed(
    mean_kev_per_mm2: Float[np.ndarray, "rows columns"],
    quantum_kev: "Float[np.ndarray, 'rows columns'] | float",
    detector: Detector,
    rng: np.random.Generator | None,
    *,
    focal_sigma_mm: float = 0.0,
    unit_seed: int = 0,
) -> Float32[np.ndarray, "rows columns"]:
    """Absorbed energy per pixel in keV with every noise of the detector, before gain and digitisation.

    Quantum noise is Gaussian of the Poisson variance (some hundreds of quanta a pixel in mammography).
    """
    area_mm2 = detector.pitch_mm**2
    mean = np.asarray(mean_kev_per_mm2, dtype=np.float32) * np.float32(area_mm2)
    blurred = blur(mean, detector, focal_sigma_mm)
    if rng is None:
        return blurred
    noise = rng.standard_normal(mean.shape, dtype=np.float32)
    noise *= np.sqrt(mean * np.asarray(quantum_kev, dtype=np.float32))
    if detector.correlated_noise:
        noise = _filtered(noise, _signal_transfer(detector, _padded(noise.shape), 0.0), "wrap")
    blurred += noise
    extra = _white_variance(blurred, detector)
    blurred += rng.standard_normal(mean.shape, dtype=np.float32) * np.sqrt(extra)
    if detector.structure > 0.0:
        blurred *= _fixed_pattern(detector, mean.shape, unit_seed)
    return blurred


def _white_variance(kev_per_pixel: Float32[np.ndarray, "..."], detector: Detector) -> Float32[np.ndarray, "..."]:
    """Variance (keV²) of read-out and of the few secondary quanta that carry the signal; white."""
    variance = np.maximum(kev_per_pixel, np.float32(0.0)) / np.float32(detector.secondary_per_kev)
    variance += np.float32(detector.electronic_kev**2)
    return np.asarray(variance)


@lru_cache(maxsize=2)
def _fixed_pattern(detector: Detector, shape: tuple[int, ...], unit_seed: int) -> Float32[np.ndarray, "rows columns"]:
    pattern = np.random.default_rng((detector.seed, unit_seed)).standard_normal(shape, dtype=np.float32)
    pattern *= np.float32(detector.structure)
    pattern += np.float32(1.0)
    pattern.flags.writeable = False
    return pattern


def digitise(
    kev_per_pixel: Float[np.ndarray, "rows columns"], detector: Detector, rng: np.random.Generator | None = None
) -> UInt16[np.ndarray, "rows columns"]:
    """Pixel values: offset plus gain times energy, or the film's density with its grain; rounded and clipped."""
    film = detector.film
    if film is None:
        values = np.asarray(kev_per_pixel, dtype=np.float32) * np.float32(detector.gain_dn_per_kev)
        values += np.float32(detector.offset_dn)
    else:
        density = film_density(detector, kev_per_pixel / detector.pitch_mm**2).astype(np.float32)
        if rng is not None:
            density += np.float32(film.grain) * np.sqrt(density) * rng.standard_normal(density.shape, dtype=np.float32)
        values = density * np.float32(detector.max_dn / film.digitiser_density)
    np.rint(values, out=values)
    np.clip(values, 0.0, detector.max_dn, out=values)
    return values.astype(np.uint16)


def blur(
    values: Float32[np.ndarray, "rows columns"], detector: Detector, focal_sigma_mm: float = 0.0
) -> Float32[np.ndarray, "rows columns"]:
    """The converter's and the focal spot's blur of a map; edges continue as their last value."""
    return _filtered(values, _signal_transfer(detector, _padded(values.shape), focal_sigma_mm), "edge")


def _margin(shape: tuple[int, ...]) -> tuple[int, int]:
    return min(32, shape[0]), min(32, shape[1])


def _padded(shape: tuple[int, ...]) -> tuple[int, int]:
    from scipy.fft import next_fast_len

    margin = _margin(shape)
    return next_fast_len(shape[0] + 2 * margin[0], real=True), next_fast_len(shape[1] + 2 * margin[1], real=True)


def _filtered(
    values: Float32[np.ndarray, "rows columns"], transfer: Float32[np.ndarray, "..."], edges: Literal["edge", "wrap"]
) -> Float32[np.ndarray, "rows columns"]:
    """Padded so that opposite edges do not mix: a map goes on as its edge, noise as other noise of the same power."""
    from scipy.fft import irfft2, rfft2

    rows, columns = values.shape
    margin = _margin(values.shape)
    full = _padded(values.shape)
    after = (full[0] - rows - margin[0], full[1] - columns - margin[1])
    padded = np.pad(values, ((margin[0], after[0]), (margin[1], after[1])), mode=edges)
    spectrum = rfft2(padded, workers=1, overwrite_x=True)
    spectrum *= transfer
    result = irfft2(spectrum, s=full, workers=1, overwrite_x=True)
    return np.array(result[margin[0] : margin[0] + rows, margin[1] : margin[1] + columns], dtype=np.float32)


def _frequencies(shape: tuple[int, int], pitch_mm: float) -> tuple[np.ndarray, np.ndarray]:
    return np.fft.fftfreq(shape[0], pitch_mm), np.fft.rfftfreq(shape[1], pitch_mm)


def _outer(
    detector: Detector, terms: tuple[tuple[float, float], ...], shape: tuple[int, int]
) -> Float32[np.ndarray, "rows half"]:
    """The transfer of a sum of (weight, sigma) on the half plane of a real transform."""
    along_y, along_x = _frequencies(shape, detector.pitch_mm)
    total = np.zeros((along_y.size, along_x.size), dtype=np.float32)
    for weight, sigma_mm in terms:
        rows = (weight * gaussian(detector, sigma_mm, along_y)).astype(np.float32)
        total += np.outer(rows, gaussian(detector, sigma_mm, along_x).astype(np.float32))
    return total


@lru_cache(maxsize=8)
def _signal_transfer(
    detector: Detector, shape: tuple[int, int], focal_sigma_mm: float
) -> Float32[np.ndarray, "rows half"]:
    widened = tuple((weight, float(np.hypot(sigma_mm, focal_sigma_mm))) for weight, sigma_mm in detector.blur)
    return _outer(detector, widened, shape)


def noise_power(
    detector: Detector, frequency_per_mm: Float[np.ndarray, "..."], across_per_mm: float = 0.0
) -> Float[np.ndarray, "..."]:
    """Power of the quantum noise at (frequency, across), relative to unspread quanta (1 everywhere for direct)."""
    if not detector.correlated_noise:
        return np.ones_like(np.asarray(frequency_per_mm, dtype=float))
    across = np.array(across_per_mm)
    transfer = sum(
        weight * gaussian(detector, sigma_mm, frequency_per_mm) * gaussian(detector, sigma_mm, across)
        for weight, sigma_mm in detector.blur
    )
    return np.asarray(transfer**2)
