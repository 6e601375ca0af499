"""Decisions in drawn cells: certain for thick gold, chance for none, the same whichever way the phantom lies."""

from dataclasses import replace

import numpy as np
import pytest

from cdmam_drawn import draw, placed
from mammoqa.core import Acquisition, Intent, Pose, ReasonCode, ScoreError
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.cdmam34 import decide, decisions, read_cells

CDMAM34 = PHANTOMS["cdmam34"]


def pose_of(whole, dark=True):
    return Pose(whole[:2], "bottom", False, 0.0, 1.0, not dark, 0.0, (0.0, 2000.0), line_mm=0.12)


@pytest.fixture(scope="module")
def read():
    whole = placed(mirrored=True, quarter_turns=2)
    return read_cells(draw(whole, np.random.default_rng(3), gold=60.0), CDMAM34, pose_of(whole))


def test_thick_discs_are_found_and_thin_ones_guessed(read):
    size = np.array([c.thickness_um * 60 * c.diameter_mm for c in CDMAM34.cells]) / 8  # times the noise, roughly
    assert read.corner_hit[size > 1.5].mean() > 0.97
    assert read.centre_hit[size > 1.5].mean() > 0.97
    assert 0.1 < read.corner_hit[size < 0.12].mean() < 0.75


def test_a_phantom_without_gold_is_read_by_chance():
    whole = placed()
    found = read_cells(draw(whole, np.random.default_rng(4), gold=0.0), CDMAM34, pose_of(whole))
    assert 0.15 < found.corner_hit.mean() < 0.36  # 0.25 expected of 205
    assert 0.15 < found.centre_hit.mean() < 0.36
    assert np.bincount(found.chosen, minlength=4).min() > 25


def test_bright_gold_and_a_logarithm_change_little():
    whole = placed()
    image = draw(whole, np.random.default_rng(6))
    turned = replace(image, pixels=(4000 - image.pixels.astype(np.int64)).astype(np.uint16))
    logarithm = replace(image, pixels=(10000 * np.log(image.pixels)).astype(np.float32))
    first = read_cells(image, CDMAM34, pose_of(whole))
    assert np.array_equal(read_cells(turned, CDMAM34, pose_of(whole, dark=False)).chosen, first.chosen)
    assert (read_cells(logarithm, CDMAM34, pose_of(whole)).corner_hit == first.corner_hit).mean() > 0.97


def test_decisions_from_answers():
    answers = np.zeros((205, 5))
    true = np.array([cell.corner for cell in CDMAM34.cells])
    answers[np.arange(205), 1 + true] = 2.0
    answers[:100, 0] = 1.0
    found = decide(answers, CDMAM34)
    assert found.corner_hit.all()
    assert found.centre_hit.tolist() == [True] * 100 + [False] * 105
    matrix = decisions(found.centre_hit, CDMAM34)
    assert (matrix >= 0).sum() == 205
    assert (matrix == 1).sum() == 100
    assert matrix[0, 0] == -1


def test_processed_and_clipped_images_are_refused():
    whole = placed()
    image = draw(whole, np.random.default_rng(8))
    shown = replace(image, acquisition=Acquisition(modality="MG", intent=Intent.FOR_PRESENTATION))
    with pytest.raises(ScoreError) as caught:
        read_cells(shown, CDMAM34, pose_of(whole))
    assert caught.value.code is ReasonCode.NEEDS_RAW
    with pytest.raises(ScoreError) as caught:
        read_cells(replace(image, saturated=(0.0, 990.0)), CDMAM34, pose_of(whole))
    assert caught.value.code is ReasonCode.CLIPPED


def test_looking_about_finds_displaced_discs_and_costs_faint_ones():
    whole = placed()
    image = draw(whole, np.random.default_rng(8), gold=30.0)
    beside = whole.copy()
    beside[0, 2] += 2.0  # the grid is thought two pixels (0.3 mm) off
    strict, searched = (read_cells(image, CDMAM34, pose_of(beside), mm) for mm in (0.0, 0.3))
    small = np.array([c.diameter_mm <= 0.2 and c.thickness_um >= 1.0 for c in CDMAM34.cells])
    assert searched.corner_hit[small].mean() > strict.corner_hit[small].mean()
    known, looked = (read_cells(image, CDMAM34, pose_of(whole), mm) for mm in (0.0, 0.3))
    assert (looked.answers >= known.answers - 1e-9).all()  # the best of a disc's surroundings
    assert looked.corner_hit.sum() < known.corner_hit.sum()
    assert np.array_equal(read_cells(image, CDMAM34, pose_of(whole), 0.1).answers, known.answers)  # under a pixel
