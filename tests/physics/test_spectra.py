"""Spectra: photons kept, beam quality where published, and the heel effect's direction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoqa.core import ConfigurationError
from mammoqa.physics import (
    FILTER_MM,
    PADDLE,
    air_kerma_mgy_per_mas,
    filtered,
    heel,
    hvl_mm_al,
    inverse_square,
    mean_energy_kev,
    spectrum,
)


@pytest.mark.parametrize(
    ("pair", "typical_mm"),  # European guidelines, 4th edition 2006: typical values at 28 kV with the paddle
    [(("Mo", "Mo"), 0.36), (("Mo", "Rh"), 0.42), (("Rh", "Rh"), 0.43), (("W", "Rh"), 0.54)],
)
def test_half_value_layer_is_the_typical_one(pair: tuple[str, str], typical_mm: float) -> None:
    assert hvl_mm_al(spectrum(*pair, 28.0, extra=PADDLE)) == pytest.approx(typical_mm, abs=0.03)


def test_half_value_layer_halves_the_kerma() -> None:
    beam = spectrum("W", "Rh", 28.0)
    behind = filtered(beam, {"aluminium": hvl_mm_al(beam)})
    assert air_kerma_mgy_per_mas(behind) == pytest.approx(0.5 * air_kerma_mgy_per_mas(beam), rel=1e-5)
    assert mean_energy_kev(behind) > mean_energy_kev(beam)


def test_output_of_a_molybdenum_tube_is_in_the_european_range() -> None:
    # at least 30, desirable 40 µGy/mAs at 1 m for Mo/Mo 28 kV (European guidelines, 4th edition 2006; recalled)
    assert 0.030 < air_kerma_mgy_per_mas(spectrum("Mo", "Mo", 28.0, extra=PADDLE)) < 0.080


def test_kerma_follows_the_inverse_square() -> None:
    beam = spectrum("Mo", "Mo", 26.0)
    assert air_kerma_mgy_per_mas(beam, 500.0) == pytest.approx(4.0 * air_kerma_mgy_per_mas(beam, 1000.0))


@pytest.mark.parametrize("pair", sorted(FILTER_MM))
def test_bins_ascend_and_stay_below_the_tube_voltage(pair: tuple[str, str]) -> None:
    beam = spectrum(*pair, 30.0)
    assert np.all(np.diff(beam.energy_kev) > 0)
    assert beam.energy_kev[-1] < 30.0
    assert np.all(beam.fluence_per_mm2_per_mas > 0)
    assert not beam.fluence_per_mm2_per_mas.flags.writeable


def test_higher_voltage_gives_more_and_harder_photons() -> None:
    soft, hard = spectrum("W", "Ag", 25.0), spectrum("W", "Ag", 32.0)
    assert air_kerma_mgy_per_mas(hard) > 1.3 * air_kerma_mgy_per_mas(soft)
    assert hvl_mm_al(hard) > hvl_mm_al(soft)


def test_names_and_symbols_give_the_same_cached_spectrum() -> None:
    named = spectrum("Tungsten", "aluminum", 28.0)
    assert named.energy_kev == pytest.approx(spectrum("W", "Al", 28.0).energy_kev)
    assert spectrum("W", "Al", 28.0) is spectrum("W", "Al", 28.0)


@pytest.mark.parametrize(
    ("anode", "metal", "kvp", "reason"),
    [
        ("Cu", "Mo", 28.0, "unknown"),
        ("Mo", "Al", 28.0, "filter_mm"),
        ("Mo", "Mo", 60.0, "outside"),
        ("W", "Rh", 15.0, "outside"),
    ],
)
def test_what_no_tube_does_is_refused(anode: str, metal: str, kvp: float, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        spectrum(anode, metal, kvp)


def test_heel_effect_darkens_towards_the_nipple_only() -> None:
    distance = np.array([0.0, 60.0, 120.0, 180.0, 240.0])
    relative = heel("W", "Rh", 28.0, distance)
    assert relative[0] == pytest.approx(1.0)
    assert np.all(np.diff(relative) < 0.005)
    assert 0.85 < relative[3] < 0.98
    with pytest.raises(ConfigurationError, match="anode"):
        heel("W", "Rh", 28.0, np.array([400.0]))


@settings(max_examples=50, deadline=None)
@given(offset=st.floats(0.0, 300.0), sid=st.floats(550.0, 750.0))
def test_inverse_square_falls_as_the_cube_of_the_cosine(offset: float, sid: float) -> None:
    cosine = np.cos(np.arctan(offset / sid))
    assert float(inverse_square(np.array(offset), sid)) == pytest.approx(cosine**3)
