"""Every limit of the CT, MRI and flat-field tests stands in the reference."""

from pathlib import Path

import pytest

from mammoqa.phantoms import PHANTOMS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "phantom-tests.md"


@pytest.mark.parametrize("name", ["acr_ct464", "acr_mri_large", "mammo_flat"])
def test_each_limit_is_listed_with_its_confidence(name):
    rows = PAGE.read_text(encoding="utf-8").split(f"(`{name}`)")[1].split("\n## ")[0].splitlines()
    for criterion in PHANTOMS[name].criteria:
        limits = [f"{limit:g}" for limit in (criterion.low, criterion.high) if limit is not None]
        assert any(
            row.startswith(f"| `{criterion.name}` |")
            and all(f"| {limit} |" in row for limit in limits)
            and f"| {criterion.applies} | {criterion.confidence} |" in row
            for row in rows
        ), criterion
