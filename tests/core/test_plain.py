import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoqa.core import Acquisition, Analysis, Measurement, ObjectScore, Outcome, Provenance, Source, Verdict
from mammoqa.core.plain import from_plain, to_plain
from report.samples import sample_analysis, sample_refusal, sample_stack

numbers = st.floats(allow_nan=False)
optional = st.none() | numbers
measurements = st.builds(
    Measurement,
    st.text(),
    numbers,
    st.text(),
    optional,
    optional,
    optional,
    optional,
    st.sampled_from(Outcome),
    st.none() | st.text(),
)
scores = st.builds(ObjectScore, st.text(), st.text(), numbers, numbers, numbers, numbers, st.tuples(numbers, numbers))
parts = st.fixed_dictionaries(
    {
        "path": st.text(),
        "phantom": st.none() | st.text(),
        "acquisition": st.builds(Acquisition, acquired_at=st.none() | st.datetimes(), kvp=optional, view=st.text()),
        "sources": st.lists(st.builds(Source, st.text(), st.text()), max_size=3).map(tuple),
        "objects": st.lists(scores, max_size=3).map(tuple),
        "measurements": st.lists(measurements, max_size=3).map(tuple),
        "notes": st.lists(st.text(), max_size=2).map(tuple),
    }
)


@given(parts, st.sampled_from(Outcome), numbers, st.datetimes())
def test_every_part_comes_back_equal_through_json(given_parts, outcome, total, at):
    verdict = Verdict(outcome, totals=(("fibres", total),))
    provenance = Provenance("mammoqa", None, None, at, 0.5, (("locate", total),))
    analysis = Analysis(**given_parts, verdict=verdict, provenance=provenance)
    again = from_plain(json.loads(json.dumps(to_plain(analysis), allow_nan=False)))
    for name in (*given_parts, "verdict", "provenance"):
        assert getattr(again, name) == getattr(analysis, name)


@pytest.mark.parametrize("sample", [sample_analysis, sample_stack, sample_refusal])
def test_arrays_come_back_with_their_shape(sample):
    analysis = sample()
    again = from_plain(to_plain(analysis))
    assert to_plain(again) == to_plain(analysis)
    assert [region.points_px.shape for region in again.regions] == [r.points_px.shape for r in analysis.regions]
    assert again.view is None


def test_a_region_without_points_keeps_two_columns():
    stack = sample_stack()
    empty = replace(stack.regions[0], points_px=stack.regions[0].points_px[:0])
    assert from_plain(to_plain(replace(stack, regions=(empty,)))).regions[0].points_px.shape == (0, 2)


def test_other_data_is_told_apart():
    for wrong in ({}, {"path": "x"}, {**to_plain(sample_refusal()), "sources": [1]}):
        with pytest.raises(ValueError, match="not a stored analysis"):
            from_plain(wrong)
    with pytest.raises(TypeError, match="no plain form"):
        to_plain(object())
