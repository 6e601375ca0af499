"""Settings come from the environment, once, and say what is wrong with them."""

from dataclasses import fields
from pathlib import Path

import pytest

from mammoqa.core import ConfigurationError
from mammoqa.settings import HELP, PREFIX, Settings, read_settings

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "settings.md"


def test_nothing_set_gives_the_defaults() -> None:
    assert read_settings({"PATH": "/bin", "MAMMOQA_JOBS": ""}) == Settings()


def test_each_kind_of_value_is_read() -> None:
    given = {"MAMMOQA_JOBS": "3", "MAMMOQA_STORE": "qc.db", "MAMMOQA_SALIENCY": "no", "MAMMOQA_DASK": "tcp://host:1"}
    assert read_settings(given) == Settings(store="qc.db", jobs=3, dask="tcp://host:1", saliency=False)


@pytest.mark.parametrize(
    ("name", "text"), [("MAMMOQA_JOBS", "many"), ("MAMMOQA_JOBS", "-1"), ("MAMMOQA_SALIENCY", "maybe")]
)
def test_a_wrong_value_is_named(name: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name}.*{text}"):
        read_settings({name: text})


def test_a_misspelt_name_is_not_passed_over() -> None:
    with pytest.raises(ConfigurationError, match=r"MAMMOQA_STORES.*MAMMOQA_STORE"):
        read_settings({"MAMMOQA_STORES": "qc.db"})


def test_every_setting_is_documented() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    assert set(HELP) == {field.name for field in fields(Settings)}
    for name, line in HELP.items():
        assert f"`{PREFIX}{name.upper()}`" in text
        assert line in text
