"""Coefficients against NIST, and the table of materials against itself."""

import numpy as np
import pytest

from mammoqa.core import ConfigurationError
from mammoqa.physics import (
    MATERIALS,
    linear_per_mm,
    mass_attenuation_cm2_per_g,
    mass_energy_absorption_cm2_per_g,
    mass_fractions,
)

NIST_ENERGY_KEV = np.array([10.0, 15.0, 20.0, 30.0])


@pytest.mark.parametrize(
    ("name", "nist_cm2_per_g"),
    [  # Hubbell and Seltzer, NIST tables 3 and 4, at 10, 15, 20 and 30 keV
        ("air", (5.120, 1.614, 0.7779, 0.3538)),
        ("water", (5.329, 1.673, 0.8096, 0.3756)),
        ("acrylic", (3.357, 1.101, 0.5714, 0.3032)),
        ("aluminium", (26.23, 7.955, 3.441, 1.128)),
    ],
)
def test_mass_attenuation_agrees_with_nist(name: str, nist_cm2_per_g: tuple[float, ...]) -> None:
    assert mass_attenuation_cm2_per_g(name, NIST_ENERGY_KEV) == pytest.approx(nist_cm2_per_g, rel=0.015)


@pytest.mark.parametrize(
    ("name", "nist_cm2_per_g"),
    [("air", (4.742, 1.334, 0.5389, 0.1537)), ("water", (4.944, 1.374, 0.5503, 0.1557))],
)
def test_energy_absorption_agrees_with_nist(name: str, nist_cm2_per_g: tuple[float, ...]) -> None:
    assert mass_energy_absorption_cm2_per_g(name, NIST_ENERGY_KEV) == pytest.approx(nist_cm2_per_g, rel=0.01)


def test_energy_absorption_refuses_what_fluoresces() -> None:
    with pytest.raises(ConfigurationError, match="fluoresces"):
        mass_energy_absorption_cm2_per_g("selenium", NIST_ENERGY_KEV)


@pytest.mark.parametrize("name", sorted(MATERIALS))
def test_every_material_is_complete(name: str) -> None:
    assert sum(weight for _, weight in mass_fractions(name)) == pytest.approx(1.0)
    assert MATERIALS[name].source
    attenuation = linear_per_mm(name, np.arange(8.0, 40.0))
    assert np.all(attenuation > 0)


def test_attenuation_jumps_at_the_k_edge_of_rhodium() -> None:
    below, above = linear_per_mm("rhodium", np.array([23.1, 23.3]))
    assert above > 5 * below


def test_cached_values_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        mass_attenuation_cm2_per_g("water", NIST_ENERGY_KEV)[0] = 0.0


def test_unknown_material_lists_the_known() -> None:
    with pytest.raises(ConfigurationError, match="acrylic"):
        linear_per_mm("butter", NIST_ENERGY_KEV)
