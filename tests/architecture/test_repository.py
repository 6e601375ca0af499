"""What the repository promises: pinned requirements without hosts, no torch outside train, nothing private."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "src" / "mammoqa").rglob("*.py"))
PINNED = sorted((ROOT / "requirements").glob("*.txt"))


def imported(module: Path) -> set[str]:
    """Top-level packages that a module imports anywhere."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in names}


def test_only_train_imports_torch() -> None:
    guilty = [m for m in MODULES if {"torch", "torchvision"} & imported(m) and "train" not in m.parts]
    assert guilty == []


def test_modules_are_short_enough_to_read() -> None:
    lengths = {module.name: len(module.read_text(encoding="utf-8").splitlines()) for module in MODULES}
    assert {name: length for name, length in lengths.items() if length > 500} == {}


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "common", "base", "manager", "helpers", "misc"}
    assert [m for m in MODULES if m.stem in drawers] == []


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.name)
def test_requirements_are_pinned_hashed_and_name_no_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links", text)
    entries = [line for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)]
    assert entries
    assert all("==" in entry for entry in entries)
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
    assert all("--hash=sha256:" in block for block in blocks if re.match(r"[A-Za-z0-9]", block))


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = set(re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements" / "runtime.txt").read_text("utf-8"), re.M))
    wanted = {re.split(r"[><=\[]", requirement)[0] for requirement in project["dependencies"]}
    assert wanted <= pinned
    assert "torch" not in pinned
