"""Noise has the variance, spectrum and dose law of the model; blur keeps energy; pixels stay in range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoqa.jobs.validate_physics_instruments import edge_map, edge_mtf, expected_variance, noise_spectrum
from mammoqa.physics import DETECTORS, absorbed, blur, converter_mtf, detect, digitise, mtf, noise_power
from mammoqa.physics.detectors import gaussian

SIZE = 384


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_variance_is_what_the_equations_foresee(name: str) -> None:
    of = DETECTORS[name]
    flat = np.full((SIZE, SIZE), of.aec_kev_per_mm2)
    energy = absorbed(flat, 19.0, of, np.random.default_rng(3)).astype(float)
    kev = of.aec_kev_per_mm2 * of.pitch_mm**2
    assert energy.mean() == pytest.approx(kev, rel=1e-3)
    assert energy.var() == pytest.approx(expected_variance(of, kev, 19.0), rel=0.04)


def test_noise_is_white_for_selenium_and_shaped_for_caesium_iodide() -> None:
    for name, rising in (("a-se-70", 1.0), ("csi-100", 0.35)):
        of = DETECTORS[name]
        flat = np.full((SIZE, SIZE), of.aec_kev_per_mm2)
        power = noise_spectrum(absorbed(flat, 19.0, of, np.random.default_rng(4)).astype(float), of.pitch_mm, 128)
        low, high = power[2:10, 2:10].mean(), power[56:64, 56:64].mean()
        assert high / low == pytest.approx(rising, abs=0.12) if rising == 1.0 else high / low < rising


@pytest.mark.parametrize("name", ["csi-100", "cr-50", "film-50"])
def test_spread_quanta_carry_the_squared_mtf_of_the_converter(name: str) -> None:
    of = DETECTORS[name]
    frequency = np.linspace(0.0, 0.5 / of.pitch_mm, 20)
    assert noise_power(of, frequency) == pytest.approx(converter_mtf(of, frequency) ** 2)
    assert np.all(noise_power(of, frequency, 2.0) < noise_power(of, frequency))


def test_steep_edges_do_not_ring() -> None:
    """From lead to the open beam: the blurred edge stays monotonous, which a Gaussian cut off at Nyquist does not."""
    for of in DETECTORS.values():
        edge = np.full((8, 200), 1e4, dtype=np.float32)
        edge[:, 100:] = 1e8
        blurred = blur(edge, of)[4, :]
        assert np.all(np.diff(blurred) > -1e-5 * 1e8)
        assert np.all(blurred > 0)


def test_snr_squared_grows_with_dose() -> None:
    of = DETECTORS["a-se-85"]
    rng = np.random.default_rng(5)
    squared = []
    for step in (1.0, 4.0):
        flat = np.full((SIZE, SIZE), step * of.aec_kev_per_mm2)
        one, other = (absorbed(flat, 20.0, of, rng) for _ in range(2))
        squared.append(one.mean() ** 2 / (0.5 * np.var(one - other)))
    assert np.log(squared[1] / squared[0]) / np.log(4.0) == pytest.approx(1.0, abs=0.02)


def test_the_fixed_pattern_belongs_to_the_unit() -> None:
    of = DETECTORS["cr-50"]
    flat = np.full((256, 256), 30 * of.aec_kev_per_mm2)
    rng = np.random.default_rng(6)
    one, again, other = (absorbed(flat, 20.0, of, rng, unit_seed=unit).ravel() for unit in (1, 1, 2))
    assert np.corrcoef(one, again)[0, 1] > 0.5
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_mtf_of_a_slanted_edge_is_that_of_the_model(name: str) -> None:
    of = DETECTORS[name]
    edge = edge_map(512, 2.5, 1e6, 1e7)
    frequency, measured = edge_mtf(absorbed(edge, 20.0, of, None).astype(float), of.pitch_mm)
    assert measured == pytest.approx(mtf(of, frequency), abs=0.02)


def test_a_wrong_blur_would_be_noticed() -> None:
    of = DETECTORS["a-se-70"]
    edge = edge_map(512, 2.5, 1e6, 1e7)
    blurred = absorbed(edge, 20.0, of, None, focal_sigma_mm=0.05).astype(float)
    frequency, measured = edge_mtf(blurred, of.pitch_mm)
    assert np.max(np.abs(measured - mtf(of, frequency))) > 0.1
    extra = gaussian(of, 0.05, frequency)
    assert measured == pytest.approx(mtf(of, frequency) * extra, abs=0.02)


@settings(max_examples=25, deadline=None)
@given(angle=st.floats(0.5, 20.0), size=st.integers(8, 40))
def test_edge_coverage_is_exact_on_average(angle: float, size: int) -> None:
    edge = edge_map(size, angle, 0.0, 1.0)
    assert np.all((edge >= -1e-12) & (edge <= 1 + 1e-12))
    assert edge.mean() == pytest.approx(0.5, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 70), columns=st.integers(1, 70), name=st.sampled_from(sorted(DETECTORS)))
def test_blur_keeps_a_flat_field(rows: int, columns: int, name: str) -> None:
    flat = np.full((rows, columns), 5.0, dtype=np.float32)
    assert blur(flat, DETECTORS[name]) == pytest.approx(flat, rel=1e-4)


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_pixels_are_repeatable_and_in_range(name: str) -> None:
    of = DETECTORS[name]
    ramp = np.tile(np.logspace(5, 9, 64), (16, 1))
    one, again = (detect(ramp, 20.0, of, np.random.default_rng(7)) for _ in range(2))
    assert one.dtype == np.uint16
    assert np.array_equal(one, again)
    assert one.max() <= of.max_dn
    clean = detect(ramp, 20.0, of, None)
    assert np.all(np.diff(clean[8].astype(int)) >= 0)
    assert clean[8, -1] > 0.95 * of.max_dn


def test_digitise_applies_offset_gain_and_clipping() -> None:
    of = DETECTORS["a-se-70"]
    kev = np.array([[0.0, 1e4, 1e9]])
    assert digitise(kev, of).tolist() == [[50, 250, 16383]]


def test_a_quantum_map_makes_noise_where_it_is_large() -> None:
    of = DETECTORS["a-se-70"]
    quantum = np.full((64, 128), 10.0)
    quantum[:, 64:] = 40.0
    energy = absorbed(np.full((64, 128), 1e7), quantum, of, np.random.default_rng(8))
    assert energy[:, 64:].var() == pytest.approx(4 * energy[:, :64].var(), rel=0.15)
