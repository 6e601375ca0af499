"""Evidence of cells: the conventional filter's answers and more, linear in the pixels with an exact gradient."""

import numpy as np
import pytest

from cdmam_drawn import draw, placed
from mammoqa.core import Pose
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.cdmam34 import read_cells
from mammoqa.score.cdmam34_evidence import empty_places_mm, evidence, seen_corner

CDMAM34 = PHANTOMS["cdmam34"]


@pytest.fixture(scope="module")
def found():
    whole = placed(quarter_turns=2)
    pose = Pose(whole[:2], "bottom", False, 0.0, 1.0, False, 0.0, (0.0, 2000.0), line_mm=0.12)
    image = draw(whole, np.random.default_rng(3))
    return image, pose, *evidence(image, CDMAM34, pose)


def test_answers_are_those_of_the_conventional_reading(found):
    image, pose, read, _ = found
    usual = read_cells(image, CDMAM34, pose).answers
    assert np.corrcoef(usual.ravel(), read.answers.ravel())[0, 1] > 0.998
    assert read.noise == pytest.approx(8.0 / 1000, rel=0.12)


def test_empty_places_answer_with_the_noise_alone(found):
    read = found[2]
    small = np.array([cell.diameter_mm <= 1.0 for cell in CDMAM34.cells])
    assert not np.isnan(read.empty[small]).any()
    assert np.isnan(read.empty[~small]).sum(axis=1).tolist() == [12] * int((~small).sum())
    assert np.nanstd(read.empty[small]) == pytest.approx(1.0, abs=0.06)
    assert abs(np.nanmean(read.empty[small])) < 0.1
    strong = np.array([c.thickness_um * c.diameter_mm > 0.4 for c in CDMAM34.cells])
    assert read.answers[strong][seen_corner(CDMAM34)[strong]].min() > 3.0


def test_empty_places_keep_clear_of_discs_and_lines():
    for cell in CDMAM34.cells:
        places, number = empty_places_mm(cell)
        assert len(places) == len(number)
        discs = np.array([cell.centre_mm, *cell.corners_mm])
        apart = np.hypot(*(places[:, None] - discs).transpose(2, 0, 1)).min()
        assert apart >= cell.diameter_mm
        away = places - np.array(cell.centre_mm)
        along = np.abs(np.stack([away[:, 0] + away[:, 1], away[:, 1] - away[:, 0]])) / np.sqrt(2)
        assert along.max() + cell.diameter_mm / 2 < 5.0


def test_the_same_filters_read_other_pixels_linearly_and_gradients_find_back(found):
    image, _, read, filters = found
    again = filters.read(image.pixels, read)
    assert again.answers == pytest.approx(read.answers, abs=1e-3)
    rng = np.random.default_rng(0)
    moved = rng.normal(size=image.pixels.shape)
    other = filters.read(image.pixels + moved, read)
    by = [rng.normal(size=part.shape) for part in (read.answers, read.empty, read.rings)]
    by[1][np.isnan(read.empty)] = 0.0
    change = (by[0] * (other.answers - again.answers)).sum() + (by[2] * (other.rings - again.rings)).sum()
    change += np.nansum(by[1] * (other.empty - again.empty))
    assert (filters.to_pixels(*by) * moved).sum() == pytest.approx(change, rel=1e-3, abs=1e-3)
