"""Every command and option stands in docs/reference/cli.md, and nothing else does."""

import re
from pathlib import Path

import click
import pytest

from mammoqa.cli.program import COMMANDS, program

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md"


def commands() -> dict[str, click.Command]:
    """Every command by what a person types, such as "db upgrade"."""
    context = click.Context(program)
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        command = program.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": part for inner, part in command.commands.items()}
        else:
            found[name] = command
    return found


def section(name: str) -> str:
    """The part of the reference under the heading of a command."""
    parts = re.split(r"^## ", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = [part for part in parts if part.startswith(f"`mammoqa {name}`\n")]
    assert len(found) == 1, f"docs/reference/cli.md needs one section for mammoqa {name}"
    return found[0]


@pytest.mark.parametrize("name", commands())
def test_every_option_is_documented(name: str) -> None:
    text = section(name)
    for parameter in commands()[name].params:
        if isinstance(parameter, click.Option):
            for spelling in [*parameter.opts, *parameter.secondary_opts]:
                assert re.search(rf"`{re.escape(spelling)}\b", text), spelling


@pytest.mark.parametrize("name", commands())
def test_no_option_is_documented_that_is_gone(name: str) -> None:
    options = [p for p in commands()[name].params if isinstance(p, click.Option)]
    known = {spelling for option in options for spelling in [*option.opts, *option.secondary_opts]} | {"--help"}
    assert set(re.findall(r"`(--[a-z0-9-]+)", section(name))) <= known
