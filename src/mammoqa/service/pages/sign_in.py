"""Signing in and out, the first administrator, and the site's identity provider."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from mammoqa.core import ConfigurationError
from mammoqa.service import passwords
from mammoqa.service.access import COOKIE, HOURS, MaybeSignedIn, ServiceDep, Viewer
from mammoqa.service.guard import RateLimit
from mammoqa.service.options import Service
from mammoqa.service.rendering import page, tongue_of
from mammoqa.service.setup import setup_secret
from mammoqa.service.tongue import N_
from mammoqa.store import audit, people

ROUTER = APIRouter()
_ATTEMPTS = RateLimit(10)  # a minute, of one name from one address (a choice)
_ATTEMPTS_OF_ADDRESS = RateLimit(60)


@ROUTER.get("/sign-in")
def sign_in_page(request: Request, service: ServiceDep, who: MaybeSignedIn, next: str = "/") -> Response:
    """The form."""
    if who is not None:
        return RedirectResponse(_inside(next), 303)
    oidc = bool(service.options.oidc_issuer)
    return page(request, "sign_in.html", None, next=_inside(next), failed="", name="", oidc=oidc)


@ROUTER.post("/sign-in")
def sign_in(
    request: Request,
    service: ServiceDep,
    name: Annotated[str, Form(max_length=100)],
    password: Annotated[str, Form(max_length=1000)],
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Check a password and open a session."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "this form came from elsewhere")
    address = request.client.host if request.client else ""
    if not (_ATTEMPTS.allows(f"{address} {name}") and _ATTEMPTS_OF_ADDRESS.allows(address)):
        raise HTTPException(429, "too many attempts: wait a minute")
    found = people.password_of(service.store, name.strip())
    right = passwords.right(password, found[1] if found else None)
    if found is None or not right or not found[0].active:
        audit.add(service.store, "", "sign-in failed", name.strip()[:100], address=address)
        failed = tongue_of(request, None).say(N_("The name or the password is wrong."))
        oidc = bool(service.options.oidc_issuer)
        return page(request, "sign_in.html", None, 401, next=_inside(next), failed=failed, name=name, oidc=oidc)
    return signed_in_answer(request, service, found[0], _inside(next))


def signed_in_answer(request: Request, service: Service, account: people.Account, target: str) -> Response:
    """Open a session for this browser and lead on."""
    secret = passwords.secret()
    people.open_session(service.store, account.id, secret, passwords.secret(), HOURS)
    address = request.client.host if request.client else ""
    audit.add(service.store, account.name, "sign-in", account.name, address=address)
    answer = RedirectResponse(target, 303)
    secure = request.url.scheme == "https" or service.options.public_url.startswith("https://")
    answer.set_cookie(COOKIE, secret, max_age=int(HOURS * 3600), httponly=True, samesite="lax", secure=secure)
    return answer


@ROUTER.post("/sign-out")
def sign_out(request: Request, service: ServiceDep, who: Viewer) -> Response:
    """Close the session."""
    people.close_session(service.store, request.cookies.get(COOKIE, ""))
    audit.add(service.store, who.account.name, "sign-out", who.account.name)
    through_provider = bool(service.options.oidc_issuer) and not who.account.has_password
    answer = RedirectResponse("/oidc/out" if through_provider else "/sign-in", 303)
    answer.delete_cookie(COOKIE)
    return answer


@ROUTER.get("/setup")
def setup_page(request: Request, service: ServiceDep, key: str = "") -> Response:
    """The form of the first administrator, reached by the address that the service prints when it has no accounts."""
    _check_key(service, key)
    return page(request, "setup.html", None, key=key, failed="", name="")


@ROUTER.post("/setup")
def setup(
    request: Request,
    service: ServiceDep,
    key: Annotated[str, Form()],
    name: Annotated[str, Form(max_length=100)],
    password: Annotated[str, Form(max_length=1000)],
    full_name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Make the first administrator."""
    _check_key(service, key)
    try:
        kept = passwords.hashed(password, name)
    except ConfigurationError as error:
        return page(request, "setup.html", None, 422, key=key, failed=str(error), name=name)
    account = people.add_account(service.store, name, full_name, "administrator", kept)
    audit.add(service.store, account.name, "account added", account.name, role=account.role, first=True)
    return signed_in_answer(request, service, account, "/")


def _check_key(service: Service, key: str) -> None:
    if people.count_accounts(service.store) or not hmac.compare_digest(
        key.encode(), setup_secret(service.options.data).encode()
    ):
        raise HTTPException(404, "there is no such page")


def _inside(target: str) -> str:
    """A path of this site; the start page instead of any other address."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"
