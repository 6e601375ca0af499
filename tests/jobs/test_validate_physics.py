"""The suite's bookkeeping and its quick checks; the measurements themselves are tested in tests/physics."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from mammoqa.jobs import validate_physics
from mammoqa.jobs.validate_physics import (
    ACR_C_MM,
    Check,
    check_air_kerma,
    check_files,
    check_half_value_layers,
    check_transmission,
)
from mammoqa.jobs.validate_physics_files import ABSENT, Findings, find_validator, findings
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


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            "\nWarning - Unrecognized defined term <CC>\nMammographyImageForProcessing\n",
            Findings("MammographyImageForProcessing", ()),
        ),
        (
            "Error - Missing attribute Type 1 Required Element=<Rows>\nMammographyImageForPresentation\n"
            "Warning - no Error here\nError - Bad value\n",
            Findings(
                "MammographyImageForPresentation",
                ("Error - Missing attribute Type 1 Required Element=<Rows>", "Error - Bad value"),
            ),
        ),
    ],
)
def test_errors_are_the_lines_that_begin_with_error(output: str, expected: Findings) -> None:
    assert findings(output) == expected


def test_a_file_that_was_not_recognised_is_an_error() -> None:
    assert len(findings("").errors) == 1
    assert len(findings("Warning - Tag read failed\nError - Information Object Not found\n").errors) == 2


def test_simulated_images_are_valid_files() -> None:
    if find_validator() is None:
        pytest.skip(ABSENT)
    checks = check_files(np.random.default_rng(1))
    assert [check.value for check in checks] == [0.0, 0.0]
    assert all(check.required for check in checks)


def test_without_the_validator_the_page_says_why_nothing_was_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(validate_physics, "find_validator", lambda: None)
    checks = check_files(np.random.default_rng(1))
    text = page([GOOD, *checks], "mammoqa validate physics", "mammoqa 0")
    assert "**1 of 1 required checks passed.**" in text
    assert text.count(f"| skipped: {ABSENT} |") == 2
    write_json(checks, tmp_path / "checks.json")
    assert [row["value"] for row in json.loads((tmp_path / "checks.json").read_text(encoding="utf-8"))] == [None, None]
