"""Contrast-detail curves from decisions whose chances are known."""

import numpy as np
import pytest

from mammoqa.phantoms.cdmam34 import CDMAM34, DIAMETERS_MM, THICKNESSES_UM
from mammoqa.stats.contrast_detail import (
    HUMAN_OVER_AUTOMATIC,
    Method,
    Thresholds,
    contrast_detail,
    known_limit,
    smooth_curve,
    to_human,
)
from mammoqa.stats.psychometric import chance_of_four, log_contrast, probability

D, T = np.array(DIAMETERS_MM), np.array(THICKNESSES_UM)
TRUE_UM = 0.04 + 0.02 / D + 0.004 / D**2
USED = np.zeros((16, 16), bool)
USED[[c.row for c in CDMAM34.cells], [c.column for c in CDMAM34.cells]] = True


def decisions(images: int, rng: np.random.Generator, image_spread: float = 0.0, cell_spread: float = 0.0) -> np.ndarray:
    shift = rng.normal(0, 1, (images, 1, 1)) * image_spread + rng.normal(0, 1, (1, 16, 16)) * cell_spread
    p = probability(log_contrast(T) + shift, log_contrast(TRUE_UM)[:, None], np.array(2.5))
    return np.where(USED, rng.random((images, 16, 16)) < p, -1).astype(np.int64)


@pytest.fixture(scope="module")
def repeats():
    rng = np.random.default_rng(5)
    return [contrast_detail(decisions(16, rng), D, T, rng, Method(resamples=150)) for _ in range(12)]


def test_thresholds_scatter_about_the_truth(repeats):
    errors = np.log([one.automatic.value_um / TRUE_UM for one in repeats])
    assert np.abs(errors.mean(axis=0)[:-1]).max() < 0.12
    assert abs(errors.mean()) < 0.03
    assert 0.07 < errors[:, 2:14].std() < 0.14  # per diameter; 0.10 expected


def test_the_curve_scatters_less_than_its_thresholds(repeats):
    ratio = np.array([HUMAN_OVER_AUTOMATIC[d] for d in repeats[0].human.diameters_mm])
    true = ratio * TRUE_UM[np.isin(D, repeats[0].human.diameters_mm)]
    middle = slice(1, -1)
    points = np.log([one.human.value_um / true for one in repeats])[:, middle]
    curves = np.log([one.curve.value_um / true for one in repeats])[:, middle]
    assert np.sqrt((curves**2).mean()) < 0.85 * np.sqrt((points**2).mean())
    assert np.sqrt((curves**2).mean()) < 0.08  # 5.1 % in Young et al. 2006


def test_intervals_cover(repeats):
    covered = []
    for one in repeats:
        low, high = one.automatic.interval_um()
        covered.append((low <= TRUE_UM) & (high >= TRUE_UM))
    assert 0.88 < np.mean(covered) < 0.99  # 192 intervals


def test_images_and_cells_that_differ_widen_the_intervals():
    rng = np.random.default_rng(7)
    method = Method(resamples=100)
    same = contrast_detail(decisions(16, rng), D, T, rng, method)
    images = contrast_detail(decisions(16, rng, image_spread=0.4), D, T, rng, method)
    cells = contrast_detail(decisions(16, rng, cell_spread=0.4), D, T, rng, method)
    assert same.image_spread < 0.15
    assert same.cell_spread < 0.15
    assert images.image_spread == pytest.approx(0.4, abs=0.2)
    assert cells.cell_spread == pytest.approx(0.4, abs=0.15)

    def width(found):
        low, high = found.curve.interval_um()
        return np.log(high / low).mean()

    assert width(images) > 1.3 * width(same)
    assert width(cells) > 1.3 * width(same)


def test_one_image_has_an_interval_wider_than_sixteen():
    rng = np.random.default_rng(8)
    one = contrast_detail(decisions(1, rng), D, T, rng, Method(resamples=80))
    low, high = one.human.interval_um()
    assert np.median(high / low) > 2.5
    assert one.resampled_hits.shape == (80, 1, 16, 16)


def test_both_conventions_and_where_they_part():
    auto = Thresholds(D, np.full(16, 0.1), np.full((3, 16), 0.1), np.ones(16, bool), 0.95)
    by_thickness, by_contrast = to_human(auto, "thickness"), to_human(auto, "contrast")
    assert by_thickness.diameters_mm.tolist() == sorted(HUMAN_OVER_AUTOMATIC, reverse=True)
    assert by_thickness.value_um[0] == pytest.approx(0.211)
    assert by_contrast.value_um == pytest.approx(by_thickness.value_um, rel=0.02)  # thin gold: contrast is thickness
    thick = Thresholds(D, np.full(16, 2.0), np.full((3, 16), 2.0), np.ones(16, bool), 0.95)
    assert (to_human(thick, "contrast").value_um > to_human(thick, "thickness").value_um).all()


def test_the_curve_goes_through_thresholds_that_lie_on_one():
    auto = Thresholds(D[3:15], TRUE_UM[3:15], np.tile(TRUE_UM[3:15], (2, 1)), np.ones(12, bool), 0.95)
    at = np.array([0.1, 0.33, 1.0])
    assert smooth_curve(auto, at).value_um == pytest.approx(0.04 + 0.02 / at + 0.004 / at**2, rel=2e-3)
    few = Thresholds(D[3:6], TRUE_UM[3:6], np.tile(TRUE_UM[3:6], (2, 1)), np.ones(3, bool), 0.95)
    assert np.isnan(smooth_curve(few, at).value_um).all()


def test_chances_of_meeting_limits():
    found = Thresholds(
        D[:2], np.ones(2), np.array([[1.0, 1.0], [3.0, 1.0], [1.0, 3.0], [1.0, 1.0]]), np.ones(2, bool), 0.95
    )
    each, both = found.chance_below(np.array([2.0, np.nan]))
    assert each.tolist() == [0.75, 1.0]
    assert both == 0.75
    assert found.chance_below(np.array([2.0, 2.0]))[1] == 0.5


def test_images_must_have_the_same_cells():
    rng = np.random.default_rng(0)
    broken = decisions(2, rng)
    broken[0, 0, 1] = -1
    with pytest.raises(ValueError, match="same cells"):
        contrast_detail(broken, D, T, rng)


def test_known_chances_give_the_curve_that_many_images_come_to():
    diameters, thicknesses = np.geomspace(1.0, 0.08, 12), np.geomspace(0.03, 2.0, 16)
    contrast = -np.expm1(-0.19 * thicknesses)
    chances = chance_of_four(70.0 * diameters[:, None] ** 1.3 * contrast)
    automatic, curve = known_limit(chances, np.round(diameters, 2), thicknesses, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    hits = (rng.random((400, *chances.shape)) < chances).astype(np.int64)
    found = contrast_detail(hits, np.round(diameters, 2), thicknesses, rng, Method(resamples=20))
    assert automatic.value_um[2:-1] == pytest.approx(found.automatic.value_um[2:-1], rel=0.06)
    assert len(curve.value_um) == len(found.curve.value_um)
