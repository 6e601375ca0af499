import numpy as np
import pytest

import cdmam_drawn
from mammoqa.core import Pose
from mammoqa.jobs.cdmam34_single import cells_model, pixel_model
from mammoqa.jobs.validate_cdmam_cells_explain import Found, StepPoint
from mammoqa.jobs.validate_cdmam_cells_explain import Size as CellsSize
from mammoqa.jobs.validate_cdmam_cells_explain_page import ALL, aims, page
from mammoqa.jobs.validate_cdmam_cells_faithful import (
    AVERAGED,
    BEFORE,
    OTHERS,
    OURS,
    PRINTED,
    RAW,
    Compared,
    Overlooked,
    Ranked,
    ahead,
    overlooked,
)
from mammoqa.jobs.validate_cdmam_explain import Fall
from mammoqa.phantoms import PHANTOMS

PHANTOM = PHANTOMS["cdmam34"]


def ranked(method, form, scores):
    values = np.array(scores)
    return Ranked(method, form, 0.5 - values / 2, 0.5 + values / 2, values)


def found(others):
    compared = Compared(
        [
            ranked(OURS, BEFORE, [0.8, 0.7, 0.9]),
            ranked(PRINTED, RAW, [0.95, 0.9, 0.9]),
            *(ranked(name, form, others) for name, form in zip(OTHERS, (AVERAGED, BEFORE, RAW), strict=True)),
        ],
        [ranked(OURS, BEFORE, [0.7, 0.6, 0.8])],
        [ranked("sensitivity", "direction", [0.1, 0.2, 0.3])],
        [Overlooked("scenario-1", 40, 410, 0.02), Overlooked("scenario-1", 60, 410, 0.04)],
    )
    made = Found(falls={ALL: Fall(100, 1.0, 0.1, 0.5, 0.0)}, steps=[StepPoint(25, 1.0, 0.99)], turned_correlation=1.0)
    made.compared = compared
    return made


def test_the_difference_on_the_same_images_has_its_interval():
    gap = ahead(ranked(OURS, BEFORE, [0.8, 0.7, 0.9]), ranked("occlusion", RAW, [0.7, 0.6, 0.8]))
    assert (gap.low, gap.estimate, gap.high) == pytest.approx((0.1, 0.1, 0.1))
    unsure = ahead(ranked(OURS, BEFORE, [0.8, 0.7, 0.9]), ranked("occlusion", RAW, [0.6, 0.9, 0.8]))
    assert unsure.low < 0.0 < unsure.high


@pytest.mark.parametrize(("others", "verdict"), [([0.7, 0.6, 0.8], "yes"), ([0.6, 0.9, 0.8], "**not reached**")])
def test_being_ahead_takes_an_interval_above_zero(others, verdict):
    assert aims(found(others))[-1][2] == verdict


def test_the_page_shows_every_form_and_what_one_disc_at_a_time_overlooks():
    text = page(found([0.7, 0.6, 0.8]), CellsSize(), ("mammoqa validate x", "2026-11-21", "mammoqa 0", "toy"))
    assert "| scenario-1 | 2 | 50 | 410 | 0.03 |" in text
    assert "+0.100 (+0.100 to +0.100)" in text
    assert text.index(f"| {PRINTED} | {RAW}") < text.index(f"| {OURS} | {BEFORE}")  # the best comes first


def test_what_discs_hold_is_counted_on_the_reading():
    whole = cdmam_drawn.placed(quarter_turns=2)
    pose = Pose(whole[:2], "bottom", False, 0.0, 1.0, False, 0.0, (0.0, 2000.0), line_mm=0.12)
    image = cdmam_drawn.draw(whole, np.random.default_rng(0))
    of = pixel_model(image, PHANTOM, pose, cells_model(None))
    cells, places, rises = of.rises()
    assert len(cells) == len(places) == len(rises) == 2 * len(PHANTOM.cells)
    assert of.left_without(np.zeros(len(rises), bool)) == pytest.approx(1.0, abs=1e-4)
    assert of.left_without(np.ones(len(rises), bool)) == pytest.approx(0.0, abs=1e-4)
    assert float(of.occlusion().sum()) == pytest.approx(float(rises.sum()), rel=1e-3)
    said = overlooked("drawn", of)
    assert said.discs == np.count_nonzero(rises < 0)
    assert said.of == len(rises)
