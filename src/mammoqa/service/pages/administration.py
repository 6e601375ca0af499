"""For administrators: accounts, peers and the audit log."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from mammoqa.core import ConfigurationError
from mammoqa.service import passwords
from mammoqa.service.access import Administrator, ServiceDep
from mammoqa.service.rendering import page
from mammoqa.store import audit, peers, people

ROUTER = APIRouter()


@ROUTER.get("/users")
def users(request: Request, service: ServiceDep, who: Administrator) -> Response:
    """Everyone who may sign in."""
    return page(request, "users.html", who, accounts=people.accounts(service.store), roles=people.ROLES)


@ROUTER.post("/users")
def add_user(
    service: ServiceDep,
    who: Administrator,
    name: Annotated[str, Form(max_length=100)],
    role: Annotated[str, Form(max_length=16)],
    password: Annotated[str, Form(max_length=1000)],
    full_name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Add an account."""
    account = people.add_account(service.store, name, full_name, role, passwords.hashed(password, name))
    audit.add(service.store, who.account.label, "account added", account.name, role=role)
    return RedirectResponse("/users", 303)


@ROUTER.post("/users/{account_id}")
def change_user(
    service: ServiceDep,
    who: Administrator,
    account_id: int,
    role: Annotated[str, Form(max_length=16)],
    full_name: Annotated[str, Form(max_length=200)] = "",
    active: Annotated[bool, Form()] = False,
    password: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Change a role, close an account, or set a new password."""
    kept = passwords.hashed(password) if password else None
    changed = people.change_account(
        service.store, account_id, full_name=full_name, role=role, active=active, password_hash=kept
    )
    details = {"role": role, "active": active, "password": bool(password)}
    audit.add(service.store, who.account.label, "account changed", changed.name, **details)
    return RedirectResponse("/users", 303)


@ROUTER.get("/peers")
def all_peers(request: Request, service: ServiceDep, who: Administrator) -> Response:
    """The application entities that are known."""
    return page(request, "peers.html", who, peers=peers.all_peers(service.store), options=service.options)


@ROUTER.post("/peers")
def put_peer(
    service: ServiceDep,
    who: Administrator,
    ae_title: Annotated[str, Form(max_length=16)],
    host: Annotated[str, Form(max_length=200)] = "",
    port: Annotated[int, Form(ge=0, le=65535)] = 0,
    may_send: Annotated[bool, Form()] = False,
    per_minute: Annotated[int, Form(ge=0, le=100000)] = 0,
    max_mb: Annotated[int, Form(ge=0, le=100000)] = 0,
    tls: Annotated[bool, Form()] = False,
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Add a peer, or change the one of this title."""
    peer = peers.Peer(ae_title, host, port, may_send, per_minute, max_mb * 2**20, tls, note)
    if port and not host:
        raise ConfigurationError("a peer that results are sent to needs a host")
    peers.put(service.store, peer)
    details = {"host": host, "port": port, "may_send": may_send, "per_minute": per_minute, "max_mb": max_mb}
    audit.add(service.store, who.account.label, "peer", ae_title, **details)
    return RedirectResponse("/peers", 303)


@ROUTER.post("/peers/{ae_title}/remove")
def remove_peer(service: ServiceDep, who: Administrator, ae_title: str) -> Response:
    """Forget a peer."""
    peers.remove(service.store, ae_title)
    audit.add(service.store, who.account.label, "peer removed", ae_title)
    return RedirectResponse("/peers", 303)


@ROUTER.get("/audit")
def audit_log(
    request: Request,
    service: ServiceDep,
    who: Administrator,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    check: bool = False,
) -> Response:
    """The log, newest first; with `check`, every hash of it computed again."""
    found = audit.entries(service.store, 101, before)
    state = audit.check(service.store) if check else None
    more = found[99].id if len(found) > 100 else None
    return page(request, "audit.html", who, entries=found[:100], more=more, state=state)
