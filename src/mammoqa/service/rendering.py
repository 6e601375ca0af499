"""Pages from templates, in the reader's language where there is a catalogue for it."""

import gettext
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from mammoqa.report import words
from mammoqa.store.people import SignedIn

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(str(resources.files("mammoqa.service")))
_OUTCOMES = {"pass": "Pass", "fail": "Fail", "measured": "Measured", "refused": "Not analysed"}


@cache
def environment(language: str) -> "Environment":
    """Templates in one language; catalogues stand in service/locale/LANGUAGE/LC_MESSAGES/mammoqa.mo."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("mammoqa.service"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = gettext.translation("mammoqa", HERE / "locale", languages=[language], fallback=True)
    made.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {
        "when": when,
        "day": day,
        "number": words.number,
        "percent": words.percent,
        "metric": words.metric_title,
        "object": words.object_title,
        "outcome": lambda value: _OUTCOMES.get(str(value), str(value)),
        "size": size,
    }
    return made


def language(request: Request) -> str:
    """The first language that the browser asks for, "en" where it asks for none."""
    first = request.headers.get("accept-language", "en").split(",")[0].split(";")[0].strip().lower()
    short = first.split("-")[0]
    return short if short.isalpha() and len(short) in (2, 3) else "en"


def page(request: Request, template: str, who: SignedIn | None, status: int = 200, **values: Any) -> HTMLResponse:
    """A page, or a part of one for htmx."""
    known: Mapping[str, Any] = {"who": who, "path": request.url.path, "csrf": who.csrf if who else ""}
    tongue = language(request)
    text = environment(tongue).get_template(template).render(**{**known, "lang": tongue, **values})
    return HTMLResponse(text, status)


def when(at: datetime | None) -> str:
    """A moment to the minute."""
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M}"


def day(at: date | None) -> str:
    """A date."""
    return "–" if at is None else f"{at:%Y-%m-%d}"


def size(count: int) -> str:
    """Bytes for people."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
