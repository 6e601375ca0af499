"""Nearest-neighbour correction and the image quality figure, by hand."""

import numpy as np
import pytest

from mammoqa.stats.iqf import corrected, image_quality_figure


def test_a_lone_miss_is_mended_and_a_lone_hit_is_dropped():
    hits = np.ones((5, 5), np.int64)
    hits[2, 2] = 0
    assert corrected(hits)[2, 2] == 1
    misses = np.zeros((5, 5), np.int64)
    misses[2, 2] = 1
    assert corrected(misses).sum() == 0


def test_two_neighbours_of_four_keep_a_hit_and_do_not_mend_a_miss():
    cross = np.zeros((5, 5), np.int64)
    cross[2, 1:4] = 1
    assert corrected(cross)[2, 2] == 1
    cross[2, 2] = 0
    assert corrected(cross)[2, 2] == 0


def test_cells_with_two_neighbours():
    corner = np.array([[1, 1], [0, 0]])
    assert corrected(corner)[0, 0] == 1
    assert corrected(np.array([[0, 1], [1, 0]]))[0, 0] == 1
    assert corrected(np.array([[0, 1], [0, 0]]))[0, 0] == 0
    assert corrected(np.array([[1, -1], [0, 0]]))[0, 1] == -1


def test_the_figure_of_a_phantom_by_hand():
    diameters, thicknesses = np.array([2.0, 1.0, 0.5]), np.array([0.1, 0.2, 0.4])
    everything = np.ones((2, 3, 3), np.int64)
    assert image_quality_figure(everything, diameters, thicknesses) == pytest.approx(np.array([0.35, 0.35]))
    nothing = np.zeros((3, 3), np.int64)
    assert image_quality_figure(nothing, diameters, thicknesses) == pytest.approx(1.4)
