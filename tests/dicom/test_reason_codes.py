"""Every reason code is explained to the people who meet it."""

from pathlib import Path

from mammoqa.core import ReasonCode

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "reason-codes.md"


def test_every_reason_code_is_documented_once_and_no_other() -> None:
    rows = [line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert sorted(row[1].strip(" `") for row in rows) == sorted(ReasonCode)
    assert all(len(row[2].strip()) > 10 and len(row[3].strip()) > 10 for row in rows)
