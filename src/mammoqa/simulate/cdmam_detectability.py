"""How well the ideal observer could tell each disc of a simulated CDMAM, from the physics alone.

The observer knows the disc, its place and the noise, and prewhitens (ICRU report 54, 1996, recalled): d'^2 is the sum
over spatial frequencies of the power of the disc behind every blur, over the noise power. With four corners to choose
from, it is right with the probability P(d') = integral of phi(t - d') Phi(t)^3 dt.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from mammoqa import physics
from mammoqa.simulate.cdmam import CdmamTruth
from mammoqa.simulate.cdmam_scene import disc_coverage

CHOICES = 4


def detectability(truth: CdmamTruth, phases: int = 3) -> Float[np.ndarray, " cells"]:
    """The d' of one disc in each cell, in the order of `truth.cells`.

    Raw digital images only; dust, ghosts and other faults but `extra_noise`, `extra_blur_mm` and `extra_scatter` are
    not in it. The power of the disc is averaged over `phases` x `phases` places within a pixel.
    """
    exposure = truth.exposure
    detector = physics.detector(exposure.detector)
    blur_mm, quantum_kev = _blur_mm(truth), truth.quantum_kev * (1.0 + exposure.faults.extra_noise) ** 2
    found = []
    for cell in truth.cells:
        radius_px = cell.diameter_mm / 2 * truth.magnification / detector.pitch_mm
        power, transfer = _disc_power(detector.name, round(radius_px, 6), round(blur_mm, 6), phases)
        mean = cell.background_kev
        noise = mean * quantum_kev * transfer + _white(detector, mean)
        found.append(cell.contrast * mean * float(np.sqrt((power / noise).mean())))
    return np.array(found)


def filtered_detectability(truth: CdmamTruth, filter_blur_px: float, phases: int = 3) -> Float[np.ndarray, " cells"]:
    """The d' of one disc in each cell for a filter that knows the disc but not the noise, as `detectability`.

    The filter is the disc blurred by a Gaussian of `filter_blur_px`: the conventional reading's. What its fit of the
    background adds to the noise is not in it.
    """
    exposure = truth.exposure
    detector = physics.detector(exposure.detector)
    blur_mm, quantum_kev = _blur_mm(truth), truth.quantum_kev * (1.0 + exposure.faults.extra_noise) ** 2
    found = []
    for cell in truth.cells:
        radius_px = cell.diameter_mm / 2 * truth.magnification / detector.pitch_mm
        overlap, power, transfer = _filter_power(
            detector.name, round(radius_px, 6), round(blur_mm, 6), round(filter_blur_px, 2), phases
        )
        noise = cell.background_kev * quantum_kev * transfer + _white(detector, cell.background_kev)
        found.append(cell.contrast * cell.background_kev * overlap / float(np.sqrt((power * noise).sum())))
    return np.array(found)


def _blur_mm(truth: CdmamTruth) -> float:
    """Standard deviation of what the focal spot and faults add to the detector's blur."""
    exposure = truth.exposure
    height_mm = exposure.source_to_detector_mm * (1.0 - 1.0 / truth.magnification)
    focal_mm = physics.focal_sigma_mm(height_mm, exposure.source_to_detector_mm, exposure.focal_spot_mm)
    return float(np.hypot(focal_mm, exposure.faults.extra_blur_mm))


def _white(detector: physics.Detector, mean: float) -> float:
    """Variance of a pixel from everything but the quanta."""
    white = mean / detector.secondary_per_kev + detector.electronic_kev**2 + (detector.structure * mean) ** 2
    rounding = 1.0 / (12.0 * detector.gain_dn_per_kev**2) if detector.gain_dn_per_kev > 0 else 0.0
    return white + rounding


@lru_cache(maxsize=256)
def _filter_power(
    detector_name: str, radius_px: float, blur_mm: float, filter_px: float, phases: int
) -> tuple[float, Float[np.ndarray, "size size"], Float[np.ndarray, "size size"]]:
    """Of a filter on a square of pixels: its sum over a disc of unit depth, its power spectrum, and the quanta's."""
    detector = physics.detector(detector_name)
    size = 32 * max(1, round((2 * radius_px + 16) / 32 + 0.5))
    f = np.fft.fftfreq(size, detector.pitch_mm)
    blur = _transfer(detector, f, blur_mm)
    # the filter's Gaussian is continuous, so its transfer does not repeat beyond the Nyquist frequency
    wide = np.exp(-2.0 * (np.pi * f * filter_px * detector.pitch_mm) ** 2)
    overlap, power = 0.0, np.zeros((size, size))
    steps = (np.arange(phases) + 0.5) / phases - 0.5
    for dy in steps:
        for dx in steps:
            window, cover = disc_coverage(size / 2 + dx, size / 2 + dy, radius_px, (size, size))
            disc = np.zeros((size, size))
            disc[window[0] : window[1], window[2] : window[3]] = cover
            spectrum = np.fft.fft2(disc)
            answer = spectrum * np.outer(wide, wide)
            overlap += float((np.conj(answer) * spectrum * blur).real.mean())
            power += np.abs(answer) ** 2
    noise = _transfer(detector, f, 0.0) ** 2 if detector.correlated_noise else np.ones((size, size))
    return overlap / phases**2, power / (phases * size) ** 2, noise


@lru_cache(maxsize=256)
def _disc_power(
    detector_name: str, radius_px: float, blur_mm: float, phases: int
) -> tuple[Float[np.ndarray, "size size"], Float[np.ndarray, "size size"]]:
    """Power spectrum of a disc of unit depth behind the blur, and that of the quantum noise, on a square of pixels."""
    detector = physics.detector(detector_name)
    size = 32 * max(1, round((2 * radius_px + 16) / 32 + 0.5))
    f = np.fft.fftfreq(size, detector.pitch_mm)
    blur = _transfer(detector, f, blur_mm)
    power = np.zeros((size, size))
    steps = (np.arange(phases) + 0.5) / phases - 0.5
    for dy in steps:
        for dx in steps:
            window, cover = disc_coverage(size / 2 + dx, size / 2 + dy, radius_px, (size, size))
            disc = np.zeros((size, size))
            disc[window[0] : window[1], window[2] : window[3]] = cover
            power += np.abs(np.fft.fft2(disc) * blur) ** 2
    noise = _transfer(detector, f, 0.0) ** 2 if detector.correlated_noise else np.ones((size, size))
    return power / phases**2, noise


def _transfer(
    detector: physics.Detector, f: Float[np.ndarray, " size"], extra_mm: float
) -> Float[np.ndarray, "size size"]:
    """The converter's blur, widened by a further Gaussian, as `physics.absorbed` applies it."""
    from mammoqa.physics.detectors import gaussian

    total = np.zeros((f.size, f.size))
    for weight, sigma_mm in detector.blur:
        along = gaussian(detector, float(np.hypot(sigma_mm, extra_mm)), f)
        total += weight * np.outer(along, along)
    return total


def share_correct(d_prime: Float[np.ndarray, "..."], choices: int = CHOICES) -> Float[np.ndarray, "..."]:
    """Probability of naming the right one of `choices` places, for an observer without preference."""
    from scipy.special import ndtr

    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    weights = weights / np.sqrt(2.0 * np.pi)
    return np.asarray((ndtr(nodes + np.asarray(d_prime)[..., None]) ** (choices - 1)) @ weights)


def thresholds_um(
    truth: CdmamTruth, d_prime: Float[np.ndarray, " cells"], share: float = 0.625
) -> Float[np.ndarray, " diameters"]:
    """Gold thickness that the ideal observer tells with probability `share`, for each diameter from large to small.

    d' grows as the contrast; between cells, log d' is interpolated linearly in log thickness, and continued beyond.
    """
    from scipy.optimize import brentq

    wanted = float(brentq(lambda d: float(share_correct(np.array(d))) - share, 0.0, 8.0))
    diameters = sorted({cell.diameter_mm for cell in truth.cells}, reverse=True)
    found = []
    for diameter_mm in diameters:
        rows = [
            (cell.thickness_um, d)
            for cell, d in zip(truth.cells, d_prime, strict=True)
            if cell.diameter_mm == diameter_mm
        ]
        log_t, log_d = np.log(np.array(sorted(rows))).T
        k = int(np.clip(np.searchsorted(log_d, np.log(wanted)) - 1, 0, log_d.size - 2))
        slope = (log_t[k + 1] - log_t[k]) / (log_d[k + 1] - log_d[k])
        found.append(float(np.exp(log_t[k] + slope * (np.log(wanted) - log_d[k]))))
    return np.array(found)
