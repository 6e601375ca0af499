"""Scores of the ACR DM phantom follow what is drawn; the weekly numbers follow the pixels."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from acr_dm_exposure import ACR_DM, exposed
from mammoqa.core import Insert, Intent
from mammoqa.locate import locate_acr_dm, patches
from mammoqa.score.acr_dm import PITCH_MM, RULES, SIDE_PX, judge_indices, score_acr_dm, see
from mammoqa.score.acr_dm_filters import Bench, Indices, noise_of, parts, speck_centres_mm, whole
from mammoqa.score.acr_dm_weekly import weekly
from mammoqa.simulate.shapes import speck_centres_mm as drawn_centres_mm

FIBRE, GROUP, MASS = (next(i for i in ACR_DM.inserts if i.kind == kind) for kind in ("fibre", "speck_group", "mass"))


@lru_cache(maxsize=2)
def cells(*, empty: bool = False) -> np.ndarray:
    pose = locate_acr_dm(exposed().image, ACR_DM)
    return patches(exposed(empty=empty).image, ACR_DM, pose, size_px=SIDE_PX, pitch_mm=PITCH_MM)


def test_large_objects_score_and_small_ones_do_not() -> None:
    pose = locate_acr_dm(exposed().image, ACR_DM)
    objects, visible = score_acr_dm(cells(), ACR_DM, pose)
    scores = {o.name: o.score for o in objects}
    assert [scores[f"{kind}-{k}"] for kind in ("fibre", "speck-group", "mass") for k in (1, 2)] == [1.0] * 6
    assert scores["fibre-6"] == 0.0
    amounts = {m.name: m.value for m in visible}
    assert amounts["fibre_1_visible_length"] >= 9.0
    assert amounts["speck_group_1_visible_specks"] == 6.0
    assert amounts["mass_1_visible_contour"] >= 91.0  # 11 of 12: one sector's noise differs from processor to processor


def test_nothing_is_seen_where_nothing_is_drawn() -> None:
    seen = see(cells(empty=True), ACR_DM)
    assert [s.score for s in seen] == [0.0] * 18
    assert max(s.p_present for s in seen) < 0.5


def test_indices_have_unit_spread_where_nothing_is_drawn() -> None:
    empty = cells(empty=True)
    bench = Bench(SIDE_PX, PITCH_MM, noise_of(empty, PITCH_MM))
    found = []
    for patch in empty[:4]:
        found.append(bench.seen_in(patch, GROUP).at(0.0, "coarse", (0, 0)))
    assert np.std(found) == pytest.approx(1.0, abs=0.35)


def test_a_filter_at_a_place_gives_what_it_gives_everywhere() -> None:
    bench = Bench(SIDE_PX, PITCH_MM, noise_of(cells(), PITCH_MM))
    seer = bench.seen_in(cells()[0], FIBRE)
    everywhere = seer.everywhere(0.0, "whole")[0]
    middle = SIDE_PX // 2
    assert seer.at(0.0, "whole", (3, -5))[0] == pytest.approx(everywhere[middle + 3, middle - 5], rel=1e-4)


def test_parts_add_up_to_the_whole_and_specks_lie_where_they_are_drawn() -> None:
    axis = np.linspace(-6, 6, 241)
    x, y = np.meshgrid(axis, axis)
    _, fine = parts(FIBRE)
    np.testing.assert_allclose(np.max([part(x, y) for part in fine], axis=0), whole(FIBRE)(x, y), atol=1e-9)
    np.testing.assert_allclose(speck_centres_mm(GROUP), drawn_centres_mm(GROUP), atol=1e-9)


def indices(coarse: list[float], whole_index: float = 99.0, angle_deg: float = 0.0) -> Indices:
    return Indices(np.array(coarse), np.array(coarse), whole_index, (0.0, 0.0), angle_deg)


@pytest.mark.parametrize(
    ("insert", "found", "score"),
    [
        (FIBRE, indices([9.0] * 10), 1.0),
        (FIBRE, indices([9.0] * 8 + [0.0] * 2), 1.0),
        (FIBRE, indices([9.0] * 7 + [0.0] * 3), 0.5),
        (FIBRE, indices([9.0] * 4 + [0.0] * 2 + [9.0] * 4), 0.0),
        (FIBRE, indices([9.0] * 10, angle_deg=6.0), 0.0),
        (GROUP, indices([20.0] * 4 + [0.0] * 2), 1.0),
        (GROUP, indices([20.0] * 2 + [0.0] * 4), 0.5),
        (GROUP, indices([20.0] + [0.0] * 5), 0.0),
        (MASS, indices([9.0] * 10 + [0.0] * 2), 1.0),
        (MASS, indices([9.0] * 9 + [0.0] * 3), 0.5),
        (MASS, indices([9.0] * 12, whole_index=1.0), 0.0),
    ],
)
def test_the_manuals_rules(insert: Insert, found: Indices, score: float) -> None:
    assert judge_indices(insert, found).score == score


def test_probabilities_grow_with_visibility() -> None:
    faint, clear = (judge_indices(GROUP, indices([RULES.speck + d] * 6)) for d in (-1.0, 1.0))
    assert faint.p_present < 0.5 < clear.p_present


def test_snr_and_cnr_of_raw_pixels_have_limits_and_the_cavity_is_found() -> None:
    image = exposed().image
    pose = locate_acr_dm(image, ACR_DM)
    found, regions = weekly(image, ACR_DM, pose)
    values = {m.name: m.value for m in found}
    assert values["snr"] > 40.0
    assert values["cnr"] > 2.0
    assert values["artefact_deviation"] < 15.0
    centre = next(r for r in regions if r.label == "cavity").points_px.mean(axis=0)
    marker = next(m for m in ACR_DM.markers if m.kind == "cavity")
    assert pose.to_mm(centre[None])[0] == pytest.approx(np.array(marker.centre_mm) * 1.012, abs=2.0)


def test_pixels_made_for_display_are_measured_but_not_judged() -> None:
    image = exposed().image
    shown = replace(image, acquisition=replace(image.acquisition, intent=Intent.FOR_PRESENTATION))
    names = {m.name for m in weekly(shown, ACR_DM, locate_acr_dm(image, ACR_DM))[0]}
    assert "snr" not in names
    assert "snr_of_stored_pixels" in names
