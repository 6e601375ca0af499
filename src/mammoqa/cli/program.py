"""The `mammoqa` program: finds the command, runs it, and turns what went wrong into one line and an exit status."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from mammoqa import __version__

USAGE_STATUS = 2
INTERRUPTED_STATUS = 130  # 128 + SIGINT, as shells have it

# A command's name: the module that holds it as `command`, and its line in the help.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("mammoqa.cli.demo", "Simulate a month of QC on two units, analyse it and write the reports."),
    "analyse": ("mammoqa.cli.analyse", "Analyse phantom images: DICOM files, or folders of them."),
    "simulate": ("mammoqa.cli.simulate", "Simulate exposures of a phantom and write them as DICOM."),
    "report": ("mammoqa.cli.report", "Write the report of stored analyses again."),
    "trends": ("mammoqa.cli.trends", "Put what a database holds on control charts and report it."),
    "sign": ("mammoqa.cli.sign", "Sign a stored result off."),
    "explain": ("mammoqa.cli.explain", "Show what in an image the network's scores rest on."),
    "validate": ("mammoqa.cli.suites", "Reproduce the numbers in docs/validation."),
    "benchmark": ("mammoqa.cli.suites", "Measure speed and memory."),
    "train": ("mammoqa.cli.train", "Train a network by a recipe and export it."),
    "serve": ("mammoqa.cli.serve", "Serve web pages, a DICOM receiver and workers."),
    "db": ("mammoqa.cli.db", "Look after the database."),
}


class Program(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name][0])
        found: click.Command = getattr(module, cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what mammoqa raises on purpose becomes a usage error without a traceback."""
        from mammoqa.core.errors import MammoqaError  # brings numpy, which --help does not need

        try:
            return super().invoke(ctx)
        except MammoqaError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            from mammoqa.core.extras import extra_of, install

            extra = extra_of(error.name or "")
            if extra is None:
                raise
            raise click.ClickException(f"this needs {error.name}, which is not installed: {install(extra)}") from error


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def program() -> None:
    """Image quality assurance for mammography, with CT and MRI phantoms beside it.

    Exit status: 0 all passed or measured; 1 some failed; 3 some were refused and none failed; 2 wrong usage, or
    nothing could be done.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the program with these arguments (those of the process by default); its exit status."""
    try:
        status = program.main(args=arguments, prog_name="mammoqa", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        return USAGE_STATUS
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context else ""
        message = " ".join(error.format_message().split())
        click.echo(f"mammoqa: {message}{hint}", err=True)
        return USAGE_STATUS
    except (click.Abort, KeyboardInterrupt):
        click.echo("mammoqa: interrupted", err=True)
        return INTERRUPTED_STATUS
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status if isinstance(status, int) else 0


def main() -> None:
    """Entry point of the installed command."""
    # no product of matrices here is large: threads of the algebra library only wait for each other, and in the way
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(run())
