"""Measurements of the MRI phantom against the truth of an analytic one."""

from dataclasses import replace

import numpy as np
import pytest

from mammoqa.core import Measurement, ReasonCode, ScoreError, Stack
from mammoqa.locate.acr_mri import locate_acr_mri
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.acr_mri import TESTS, score_acr_mri
from synthetic_acr_mri import Made, stack

PHANTOM = PHANTOMS["acr_mri_large"]
NAMES = {
    "slice_1_diameter_horizontal",
    "slice_1_diameter_vertical",
    "slice_5_diameter_horizontal",
    "slice_5_diameter_vertical",
    "slice_5_diameter_diagonal_down",
    "slice_5_diameter_diagonal_up",
    "slice_thickness",
    "slice_1_position",
    "slice_11_position",
    "percent_image_uniformity",
    "percent_signal_ghosting",
}


def read(made: Made) -> dict[str, Measurement]:
    images = stack(made)
    measurements, _ = score_acr_mri(images, PHANTOM, locate_acr_mri(images, PHANTOM))
    return {m.name: m for m in measurements}


@pytest.fixture(scope="module")
def plain() -> Stack:
    return stack(Made())


def test_everything_is_measured_with_interval_and_limits(plain):
    pose = locate_acr_mri(plain, PHANTOM)
    measurements, regions = score_acr_mri(plain, PHANTOM, pose)
    assert {m.name for m in measurements} >= NAMES
    for m in (m for m in measurements if m.name in NAMES):
        assert m.low is not None
        assert m.high is not None
        assert m.low <= m.value <= m.high
        assert m.low < m.high
        assert (m.limit_low, m.limit_high) != (None, None)
    shape = np.array(plain.images[0].pixels.shape[::-1])
    for region in regions:
        assert 0 <= region.index < 11
        assert np.all(region.points_px > -1)
        assert np.all(region.points_px < shape + 1)
    assert len([r for r in regions if r.label]) >= 6 + 2 + 4 + 3 + 4 + 6 + 4


def test_truth_of_a_plain_phantom(plain):
    found = {m.name: m.value for m in score_acr_mri(plain, PHANTOM, locate_acr_mri(plain, PHANTOM))[0]}
    for name in NAMES:
        if "diameter" in name:
            assert found[name] == pytest.approx(190.0, abs=0.3)
    assert found["slice_thickness"] == pytest.approx(5.0, abs=0.3)
    assert found["slice_1_position"] == pytest.approx(0.0, abs=0.5)
    assert found["slice_11_position"] == pytest.approx(0.0, abs=0.5)
    assert found["percent_image_uniformity"] == pytest.approx(100.0, abs=0.5)
    assert found["percent_signal_ghosting"] == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("bubble", [False, True])
def test_stretched_diameters(bubble):
    """A gradient that is wrong by 1.5 % along x and -1 % along y, with and without air at the top."""
    a, b = 192.85, 188.1
    found = read(Made(diameters_mm=(a, b), bubble=bubble, centre_mm=(4.0, 3.0)))
    diagonal = 1.0 / np.sqrt(0.5 / a**2 + 0.5 / b**2)
    truth = {"horizontal": a, "vertical": b, "diagonal_down": diagonal, "diagonal_up": diagonal}
    for name, length in truth.items():
        assert found[f"slice_5_diameter_{name}"].value == pytest.approx(length, abs=0.3)
    assert found["slice_1_diameter_horizontal"].value == pytest.approx(a, abs=0.3)
    assert found["slice_1_diameter_vertical"].value == pytest.approx(b, abs=0.3)


@pytest.mark.parametrize(("thickness_mm", "spin"), [(3.6, 1.0), (5.0, 1.15), (6.5, 0.9)])
def test_slice_thickness(thickness_mm, spin):
    """Also where the phantom is turned about the vertical: the formula makes up for unequal ramps."""
    found = read(Made(thickness_mm=thickness_mm, spin=spin))["slice_thickness"]
    truth = 2 * thickness_mm / (spin + 1 / spin)
    assert found.value == pytest.approx(truth, abs=0.3)
    assert found.low is not None
    assert found.high is not None
    assert found.low - 0.1 <= truth <= found.high + 0.1


@pytest.mark.parametrize("shift_mm", [-3.4, -1.2, 0.7, 4.0])
def test_slice_position(shift_mm):
    found = read(Made(shift_mm=shift_mm))
    assert found["slice_1_position"].value == pytest.approx(2 * shift_mm, abs=0.5)
    assert found["slice_11_position"].value == pytest.approx(2 * shift_mm, abs=0.5)


@pytest.mark.parametrize("gradient", [0.05, 0.2])
def test_uniformity(gradient):
    """Regions of 1 cm2 reach 74.16 mm from the centre of the large one; the mean of a linear field is its centre's."""
    found = read(Made(gradient=gradient))["percent_image_uniformity"]
    assert found.value == pytest.approx(100.0 * (1.0 - gradient * 74.16 / 95.0), abs=0.5)


@pytest.mark.parametrize("ghost", [0.005, 0.03])
def test_ghosting(ghost):
    """A ghost half a field away along the rows lies on the left and on the right, and adds little to the large mean.

    Almost without noise: in magnitude images noise hides a ghost that is weaker than itself, for every reader alike.
    """
    found = read(Made(ghost=ghost, noise=0.1))["percent_signal_ghosting"]
    assert found.value == pytest.approx(100.0 * ghost, abs=0.1)
    assert found.note is not None
    assert "left and right" in found.note


@pytest.mark.parametrize("made", [Made(tilt_deg=5.0), Made(mirrored=True), Made(size=512, pitch_mm=0.4883)])
def test_tilt_mirror_and_matrix_change_nothing(made):
    found = read(replace(made, shift_mm=1.5, gradient=0.1))
    assert found["slice_1_position"].value == pytest.approx(3.0, abs=0.5)
    assert found["slice_11_position"].value == pytest.approx(3.0, abs=0.5)
    assert found["slice_thickness"].value == pytest.approx(5.0, abs=0.3)
    assert found["percent_image_uniformity"].value == pytest.approx(92.19, abs=0.5)
    assert found["slice_5_diameter_vertical"].value == pytest.approx(190.0, abs=0.3)


@pytest.mark.parametrize(("field_t", "limit"), [(1.5, 87.5), (2.89, 82.0), (3.0, 82.0)])
def test_uniformity_limit_follows_the_field(field_t, limit):
    found = read(Made(field_strength_t=field_t, size=160, pitch_mm=1.6))
    assert found["percent_image_uniformity"].limit_low == limit


def test_unknown_field_gives_no_uniformity_limit(plain):
    bare = tuple(
        replace(image, acquisition=replace(image.acquisition, field_strength_t=None)) for image in plain.images
    )
    measurements, _ = score_acr_mri(Stack(bare, 10.0), PHANTOM, locate_acr_mri(plain, PHANTOM))
    piu = next(m for m in measurements if m.name == "percent_image_uniformity")
    assert piu.limit_low is None
    assert piu.note is not None
    assert "field strength" in piu.note


def test_unreadable_ramps_give_no_thickness(plain):
    """Without a signal in the ramps there is no number, and least of all the nominal one."""
    pose = locate_acr_mri(plain, PHANTOM)
    first = plain.images[0]
    pixels = first.pixels.copy()
    middle = pixels.shape[0] // 2
    rng = np.random.default_rng(2)
    pixels[middle - 6 : middle + 6, 40:216] = rng.rayleigh(5.0, (12, 176))
    dark = Stack((replace(first, pixels=pixels), *plain.images[1:]), 10.0)
    assert TESTS["slice thickness"](dark, PHANTOM, pose) == ((), ())


def test_unreadable_wedges_give_no_position(plain):
    pose = locate_acr_mri(plain, PHANTOM)
    first = plain.images[0]
    pixels = first.pixels.copy()
    pixels[25:95, 110:146] = 1000.0
    flat = Stack((replace(first, pixels=pixels), *plain.images[1:]), 10.0)
    measurements, _ = TESTS["slice position"](flat, PHANTOM, pose)
    assert [m.name for m in measurements] == ["slice_11_position"]


def test_pose_without_slices_is_refused(plain):
    pose = replace(locate_acr_mri(plain, PHANTOM), slices=())
    with pytest.raises(ScoreError) as caught:
        score_acr_mri(plain, PHANTOM, pose)
    assert caught.value.code is ReasonCode.INCOMPLETE_STACK


def test_intervals_cover_the_truth():
    """Of twelve noisy phantoms, at least ten intervals of each reading hold the truth."""
    truth = {
        "slice_1_diameter_horizontal": 190.0,
        "slice_5_diameter_diagonal_up": 190.0,
        "slice_thickness": 5.0,
        "slice_1_position": 1.0,
        "slice_11_position": 1.0,
    }
    held = dict.fromkeys(truth, 0)
    for seed in range(12):
        offset = (0.3 * seed, -0.2 * seed)
        found = read(Made(seed=seed, noise=20.0, shift_mm=0.5, centre_mm=offset, size=200, pitch_mm=1.25))
        for name, value in truth.items():
            low, high = found[name].low, found[name].high
            assert low is not None
            assert high is not None
            held[name] += low <= value <= high
    assert min(held.values()) >= 10, held
