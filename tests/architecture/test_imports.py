"""The import contract of the house holds, is exhaustive, and is seen to fail when broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]


def lint(checkout: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(checkout / "src"), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(LINT, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and its contract, to be broken."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    leave_out = shutil.ignore_patterns("__pycache__", "artefacts", "*.onnx")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=leave_out)
    return tmp_path


def test_the_contract_is_kept() -> None:
    answer = lint(ROOT)
    assert answer.returncode == 0, answer.stdout
    assert "1 kept, 0 broken" in answer.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("core/image.py", "import mammoqa.phantoms"),  # upwards
        ("judge/acr156.py", "import mammoqa.score"),  # sideways
        ("jobs/analyse.py", "import mammoqa.cli"),  # a room from the corridor's ceiling
        ("score/acr156.py", "import mammoqa.train"),  # torch at run time
    ],
)
def test_a_forbidden_import_breaks_it(copy: Path, module: str, line: str) -> None:
    broken = copy / "src" / "mammoqa" / module
    broken.write_text(f"{broken.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    answer = lint(copy)
    assert answer.returncode == 1
    assert "0 kept, 1 broken" in answer.stdout


def test_an_undeclared_module_breaks_it(copy: Path) -> None:
    (copy / "src" / "mammoqa" / "utils.py").write_text('"""Everything."""\n', encoding="utf-8")
    answer = lint(copy)
    assert answer.returncode == 1
    assert "mammoqa.utils" in answer.stdout
