"""Pages from templates, in the reader's language."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from mammoqa.service import spoken
from mammoqa.service.tongue import LANGUAGES, Tongue, chosen, tongue
from mammoqa.store.people import SignedIn

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment(code: str) -> "Environment":
    """Templates in one language."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("mammoqa.service"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    own = tongue(code)
    made.install_gettext_translations(own.catalogue, newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {
        "when": own.when,
        "day": own.day,
        "month": own.month,
        "number": own.number,
        "fixed": own.fixed,
        "local": own.local,
        "size": own.size,
        "say": own.say,
        "metric": lambda name: spoken.metric(own, name),
        "object": lambda name: spoken.thing(own, name),
        "phantom": lambda name: spoken.phantom(own, name),
        "outcome": lambda value: spoken.outcome(own, str(value)),
        "why": lambda text: spoken.why(own, text),
        "detail": lambda name: spoken.detail(own, name),
        "prospect": lambda made: spoken.prospect(own, made),
    }
    return made


def tongue_of(request: Request, who: SignedIn | None) -> Tongue:
    """The language of whoever asks."""
    return chosen(who.account.language if who else "", request.headers.get("accept-language", ""))


def page(request: Request, template: str, who: SignedIn | None, status: int = 200, **values: Any) -> HTMLResponse:
    """A page, or a part of one for htmx."""
    own = tongue_of(request, who)
    known: Mapping[str, Any] = {"who": who, "path": request.url.path, "csrf": who.csrf if who else ""}
    more = {"lang": own.code, "languages": LANGUAGES}
    text = environment(own.code).get_template(template).render(**{**known, **more, **values})
    return HTMLResponse(text, status, headers={"content-language": own.code, "vary": "Accept-Language, Cookie"})
