"""The verdict on the ACR DM phantom: 2 fibres, 3 speck groups, 2 masses, and the weekly limits."""

import pytest

from mammoqa.core import Measurement, ObjectScore, Outcome
from mammoqa.judge import judge_acr_dm
from mammoqa.phantoms import PHANTOMS

ACR_DM = PHANTOMS["acr_dm"]
WEEKLY = (Measurement("snr", 55.0, ""), Measurement("cnr", 3.0, ""))


def objects(fibres: list[float], groups: list[float], masses: list[float]) -> list[ObjectScore]:
    given = {"fibre": fibres, "speck_group": groups, "mass": masses}
    left = {kind: [*scores, *[0.0] * 6] for kind, scores in given.items()}
    return [
        ObjectScore(i.name, i.kind, i.size_mm, score, float(score > 0), 0.0, (0.0, 0.0))
        for i in ACR_DM.inserts
        for score in [left[i.kind].pop(0)]
    ]


@pytest.mark.parametrize(
    ("fibres", "groups", "masses", "outcome"),
    [
        ([1, 1], [1, 1, 1], [1, 1], Outcome.PASS),
        ([1, 0.5, 1], [1, 1, 1], [1, 1], Outcome.FAIL),
        ([1, 1], [1, 1, 0.5], [1, 1], Outcome.FAIL),
        ([1, 1], [1, 1, 1], [1, 0.5, 1], Outcome.FAIL),
    ],
)
def test_two_three_two(fibres: list[float], groups: list[float], masses: list[float], outcome: Outcome) -> None:
    _, _, verdict = judge_acr_dm(objects(fibres, groups, masses), WEEKLY, ACR_DM)
    assert verdict.outcome is outcome
    assert (verdict.reason is None) == (outcome is Outcome.PASS)


def test_a_low_cnr_fails_a_phantom_whose_objects_pass() -> None:
    full = objects([1, 1], [1, 1, 1], [1, 1])
    _, judged, verdict = judge_acr_dm(full, (WEEKLY[0], Measurement("cnr", 1.5, "")), ACR_DM)
    assert verdict.outcome is Outcome.FAIL
    assert "cnr" in str(verdict.reason)
    assert verdict.totals == (("fibres", 2.0), ("speck_groups", 3.0), ("masses", 2.0))
    assert [m.outcome for m in judged] == [Outcome.PASS, Outcome.FAIL]
