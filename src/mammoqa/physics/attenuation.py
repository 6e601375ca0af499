"""What materials do to x rays: compositions as data, coefficients from xraydb (Elam, Ravel and Sieber 2002)."""

from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from mammoqa.core import ConfigurationError

ELECTRON_REST_KEV = 510.999  # CODATA 2018


@dataclass(frozen=True, slots=True)
class Material:
    """A substance: a chemical `formula`, or else mass `fractions` by element symbol."""

    name: str
    density_g_per_cm3: float
    source: str
    formula: str = ""
    fractions: tuple[tuple[str, float], ...] = ()


_NIST = "NIST X-ray mass attenuation coefficients, table 1 (Hubbell and Seltzer)"
_NIST_2 = "NIST X-ray mass attenuation coefficients, table 2"
_HAMMERSTEIN = "Hammerstein et al. 1979 Radiology 130:485; ash shared among P, S, K, Ca as in Boone 1999"
_GLANDULAR = {"H": 0.102, "C": 0.184, "N": 0.032, "O": 0.677, "P": 0.00125, "S": 0.00125, "K": 0.00125, "Ca": 0.00125}
_ADIPOSE = {"H": 0.112, "C": 0.619, "N": 0.017, "O": 0.251, "P": 0.00025, "S": 0.00025, "K": 0.00025, "Ca": 0.00025}
_ROWS = (
    Material("acrylic", 1.19, _NIST_2, "C5H8O2"),
    Material("polycarbonate", 1.20, "NIST PSTAR material 219", "C16H14O3"),
    Material("wax", 0.93, "NIST PSTAR material 213, paraffin wax", "C25H52"),
    Material("nylon", 1.14, "NIST PSTAR material 209, nylon-6", "C6H11NO"),
    Material("alumina", 3.97, "NIST PSTAR material 106, aluminium oxide", "Al2O3"),
    Material("aluminium", 2.699, _NIST, "Al"),
    Material("lead", 11.35, _NIST, "Pb"),
    Material("gold", 19.32, _NIST, "Au"),
    Material("beryllium", 1.848, _NIST, "Be"),
    Material("molybdenum", 10.22, _NIST, "Mo"),
    Material("rhodium", 12.41, _NIST, "Rh"),
    Material("silver", 10.50, _NIST, "Ag"),
    Material("tungsten", 19.30, _NIST, "W"),
    Material("copper", 8.96, _NIST, "Cu"),
    Material("water", 1.00, _NIST_2, "H2O"),
    Material(
        "air",
        1.205e-3,
        _NIST_2,
        fractions=(("C", 0.000124), ("N", 0.755268), ("O", 0.231781), ("Ar", 0.012827)),
    ),
    Material("adipose", 0.93, _HAMMERSTEIN, fractions=tuple(_ADIPOSE.items())),
    Material("glandular", 1.04, _HAMMERSTEIN, fractions=tuple(_GLANDULAR.items())),
    Material(
        "breast_50_50",
        0.982,
        _HAMMERSTEIN + "; equal masses, volumes additive",
        fractions=tuple((e, 0.5 * (_GLANDULAR[e] + _ADIPOSE[e])) for e in _GLANDULAR),
    ),
    Material(
        "skin",
        1.09,
        "Hammerstein et al. 1979 Radiology 130:485",
        fractions=(("H", 0.098), ("C", 0.178), ("N", 0.050), ("O", 0.667), ("P", 0.007)),
    ),
    Material("csi", 4.51, _NIST_2, "CsI"),
    Material("selenium", 4.28, "amorphous selenium, Kasap and Rowlands 2000 (recalled)", "Se"),
    Material("bafbr", 4.96, "crystal density (recalled)", "BaFBr"),
    Material("gd2o2s", 7.44, _NIST_2 + " (gadolinium oxysulphide)", "Gd2O2S"),
    Material("calcium_hydroxyapatite", 3.16, "crystal density (recalled)", "Ca5P3O13H"),
    Material(
        "glass",
        2.40,
        "NIST PSTAR material 171, plate glass (soda-lime)",
        fractions=(("O", 0.459800), ("Na", 0.096441), ("Si", 0.336553), ("Ca", 0.107205)),
    ),
    Material("calcium_carbonate", 2.71, "calcite (recalled)", "CaCO3"),
)
MATERIALS: MappingProxyType[str, Material] = MappingProxyType({m.name: m for m in _ROWS})
_LOW_Z = frozenset({"H", "C", "N", "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar", "K", "Ca", "Be"})


def material(name: str) -> Material:
    """The material of this name; ConfigurationError names the known ones where it is not known."""
    try:
        return MATERIALS[name]
    except KeyError:
        raise ConfigurationError(f"unknown material {name!r}; known: {', '.join(sorted(MATERIALS))}") from None


@lru_cache(maxsize=64)
def mass_fractions(name: str) -> tuple[tuple[str, float], ...]:
    """Mass fractions by element, summing to 1 (the ash of tissues makes the tables differ from 1 by < 0.1 %)."""
    known = material(name)
    if known.fractions:
        pairs = known.fractions
    else:
        import xraydb

        atoms = xraydb.chemparse(known.formula)
        pairs = tuple((element, count * float(xraydb.atomic_mass(element))) for element, count in atoms.items())
    total = sum(weight for _, weight in pairs)
    return tuple((element, weight / total) for element, weight in pairs)


@lru_cache(maxsize=512)
def _coefficient(name: str, energies: bytes, kind: str) -> Float[np.ndarray, " energies"]:
    import xraydb

    energy_ev = np.frombuffer(energies) * 1000.0
    total = np.zeros_like(energy_ev)
    for element, weight in mass_fractions(name):
        total += weight * np.asarray(xraydb.mu_elam(element, energy_ev, kind=kind), dtype=float)
    total.flags.writeable = False
    return total


def mass_attenuation_cm2_per_g(
    name: str, energy_kev: Float[np.ndarray, " energies"], kind: str = "total"
) -> Float[np.ndarray, " energies"]:
    """Mass attenuation; `kind` is total, photo, incoh or coh. Read-only, cached by material and energies."""
    material(name)
    return _coefficient(name, np.ascontiguousarray(energy_kev, dtype=float).tobytes(), kind)


def linear_per_mm(name: str, energy_kev: Float[np.ndarray, " energies"]) -> Float[np.ndarray, " energies"]:
    """Linear attenuation in 1/mm at the material's density, coherent scatter included (narrow beam)."""
    return mass_attenuation_cm2_per_g(name, energy_kev) * (material(name).density_g_per_cm3 / 10.0)


def mass_energy_absorption_cm2_per_g(
    name: str, energy_kev: Float[np.ndarray, " energies"]
) -> Float[np.ndarray, " energies"]:
    """Mass energy absorption of light materials (Z up to 20), within 1 % of NIST for air from 10 to 50 keV.

    Photoelectric absorption plus the mean fraction of a photon's energy that Compton scattering hands to electrons
    (Klein-Nishina). Fluorescence and bremsstrahlung losses are neglected, hence the limit on Z.
    """
    heavy = [element for element, _ in mass_fractions(name) if element not in _LOW_Z]
    if heavy:
        raise ConfigurationError(f"energy absorption of {name} is not modelled: {heavy[0]} fluoresces")
    photo = mass_attenuation_cm2_per_g(name, energy_kev, "photo")
    scattered = mass_attenuation_cm2_per_g(name, energy_kev, "incoh")
    return np.asarray(photo + scattered * compton_transfer(energy_kev))


def compton_transfer(energy_kev: Float[np.ndarray, " energies"]) -> Float[np.ndarray, " energies"]:
    """Mean fraction of the energy given to the electron, averaged over the Klein-Nishina angles."""
    alpha = np.asarray(energy_kev, dtype=float)[:, None] / ELECTRON_REST_KEV
    cosine, weight = np.polynomial.legendre.leggauss(24)
    ratio = 1.0 / (1.0 + alpha * (1.0 - cosine))
    cross_section = ratio**2 * (ratio + 1.0 / ratio - 1.0 + cosine**2)
    moved = ((1.0 - ratio) * cross_section) @ weight
    return np.asarray(moved / (cross_section @ weight))
