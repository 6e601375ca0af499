"""Flat fields: what is measured against what was simulated."""

from functools import lru_cache

import numpy as np
import pytest

from mammoqa import physics
from mammoqa.core import Image, Intent, LocateError, Measurement, Outcome, ReasonCode
from mammoqa.jobs.analyse import analyse
from mammoqa.locate import identify, locate_mammo_flat
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.mammo_flat import TESTS
from mammoqa.simulate.mammo_flat import FlatExposure, FlatTruth, expose_flat

PHANTOM = PHANTOMS["mammo_flat"]
WHOLE = FlatExposure(aluminium_at_mm=(-40.0, 20.0), plate_at_mm=(45.0, -20.0))


@lru_cache(maxsize=8)
def made(exposure: FlatExposure) -> tuple[Image, FlatTruth]:
    return expose_flat(exposure, np.random.default_rng(5))


def read(exposure: FlatExposure, *tests: str) -> dict[str, Measurement]:
    image = made(exposure)[0]
    pose = locate_mammo_flat(image, PHANTOM)
    return {m.name: m for test in tests for m in TESTS[test](image, PHANTOM, pose)[0]}


def test_signal_to_noise_and_contrast_are_those_of_the_model():
    truth = made(WHOLE)[1]
    found = read(WHOLE, "uniformity and SNR", "aluminium")
    assert found["snr"].value == pytest.approx(truth.snr, rel=0.03)
    detector = physics.DETECTORS["csi-100"]
    above = 1.0 - detector.offset_dn / (detector.offset_dn + detector.gain_dn_per_kev * truth.kev_per_pixel)
    assert found["sdnr_aluminium"].value == pytest.approx(truth.snr * truth.aluminium_contrast * above, rel=0.05)
    assert found["cnr_aluminium"].value > found["sdnr_aluminium"].value  # less noise behind the aluminium


@pytest.mark.parametrize("name", ["csi-100", "a-se-85"])
def test_the_edge_gives_the_detectors_mtf(name):
    found = read(FlatExposure(detector=name, plate_at_mm=(10.0, -5.0), mgd_mgy=4.0), "MTF")
    for axis in ("x", "y"):
        truth = float(physics.mtf(physics.DETECTORS[name], np.array(2.0)))
        assert found[f"mtf_{axis}_at_2_per_mm"].value == pytest.approx(truth, abs=0.02)


def test_noise_power_is_that_of_the_detector():
    exposure = FlatExposure(falloff=0.0)
    truth = made(exposure)[1]
    detector = physics.DETECTORS["csi-100"]
    found = read(exposure, "noise power")
    kev = truth.kev_per_pixel
    level = detector.offset_dn + detector.gain_dn_per_kev * kev
    for frequency in (1.0, 2.0, 4.0):
        passed = float(physics.noise_power(detector, np.array(frequency)))
        variance = kev * truth.quantum_kev * passed + kev / detector.secondary_per_kev + detector.electronic_kev**2
        variance += (detector.structure * kev) ** 2
        dn = variance * detector.gain_dn_per_kev**2 + 1.0 / 12.0
        wanted = 1e6 * dn / level**2 * detector.pitch_mm**2
        assert found[f"nnps_{frequency:g}_per_mm"].value == pytest.approx(wanted, rel=0.08)


def test_uniformity_is_the_falloff_and_a_shadow_fails():
    gentle = read(FlatExposure(falloff=0.04), "uniformity and SNR")
    assert 1.0 < gentle["uniformity_mean"].value < 4.0
    result = analyse(made(FlatExposure(falloff=0.35))[0])
    assert result.phantom == "mammo_flat"
    assert result.verdict.outcome is Outcome.FAIL
    assert "uniformity_mean" in (result.verdict.reason or "")


def test_defects_are_counted():
    clean = read(FlatExposure(), "defects")
    assert {name: m.value for name, m in clean.items()} == dict.fromkeys(clean, 0.0)
    spoilt = read(FlatExposure(dead_pixels=6, dead_lines=2, dust=5), "defects")
    assert spoilt["dead_lines"].value == 2
    assert spoilt["dead_pixels"].value == pytest.approx(6, abs=1)
    assert spoilt["artefact_clusters"].value == pytest.approx(5, abs=1)


def test_what_is_not_there_is_not_measured():
    found = read(FlatExposure(), "aluminium", "MTF")
    assert found == {}


def test_the_whole_analysis_names_and_judges_it():
    result = analyse(made(WHOLE)[0])
    assert result.phantom == "mammo_flat"
    names = {m.name for m in result.measurements}
    assert {"snr", "uniformity_mean", "sdnr_aluminium", "mtf_50_x", "nnps_1_per_mm", "mgd", "dead_pixels"} <= names
    assert result.verdict.outcome is Outcome.PASS
    assert result.view is not None


@pytest.mark.parametrize(("pmma_mm", "mgd_mgy", "outcome"), [
    (45.0, 2.0, Outcome.PASS), (45.0, 3.0, Outcome.FAIL), (25.0, 3.0, Outcome.MEASURED),
])  # fmt: skip
def test_dose_is_judged_by_thickness(pmma_mm, mgd_mgy, outcome):
    image = made(FlatExposure())[0]
    from dataclasses import replace

    other = replace(image, acquisition=replace(image.acquisition, thickness_mm=pmma_mm, organ_dose_mgy=mgd_mgy))
    dose = next(m for m in analyse(other).measurements if m.name == "mgd")
    assert dose.outcome is outcome


@pytest.mark.parametrize(("exposure", "code"), [
    (FlatExposure(intent=Intent.FOR_PRESENTATION), ReasonCode.NEEDS_RAW),
    (FlatExposure(overexposure=40.0), ReasonCode.CLIPPED),
])  # fmt: skip
def test_processed_and_clipped_images_are_refused(exposure, code):
    with pytest.raises(LocateError) as refused:
        locate_mammo_flat(made(exposure)[0], PHANTOM)
    assert refused.value.code is code


def test_presentation_images_of_a_flat_field_are_recognised_to_be_refused_with_the_reason():
    image = made(FlatExposure(intent=Intent.FOR_PRESENTATION))[0]
    assert identify(image) == "mammo_flat"
    assert analyse(image).verdict.reason_code is ReasonCode.NEEDS_RAW
