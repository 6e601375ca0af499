"""CDMAM images become one Analysis per exposure series; everything else passes through."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from cdmam_drawn import draw, placed
from mammoqa.core import Analysis, Outcome, ReasonCode, Refused, Source
from mammoqa.jobs.analyse import Options, analyse
from mammoqa.jobs.batch import analyse_all
from mammoqa.jobs.series import pool, pooled, series_key


@pytest.fixture(scope="module")
def one() -> Analysis:
    image = draw(placed(tilt_deg=0.5), np.random.default_rng(0))
    facts = replace(image.acquisition, mas=100.0, acquired_at=datetime(2026, 3, 1, 8), station="MG-X")
    return analyse(replace(image, acquisition=facts, source=Source("a.dcm", "0" * 64, sop_instance_uid="1.1")))


def copies(one: Analysis, count: int, **facts: object) -> list[Analysis]:
    changed = replace(one.acquisition, **facts)
    return [
        replace(
            one, acquisition=changed, path=f"{k}{facts}", sources=(Source(f"{k}", "", sop_instance_uid=f"{k}{facts}"),)
        )
        for k in range(count)
    ]


def test_one_image_is_a_series_of_one(one):
    assert one.phantom == "cdmam34"
    assert one.verdict.outcome in {Outcome.PASS, Outcome.FAIL}
    names = {m.name: m for m in one.measurements}
    assert names["threshold_0.10_mm"].limit_high == 1.68
    assert names["threshold_0.31_mm"].outcome is Outcome.MEASURED
    assert names["threshold_0.50_mm"].low < names["threshold_0.50_mm"].value < names["threshold_0.50_mm"].high
    assert one.verdict.p_pass == names["probability_acceptable"].value
    assert one.view is not None
    assert any("thickness" in note for note in one.notes)
    assert one.contrast_detail.corner.shape == (1, 16, 16)


def test_a_series_is_pooled_with_narrower_intervals(one):
    (found,) = pooled(copies(one, 6))
    assert found.contrast_detail.corner.shape == (6, 16, 16)
    assert len(found.sources) == 6

    def width(analysis):
        m = next(m for m in analysis.measurements if m.name == "threshold_0.25_mm")
        return np.log(m.high / m.low)

    assert width(found) < 0.95 * width(one)  # six copies of one image: what repeats is taken for a property of cells
    assert found.provenance.seconds == pytest.approx(6 * one.provenance.seconds)


def test_how_discs_were_looked_for_is_told_of_an_image_and_of_its_series(one):
    assert one.contrast_detail.search_mm == 0.0
    assert not any("looked for" in note for note in one.notes)
    image = draw(placed(tilt_deg=0.5), np.random.default_rng(0))
    searched = analyse(image, Options(search_mm=0.3, pictures=False))
    for found in (searched, *pooled(copies(searched, 2))):
        assert found.contrast_detail.search_mm == 0.3
        assert any("within 0.3 mm" in note for note in found.notes)
    assert (searched.contrast_detail.corner != one.contrast_detail.corner).any()


def test_other_beams_days_and_loads_are_other_series(one):
    day = datetime(2026, 3, 2, 8)
    mixed = [*copies(one, 2), *copies(one, 2, kvp=31.0), *copies(one, 1, acquired_at=day), *copies(one, 2, mas=150.0)]
    sizes = sorted(len(found.sources) for found in pooled(mixed))
    assert sizes == [1, 2, 2, 2]
    near = [*copies(one, 1), *copies(one, 1, mas=106.0), *copies(one, 1, mas=113.0)]
    assert [len(found.sources) for found in pooled(near)] == [3]
    assert series_key(near[0]) == series_key(near[2])


def test_a_repeated_image_counts_once(one):
    first, second = copies(one, 2)
    found = pool([first, second, first])
    assert len(found.sources) == 2
    assert any("repeats" in note for note in found.notes)


def test_other_answers_come_first_and_unchanged(one):
    refused = Refused("x.txt", ReasonCode.NOT_DICOM, "no DICOM")
    other = analyse(refused)
    assert next(iter(pooled([*copies(one, 2), other]))) is other
    assert [a.verdict.outcome for a in analyse_all([refused], Options())] == [Outcome.REFUSED]
