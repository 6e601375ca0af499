"""Drawing on pixels: discs and lines cover exactly what they should, wherever they lie."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoqa.phantoms.cdmam34 import CDMAM34
from mammoqa.simulate.cdmam_scene import disc_coverage, draw_line, grid_lines_mm, labels

places = st.floats(8.0, 14.0)


@settings(max_examples=60, deadline=None)
@given(places, places, st.floats(0.2, 6.0))
def test_a_disc_covers_its_area(x, y, radius):
    (r0, r1, c0, c1), cover = disc_coverage(x, y, radius, (24, 24))
    assert cover.sum() == pytest.approx(math.pi * radius**2, rel=1e-9)
    assert cover.min() >= 0
    assert cover.max() < 1 + 1e-12
    assert (r1 - r0, c1 - c0) == cover.shape


def test_a_disc_covers_each_pixel_as_counting_dots_says():
    fine = 200
    at = (np.arange(12 * fine) + 0.5) / fine - 0.5
    dots = (at[:, None] - 5.3) ** 2 + (at - 6.1) ** 2 < 2.4**2
    counted = dots.reshape(12, fine, 12, fine).mean(axis=(1, 3))
    window, cover = disc_coverage(6.1, 5.3, 2.4, (12, 12))
    drawn = np.zeros((12, 12))
    drawn[window[0] : window[1], window[2] : window[3]] = cover
    np.testing.assert_allclose(drawn, counted, atol=2e-4)


def test_a_disc_outside_the_image_is_not_drawn_and_one_at_its_edge_is_cut():
    assert disc_coverage(-9.0, 4.0, 3.0, (20, 20))[1].size == 0
    _, cover = disc_coverage(-0.5, 10.0, 3.0, (20, 20))
    assert cover.sum() == pytest.approx(math.pi * 4.5)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, math.pi), st.floats(0.3, 4.0), st.floats(-0.5, 0.5))
def test_a_line_takes_away_its_area(angle, width, offset):
    factor = np.ones((120, 120), dtype=np.float32)
    half = 40 * np.array([math.cos(angle), math.sin(angle)])
    middle = np.array([60.0 + offset, 60.0 - offset])
    draw_line(factor, middle - half, middle + half, width, 0.25)
    assert float((1 - factor).sum()) == pytest.approx(0.25 * width * 80, rel=5e-3)  # its ends are softened


def test_a_thin_line_at_45_degrees_covers_what_counting_dots_says():
    factor = np.ones((16, 16), dtype=np.float32)
    draw_line(factor, np.array([-30.0, -30.4]), np.array([40.0, 39.6]), 1.3, 1.0)
    fine = 100
    at = (np.arange(16 * fine) + 0.5) / fine - 0.5
    dots = np.abs(at - (at[:, None] + 0.4)) / math.sqrt(2) < 0.65
    np.testing.assert_allclose(1 - factor, dots.reshape(16, fine, 16, fine).mean(axis=(1, 3)), atol=4e-3)


def test_lines_enclose_every_cell_and_stay_on_the_plate():
    lines = np.array(grid_lines_mm(CDMAM34))
    assert len(lines) == 34
    lengths = np.hypot(*(lines[:, 1] - lines[:, 0]).T)
    sides = sum(
        (cell.row, cell.column + step) not in {(c.row, c.column) for c in CDMAM34.cells}
        for cell in CDMAM34.cells
        for step in (1, -1)
    )
    # every side of a cell once: 4 sides a cell, those between neighbours shared
    assert lengths.sum() / 10 == pytest.approx(2 * len(CDMAM34.cells) + sides, rel=0.01)
    assert np.abs(lines[..., 0]).max() < CDMAM34.outline.width_mm / 2
    assert np.abs(lines[..., 1]).max() < CDMAM34.outline.length_mm / 2


def test_writing_keeps_clear_of_the_cells_and_says_that_it_is_simulated():
    centres = np.array([cell.centre_mm for cell in CDMAM34.cells])
    written = labels(CDMAM34)
    assert "SIMULATED" in {text for text, *_ in written}
    for text, (x, y), _, _ in written:
        turned = np.abs(centres - (x, y)) @ np.ones(2) / math.sqrt(2)
        assert turned.min() > 5.0, text
        assert abs(x) < CDMAM34.outline.width_mm / 2
