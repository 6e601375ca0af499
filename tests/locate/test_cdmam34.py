"""A CDMAM is found to a tenth of a pixel whichever way it lies, and is not found where there is none."""

from dataclasses import replace

import numpy as np
import pytest

from cdmam_drawn import SHAPE, draw, placed
from mammoqa.core import LocateError, ReasonCode
from mammoqa.locate import identify, locate_cdmam34
from mammoqa.locate.cdmam34 import grid_of, to_pixels
from mammoqa.phantoms import PHANTOMS

CDMAM34 = PHANTOMS["cdmam34"]
PLACES_MM = np.array([mm for cell in CDMAM34.cells for mm in (cell.centre_mm, *cell.corners_mm)])


def errors_px(pose, whole):
    return np.hypot(*(pose.to_px(PLACES_MM) - to_pixels(whole / whole[2, 2], PLACES_MM)).T)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_all_rotations_and_mirror_images(turns, mirrored):
    shape = SHAPE if turns % 2 == 0 else SHAPE[::-1]
    whole = placed(turns, mirrored, tilt_deg=1.3 * (-1) ** turns, shape=shape)
    image = draw(whole, np.random.default_rng(turns), shape=shape, dark=not mirrored)
    pose = locate_cdmam34(image, CDMAM34)
    assert errors_px(pose, whole).max() < 0.1
    assert pose.mirrored is mirrored
    assert pose.attenuating_bright is mirrored
    assert pose.tilt_deg == pytest.approx(1.3 * (-1) ** turns, abs=0.02)
    assert pose.to_mm(pose.to_px(PLACES_MM)) == pytest.approx(PLACES_MM, abs=1e-6)


def test_magnified_and_not_parallel():
    whole = placed(tilt_deg=-4.0, scale=1.06, keystone=2e-5, shape=(1700, 1300))
    pose = locate_cdmam34(draw(whole, np.random.default_rng(5), shape=(1700, 1300)), CDMAM34)
    assert errors_px(pose, whole).max() < 0.1
    assert pose.magnification == pytest.approx(1.06, abs=2e-3)
    assert pose.projective[0] == pytest.approx(2e-5, abs=1e-6)


def test_it_is_recognised():
    image = draw(placed(), np.random.default_rng(1))
    assert identify(image) == "cdmam34"


def test_refusals_say_what_to_do():
    rng = np.random.default_rng(2)
    image = draw(placed(), rng)
    with pytest.raises(LocateError) as caught:
        locate_cdmam34(replace(image, pitch_mm=None), CDMAM34)
    assert caught.value.code is ReasonCode.NO_PIXEL_SPACING
    with pytest.raises(LocateError) as caught:
        locate_cdmam34(replace(image, pixels=rng.normal(1000, 8, SHAPE).astype(np.uint16)), CDMAM34)
    assert caught.value.code is ReasonCode.NOT_LOCATED
    with pytest.raises(LocateError) as caught:
        locate_cdmam34(replace(image, pixels=image.pixels[:1100]), CDMAM34)
    assert caught.value.code is ReasonCode.PARTLY_OUTSIDE
    assert "whole phantom" in caught.value.reason


def test_the_grid_has_every_side_once():
    grid = grid_of(CDMAM34)
    assert len(grid.cells) == 205
    taken = {(cell.row, cell.column) for cell in CDMAM34.cells}
    shared = sum(((r + 1, c) in taken) + ((r, c + 1) in taken) for r, c in taken)
    assert len(grid.sides) == 4 * 205 - shared
    assert np.abs(grid.sides).max() == 8.0
