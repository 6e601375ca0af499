"""Reading and refusing model cards."""

import json

import pytest

import toy_artefact
from mammoqa.core import ModelError
from mammoqa.models import Metric, Platt, Reading
from mammoqa.models.card import as_json, parse

CARD = toy_artefact.card(
    (("model.onnx", "a"), ("gradient.onnx", "b")),
    metrics=(Metric("accuracy", "mass", 0.9, 0.88, None, 100, "evaluation"),),
)


def test_round_trip():
    assert parse(as_json(CARD)) == CARD


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("name",), None, "card.name"),
        (("input", "size_px"), "160", "card.input.size_px"),
        (("readings", 1, "kind"), "mass", "kinds"),
        (("readings", 0, "threshold_present"), 1.0, "threshold_present"),
        (("readings", 2, "present", "slope"), -1, "slope"),
        (("format",), 99, "format 99"),
        (("metrics", 0, "value"), "high", "card.metrics[0].value"),
        (("files", 0), ["model.onnx"], "2 entries"),
        (("pass_calibration", "slope"), 0.0, "pass_calibration"),
        (("referral_band",), [0.3, 1.0], "referral_band"),
    ],
)
def test_a_wrong_field_is_named(path, value, says):
    data = json.loads(as_json(CARD))
    *way, last = path
    place = data
    for step in way:
        place = place[step]
    place[last] = value
    with pytest.raises(ModelError) as error:
        parse(json.dumps(data))
    assert says in str(error.value)


def test_missing_and_unknown_fields_are_named():
    data = json.loads(as_json(CARD))
    del data["readings"]
    data["extra"] = 1
    with pytest.raises(ModelError, match=r"lacks \['readings'\] and has unknown \['extra'\]"):
        parse(json.dumps(data))


def test_cards_from_before_referral_are_read():
    data = json.loads(as_json(CARD))
    del data["pass_calibration"], data["referral_band"]
    card = parse(json.dumps(data))
    assert (card.pass_calibration, card.referral_band) == (Platt(), None)
    data["referral_band"] = [0.25, 0.75]
    assert parse(json.dumps(data)).referral_band == (0.25, 0.75)


def test_not_json():
    with pytest.raises(ModelError, match="not JSON"):
        parse("{")


def test_integers_are_taken_where_floats_are_meant():
    data = json.loads(as_json(CARD))
    data["readings"][0]["present"] = {"slope": 2, "offset": 0}
    reading = parse(json.dumps(data)).readings[0]
    assert reading == Reading("fibre", Platt(2.0, 0.0), Platt(1.0, 0.5), 0.5, 0.6)
