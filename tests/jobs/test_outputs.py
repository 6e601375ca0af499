"""Where analyses go."""

import json
from pathlib import Path

import pytest

from mammoqa.core import Analysis, ConfigurationError, ReasonCode, Refused
from mammoqa.jobs.analyse import analyse
from mammoqa.jobs.outputs import ReportFolder, store_url
from mammoqa.report import from_saved


def refusal(path: str) -> Analysis:
    return analyse(Refused(path, ReasonCode.NOT_DICOM, "give DICOM"))


def test_three_files_are_written_for_each_analysis(tmp_path: Path) -> None:
    page = ReportFolder(tmp_path / "new" / "folder").add(refusal("/data/unit 1/a.txt"))
    assert page == tmp_path / "new" / "folder" / "a.html"
    assert sorted(path.name for path in page.parent.iterdir()) == ["a.html", "a.json", "a.pdf"]
    assert page.with_suffix(".pdf").read_bytes().startswith(b"%PDF-")
    assert "give dicom" in page.read_text(encoding="utf-8").lower()
    saved = from_saved(json.loads(page.with_suffix(".json").read_text(encoding="utf-8")))
    assert saved.verdict == refusal("x").verdict
    assert "report" in dict(saved.provenance.timings_s)


def test_inputs_of_the_same_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    folder = ReportFolder(tmp_path)
    names = [folder.add(refusal(path)).name for path in ("1/IM 1", "2/IM 1", "1.2.840", "1.2.841", "...")]
    assert names == ["IM_1.html", "IM_1-2.html", "1.2.html", "1.2-2.html", "image.html"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="file"):
        ReportFolder(tmp_path / "file" / "below")


def test_a_path_becomes_an_sqlite_address(tmp_path: Path) -> None:
    assert store_url("postgresql+psycopg://host/qc") == "postgresql+psycopg://host/qc"
    assert store_url(str(tmp_path / "qc.db")) == f"sqlite:///{tmp_path / 'qc.db'}"
