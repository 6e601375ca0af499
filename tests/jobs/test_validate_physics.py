"""The suite's bookkeeping and its quick checks; the measurements themselves are tested in tests/physics."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from mammoqa.jobs.validate_physics import (
    ACR_C_MM,
    Check,
    check_air_kerma,
    check_half_value_layers,
    check_transmission,
)
from mammoqa.jobs.validate_physics_instruments import noise_spectrum
from mammoqa.jobs.validate_physics_page import page, write_json

GOOD = Check("sharpness", 0.5, 0.4, 0.6, "mm")
BAD = Check("haste", 2.0, 0.0, 1.0)
NOTE = Check("colour", 2.0, 0.0, 1.0, required=False)


def test_a_check_passes_within_its_closed_limits_only() -> None:
    assert GOOD.passed
    assert Check("at the limit", 0.6, 0.4, 0.6).passed
    assert not BAD.passed
    assert not Check("nothing", float("nan"), 0.0, 1.0).passed


def test_the_page_counts_what_is_required() -> None:
    text = page([GOOD, BAD, NOTE], "mammoqa validate physics", "mammoqa 0", datetime(2030, 1, 2, tzinfo=UTC))
    assert "**1 of 2 required checks passed.**" in text
    assert "2030-01-02" in text
    assert "| haste | 2 | 0 | 1 |  | outside |" in text
    assert "| colour | 2 | 0 | 1 |  | (outside) |" in text


def test_json_keeps_every_check(tmp_path: Path) -> None:
    write_json([GOOD, NOTE], tmp_path / "deep" / "checks.json")
    rows = json.loads((tmp_path / "deep" / "checks.json").read_text(encoding="utf-8"))
    assert [(row["name"], row["passed"], row["required"]) for row in rows] == [
        ("sharpness", True, True),
        ("colour", False, False),
    ]


def test_required_half_value_layers_lie_in_the_acr_band() -> None:
    checks = check_half_value_layers()
    assert {check.name.split()[1] for check in checks} == {"/".join(pair) for pair in ACR_C_MM}
    assert not [check for check in checks if check.required and not check.passed]


def test_transmission_is_that_of_a_finer_integral() -> None:
    assert all(check.passed for check in check_transmission())


def test_kerma_and_beam_quality_are_near_those_of_spekpy() -> None:
    assert all(check.passed for check in check_air_kerma())


def test_noise_spectrum_integrates_to_the_variance_of_white_noise() -> None:
    values = 100.0 + np.random.default_rng(1).standard_normal((256, 256))
    power = noise_spectrum(values, 0.1, 64)
    assert abs(power.sum() / (64 * 0.1) ** 2 / (values.var() / values.mean() ** 2) - 1.0) < 0.02
