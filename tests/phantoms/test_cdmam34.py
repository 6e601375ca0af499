"""CDMAM 3.4: the facts that its readers rely on."""

import math

import pytest

from mammoqa.phantoms.cdmam34 import CDMAM34

CELLS = {(cell.row, cell.column): cell for cell in CDMAM34.cells}


def test_it_has_205_cells_and_lacks_two_corners_of_the_square():
    assert len(CELLS) == 205
    assert (0, 15) not in CELLS
    assert (15, 0) not in CELLS
    assert (15, 15) not in CELLS
    assert (0, 0) not in CELLS


def test_discs_shrink_by_row_and_thicken_by_column():
    assert CELLS[(0, 5)].diameter_mm == 2.0
    assert CELLS[(15, 8)].diameter_mm == 0.06
    assert CELLS[(8, 0)].thickness_um == 0.03
    assert CELLS[(8, 15)].thickness_um == 2.0


def test_neighbours_lie_10_mm_apart_along_the_turned_axes():
    here, right, below = (CELLS[index].centre_mm for index in ((8, 8), (8, 9), (9, 8)))
    assert math.dist(here, right) == pytest.approx(10.0)
    assert math.atan2(right[1] - here[1], right[0] - here[0]) == pytest.approx(math.pi / 4)
    assert math.atan2(below[1] - here[1], below[0] - here[0]) == pytest.approx(3 * math.pi / 4)


def test_corners_lie_right_below_left_and_above_the_centre():
    cell = CELLS[(7, 7)]
    x, y = cell.centre_mm
    offsets = [(round(cx - x, 2), round(cy - y, 2)) for cx, cy in cell.corners_mm]
    assert offsets == [(4.17, 0.0), (0.0, 4.17), (-4.17, 0.0), (0.0, -4.17)]
    assert cell.corner == 0  # code 1 in the published table


def test_each_limit_is_there_twice_and_achievable_is_the_lower_one():
    for diameter_mm in (2.0, 1.0, 0.5, 0.25, 0.1):
        pair = {c.applies: c.high for c in CDMAM34.criteria if c.name == f"threshold_{diameter_mm:.2f}_mm"}
        assert pair["achievable"] < pair["acceptable"]
