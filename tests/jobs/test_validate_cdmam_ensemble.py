"""The comparison's arithmetic on readings whose quality is known, and the page's verdicts."""

import numpy as np
import pytest

from mammoqa.jobs.validate_cdmam_ensemble import Independent, Reading, auc, line
from mammoqa.jobs.validate_cdmam_ensemble_page import (
    CONVENTION,
    KNOWN,
    OURS,
    POOLED,
    Context,
    Results,
    aims,
    page,
)
from mammoqa.jobs.validate_cdmam_families import FamilyLine

TRUE_UM = np.geomspace(0.03, 1.0, 12)
CONTEXT = Context("mammoqa validate cdmam-ensemble", "2026-11-21", "mammoqa 0", "ours", "the paper's")


def reading(spread, half, seed=0, bias=0.0):
    rng = np.random.default_rng(seed)
    mean = np.log(TRUE_UM) + bias + spread * rng.normal(size=(400, 12))
    return Reading(mean, np.full((400, 12), half), rng.normal(size=400))


def results(ours, four, area=0.97, apart=1.05, covered=0.95):
    scenarios = ("scenario-1", "scenario-2", "scenario-3", "scenario-4")
    lines = [
        line(name, way, truth, found, TRUE_UM)
        for name in scenarios
        for way, truth, found in ((OURS, KNOWN, ours), (CONVENTION, KNOWN, four), (OURS, POOLED, ours))
    ]
    one = Independent(0.1, (0.5, 0.4, 0.6), "a.dcm", (0.5 * apart, 0.45 * apart, 0.55 * apart), False)
    return Results(
        tuple(lines),
        ((OURS, (area, 0.9, 1.0)),),
        (("ood", 1.0),),
        (one,),
        (("scenario-1", 0.01, 0.03),),
        (("scenario-1", 400, 0),),
        (("held-out settings", "coverage_95", 0.95, 0.9, 0.99),),
        (FamilyLine("lumpy", 10, (0.05, 0.04, 0.06), (covered, 0.9, 1.0), 0.2, 0.7, 0.1, 0.9),),
        ((0.1, 0.8, 0.6, 1.0),),
    )


def test_errors_coverage_and_bias_are_counted():
    found = line("s", OURS, KNOWN, reading(0.05, 1.96 * 0.05), TRUE_UM)
    assert found.coverage[0] == pytest.approx(0.95, abs=0.02)
    assert found.coverage[1] < found.coverage[0] < found.coverage[2]
    assert found.error[0] == pytest.approx(0.04, abs=0.004)
    assert found.half == pytest.approx(0.098)
    assert line("s", OURS, KNOWN, reading(0.05, 0.1, bias=0.2), TRUE_UM).bias == pytest.approx(0.2, abs=0.01)


def test_strange_images_are_ranked():
    rng = np.random.default_rng(0)
    assert auc(rng.normal(size=200), rng.normal(size=200))[0] == pytest.approx(0.5, abs=0.1)
    assert auc(rng.normal(size=200), 9.0 + rng.normal(size=50)) == (1.0, 1.0, 1.0)
    assert auc(np.ones(3), np.ones(3))[0] == 0.5


def test_aims_are_reached_or_not_as_the_numbers_say():
    good = aims(results(reading(0.05, 0.098), reading(0.12, 0.24, seed=1)))
    assert [verdict for *_, verdict in good] == ["yes"] * 7
    bad = aims(results(reading(0.2, 0.098), reading(0.12, 0.24, seed=1), area=0.7, apart=1.3, covered=0.5))
    assert [verdict for *_, verdict in bad] == ["**not reached**"] * 7


def test_the_page_says_what_was_simulated():
    text = page(results(reading(0.05, 0.098), reading(0.12, 0.24)), CONTEXT)
    assert "**simulated**" in text
    assert text.count("scenario-4") >= 3
    assert "a.dcm" in text
    assert "lumpy" in text
    assert "| 0.1 | 0.800 (0.600 to 1.000) |" in text
    assert "not reached" not in text
