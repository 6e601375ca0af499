"""Analytic shapes: their volumes, and what their states leave of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate import ObjectState
from mammoqa.simulate.shapes import SHAPES, fibre, lens, mass, pixel_average, reach_mm, speck_group, sphere

ACR156 = PHANTOMS["acr156"]
PITCH_MM = 0.05


def volume_mm3(thickness, reach: float, oversampling: int = 3) -> float:
    """Sum of pixel averages times the pixel area, on a grid that is turned and shifted against the object."""
    turn = math.radians(3.0)
    n = int(2 * reach / PITCH_MM) + 20
    scale = PITCH_MM * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    to_mm = np.column_stack([scale, -scale @ np.array([n / 2 + 0.3, n / 2 - 0.2])])
    return float(pixel_average(thickness, to_mm, (0, n, 0, n), oversampling).sum()) * PITCH_MM**2


@pytest.mark.parametrize("diameter", [0.16, 0.54])
def test_a_sphere_keeps_its_volume_however_coarse_the_pixels(diameter):
    found = volume_mm3(lambda x, y: sphere(x, y, diameter), diameter, oversampling=10)
    assert found == pytest.approx(math.pi * diameter**3 / 6, rel=0.02)


def test_a_lens_is_a_spherical_cap():
    height, base = 1.0, 7.0
    found = volume_mm3(lambda x, y: lens(x, y, height, base), base / 2)
    assert found == pytest.approx(math.pi * height / 6 * (3 * (base / 2) ** 2 + height**2), rel=0.005)


def test_a_fibre_is_a_cylinder_and_a_break_takes_its_share():
    insert = ACR156.inserts[2]
    whole = volume_mm3(fibre(insert, ObjectState()), reach_mm(insert))
    broken = volume_mm3(fibre(insert, ObjectState(visible=((0.0, 0.4), (0.6, 1.0)))), reach_mm(insert))
    assert whole == pytest.approx(math.pi * (insert.diameter_mm / 2) ** 2 * insert.length_mm, rel=0.01)
    assert broken / whole == pytest.approx(0.8, abs=0.01)


def test_missing_specks_and_sectors_take_their_share():
    specks, lump = ACR156.inserts[6], ACR156.inserts[12]
    three = ObjectState(specks=(True, False, True, False, True, False))
    half = ObjectState(sectors=((0.0, 0.5),))
    ratio = volume_mm3(speck_group(specks, three), 5.0) / volume_mm3(speck_group(specks, ObjectState()), 5.0)
    assert ratio == pytest.approx(0.5, abs=0.02)
    ratio = volume_mm3(mass(lump, half), 5.0) / volume_mm3(mass(lump, ObjectState()), 5.0)
    assert ratio == pytest.approx(0.5, abs=0.02)


@given(weight=st.floats(0.0, 2.0), index=st.integers(0, 15))
def test_weight_scales_the_thickness(weight, index):
    insert = ACR156.inserts[index]
    x = np.linspace(-5, 5, 41)[None, :].repeat(41, 0)
    y = x.T.copy()
    sound = SHAPES[insert.kind](insert, ObjectState())(x, y)
    np.testing.assert_allclose(SHAPES[insert.kind](insert, ObjectState(weight=weight))(x, y), sound * weight)


def test_a_square_mass_lies_inside_the_round_one():
    insert = ACR156.inserts[12]
    x = np.linspace(-4, 4, 161)[None, :].repeat(161, 0)
    round_, square = (mass(insert, ObjectState(squareness=s))(x, x.T) for s in (0.0, 1.0))
    assert ((square > 0) <= (round_ > 0)).all()
    side = insert.diameter_mm / math.sqrt(2)
    assert (square > 0).sum() * 0.05**2 == pytest.approx(side**2, rel=0.03)
