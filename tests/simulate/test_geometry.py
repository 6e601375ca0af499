"""Placement: turns of the image, magnification, and chords through a cuboid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate import Exposure
from mammoqa.simulate.expose import TURNS, orient_matrix
from mammoqa.simulate.scene import canonical_matrix, cuboid_mm, heights_mm, magnification

ACR156 = PHANTOMS["acr156"]


@pytest.mark.parametrize("side", list(TURNS))
def test_the_matrix_turns_with_the_picture(side):
    canonical = np.zeros((30, 40))
    canonical[25, 7] = 1.0
    turned = np.rot90(canonical, TURNS[side])
    matrix = orient_matrix(np.array([[1.0, 0.0, 7.0], [0.0, 1.0, 25.0]]), side, canonical.shape)
    x, y = matrix[:, 2]
    assert turned[round(y), round(x)] == 1.0
    wall = {"bottom": turned[-1, :], "left": turned[:, 0], "top": turned[0, :], "right": turned[:, -1]}[side]
    assert len(wall) == 40


def test_magnification_grows_with_height():
    exposure = Exposure()
    levels = heights_mm(ACR156, exposure)
    assert levels["body"] == (exposure.support_gap_mm, exposure.support_gap_mm + 43.0)
    assert magnification(0.0, exposure) == 1.0
    assert magnification(65.0, exposure) == pytest.approx(650 / 585)


@given(tilt=st.floats(-10, 10), mirrored=st.booleans(), shift=st.floats(-10, 10))
def test_the_canonical_matrix_keeps_lengths(tilt, mirrored, shift):
    exposure = Exposure(tilt_deg=tilt, mirrored=mirrored, shift_mm=(shift, 0.0))
    matrix = canonical_matrix(ACR156, exposure, 0.0, (1000, 1000), 0.1)
    assert np.linalg.det(matrix[:, :2]) == pytest.approx(-100.0 if mirrored else 100.0)
    assert matrix[0, 2] == pytest.approx(499.5 + shift * 10)


def test_a_ray_through_the_middle_crosses_the_whole_height():
    exposure = Exposure(tilt_deg=5.0)
    matrices = tuple(canonical_matrix(ACR156, exposure, h, (1300, 1300), 0.1) for h in (15.0, 58.0))
    chord = cuboid_mm((51.0, 54.0), (0.0, 0.0), matrices, 43.0, (0, 1300, 0, 1300))
    x, y = matrices[0][:, 2]
    assert chord[round(y), round(x)] == pytest.approx(43.0)
    assert chord[0, 0] == 0.0
    lower_face_mm2 = 102.0 * 108.0 * magnification(15.0, exposure) ** 2
    upper_face_mm2 = 102.0 * 108.0 * magnification(58.0, exposure) ** 2
    shadow_mm2 = chord.sum() / 43.0 * 0.01
    assert lower_face_mm2 < shadow_mm2 < upper_face_mm2
