"""REST, version 1: everything the pages show and do, for programs."""

from fastapi import FastAPI


def include(app: FastAPI) -> None:
    """Add the interface to an application."""
    del app
