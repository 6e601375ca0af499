"""Limits of the CT phantom by protocol."""

import pytest

from mammoqa.core import Acquisition, Measurement, Outcome
from mammoqa.judge.acr_ct import acr_ct_notes, judge_acr_ct, protocol_of
from mammoqa.phantoms import PHANTOMS

PHANTOM = PHANTOMS["acr_ct464"]


@pytest.mark.parametrize(
    ("said", "protocol"),
    [
        ("ADULT ABD", "adult abdomen"),
        ("PED BODY", "paediatric abdomen"),
        ("Pediatric_Head 1y", "paediatric head"),
        ("paediatric abdomen", "paediatric abdomen"),
        ("Adult Head", "adult head"),
        ("CHEST HRCT", "chest"),
        ("ABDOMEN", None),
        ("", None),
        (None, None),
    ],
)
def test_protocols_by_name(said, protocol):
    assert protocol_of(said) == protocol


@pytest.mark.parametrize(
    ("said", "outcome"),
    [("ADULT ABD", Outcome.FAIL), ("PED ABD", Outcome.PASS), ("PED HEAD", Outcome.FAIL), ("test", Outcome.MEASURED)],
)
def test_the_contrast_limit_is_that_of_the_protocol(said, outcome):
    acquisition = Acquisition(description=said, kvp=120.0)
    found, verdict = judge_acr_ct([Measurement("low_contrast_cnr", 0.6, "")], PHANTOM, acquisition)
    assert found[0].outcome is outcome
    assert verdict.outcome is outcome
    (note,) = acr_ct_notes(acquisition)
    assert ("not applied" in note) is (outcome is Outcome.MEASURED)


@pytest.mark.parametrize(
    ("kvp", "outcome"), [(120.0, Outcome.FAIL), (100.0, Outcome.MEASURED), (None, Outcome.MEASURED)]
)
def test_materials_are_judged_at_120_kv_only(kvp, outcome):
    bone, water = Measurement("ct_number_bone", 1100.0, "HU"), Measurement("ct_number_water", 2.0, "HU")
    found, _ = judge_acr_ct([bone, water], PHANTOM, Acquisition(description="ADULT ABD", kvp=kvp))
    assert found[0].outcome is outcome
    assert found[1].outcome is Outcome.PASS


def test_bars_count_for_adult_abdomen_and_chest_only():
    bars = Measurement("high_contrast_resolution", 7.0, "lp/cm")
    outcomes = {
        said: judge_acr_ct([bars], PHANTOM, Acquisition(description=said, kvp=120.0))[0][0].outcome
        for said in ("ADULT ABD", "CHEST", "PED HEAD")
    }
    assert outcomes == {"ADULT ABD": Outcome.PASS, "CHEST": Outcome.FAIL, "PED HEAD": Outcome.MEASURED}
