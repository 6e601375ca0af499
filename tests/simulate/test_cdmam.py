"""A whole CDMAM exposure: discs where the truth says and as deep as physics says, in any placement."""

from dataclasses import replace

import numpy as np
import pytest

from mammoqa import physics
from mammoqa.core import ConfigurationError, Intent
from mammoqa.phantoms.cdmam34 import CDMAM34
from mammoqa.simulate.cdmam import STANDARD, expose_cdmam
from mammoqa.simulate.cdmam_scene import Arrangement
from mammoqa.simulate.exposure import Faults

COARSE = replace(STANDARD, detector="csi-100")
CROPPED = Arrangement(margin_mm=1.0, line_gold_um=0.0, writing=False)
CSI = physics.detector("csi-100")


def deficit(simulated, at_px, half):
    """Missing signal about a point, as a share of its surroundings and per pixel, with its place."""
    x, y = (round(v) for v in at_px)
    part = simulated.image.pixels[y - half : y + half + 1, x - half : x + half + 1].astype(float) - CSI.offset_dn
    edge = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])
    lost = 1 - part / edge.mean()
    rows, columns = np.mgrid[y - half : y + half + 1, x - half : x + half + 1]
    strong = lost * (lost > 0.2 * lost.max())
    return lost.sum(), ((strong * columns).sum() / strong.sum(), (strong * rows).sum() / strong.sum())


def cell_of(simulated, row, column):
    return next(cell for cell in simulated.truth.cells if (cell.row, cell.column) == (row, column))


@pytest.fixture(scope="module")
def still():
    return expose_cdmam(CDMAM34, COARSE, CROPPED)


@pytest.mark.parametrize(
    ("chest_wall", "turns", "mirrored"),
    [("left", 3, False), ("right", 0, False), ("top", 2, True), ("bottom", 1, True), ("left", 1, False)],
)
def test_discs_lie_where_the_truth_says_however_the_phantom_lies(chest_wall, turns, mirrored):
    exposure = replace(
        COARSE, chest_wall=chest_wall, mirrored=mirrored, tilt_deg=1.7, field_mm=(240.0, 240.0), shift_mm=(1.13, 1.57)
    )
    simulated = expose_cdmam(CDMAM34, exposure, replace(CROPPED, quarter_turns=turns))
    for row, column in ((3, 12), (8, 15), (2, 10)):
        cell = cell_of(simulated, row, column)
        for at_px in (cell.centre_px, cell.disc_px):
            _, found = deficit(simulated, at_px, 12)
            assert found == pytest.approx(at_px, abs=0.06)


def test_all_turns_and_the_mirror_image_differ_only_in_placement(still):
    matrix = still.truth.matrix[:, :2]
    scale = still.truth.magnification / CSI.pitch_mm
    np.testing.assert_allclose(matrix, [[scale, 0], [0, scale]], atol=1e-9)  # upright with a long edge at the left
    flipped = expose_cdmam(CDMAM34, replace(COARSE, mirrored=True), CROPPED).truth.matrix[:, :2]
    assert np.linalg.det(flipped) == pytest.approx(-(scale**2))


@pytest.mark.parametrize(("row", "column"), [(2, 10), (5, 13), (8, 14)])
def test_a_disc_takes_away_its_area_times_its_contrast(still, row, column):
    cell = cell_of(still, row, column)
    radius_px = cell.diameter_mm / 2 * still.truth.magnification / CSI.pitch_mm
    lost, _ = deficit(still, cell.disc_px, 12)
    assert lost == pytest.approx(cell.contrast * np.pi * radius_px**2, rel=0.02)


def test_contrast_is_that_of_a_sum_over_the_spectrum_less_scatter(still):
    beam = physics.spectrum("W", "Rh", STANDARD.kvp, extra=(("polycarbonate", 2.0),))
    paths = {"acrylic": 43.0, "aluminium": 0.5}
    without, _ = physics.exact_signal(beam, CSI, paths)
    for column in (6, 10, 15):
        cell = cell_of(still, 8, column)
        behind, _ = physics.exact_signal(beam, CSI, {**paths, "gold": cell.thickness_um * 1e-3})
        narrow = 1 - float(behind) / float(without)
        assert cell.contrast * (1 + physics.scatter_to_primary(50.0)) == pytest.approx(narrow, rel=0.02)


def test_gold_attenuates_as_the_european_guidelines_tabulate():
    beam = physics.spectrum("Mo", "Mo", 28.0, extra=(("polycarbonate", 2.0),))
    detector = physics.detector("a-se-70")
    without, _ = physics.exact_signal(beam, detector, {"acrylic": 43.0, "aluminium": 0.5})
    for gold_um, percent in ((0.1, 1.57), (0.5, 7.6), (1.0, 14.55), (2.0, 26.76)):
        behind, _ = physics.exact_signal(beam, detector, {"acrylic": 43.0, "aluminium": 0.5, "gold": gold_um * 1e-3})
        assert 100 * (1 - float(behind / without)) == pytest.approx(percent, rel=0.06)


def test_noise_is_that_of_the_quanta_and_the_same_seed_gives_the_same_pixels():
    exposure = replace(STANDARD, detector="a-se-85")
    runs = [expose_cdmam(CDMAM34, exposure, CROPPED, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    first, again, other = (run.image.pixels.astype(float) for run in runs)
    np.testing.assert_array_equal(first, again)
    cell = next(c for c in runs[0].truth.cells if (c.row, c.column) == (8, 2))
    x, y = (round(v) for v in cell.centre_px)
    part = np.s_[y - 25 : y + 25, x - 25 : x + 25]
    detector = physics.detector("a-se-85")
    relative = (first - other)[part].std() / np.sqrt(2) / (first[part].mean() - detector.offset_dn)
    variance = cell.background_kev * (runs[0].truth.quantum_kev + 1 / detector.secondary_per_kev)
    assert relative == pytest.approx(np.sqrt(variance + detector.electronic_kev**2) / cell.background_kev, rel=0.04)


def test_the_whole_field_is_even_after_flat_fielding_and_falls_without(still):
    def spread(arrangement):
        pixels = expose_cdmam(CDMAM34, COARSE, arrangement).image.pixels[100:-100, 50:-300:50].astype(float)
        return np.percentile(pixels, 95) / np.percentile(pixels, 5)

    assert spread(replace(CROPPED, margin_mm=None)) < 1.03
    assert spread(replace(CROPPED, margin_mm=None, flat_field=False)) > 1.07


def test_beside_the_phantom_a_large_field_shows_air():
    exposure = replace(COARSE, field_mm=(307.0, 240.0))
    pixels = expose_cdmam(CDMAM34, exposure, Arrangement()).image.pixels
    middle = np.median(pixels[1000:2000, 400:1500])
    assert (pixels[:, 2200:] > 4 * middle).all()
    assert (pixels[:200] > 4 * middle).all()
    assert np.median(pixels[1000:2000, :100]) == pytest.approx(middle, rel=0.02)


def test_the_margin_sets_the_size_whatever_the_tilt_and_is_cut_by_the_field():
    exposure = replace(COARSE, field_mm=(307.0, 240.0), shift_mm=(0.0, 12.0))
    shapes = [
        expose_cdmam(CDMAM34, replace(exposure, tilt_deg=tilt), replace(CROPPED, margin_mm=6.0)).image.pixels.shape
        for tilt in (0.0, 1.0)
    ]
    assert shapes[0] == shapes[1]
    scale = 1.0577
    assert shapes[0] == pytest.approx(((212.1 + 12) * scale * 10, (134.4 + 12) * scale * 10), abs=6)
    cut = expose_cdmam(CDMAM34, replace(COARSE, field_mm=(200.0, 190.0)), replace(CROPPED, margin_mm=50.0))
    assert cut.image.pixels.shape == (2000, 1900)


def test_dose_is_what_was_asked_for_and_tube_load_what_was_given(still):
    assert still.truth.mean_glandular_dose_mgy == pytest.approx(2.0)
    given = expose_cdmam(CDMAM34, replace(COARSE, mas=still.truth.mas / 2), CROPPED)
    assert given.truth.mean_glandular_dose_mgy == pytest.approx(1.0)
    assert given.truth.cells[5].background_kev == pytest.approx(still.truth.cells[5].background_kev / 2, rel=1e-5)


@pytest.mark.parametrize("detector", ["cr-50", "film-50"])
def test_every_other_detector_shows_the_thick_discs(detector):
    exposure = replace(STANDARD, detector=detector, target_mgd_mgy=3.0, field_mm=(240.0, 180.0))
    arrangement = replace(CROPPED, margin_mm=-30.0)
    simulated = expose_cdmam(CDMAM34, exposure, arrangement, np.random.default_rng(0))
    cell = next(c for c in simulated.truth.cells if (c.row, c.column) == (7, 11))
    x, y = (round(v) for v in cell.centre_px)
    disc, around = simulated.image.pixels[y - 2 : y + 3, x - 2 : x + 3], simulated.image.pixels[y - 30 : y + 30, x - 30]
    assert abs(disc.mean() - around.mean()) > around.std()


def test_faults_and_presentation_reach_the_image(still):
    faulty = replace(COARSE, intent=Intent.FOR_PRESENTATION, faults=Faults(dead_lines=2, extra_blur_mm=0.2))
    simulated = expose_cdmam(CDMAM34, faulty, CROPPED, np.random.default_rng(3))
    assert simulated.image.bits_stored == 12
    assert (simulated.image.pixels == simulated.image.pixels.max()).all(axis=1).any()  # a line along the chest wall
    cell = cell_of(simulated, 8, 15)
    x, y = (round(v) for v in cell.centre_px)
    assert simulated.image.pixels[y, x] > np.median(simulated.image.pixels[y - 15 : y + 15, x - 15])


def test_unknown_detectors_and_a_phantom_outside_the_field_are_refused():
    with pytest.raises(ConfigurationError, match="csi-100"):
        expose_cdmam(CDMAM34, replace(COARSE, detector="polaroid"))
    with pytest.raises(ConfigurationError, match="shift_mm"):
        expose_cdmam(CDMAM34, replace(COARSE, shift_mm=(0.0, 400.0)), CROPPED)
