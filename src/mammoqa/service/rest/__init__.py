"""REST, version 1: everything the pages show and do, for programs. Described at /api/v1/openapi.json.

Lists come as {"items": [...], "next": cursor or null}; `?before=cursor` gives the next page.
"""

from fastapi import FastAPI

from mammoqa.service.rest.exports import ROUTER as EXPORTS
from mammoqa.service.rest.objects import ROUTER as OBJECTS
from mammoqa.service.rest.people import ROUTER as PEOPLE
from mammoqa.service.rest.programme import ROUTER as PROGRAMME
from mammoqa.service.rest.results import ROUTER as RESULTS
from mammoqa.service.rest.units import ROUTER as UNITS

PREFIX = "/api/v1"


def include(app: FastAPI) -> None:
    """Add the interface to an application."""
    for router in (UNITS, RESULTS, EXPORTS, OBJECTS, PROGRAMME, PEOPLE):
        app.include_router(router, prefix=PREFIX)
