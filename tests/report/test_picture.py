from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor, ImageDraw, ImageFont

from mammoqa.core import ObjectScore, Region, ReportError
from mammoqa.report.picture import (
    FULL,
    HALF,
    NONE,
    _caption,
    _overlap,
    annotated,
    as_jpeg,
    colour_of,
    saliency_overlay,
)
from report.samples import sample_analysis, sample_refusal, sample_stack


@pytest.fixture(scope="module")
def analysis():
    return sample_analysis()


def _with_score(score: float, counted: bool = True):
    analysis = sample_analysis()
    only = ObjectScore("mass-1", "mass", 2.0, score, 0.9, 0.1, (0.0, 0.0), counted=counted)
    return replace(analysis, objects=(only,), view=np.full_like(analysis.view, 90))


def test_pictures_have_the_width_asked_for_and_colour(analysis):
    picture = annotated(analysis, width_px=640)
    assert picture.shape[1:] == (640, 3)
    assert picture.shape[0] == pytest.approx(640, abs=2)  # the insert is square
    assert saliency_overlay(analysis, width_px=640).shape == picture.shape


def test_box_lies_around_its_object():
    scored = _with_score(1.0)
    bare = annotated(replace(scored, objects=()), width_px=820)
    changed = abs(annotated(scored, width_px=820).astype(int) - bare.astype(int)).sum(axis=2) > 40
    rows, columns = np.nonzero(changed)
    # mass 1 is the fourth object of the third row: centre (30, 10) mm; the picture shows 82 mm
    scale, middle = 10.0, 410.0
    assert (columns.min() + columns.max()) / 2 == pytest.approx(middle + 30 * scale, abs=0.3 * scale)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(middle + 10 * scale, abs=0.3 * scale)
    assert columns.max() - columns.min() == pytest.approx(16 * scale, abs=0.5 * scale)


def test_scores_differ_by_colour_and_without_colour():
    pictures = [annotated(_with_score(score), width_px=850) for score in (1.0, 0.5, 0.0)]
    greys = [picture.astype(float).mean(axis=2) for picture in pictures]
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert (abs(greys[one] - greys[other]) > 25).sum() > 200
    assert len({colour_of(score) for score in (1.0, 0.5, 0.0)}) == 3


@pytest.mark.parametrize("colours", [(FULL, HALF), (HALF, NONE), (FULL, NONE)])
def test_colours_stay_apart_for_red_green_blind_readers(colours):
    # Viénot, Brettel & Mollon 1999, deuteranopia, on linear RGB
    blind = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    one, other = ((np.array(ImageColor.getrgb(colour)) / 255) ** 2.2 @ blind.T for colour in colours)
    one, other = (np.clip(c, 0, 1) ** (1 / 2.2) for c in (one, other))
    assert abs(one - other).max() > 0.2


def test_uncounted_objects_are_marked():
    counted, uncounted = (annotated(_with_score(1.0, counted), width_px=850) for counted in (True, False))
    assert (abs(counted.astype(int) - uncounted.astype(int)).sum(axis=2) > 40).sum() > 300


def test_artefacts_are_ringed_where_they_lie():
    plain = replace(_with_score(1.0), objects=sample_analysis().objects[:1])
    turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    centre = np.array([10.0, -20.0])
    ring = centre + 2.0 * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    marked = replace(plain, regions=(Region("fibre-like", plain.pose.to_px(ring)),))
    changed = abs(annotated(marked, width_px=820).astype(int) - annotated(plain, width_px=820)).sum(axis=2) > 60
    rows, columns = np.nonzero(changed[int(410 - 20.5 * 10) :])  # below the name that stands above the ring
    assert (columns.min() + columns.max()) / 2 == pytest.approx(410 + 10 * 10, abs=4)
    assert columns.max() - columns.min() == pytest.approx(40, abs=8)
    assert rows.max() + int(410 - 20.5 * 10) == pytest.approx(410 - 18 * 10, abs=5)


def test_saliency_brightens_only_where_it_is():
    analysis = sample_analysis()
    where = np.zeros(analysis.view.shape, np.float32)
    dark = saliency_overlay(replace(analysis, saliency=where, objects=()), width_px=400)
    where[: where.shape[0] // 2] = 1.0
    lit = saliency_overlay(replace(analysis, saliency=where, objects=()), width_px=400)
    change = lit.astype(int).sum(axis=2) - dark.astype(int).sum(axis=2)
    assert (change[:190] > 100).mean() > 0.95
    assert abs(change[210:]).max() == 0


def test_slices_lie_in_rows_with_their_regions():
    stack = sample_stack()
    picture = annotated(stack, width_px=800)
    assert picture.shape[1] == 800
    assert picture.shape[0] == pytest.approx(800, abs=10)  # four slices, two by two
    plain = annotated(replace(stack, regions=()), width_px=800)
    changed = abs(picture.astype(int) - plain.astype(int)).sum(axis=2) > 60
    assert all(part.any() for half in np.array_split(changed, 2) for part in np.array_split(half, 2, axis=1))


def test_no_view_no_picture():
    assert annotated(sample_refusal()) is None
    assert saliency_overlay(sample_refusal()) is None
    assert saliency_overlay(sample_stack()) is None


def test_jpeg_is_a_jpeg(analysis):
    assert as_jpeg(annotated(analysis, width_px=200)).startswith(b"\xff\xd8\xff")


def test_map_of_another_size_is_told():
    analysis = sample_analysis()
    with pytest.raises(ReportError, match="does not fit"):
        saliency_overlay(replace(analysis, saliency=analysis.saliency[:-1]))


def test_names_of_crowded_regions_do_not_cover_each_other():
    draw = ImageDraw.Draw(Image.new("RGB", (600, 600)))
    square = np.array([[290.0, 290.0], [310.0, 290.0], [310.0, 310.0], [290.0, 310.0]])
    taken: list = []
    for label in ("left bar", "right bar", "upper ramp", "lower ramp"):
        taken.append(_caption(draw, label, square, (600, 600), ImageFont.load_default(20.0), taken))
    assert sum(_overlap(a, b) for a, b in combinations(taken, 2)) == 0


@given(x=st.floats(-50, 650), y=st.floats(-50, 650))
def test_names_stay_inside_the_panel(x, y):
    draw = ImageDraw.Draw(Image.new("RGB", (600, 600)))
    box = _caption(draw, "PIU region", np.array([[x, y]]), (600, 600), ImageFont.load_default(20.0), [])
    assert min(box[:2]) >= 0
    assert max(box[2:]) <= 600
