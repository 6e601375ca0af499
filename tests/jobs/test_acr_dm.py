"""The ACR DM phantom through the main job: an image, a tomosynthesis stack, and the comparison's arithmetic."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acr_dm_exposure import ACR_DM, exposed
from mammoqa.core import Image, Outcome, Stack
from mammoqa.jobs.analyse import Options, analyse
from mammoqa.jobs.validate_acr_dm import Answer, Record, agreement, answer_of, peer_at_its_best
from mammoqa.jobs.validate_acr_dm_cases import Case
from mammoqa.jobs.validate_acr_dm_page import evaluate, page


def test_an_exposure_passes_with_totals_and_weekly_numbers() -> None:
    found = analyse(exposed().image, Options(phantom="acr_dm"))
    assert found.verdict.outcome is Outcome.PASS
    assert {m.name for m in found.measurements} >= {"snr", "cnr", "artefact_deviation", "fibre_1_visible_length"}
    assert len(found.objects) == len(ACR_DM.inserts)
    assert found.view is not None


def blurred_stack(sharpest: int, count: int = 4) -> Stack:
    """Slices of which one shows the objects fully and the others less with distance."""
    full, empty = exposed().image, exposed(empty=True).image
    objects = full.pixels.astype(np.float32) - empty.pixels
    shares = [0.35 ** abs(k - sharpest) for k in range(count)]
    images: tuple[Image, ...] = tuple(replace(full, pixels=empty.pixels + share * objects) for share in shares)
    return Stack(images, 1.0)


def test_of_a_stack_the_sharpest_slice_is_read() -> None:
    found = analyse(blurred_stack(2), Options(pictures=False))
    assert found.phantom == "acr_dm"
    assert found.pose is not None
    assert found.pose.slices == (2,)
    assert any("slice 3 of 4" in note for note in found.notes)
    assert "snr" not in {m.name for m in found.measurements}


TRUTH = np.tile([1.0, 1.0, 0.5, 0.0, 0.0, 0.0], 3)


def record(number: int, ours: np.ndarray, peer: Answer | None) -> Record:
    case = Case(Path(f"{number}.dcm"), "csi-100", 0.4 + 0.2 * number, 1.08, TRUTH, TRUTH)
    return Record(case, Answer(ours, 0.5), peer)


def peer_answer(visible: float) -> Answer:
    return answer_of(
        {
            "processor_s": 5.0,
            "fibre": [1.0] * 6,
            "speck_group": [1.0] * 6,
            "mass": [1.0] * 6,
            "speck_visibility": [[v] * 6 for v in (80.0, 70.0, 3.0, 2.0, 1.0, visible)],
            "mass_visibility": [90.0, 80.0, 3.0, 2.0, 1.0, visible],
        }
    )


def test_agreement_counts_differences_per_kind() -> None:
    off = TRUTH.copy()
    off[0] = 0.0
    found = agreement(np.stack([TRUTH, off]), np.stack([TRUTH, TRUTH]), np.random.default_rng(0))
    by_kind = {a.kind: a for a in found}
    assert by_kind["fibre"].difference == pytest.approx(1 / 12)
    assert by_kind["mass"].same == 1.0
    assert by_kind["fibre"].total == pytest.approx(2.5 / 2)


def test_the_peer_may_choose_its_thresholds() -> None:
    best = peer_at_its_best([peer_answer(1.5)] * 2, np.stack([TRUTH, TRUTH]))
    assert best[0, [6, 7, 9, 10, 11]].tolist() == [1, 1, 0, 0, 0]  # the third is a tie
    np.testing.assert_array_equal(best[0, :6], np.ones(6))


def test_the_page_says_what_was_missed_and_what_failed() -> None:
    found = [record(0, TRUTH, peer_answer(1.5)), record(1, TRUTH, answer_of({"error": "ValueError: no phantom"}))]
    results = evaluate(found, 200)
    assert results.compared == 1
    assert results.missed == ("1 of 200 exposures compared",)
    text = page(results, "2026-01-05")
    assert "simulated" in text
    assert "1 times: ValueError: no phantom" in text
    assert "0.10 of it" in text
