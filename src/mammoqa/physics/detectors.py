"""Image detectors as data: what they absorb, how they blur, what noise they add and how they digitise.

The converter's blur is a sum of discrete Gaussians on the pixel grid (Lindeberg 1990, IEEE PAMI 12:234), `blur` =
((weight, sigma_mm), ...): their taps are positive, so that steep edges do not ring, they are separable, and their
transfer exp((sigma/pitch)² (cos 2 pi f pitch - 1)) is known in closed form up to the Nyquist frequency. Weights are set
so that the presampled MTF (converter x square pixel aperture) meets the published curves; what is marked recalled was
not checked against the paper again.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Float

from mammoqa.core import ConfigurationError
from mammoqa.physics.attenuation import linear_per_mm

DetectorKind = Literal["direct", "indirect", "cr", "film"]


@dataclass(frozen=True, slots=True)
class Film:
    """A film's characteristic curve (logistic in log exposure) and the digitiser's range.

    `speed_kev_per_mm2` is the energy absorbed in the screen that gives 1.0 above base and fog; `gradient` is the
    steepest slope in density per decade; `grain` the standard deviation of density at density 1 in one pixel.
    """

    base_fog: float
    top_density: float
    gradient: float
    speed_kev_per_mm2: float
    grain: float
    digitiser_density: float = 4.0


@dataclass(frozen=True, slots=True)
class Detector:
    """One type of detector. Field sizes are (chest wall to nipple, along the chest wall) in mm.

    `escape` = (K edge in keV, fluorescence energy in keV, share of absorbed photons above the edge whose fluorescence
    leaves the converter); `swank` is the optical (gain) Swank factor; `secondary_per_kev` the detected light quanta or
    electrons per absorbed keV; `electronic_kev` the read-out noise of one pixel as absorbed energy; `structure` the
    relative standard deviation of the fixed pattern that is left after flat-fielding; `aec_kev_per_mm2` the absorbed
    energy that an automatic exposure control aims at.
    """

    name: str
    title: str
    kind: DetectorKind
    pitch_mm: float
    small_field_mm: tuple[float, float]
    large_field_mm: tuple[float, float]
    converter: str
    converter_mm: float
    packing: float
    blur: tuple[tuple[float, float], ...]
    correlated_noise: bool
    escape: tuple[float, float, float] | None
    swank: float
    secondary_per_kev: float
    electronic_kev: float
    structure: float
    seed: int
    bits: int
    offset_dn: float
    gain_dn_per_kev: float
    aec_kev_per_mm2: float
    source: str
    film: Film | None = None

    @property
    def max_dn(self) -> int:
        """The largest pixel value."""
        return int(2**self.bits - 1)


_SELENIUM = (
    12.658,
    11.2,
    0.05,
)  # edge and K-alpha from xraydb; share: 0.5 emitted, about a tenth of it lost (recalled)
_ROWS = (
    Detector(
        "a-se-70", "direct amorphous selenium, 70 µm", "direct", 0.070, (180.0, 240.0), (240.0, 290.0),
        "selenium", 0.200, 1.0, ((0.90, 0.028), (0.10, 0.060)), False, _SELENIUM, 1.0, 20.0, 60.0, 0.002,
        7001, 14, 50.0, 0.020, 1.2e7,
        "MTF well above 0.4 at 7.14/mm: Hoheisel et al. 2004 IEEE NSS; noise and gain recalled",
    ),
    Detector(
        "a-se-85", "direct amorphous selenium, 85 µm", "direct", 0.085, (180.0, 240.0), (240.0, 300.0),
        "selenium", 0.200, 1.0, ((0.90, 0.028), (0.10, 0.060)), False, _SELENIUM, 1.0, 20.0, 75.0, 0.002,
        8501, 14, 50.0, 0.014, 1.2e7,
        "converter as a-se-70 (same selenium); noise and gain recalled",
    ),
    Detector(
        "csi-100", "indirect caesium iodide, 100 µm", "indirect", 0.100, (190.0, 230.0), (240.0, 307.0),
        "csi", 0.100, 0.80, ((1.0, 0.0605),), True, None, 0.85, 16.0, 60.0, 0.002,
        1001, 14, 10.0, 0.012, 9.0e6,
        "MTF 0.73, 0.42, 0.28 at 2, 4, 5/mm (met within 0.03), DQE(0) 0.55: Vedantham et al. 2000 Med Phys 27:558",
    ),
    Detector(
        "cr-50", "computed radiography, BaFBr:Eu plate, 50 µm", "cr", 0.050, (180.0, 240.0), (240.0, 300.0),
        "bafbr", 0.150, 0.60, ((0.35, 0.035), (0.65, 0.130)), True, (13.474, 11.9, 0.03), 0.80, 0.5, 25.0, 0.004,
        5001, 12, 0.0, 0.020, 1.2e7,
        "MTF 0.5 near 2/mm: Monnin et al. 2007 Med Phys 34:906 (recalled)",
    ),
    Detector(
        "film-50", "screen and film (Gd2O2S), digitised at 50 µm", "film", 0.050, (180.0, 240.0), (240.0, 300.0),
        "gd2o2s", 0.085, 0.54, ((0.75, 0.028), (0.25, 0.110)), True, None, 0.75, 2.0, 0.0, 0.003,
        5002, 12, 0.0, 0.0, 7.0e6,
        "screen about 34 mg/cm²; MTF 0.5 near 5/mm: Bunch 1999 SPIE 3659:120 (recalled)",
        Film(0.20, 4.0, 3.4, 4.0e6, 0.015),
    ),
)  # fmt: skip
DETECTORS: MappingProxyType[str, Detector] = MappingProxyType({d.name: d for d in _ROWS})


def detector(name: str) -> Detector:
    """The detector of this name; ConfigurationError names the known ones where it is not known."""
    try:
        return DETECTORS[name]
    except KeyError:
        raise ConfigurationError(f"unknown detector {name!r}; known: {', '.join(DETECTORS)}") from None


def converter_mtf(of: Detector, frequency_per_mm: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """MTF of the converter along a row or column, without the pixel aperture; periodic beyond the Nyquist frequency."""
    return np.asarray(sum(weight * gaussian(of, sigma_mm, frequency_per_mm) for weight, sigma_mm in of.blur))


def gaussian(of: Detector, sigma_mm: float, frequency_per_mm: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Transfer of a discrete Gaussian of standard deviation `sigma_mm` on the detector's pixels."""
    phase = 2.0 * np.pi * np.asarray(frequency_per_mm, dtype=float) * of.pitch_mm
    return np.asarray(np.exp((sigma_mm / of.pitch_mm) ** 2 * (np.cos(phase) - 1.0)))


def mtf(of: Detector, frequency_per_mm: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Presampled MTF along a row or column: converter blur times the sinc of the square pixel aperture."""
    return np.asarray(converter_mtf(of, frequency_per_mm) * np.abs(np.sinc(np.asarray(frequency_per_mm) * of.pitch_mm)))


def quantum_efficiency(of: Detector, energy_kev: Float[np.ndarray, " energies"]) -> Float[np.ndarray, " energies"]:
    """Share of the photons that interact in the converter, perpendicular incidence."""
    return np.asarray(-np.expm1(-linear_per_mm(of.converter, energy_kev) * of.converter_mm * of.packing))


def deposited_moments(
    of: Detector, energy_kev: Float[np.ndarray, " energies"]
) -> tuple[Float[np.ndarray, " energies"], Float[np.ndarray, " energies"]]:
    """Mean signal (keV) and mean squared signal (keV²) per incident photon.

    A photon that interacts leaves all its energy, or its energy less that of a K fluorescence photon that escapes;
    the spread of the gain from one photon to the next divides the second moment by the Swank factor (Swank 1973).
    """
    energy = np.asarray(energy_kev, dtype=float)
    efficiency = quantum_efficiency(of, energy)
    share = np.zeros_like(energy)
    lost_kev = 0.0
    if of.escape is not None:
        edge_kev, lost_kev, escaping = of.escape
        share = np.where(energy > edge_kev, escaping, 0.0)
    mean = energy - share * lost_kev
    second = (1.0 - share) * energy**2 + share * (energy - lost_kev) ** 2
    return efficiency * mean, efficiency * second / of.swank


def film_density(of: Detector, kev_per_mm2: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Optical density for absorbed energy: base and fog, then a logistic curve in log exposure."""
    film = of.film
    if film is None:
        raise ConfigurationError(f"{of.name} has no film")
    span = film.top_density - film.base_fog
    steepness = 4.0 * film.gradient / span
    speed = np.log10(film.speed_kev_per_mm2) + np.log(span - 1.0) / steepness  # where the curve is steepest
    exposure = np.log10(np.maximum(kev_per_mm2, 1.0))
    return np.asarray(film.base_fog + span / (1.0 + np.exp(-steepness * (exposure - speed))))
