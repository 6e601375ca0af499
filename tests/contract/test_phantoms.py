"""Every phantom in PHANTOMS keeps the promises that the rooms rely on; a new one is found by itself."""

import math

import pytest

from mammoqa.core import Insert, Phantom
from mammoqa.jobs.analyse import READINGS
from mammoqa.locate import LOCATORS
from mammoqa.phantoms import PHANTOMS

every_phantom = pytest.mark.parametrize("phantom", PHANTOMS.values(), ids=PHANTOMS.keys())


def reach_mm(insert: Insert) -> float:
    """How far an insert extends from its centre."""
    return max(insert.length_mm / 2, insert.diameter_mm / 2, insert.ring_radius_mm + insert.diameter_mm / 2)


def inside(phantom: Phantom, insert: Insert) -> bool:
    x = insert.centre_mm[0] - phantom.outline.offset_mm[0]
    y = insert.centre_mm[1] - phantom.outline.offset_mm[1]
    body, reach = phantom.outline, reach_mm(insert)
    if body.diameter_mm is not None:
        return math.hypot(x, y) + reach <= body.diameter_mm / 2
    return abs(x) + reach <= body.width_mm / 2 and abs(y) + reach <= body.length_mm / 2


@every_phantom
def test_it_is_filed_under_its_name_and_says_where_it_is_from(phantom: Phantom) -> None:
    assert PHANTOMS[phantom.name] is phantom
    assert phantom.title
    assert phantom.source
    assert phantom.version
    assert phantom.modality in {"MG", "MR", "CT"}


@every_phantom
def test_its_inserts_have_names_of_their_own(phantom: Phantom) -> None:
    names = [insert.name for insert in phantom.inserts]
    assert len(set(names)) == len(names)


@every_phantom
def test_its_inserts_have_sizes_and_lie_inside_the_outline(phantom: Phantom) -> None:
    for insert in phantom.inserts:
        assert insert.size_mm > 0, insert.name
        assert inside(phantom, insert), insert.name


@every_phantom
def test_its_cells_are_distinct_and_lie_with_their_discs_inside_the_outline(phantom: Phantom) -> None:
    assert len({(cell.row, cell.column) for cell in phantom.cells}) == len(phantom.cells)
    for cell in phantom.cells:
        assert cell.diameter_mm > 0
        assert cell.thickness_um > 0
        assert len(cell.corners_mm) == 4
        assert 0 <= cell.corner < 4
        for x, y in (cell.centre_mm, *cell.corners_mm):
            assert abs(x) + cell.diameter_mm / 2 <= phantom.outline.width_mm / 2
            assert abs(y) + cell.diameter_mm / 2 <= phantom.outline.length_mm / 2


@every_phantom
def test_its_body_has_a_size(phantom: Phantom) -> None:
    body = phantom.outline
    assert body.diameter_mm or (body.width_mm > 0 and body.length_mm > 0)


@every_phantom
def test_its_layers_fill_its_thickness(phantom: Phantom) -> None:
    if phantom.layers and phantom.outline.thickness_mm:
        total_mm = sum(layer.thickness_mm for layer in phantom.layers)
        assert total_mm == pytest.approx(phantom.outline.thickness_mm, abs=2.0)  # nominal and compressed thickness


@every_phantom
def test_each_criterion_has_a_limit_a_source_and_a_confidence(phantom: Phantom) -> None:
    assert phantom.criteria
    for criterion in phantom.criteria:
        assert criterion.low is not None or criterion.high is not None, criterion.name
        assert criterion.source, criterion.name
        assert criterion.confidence in {"verified", "single", "recalled"}, criterion.name
        if criterion.low is not None and criterion.high is not None:
            assert criterion.low <= criterion.high, criterion.name


@every_phantom
def test_it_can_be_located_and_read(phantom: Phantom) -> None:
    assert phantom.name in LOCATORS
    assert phantom.name in READINGS


def test_nothing_is_read_that_is_no_phantom() -> None:
    assert set(READINGS) <= set(PHANTOMS)
    assert set(LOCATORS) <= set(PHANTOMS)
