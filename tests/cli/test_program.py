"""The program as scripts see it: help, exit status, one line for an error."""

import subprocess
import sys
from pathlib import Path

import pytest

from mammoqa import __version__
from mammoqa.cli.program import COMMANDS, run

HEAVY = {"numpy", "torch", "onnxruntime", "scipy", "sqlalchemy", "altair", "pydicom", "rich", "joblib", "jinja2"}


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from mammoqa.cli.program import run; run(['--help']); print(*sys.modules, sep=',')"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in answer.stdout.splitlines()[-1].split(",")}
    assert "click" in loaded
    assert loaded & HEAVY == set()


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n  {name} " in listed for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: mammoqa {name}")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"mammoqa {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["analyse"],
        ["analyse", "--no-such-option", "x"],
        ["analyse", "--phantom", "no-such-phantom", "x"],
        ["analyse", "--jobs", "-1", "x"],
        ["simulate", "no-such-phantom", "--out", "x"],
        ["simulate", "acr156", "--out", "x", "--kvp", "21"],
        ["simulate", "acr156", "--out", "x", "--dose", "50"],
        ["simulate", "acr156", "--out", "x", "--dose", "1", "--mas", "50"],
        ["simulate", "acr156", "--out", "x", "--intensity", "LIN"],
        ["simulate", "acr156", "--out", "x", "--intent", "raw", "--style", "linear"],
        ["simulate", "acr156", "--out", "x", "--shift", "300", "0"],
        ["report", "no-such-file.json"],
        ["validate", "no-such-suite"],
        ["db", "upgrade"],
        ["explain", "no-such-file.dcm", "--method", "no-such-method"],
        ["train", "no-such-recipe"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("mammoqa: ")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "advice"), [("picture.jpg", "ends in .png"), ("missing/picture.png", "make the folder first")]
)
def test_explain_says_which_picture_it_can_write(name: str, advice: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", __file__, "--out", name]) == 2
    assert advice in capsys.readouterr().err


def test_the_voltages_of_simulate_are_those_of_the_spectra(capsys: pytest.CaptureFixture[str]) -> None:
    from mammoqa.physics import KVP_RANGE

    assert run(["simulate", "--help"]) == 0
    assert "kV, {:g} to {:g}.".format(*KVP_RANGE) in capsys.readouterr().out


def test_no_command_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "Usage: mammoqa" in capsys.readouterr().err


def test_python_dash_m_is_the_program() -> None:
    answer = subprocess.run([sys.executable, "-m", "mammoqa", "--version"], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("mammoqa ")


def test_a_part_that_was_not_installed_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mammoqa.core.extras.find_spec", lambda name: None if name == "dbos" else name)
    assert run(["serve", "--store", str(tmp_path / "m.db"), "--data", str(tmp_path / "data")]) == 2
    assert capsys.readouterr().err == "mammoqa: the service needs dbos: pip install 'mammoqa[service]'\n"
    assert not list(tmp_path.iterdir())


def test_a_misspelt_role_is_told_before_the_service_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAMMOQA_OIDC_ROLES", "physics=phisicist")
    assert run(["serve", "--store", str(tmp_path / "m.db"), "--data", str(tmp_path / "data")]) == 2
    assert "MAMMOQA_OIDC_ROLES: 'physics=phisicist' is no group=role" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_script_that_lacks_a_part_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    assert run(["benchmark", "service", "--help"]) == 2
    assert "this needs httpx, which is not installed: pip install 'mammoqa[service]'" in capsys.readouterr().err
