"""What the options of `mammoqa simulate` make of an exposure."""

import json
from pathlib import Path

import click
import pytest

from mammoqa.cli.simulate import _FAULTS, _STYLES, _exposure, simulate
from mammoqa.core import Intent
from mammoqa.simulate import Exposure, Faults
from mammoqa.simulate.presentation import STYLES


def _given(*arguments: str) -> Exposure:
    context = simulate.make_context("simulate", ["acr156", "--out", "x", *arguments])
    for name in ("phantom", "out", "count", "seed"):
        context.params.pop(name)
    return _exposure({name: value for name, value in context.params.items() if value is not None}, Exposure())


def test_nothing_given_is_the_default() -> None:
    assert _given() == Exposure()


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (["--shift", "-12", "3"], "shift_mm", (-12.0, 3.0)),
        (["--mirror"], "mirrored", True),
        (["--collimation", "5"], "collimation_mm", 5.0),
        (["--letters", ""], "letters", ()),
        (["--intent", "raw", "--intensity", "LIN"], "pixel_intensity", "LIN"),
        (["--intent", "raw"], "intent", Intent.FOR_PROCESSING),
        (["--style", "sigmoid"], "style", "sigmoid"),
        (["--dust", "20", "--dead-lines", "2"], "faults", Faults(dust=20, dead_lines=2)),
        (["--blur", "0.1", "--noise", "0.5", "--scatter", "0.2", "--ghosting", "0.02", "--scratches", "3"], "faults",
         Faults(scratches=3, ghosting=0.02, extra_blur_mm=0.1, extra_noise=0.5, extra_scatter=0.2)),
        (["--no-grid"], "grid", False),
        (["--dose", "0.8"], "target_mgd_mgy", 0.8),
    ],
)  # fmt: skip
def test_each_option_sets_its_field(arguments: list[str], field: str, value: object) -> None:
    assert getattr(_given(*arguments), field) == value


def test_letters_are_written_as_given() -> None:
    (letter,) = _given("--letters", "ROOM 2").letters
    assert letter.text == "ROOM 2"


def test_every_style_and_fault_of_the_simulator_has_an_option() -> None:
    assert set(_STYLES) == set(STYLES)
    assert set(_FAULTS.values()) == set(Faults.__slots__)


def test_options_that_contradict_each_other_are_wrong_usage() -> None:
    with pytest.raises(click.UsageError, match="--intent raw"):
        _given("--intensity", "LOG")
    with pytest.raises(click.UsageError, match="--style"):
        _given("--style", "linear", "--intent", "raw")


def test_the_truth_tells_placement_and_faults(tmp_path: Path) -> None:
    from mammoqa.cli.program import run

    arguments = ["simulate", "acr156", "--out", str(tmp_path), "--detector", "csi-100", "--shift", "4", "2"]
    assert run([*arguments, "--mirror", "--dust", "3", "--intent", "raw", "--intensity", "LIN"]) == 0
    truth = json.loads(next(tmp_path.glob("*.truth.json")).read_text(encoding="utf-8"))
    assert truth["mirrored"] is True
    assert truth["exposure"]["shift_mm"] == [4.0, 2.0]
    assert truth["exposure"]["faults"]["dust"] == 3
    assert truth["exposure"]["pixel_intensity"] == "LIN"
