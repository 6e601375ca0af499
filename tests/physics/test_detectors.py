"""Detectors: published sharpness and efficiency, and moments that can exist."""

import numpy as np
import pytest

from mammoqa.core import ConfigurationError
from mammoqa.physics import (
    DETECTORS,
    converter_mtf,
    deposited_moments,
    detector,
    film_density,
    filtered,
    mtf,
    quantum_efficiency,
    spectrum,
)

ENERGY_KEV = np.arange(10.0, 35.0, 0.5)


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_mtf_starts_at_one_and_falls(name: str) -> None:
    of = DETECTORS[name]
    curve = mtf(of, np.linspace(0.0, 0.5 / of.pitch_mm, 50))
    assert curve[0] == pytest.approx(1.0)
    assert np.all(np.diff(curve) < 0)
    assert float(converter_mtf(of, np.array(0.0))) == pytest.approx(1.0)


def test_caesium_iodide_is_as_sharp_as_published() -> None:
    # Vedantham et al. 2000, Med Phys 27:558
    assert mtf(DETECTORS["csi-100"], np.array([2.0, 4.0, 5.0])) == pytest.approx([0.73, 0.42, 0.28], abs=0.033)


def test_selenium_is_well_above_forty_percent_at_nyquist() -> None:
    # Hoheisel et al. 2004, IEEE NSS conference record: 70 µm, 7.14/mm
    assert 0.41 < float(mtf(DETECTORS["a-se-70"], np.array(7.14))) < 0.5


def test_the_order_of_sharpness_is_that_of_the_technologies() -> None:
    at_five = {name: float(mtf(of, np.array(5.0))) for name, of in DETECTORS.items()}
    assert at_five["a-se-70"] > at_five["a-se-85"] > at_five["csi-100"] > at_five["cr-50"]


def test_caesium_iodide_has_the_published_dqe_at_zero() -> None:
    # Vedantham et al. 2000: about 55 % for 28 kV Mo/Mo behind 45 mm of Lucite
    beam = filtered(spectrum("Mo", "Mo", 28.0), {"acrylic": 45.0})
    photons = beam.fluence_per_mm2_per_mas
    mean, second = deposited_moments(DETECTORS["csi-100"], beam.energy_kev)
    assert (photons @ mean) ** 2 / (photons.sum() * (photons @ second)) == pytest.approx(0.55, abs=0.05)


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_moments_obey_cauchy_and_schwarz(name: str) -> None:
    of = DETECTORS[name]
    efficiency = quantum_efficiency(of, ENERGY_KEV)
    mean, second = deposited_moments(of, ENERGY_KEV)
    assert np.all((efficiency > 0) & (efficiency <= 1))
    assert np.all(mean <= efficiency * ENERGY_KEV)
    assert np.all(mean**2 <= efficiency * second * (1 + 1e-12))


def test_fluorescence_escapes_above_the_edge_only() -> None:
    mean, _ = deposited_moments(DETECTORS["a-se-70"], np.array([12.5, 13.0]))
    share = mean / quantum_efficiency(DETECTORS["a-se-70"], np.array([12.5, 13.0])) / np.array([12.5, 13.0])
    assert share[0] == pytest.approx(1.0)
    assert share[1] < 0.99


def test_film_follows_its_characteristic_curve() -> None:
    of = DETECTORS["film-50"]
    film = of.film
    assert film is not None
    energy = np.logspace(4, 9, 501)
    density = film_density(of, energy)
    assert np.all(np.diff(density) > 0)
    assert density[0] == pytest.approx(film.base_fog, abs=0.02)
    assert density[-1] == pytest.approx(film.top_density, abs=0.02)
    assert float(film_density(of, np.array(film.speed_kev_per_mm2))) == pytest.approx(film.base_fog + 1.0, abs=1e-6)
    assert np.max(np.diff(density) / np.diff(np.log10(energy))) == pytest.approx(film.gradient, rel=0.01)


def test_only_film_has_a_density() -> None:
    with pytest.raises(ConfigurationError, match="no film"):
        film_density(DETECTORS["csi-100"], np.array([1e6]))


def test_a_detector_reads_the_ordinary_beam_mid_scale() -> None:
    for of in DETECTORS.values():
        if of.film is None:
            value = of.offset_dn + of.gain_dn_per_kev * of.aec_kev_per_mm2 * of.pitch_mm**2
            assert 0.02 * of.max_dn < value < 0.5 * of.max_dn
    assert 1.2 < float(film_density(DETECTORS["film-50"], np.array(DETECTORS["film-50"].aec_kev_per_mm2))) < 2.4


def test_unknown_detector_lists_the_known() -> None:
    with pytest.raises(ConfigurationError, match="csi-100"):
        detector("glass-plate")
