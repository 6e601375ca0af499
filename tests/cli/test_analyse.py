"""`mammoqa analyse` and what works on its results, as scripts use them."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from mammoqa.cli.outcome import exit_status
from mammoqa.cli.program import run
from mammoqa.core import Outcome
from mammoqa.store import open_store


def analyse(*arguments: object) -> int:
    return run(["analyse", *(str(argument) for argument in arguments)])


def test_json_is_one_array_and_nothing_else(
    phantom_file: Path, toy_model: Path, text_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = analyse(phantom_file, text_file, "--json", "-", "--model", toy_model)
    captured = capsys.readouterr()
    found, refused = json.loads(captured.out)
    assert captured.err == ""
    assert found["phantom"] == "acr156"
    assert found["outcome"] in {"pass", "fail"}
    assert len(found["objects"]) == 16
    assert refused["outcome"] == "refused"
    assert refused["reason_code"] == "not_dicom"
    assert status == (1 if found["outcome"] == "fail" else 3)


def test_json_goes_to_a_file_too(text_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyse(text_file, "--json", tmp_path / "all.json") == 3
    assert capsys.readouterr().out == ""
    assert len(json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))) == 1


def test_json_is_whole_when_the_run_breaks_off(
    phantom_file: Path, text_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyse(text_file, phantom_file, "--json", "-", "--model", tmp_path) == 2  # no network there
    captured = capsys.readouterr()
    assert [element["outcome"] for element in json.loads(captured.out)] == ["refused"]
    assert captured.err.count("\n") == 1


def test_a_person_gets_lines(text_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyse(text_file) == 3
    first, reason = capsys.readouterr().out.splitlines()
    assert first.split() == ["REFUSED", "-", str(text_file)]
    assert "DICOM" in reason


def test_reports_and_store_take_each_result(
    phantom_file: Path, toy_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "qc.db"
    for _ in range(2):
        status = analyse(phantom_file, "--model", toy_model, "--out", tmp_path / "out", "--store", database)
        assert status in {0, 1}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "phantom.html",
        "phantom.json",
        "phantom.pdf",
    ]
    store = open_store(f"sqlite:///{database}")
    assert [stored.version for stored in store.latest()] == [2]
    store.close()
    capsys.readouterr()
    saved, sheet = tmp_path / "out" / "phantom.json", tmp_path / "again.pdf"
    assert run(["report", str(saved), "--pdf", str(sheet)]) == 0
    assert capsys.readouterr().out == f"{sheet}\n"
    assert sheet.read_bytes().startswith(b"%PDF-")
    assert run(["db", "upgrade", "--store", str(database)]) == 0


def test_the_environment_names_the_store(text_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAMMOQA_STORE", str(tmp_path / "site.db"))
    assert analyse(text_file) == 3
    assert (tmp_path / "site.db").is_file()


def test_a_path_that_is_not_there_is_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyse(tmp_path / "missing", "--json", "-") == 3
    assert json.loads(capsys.readouterr().out)[0]["reason_code"] == "not_found"


def test_a_report_needs_what_analyse_wrote(text_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(text_file)]) == 2
    assert f"{text_file} is no JSON; give a file that" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([], 0),
        ([Outcome.PASS, Outcome.MEASURED], 0),
        ([Outcome.PASS, Outcome.FAIL, Outcome.REFUSED], 1),
        ([Outcome.PASS, Outcome.REFUSED], 3),
    ],
)
def test_exit_status(outcomes: list[Outcome], status: int) -> None:
    assert exit_status(outcomes) == status


def test_progress_on_a_terminal_stays_out_of_the_pipe(text_file: Path) -> None:
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "mammoqa", "analyse", str(text_file), "--json", "-"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=end, text=True, check=False)
    os.close(end)
    drawn = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert "analysing" in drawn
    assert len(json.loads(answer.stdout)) == 1


def test_the_array_of_analyse_is_no_report(text_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    array = tmp_path / "all.json"
    assert run(["analyse", str(text_file), "--json", str(array)]) == 3
    capsys.readouterr()
    assert run(["report", str(array)]) == 2
    told = capsys.readouterr().err
    assert "analyse again with --out DIR" in told
    assert "attribute" not in told
