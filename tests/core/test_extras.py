"""What is missing is asked for by the command that installs it."""

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from mammoqa.core import MissingExtraError
from mammoqa.core import extras as subject
from mammoqa.core.extras import EXTRAS, extra_of, require

PROJECT = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_extra_of_the_package_is_known() -> None:
    declared = PROJECT["project"]["optional-dependencies"]
    assert set(EXTRAS) == set(declared)
    brings = packages_distributions()
    for extra, lines in declared.items():
        wanted = {name for line in lines for name in re.findall(r"[a-z][\w-]*", line)}
        for module in EXTRAS[extra]:
            names = {name.lower().replace("_", "-") for name in brings.get(module, ())}
            assert not names or names & wanted, f"{module} is not brought by {extra}"
        assert len(EXTRAS[extra]) >= len(lines)


def test_what_is_missing_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "find_spec", lambda name: None if name == "dbos" else name)
    with pytest.raises(MissingExtraError, match=r"the service needs dbos: pip install 'mammoqa\[service\]'"):
        require("service", "the service")


def test_what_is_there_is_not_complained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "find_spec", lambda name: name)
    for extra in EXTRAS:
        require(extra, "anything")


@pytest.mark.parametrize(
    ("module", "extra"), [("pynetdicom.sop_class", "service"), ("torch", "train"), ("dask", "cluster"), ("numpy", None)]
)
def test_a_module_belongs_to_its_extra(module: str, extra: str | None) -> None:
    assert extra_of(module) == extra
