"""REST, version 1: everything the pages show and do, for programs. Described at /api/v1/openapi.json.

Lists come as {"items": [...], "next": cursor or null}; `?before=cursor` gives the next page.
"""

from typing import Any

from fastapi import FastAPI

from mammoqa.service.rest.exports import ROUTER as EXPORTS
from mammoqa.service.rest.objects import ROUTER as OBJECTS
from mammoqa.service.rest.people import ROUTER as PEOPLE
from mammoqa.service.rest.programme import ROUTER as PROGRAMME
from mammoqa.service.rest.results import ROUTER as RESULTS
from mammoqa.service.rest.units import ROUTER as UNITS

PREFIX = "/api/v1"


_TIME = "ISO 8601 without zone: UTC, and the local time of the unit where a person or an image gave it"


def include(app: FastAPI) -> None:
    """Add the interface to an application."""
    for router in (UNITS, RESULTS, EXPORTS, OBJECTS, PROGRAMME, PEOPLE):
        app.include_router(router, prefix=PREFIX)
    described = app.openapi

    def openapi() -> dict[str, Any]:
        """The description, which calls times in answers what they are: RFC 3339's date-time has a zone."""
        made = described()
        for name, shape in made["components"]["schemas"].items():
            if not name.endswith("In"):
                for found in shape.get("properties", {}).values():
                    _without_zone(found)
        return made

    app.openapi = openapi  # type: ignore[method-assign]


def _without_zone(shape: dict[str, Any]) -> None:
    for one in (shape, *shape.get("anyOf", ())):
        if one.get("format") == "date-time":
            del one["format"]
            one["description"] = _TIME
