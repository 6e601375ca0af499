"""`mammoqa validate` and `mammoqa benchmark`: run the scripts of a source checkout."""

import runpy
import sys
from pathlib import Path

import click

ALL = "all"
_PASS_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


@click.command("validate", context_settings=_PASS_ON)
@click.argument("suite", default="")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def validate(suite: str, arguments: tuple[str, ...]) -> int:
    """Reproduce the numbers in docs/validation, from a source checkout.

    SUITE is a script in validation/, or "all". What follows it is passed on; --help after it shows its options.
    """
    return _run(click.get_current_context(), "validation", suite, arguments)


@click.command("benchmark", context_settings=_PASS_ON)
@click.argument("suite", default="")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def benchmark(suite: str, arguments: tuple[str, ...]) -> int:
    """Measure speed and memory, from a source checkout.

    SUITE is a script in benchmarks/, or "all". What follows it is passed on; --help after it shows its options.
    """
    return _run(click.get_current_context(), "benchmarks", suite, arguments)


def _run(context: click.Context, kind: str, suite: str, arguments: tuple[str, ...]) -> int:
    if suite in ("", "-h", "--help"):
        click.echo(context.get_help())
        click.echo(f"\nSuites: {', '.join([*_suites(kind), ALL])}")
        return 0
    found = _suites(kind)
    suite = suite.replace("-", "_")  # files are named like modules, commands like commands
    if suite != ALL and suite not in found:
        raise click.UsageError(f"there is no suite {suite!r}; choose one of {', '.join([*found, ALL])}", context)
    wanted = found.values() if suite == ALL else [found[suite]]
    return max((_script(path, arguments) for path in wanted), default=0)


def _suites(kind: str) -> dict[str, Path]:
    """Scripts by name; those with a leading underscore are parts of others."""
    folder = _checkout() / kind
    return {path.stem: path for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")}


def _checkout() -> Path:
    """The source checkout that this package runs from, or that the person stands in."""
    here = Path(__file__).resolve().parents[3]
    for folder in (here, Path.cwd()):
        if (folder / "validation").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    raise click.ClickException("the suites are part of the source: run this in a checkout of mammoqa")


def _script(path: Path, arguments: tuple[str, ...]) -> int:
    """Run one script as if by hand; its exit status."""
    kept_arguments, kept_path = sys.argv, list(sys.path)
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.parent))
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            click.echo(end.code, err=True)
            return 1
        return end.code or 0
    finally:
        sys.argv, sys.path[:] = kept_arguments, kept_path
    return 0
