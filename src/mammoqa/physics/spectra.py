"""Mammographic spectra from SpekPy, and the beam quantities that follow from a spectrum.

SpekPy 2.5 (Bujila, Omar and Poludniowski 2020, Phys Med 75:44; Omar et al. 2020, Med Phys 47:4763) gives the spectrum
that leaves the anode; window, filter, air and everything else in the beam attenuate it with the coefficients of
`attenuation`, so that one set of data serves the whole program. Fluences are those at 1 m from the focal spot.
Filtering runs in 0.1 keV steps and the result is gathered into 0.5 keV bins at their mean energies: with 0.5 keV
throughout, a bin that the K edge of a rhodium filter cuts in two would cost 2.6 % of the signal behind a phantom.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from mammoqa.core import ConfigurationError
from mammoqa.physics.attenuation import linear_per_mm, mass_energy_absorption_cm2_per_g

REFERENCE_MM = 1000.0
BIN_KEV = 0.5
FINE_KEV = 0.1
KVP_RANGE = (22.0, 49.0)
ANODE_ANGLE_DEG = 22.0  # effective, towards the perpendicular ray at the chest wall: anode angle plus tube tilt
WINDOW_BE_MM = 1.0  # tube windows are 0.63 to 1.0 mm of beryllium
PADDLE = (("acrylic", 3.0),)  # compression paddle; with it half-value layers agree with the European guidelines
AIR_MM = 600.0  # between the tube and the breast support
KEV_TO_JOULE = 1.602176634e-16
ANODES: MappingProxyType[str, str] = MappingProxyType({"Mo": "molybdenum", "Rh": "rhodium", "W": "tungsten"})
FILTERS: MappingProxyType[str, str] = MappingProxyType(
    {"Mo": "molybdenum", "Rh": "rhodium", "Ag": "silver", "Al": "aluminium"}
)
FILTER_MM: MappingProxyType[tuple[str, str], float] = MappingProxyType(  # Dance et al. 2000 and 2009, table headings
    {
        ("Mo", "Mo"): 0.030,
        ("Mo", "Rh"): 0.025,
        ("Rh", "Rh"): 0.025,
        ("W", "Rh"): 0.050,
        ("W", "Ag"): 0.050,
        ("W", "Al"): 0.700,
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Photons per mm² and mAs in each bin around `energy_kev`, 1 m from the focal spot; arrays are read-only."""

    anode: str
    filter_material: str
    kvp: float
    filters: tuple[tuple[str, float], ...]
    energy_kev: Float[np.ndarray, " energies"]
    fluence_per_mm2_per_mas: Float[np.ndarray, " energies"]


def symbol(name: str, known: Mapping[str, str]) -> str:
    """The element symbol for a symbol or a name in any case; ConfigurationError for any other."""
    for key, long in known.items():
        if name.strip().lower() in (key.lower(), long, long.replace("aluminium", "aluminum")):
            return key
    raise ConfigurationError(f"unknown anode or filter {name!r}; known: {', '.join(known)}")


def _require_kvp(kvp: float) -> None:
    if not KVP_RANGE[0] <= kvp <= KVP_RANGE[1]:
        raise ConfigurationError(f"tube voltage {kvp:g} kV is outside {KVP_RANGE[0]:g} to {KVP_RANGE[1]:g} kV")


@lru_cache(maxsize=1024)  # SpekPy takes a quarter of a second; filters and acrylic come afterwards
def _leaving_anode(
    anode: str, kvp: float, towards_anode_mm: float, distance_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Energies and photons per mm² and mAs per bin, referred to 1 m on the ray itself."""
    import spekpy

    source = spekpy.Spek(
        kvp=kvp,
        th=ANODE_ANGLE_DEG,
        targ=anode,
        dk=FINE_KEV,
        mas=1.0,
        x=-towards_anode_mm / 10.0,
        z=distance_mm / 10.0,
        obli=False,
    )
    energy_kev, per_cm2 = source.get_spectrum(edges=False, diff=False)
    ray_mm = float(np.hypot(towards_anode_mm, distance_mm))
    return np.asarray(energy_kev, dtype=float), np.asarray(per_cm2, dtype=float) / 100.0 * (ray_mm / REFERENCE_MM) ** 2


@lru_cache(maxsize=128)
def spectrum(
    anode: str,
    filter_material: str,
    kvp: float,
    filter_mm: float | None = None,
    extra: tuple[tuple[str, float], ...] = (),
) -> Spectrum:
    """The spectrum of an anode and filter at `kvp`, behind the tube window, the filter, 600 mm of air and `extra`.

    `filter_mm` defaults to the usual thickness (`FILTER_MM`); `extra` lists (material, mm), such as the compression
    paddle. Raises ConfigurationError for an unknown anode, filter or pair without a default, and outside 22 to 49 kV.
    """
    _require_kvp(kvp)
    target = symbol(anode, ANODES)
    metal = symbol(filter_material, FILTERS)
    if filter_mm is None:
        if (target, metal) not in FILTER_MM:
            raise ConfigurationError(f"no usual filter thickness for {target}/{metal}; give filter_mm")
        filter_mm = FILTER_MM[(target, metal)]
    energy_kev, fluence = _leaving_anode(target, kvp, 0.0, REFERENCE_MM)
    bare = Spectrum(target, metal, float(kvp), (), _frozen(energy_kev), _frozen(fluence))
    return _gathered(filtered(bare, _tube_filters(metal, filter_mm), extra))


def _tube_filters(metal: str, filter_mm: float) -> dict[str, float]:
    return {"beryllium": WINDOW_BE_MM, FILTERS[metal]: filter_mm, "air": AIR_MM}


def _gathered(fine: Spectrum) -> Spectrum:
    """The same photons in 0.5 keV bins, each at the mean energy of its photons."""
    index = np.floor(fine.energy_kev / BIN_KEV).astype(np.intp)
    index -= index[0]
    fluence = np.bincount(index, weights=fine.fluence_per_mm2_per_mas)
    flow = np.bincount(index, weights=fine.fluence_per_mm2_per_mas * fine.energy_kev)
    used = fluence > 0.0
    return replace(
        fine,
        energy_kev=_frozen(flow[used] / fluence[used]),
        fluence_per_mm2_per_mas=_frozen(fluence[used]),
    )


def _frozen(values: np.ndarray) -> np.ndarray:
    values.flags.writeable = False
    return values


def filtered(before: Spectrum, path_mm: Mapping[str, float], extra: tuple[tuple[str, float], ...] = ()) -> Spectrum:
    """The spectrum behind slabs of the given materials (narrow beam)."""
    layers = (*path_mm.items(), *extra)
    depth = np.zeros_like(before.energy_kev)
    for name, thickness_mm in layers:
        depth += linear_per_mm(name, before.energy_kev) * thickness_mm
    fluence = _frozen(before.fluence_per_mm2_per_mas * np.exp(-depth))
    return replace(before, filters=before.filters + layers, fluence_per_mm2_per_mas=fluence)


def air_kerma_mgy_per_mas(beam: Spectrum, distance_mm: float = REFERENCE_MM) -> float:
    """Air kerma in mGy per mAs, free in air, at a distance from the focal spot (inverse square)."""
    return float(_kerma_by_energy(beam).sum()) * (REFERENCE_MM / distance_mm) ** 2


def _kerma_by_energy(beam: Spectrum) -> Float[np.ndarray, " energies"]:
    per_cm2 = beam.fluence_per_mm2_per_mas * 100.0
    absorbed = mass_energy_absorption_cm2_per_g("air", beam.energy_kev)
    return np.asarray(per_cm2 * beam.energy_kev * KEV_TO_JOULE * absorbed * 1000.0 * 1000.0)  # per kg, Gy to mGy


def hvl_mm_al(beam: Spectrum) -> float:
    """First half-value layer of the air kerma in mm of aluminium, good (narrow-beam) geometry."""
    from scipy.optimize import brentq

    kerma = _kerma_by_energy(beam)
    mu = linear_per_mm("aluminium", beam.energy_kev)
    half = 0.5 * kerma.sum()
    return float(brentq(lambda x_mm: float(kerma @ np.exp(-mu * x_mm) - half), 0.0, 20.0, xtol=1e-6))


def mean_energy_kev(beam: Spectrum) -> float:
    """Mean photon energy, weighted by fluence."""
    return float(np.average(beam.energy_kev, weights=beam.fluence_per_mm2_per_mas))


def inverse_square(offset_mm: Float[np.ndarray, "..."], sid_mm: float = 650.0) -> Float[np.ndarray, "..."]:
    """Fluence through a flat detector `offset_mm` from the perpendicular ray, relative to it: cos³ of the angle."""
    return np.asarray((1.0 + (np.asarray(offset_mm, dtype=float) / sid_mm) ** 2) ** -1.5)


def heel(
    anode: str,
    filter_material: str,
    kvp: float,
    distance_mm: Float[np.ndarray, "..."],
    sid_mm: float = 650.0,
    acrylic_mm: float = 40.0,
) -> Float[np.ndarray, "..."]:
    """Energy fluence behind acrylic at a distance from the chest wall, relative to the chest wall.

    The anode lies on the nipple's side and the perpendicular ray meets the chest wall, so the emission angle falls
    from 22 degrees with the distance and the path within the anode grows (SpekPy's own geometry). The heel effect only:
    no inverse square and no oblique filtration (see `inverse_square`). Raises ConfigurationError in the anode's shadow.
    """
    from scipy.interpolate import PchipInterpolator

    where = np.asarray(distance_mm, dtype=float)
    reach_mm = sid_mm * float(np.tan(np.deg2rad(ANODE_ANGLE_DEG - 1.0)))
    if where.size and float(where.max()) > reach_mm:
        raise ConfigurationError(f"the anode shades the beam beyond {reach_mm:.0f} mm from the chest wall")
    nodes_mm, values = _heel_nodes(anode, filter_material, kvp, sid_mm, acrylic_mm, reach_mm)
    return np.asarray(PchipInterpolator(nodes_mm, values)(np.maximum(where, 0.0)))


@lru_cache(maxsize=64)
def _heel_nodes(
    anode: str, filter_material: str, kvp: float, sid_mm: float, acrylic_mm: float, reach_mm: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    beam = spectrum(anode, filter_material, kvp)
    path_mm = {
        **_tube_filters(beam.filter_material, FILTER_MM[(beam.anode, beam.filter_material)]),
        "acrylic": acrylic_mm,
    }
    nodes_mm = np.linspace(0.0, reach_mm, 8)
    strength = []
    for towards_mm in nodes_mm:
        energy_kev, fluence = _leaving_anode(beam.anode, kvp, float(towards_mm), sid_mm)
        passed = np.exp(-sum(linear_per_mm(name, energy_kev) * length for name, length in path_mm.items()))
        strength.append(float((fluence * energy_kev) @ passed))
    return tuple(nodes_mm.tolist()), tuple((np.array(strength) / strength[0]).tolist())
