"""From the number of a stored analysis to a signed report."""

from pathlib import Path

import pytest

from mammoqa.cli.program import run
from mammoqa.core import Analysis, ReasonCode, Refused
from mammoqa.jobs.analyse import analyse
from mammoqa.store import open_store


def refusal(path: str) -> Analysis:
    return analyse(Refused(path, ReasonCode.NOT_DICOM, "give DICOM"))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with the analyses 1 and 2 of one file."""
    path = tmp_path / "qc.db"
    with open_store(f"sqlite:///{path}") as store:
        assert [store.save(refusal("/qc/a.txt")) for _ in range(2)] == [1, 2]
    return path


def test_a_signature_reaches_the_report(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAMMOQA_STORE", str(database))
    monkeypatch.chdir(tmp_path)
    assert run(["sign", "2", "--by", "A. Physicist", "--comment", "wrong file <sent>"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("analysis 2 (REFUSED, /qc/a.txt) signed off by A. Physicist on ")
    assert said.err == ""
    assert run(["report", "2"]) == 0
    assert capsys.readouterr().out == "analysis-2.pdf\nanalysis-2.html\n"
    page = (tmp_path / "analysis-2.html").read_text(encoding="utf-8")
    assert "Signed off by A. Physicist" in page
    assert "wrong file &lt;sent&gt;" in page
    assert (tmp_path / "analysis-2.pdf").read_bytes().startswith(b"%PDF-")


def test_signatures_are_added_and_the_option_names_the_database(database: Path, tmp_path: Path) -> None:
    for person in ("A. Physicist", "B. Physicist"):
        assert run(["sign", "2", "--by", person, "--store", str(database)]) == 0
    page = tmp_path / "page.html"
    assert run(["report", "2", "--store", f"sqlite:///{database}", "--html", str(page)]) == 0
    assert page.read_text(encoding="utf-8").count("Signed off by") == 2


def test_unsigned_versions_stay_unsigned(database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A signature belongs to one version; signing an old one is allowed, and said."""
    assert run(["sign", "1", "--by", "A. Physicist", "--store", str(database)]) == 0
    assert "its newest analysis is 2" in capsys.readouterr().err
    page = tmp_path / "page.html"
    assert run(["report", "2", "--store", str(database), "--html", str(page)]) == 0
    assert "Signed off by" not in page.read_text(encoding="utf-8")


def test_the_list_names_numbers_and_signatures(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store(f"sqlite:///{database}") as store:
        store.sign_off(store.save(refusal("/qc/b.txt")), "A. Physicist")
    assert run(["db", "list", "--store", str(database)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["3", "REFUSED"], ["2", "REFUSED"]]
    assert ["signed off" in line for line in lines] == [True, False]
    assert lines[1].endswith("/qc/a.txt")
    assert run(["db", "list", "--store", str(database), "--limit", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == lines[:1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sign", "7", "--by", "A. Physicist"], "no analysis 7"),
        (["sign", "1", "--by", " "], "name of the person"),
        (["sign", "1"], "--by"),
        (["sign", "one", "--by", "A. Physicist"], "one"),
        (["report", "7"], "no analysis 7"),
        (["report", "missing.json"], "missing.json"),
        (["report", "."], "give a file"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str], said: str, database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAMMOQA_STORE", str(database))
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize("arguments", [["sign", "1", "--by", "A. Physicist"], ["report", "1"], ["db", "list"]])
def test_a_misspelt_database_is_not_made(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--store", str(tmp_path / "new" / "qc.db")]) == 2
    assert "there is no database" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["sign", "1", "--by", "A. Physicist"], ["report", "1"]])
def test_a_database_must_be_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert "MAMMOQA_STORE" in capsys.readouterr().err
