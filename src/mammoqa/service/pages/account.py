"""One's own account: password and tokens."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from mammoqa.core import NotStoredError
from mammoqa.service import passwords
from mammoqa.service.access import ServiceDep, Viewer
from mammoqa.service.rendering import page, tongue_of
from mammoqa.service.tongue import LANGUAGES, N_
from mammoqa.store import audit, people

ROUTER = APIRouter()


@ROUTER.get("/account")
def account(request: Request, service: ServiceDep, who: Viewer) -> Response:
    """One's own account."""
    return _page(request, service, who, "", "")


def _page(request: Request, service: ServiceDep, who: Viewer, secret: str, failed: str) -> Response:
    owned = people.tokens(service.store, who.account.id)
    roles = people.ROLES[: people.ROLES.index(who.role) + 1]
    return page(request, "account.html", who, tokens=owned, roles=roles, secret=secret, failed=failed)


@ROUTER.post("/account/password")
def change_password(
    request: Request,
    service: ServiceDep,
    who: Viewer,
    old: Annotated[str, Form(max_length=1000)],
    new: Annotated[str, Form(max_length=1000)],
) -> Response:
    """Set another password; one signs in again with it."""
    found = people.password_of(service.store, who.account.name)
    if not passwords.right(old, found[1] if found else None):
        return _page(request, service, who, "", tongue_of(request, who).say(N_("The old password is wrong.")))
    people.change_account(service.store, who.account.id, password_hash=passwords.hashed(new, who.account.name))
    audit.add(service.store, who.account.label, "password changed", who.account.name)
    return RedirectResponse("/sign-in", 303)


@ROUTER.post("/account/language")
def choose_language(service: ServiceDep, who: Viewer, language: Annotated[str, Form(max_length=8)] = "") -> Response:
    """Choose the language of the pages; empty leaves it to the browser."""
    people.set_language(service.store, who.account.id, language if language in LANGUAGES else "")
    return RedirectResponse("/account", 303)


@ROUTER.post("/account/tokens")
def add_token(
    request: Request,
    service: ServiceDep,
    who: Viewer,
    name: Annotated[str, Form(max_length=100)],
    role: Annotated[str, Form(max_length=16)],
    days: Annotated[int, Form(ge=1, le=366)] = 90,
) -> Response:
    """Make a token; its secret is shown once."""
    secret = passwords.secret()
    made = people.add_token(service.store, who.account, name, role, secret, days)
    audit.add(service.store, who.account.label, "token added", made.name, role=role, days=days)
    return _page(request, service, who, secret, "")


@ROUTER.post("/account/tokens/{token_id}/revoke")
def revoke(service: ServiceDep, who: Viewer, token_id: int) -> Response:
    """End a token."""
    if not people.revoke_token(service.store, token_id, who.account.id):
        raise NotStoredError(f"there is no token {token_id} of yours")
    audit.add(service.store, who.account.label, "token revoked", str(token_id))
    return RedirectResponse("/account", 303)
