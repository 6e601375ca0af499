import json
from dataclasses import replace

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from mammoqa.core.plain import to_plain
from mammoqa.report.as_json import as_json, from_saved, saved, schema
from report.samples import sample_analysis, sample_refusal, sample_stack

DESIGN_KEYS = [
    "path", "sop_instance_uid", "series_instance_uid", "phantom", "outcome", "reason", "reason_code", "objects",
    "totals", "measurements", "p_pass", "model", "software", "seconds",
]  # fmt: skip
SAMPLES = [sample_analysis, sample_stack, sample_refusal]


@pytest.mark.parametrize("sample", SAMPLES)
def test_element_has_the_keys_of_the_design_first_and_fits_its_schema(sample):
    element = json.loads(json.dumps(as_json(sample()), allow_nan=False))
    assert list(element)[: len(DESIGN_KEYS)] == DESIGN_KEYS
    Draft202012Validator.check_schema(schema())
    Draft202012Validator(schema()).validate(element)


@pytest.mark.parametrize("sample", SAMPLES)
def test_saved_form_gives_the_same_analysis_back(sample):
    analysis = sample()
    written = json.loads(json.dumps(saved(analysis), allow_nan=False))
    Draft202012Validator(schema()).validate(written)
    again = from_saved(written)
    assert to_plain(again) == to_plain(analysis)
    if analysis.view is not None:
        np.testing.assert_array_equal(again.view, analysis.view)
    if analysis.saliency is not None:
        np.testing.assert_allclose(again.saliency, analysis.saliency, atol=0.5 / 255 + 1e-6)


def test_schema_refuses_a_refusal_without_reason_and_a_score_off_the_scale():
    validator = Draft202012Validator(schema())
    refused = as_json(sample_refusal()) | {"reason": None}
    assert not validator.is_valid(refused)
    scored = as_json(sample_analysis(pictures=False))
    scored["objects"][0]["score"] = 0.7
    assert not validator.is_valid(scored)


def test_plain_element_is_not_a_saved_analysis():
    with pytest.raises(ValueError, match="analyse --out"):
        from_saved(as_json(sample_refusal()))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([as_json(sample_refusal())], "without the pictures"),
        (7, "something else"),
        ({"format": "mammoqa-analysis/1"}, "incomplete"),
        ({"format": "mammoqa-analysis/1", "analysis": {}, "pictures": []}, "incomplete"),
    ],
)
def test_other_json_is_refused_with_what_to_do(data, told):
    with pytest.raises(ValueError, match=told):
        from_saved(data)


def test_the_referral_is_in_the_element():
    analysis = sample_analysis()
    assert as_json(analysis)["refer"] is None
    told = replace(analysis, verdict=replace(analysis.verdict, refer=True, refer_reason="too close to call"))
    element = as_json(told)
    Draft202012Validator(schema()).validate(json.loads(json.dumps(element)))
    assert (element["refer"], element["refer_reason"]) == (True, "too close to call")
    assert from_saved(json.loads(json.dumps(saved(told)))).verdict == told.verdict
