"""`mammoqa validate` and `mammoqa benchmark` run the scripts of a checkout, with their arguments and exit status."""

from pathlib import Path

import pytest

from mammoqa.cli import suites
from mammoqa.cli.program import run

SCRIPT = '"""A suite."""\nimport sys\nprint("{name}", *sys.argv[1:])\nsys.exit({status})\n'


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for kind in ("validation", "benchmarks"):
        (tmp_path / kind).mkdir()
        for name, status in (("good", 0), ("bad", 1)):
            script = SCRIPT.format(name=name, status=status)
            (tmp_path / kind / f"{name}.py").write_text(script, encoding="utf-8")
        (tmp_path / kind / "_part.py").write_text("raise RuntimeError('no suite')\n", encoding="utf-8")
    monkeypatch.setattr(suites, "_checkout", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", ["validate", "benchmark"])
@pytest.mark.usefixtures("checkout")
def test_a_suite_gets_its_arguments(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "good", "--count", "3", "--help"]) == 0
    assert capsys.readouterr().out == "good --count 3 --help\n"


@pytest.mark.usefixtures("checkout")
def test_all_runs_every_suite_and_fails_with_the_worst(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "all"]) == 1
    assert capsys.readouterr().out == "bad\ngood\n"


def test_hyphens_stand_for_underscores(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "validation" / "two_words.py").write_text(SCRIPT.format(name="two", status=0), encoding="utf-8")
    assert run(["validate", "two-words"]) == 0
    assert run(["validate", "two_words"]) == 0
    assert capsys.readouterr().out == "two\ntwo\n"


@pytest.mark.usefixtures("checkout")
def test_without_a_suite_the_choice_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["benchmark"]) == 0
    assert "Suites: bad, good, all" in capsys.readouterr().out


def test_this_checkout_has_suites() -> None:
    root = Path(__file__).resolve().parents[2]
    assert list((root / "validation").glob("[!_]*.py"))
    assert list((root / "benchmarks").glob("[!_]*.py"))
