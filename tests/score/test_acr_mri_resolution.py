"""Hole arrays and noise of the MRI phantom against digital reference slices."""

import numpy as np
import pytest

from acr_mri_reference import Reference, pose, reference_stack
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.acr_mri_resolution import holes_mm, score_resolution
from mammoqa.score.acr_mri_snr import score_snr

PHANTOM = PHANTOMS["acr_mri_large"]


def read(made: Reference) -> dict[str, float]:
    return {m.name: m.value for m in score_resolution(reference_stack(made), PHANTOM, pose(made))[0]}


@pytest.mark.parametrize(
    ("matrix", "field_mm", "smallest"),
    [(512, 250.0, 0.9), (512, 450.0, 0.9), (256, 360.0, 1.2)],
    ids=["0.49 mm", "0.88 mm", "1.41 mm"],
)
def test_pixels_decide_what_is_resolved(matrix, field_mm, smallest):
    found = read(Reference(matrix=matrix, field_mm=field_mm))
    assert found["resolution_upper_left"] == smallest
    assert found["resolution_lower_right"] == smallest


def test_the_protocols_pixels_resolve_one_millimetre():
    # holes of 1.0 mm are 2.0 mm apart, just more than two pixels of 0.977 mm; those of 0.9 mm may go either way
    found = read(Reference())
    assert found["resolution_upper_left"] <= 1.0
    assert found["resolution_lower_right"] <= 1.0
    for side in ("upper_left", "lower_right"):
        depth = [found[f"resolution_{side}_depth_{size}mm"] for size in ("1_1", "1_0", "0_9")]
        assert depth[0] > 1.5 * depth[2]


@pytest.mark.parametrize("away_mm", [(-2.3, 1.1), (2.5, -2.0)])
def test_the_phantoms_place_makes_no_difference(away_mm):
    # the pose is taken as centred, so that the block itself has to be found
    made = Reference(matrix=512, away_mm=away_mm)
    centred = pose(Reference(matrix=512))
    found = {m.name: m.value for m in score_resolution(reference_stack(made), PHANTOM, centred)[0]}
    assert found["resolution_upper_left"] == found["resolution_lower_right"] == 0.9


def test_noise_resolves_nothing():
    found = read(Reference(noise=600.0))
    assert found["resolution_upper_left"] > 1.0
    assert found["resolution_lower_right"] > 1.0


def test_arrays_of_a_size_share_their_corner_hole():
    by_name = {insert.name: holes_mm(insert) for insert in PHANTOM.inserts}
    for size in ("1.1", "1.0", "0.9"):
        assert by_name[f"upper left {size} mm"][3, 3] == pytest.approx(by_name[f"lower right {size} mm"][0, 0])


@pytest.mark.parametrize("noise", [10.0, 20.0])
def test_signal_to_noise_is_that_of_the_image(noise):
    made = Reference(noise=noise)
    (found,), regions = score_snr(reference_stack(made), PHANTOM, pose(made))
    assert found.value == pytest.approx(1000.0 / noise, rel=0.06)
    assert found.low < found.value < found.high
    assert len(regions) == 5


def test_an_image_without_noise_has_no_ratio():
    made = Reference(noise=0.0)
    flat = reference_stack(made)
    even = type(flat)(
        tuple(type(i)(np.full_like(i.pixels, 700.0), i.pitch_mm, i.source, i.acquisition) for i in flat.images), 10.0
    )
    assert score_snr(even, PHANTOM, pose(made)) == ((), ())
