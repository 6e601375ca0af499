"""The command line. Nothing heavy is imported before a command needs it."""

from mammoqa.cli.program import main

__all__ = ["main"]
