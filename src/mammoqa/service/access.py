"""Who asks, and what they may: sessions for browsers, tokens for programs, one table of roles for both."""

import hmac
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request

from mammoqa.service.options import Service
from mammoqa.store import people
from mammoqa.store.people import SignedIn

COOKIE = "mammoqa_session"
SAFE = ("GET", "HEAD", "OPTIONS")
HOURS = 10.0  # a working day; then one signs in again (a choice)


class SignInNeeded(Exception):
    """A page was asked for by nobody in particular."""


def service_of(request: Request) -> Service:
    """The service that this application belongs to."""
    found: Service = request.app.state.service
    return found


ServiceDep = Annotated[Service, Depends(service_of)]


def is_program(request: Request) -> bool:
    """Whether the path is for programs, which get JSON instead of a page."""
    return request.url.path.startswith(("/api/", "/dicomweb"))


def signed_in(request: Request, service: ServiceDep) -> SignedIn | None:
    """Who asks: by bearer token, else by cookie; None for nobody."""
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return people.of_token(service.store, secret.strip())
    cookie = request.cookies.get(COOKIE)
    return people.of_session(service.store, cookie) if cookie else None


MaybeSignedIn = Annotated[SignedIn | None, Depends(signed_in)]


async def _csrf_given(request: Request) -> str:
    header = request.headers.get("x-csrf-token")
    if header is not None:
        return header
    kind = request.headers.get("content-type", "")
    if kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        return str((await request.form()).get("csrf", ""))
    return ""


async def checked(request: Request, who: MaybeSignedIn) -> SignedIn:
    """Somebody who is signed in; a browser that changes something has to show the token of its own pages."""
    if who is None:
        if is_program(request):
            raise HTTPException(401, "sign in, or give a token", headers={"WWW-Authenticate": "Bearer"})
        raise SignInNeeded
    if who.csrf and request.method not in SAFE:
        same = request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
        if not same or not hmac.compare_digest((await _csrf_given(request)).encode(), who.csrf.encode()):
            raise HTTPException(403, "this form is too old, or came from elsewhere: load the page again")
    return who


def needs(role: str) -> Any:
    """A dependency: the person who asks, if their role is enough; 403 otherwise."""

    async def enough(who: Annotated[SignedIn, Depends(checked)]) -> SignedIn:
        if not who.may(role):
            raise HTTPException(403, f"this needs the role {role}")
        return who

    return Depends(enough)


Viewer = Annotated[SignedIn, needs("viewer")]
Technologist = Annotated[SignedIn, needs("technologist")]
Physicist = Annotated[SignedIn, needs("physicist")]
Administrator = Annotated[SignedIn, needs("administrator")]
