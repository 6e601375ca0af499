"""REST: accounts, one's own tokens, peers and the audit log."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from mammoqa.core import NotStoredError
from mammoqa.service import passwords
from mammoqa.service.access import Administrator, ServiceDep, Viewer
from mammoqa.service.rest.shapes import (
    ANSWERS,
    AccountChangeIn,
    AccountIn,
    Before,
    Number,
    Page,
    PageSize,
    PeerIn,
    TokenIn,
    paged,
)
from mammoqa.store import audit, peers, people

ROUTER = APIRouter(tags=["people"], responses=ANSWERS)
_Title = Annotated[str, Path(min_length=1, max_length=16, pattern=r"^[^\x00\\]*$")]


@ROUTER.get("/me")
def me(who: Viewer) -> people.SignedIn:
    """Who asks, and in which role."""
    return people.SignedIn(who.account, who.role, "")


@ROUTER.get("/accounts")
def accounts(service: ServiceDep, _who: Administrator) -> Page:
    """Everyone who may sign in."""
    return Page(items=list(people.accounts(service.store)))


@ROUTER.post("/accounts", status_code=201)
def add_account(service: ServiceDep, who: Administrator, given: AccountIn) -> people.Account:
    """Add an account."""
    kept = passwords.hashed(given.password, given.name)
    account = people.add_account(service.store, given.name, given.full_name, given.role, kept)
    audit.add(service.store, who.account.label, "account added", account.name, role=account.role)
    return account


@ROUTER.patch("/accounts/{account_id}")
def change_account(
    service: ServiceDep, who: Administrator, account_id: Number, given: AccountChangeIn
) -> people.Account:
    """Change a role, close an account, or set a new password."""
    account = people.change_account(
        service.store,
        account_id,
        full_name=given.full_name,
        role=given.role,
        active=given.active,
        password_hash=passwords.hashed(given.password) if given.password else None,
    )
    details = given.model_dump(exclude={"password"}) | {"password": bool(given.password)}
    audit.add(service.store, who.account.label, "account changed", account.name, **details)
    return account


@ROUTER.get("/tokens")
def tokens(service: ServiceDep, who: Viewer) -> Page:
    """One's own tokens, without their secrets."""
    return Page(items=list(people.tokens(service.store, who.account.id)))


@ROUTER.post("/tokens", status_code=201)
def add_token(service: ServiceDep, who: Viewer, given: TokenIn) -> dict[str, object]:
    """Make a token with at most the rights that this request has; its secret is told once."""
    if given.role in people.ROLES and not who.may(given.role):
        raise NotStoredError(f"there is no role {given.role} that this token could have")
    secret = passwords.secret()
    made = people.add_token(service.store, who.account, given.name, given.role, secret, given.days)
    audit.add(service.store, who.account.label, "token added", made.name, role=given.role, days=given.days)
    return {"token": made, "secret": secret}


@ROUTER.delete("/tokens/{token_id}", status_code=204)
def revoke_token(service: ServiceDep, who: Viewer, token_id: Number) -> Response:
    """End one of one's own tokens."""
    if not people.revoke_token(service.store, token_id, who.account.id):
        raise NotStoredError(f"there is no token {token_id} of yours")
    audit.add(service.store, who.account.label, "token revoked", str(token_id))
    return Response(status_code=204)


@ROUTER.get("/peers")
def all_peers(service: ServiceDep, _who: Administrator) -> Page:
    """The application entities that are known."""
    return Page(items=list(peers.all_peers(service.store)))


@ROUTER.put("/peers/{ae_title}")
def put_peer(service: ServiceDep, who: Administrator, ae_title: _Title, given: PeerIn) -> peers.Peer:
    """Add or change a peer."""
    peer = peers.Peer(ae_title.strip(), **given.model_dump())
    peers.put(service.store, peer)
    audit.add(service.store, who.account.label, "peer", ae_title, **given.model_dump())
    return peer


@ROUTER.delete("/peers/{ae_title}", status_code=204)
def remove_peer(service: ServiceDep, who: Administrator, ae_title: _Title) -> Response:
    """Forget a peer."""
    if not peers.remove(service.store, ae_title):
        raise NotStoredError(f"there is no peer {ae_title}")
    audit.add(service.store, who.account.label, "peer removed", ae_title)
    return Response(status_code=204)


@ROUTER.get("/audit")
def audit_log(service: ServiceDep, _who: Administrator, before: Before = None, limit: PageSize = 50) -> Page:
    """The audit log, newest first."""
    return paged(audit.entries(service.store, limit + 1, before), limit)


@ROUTER.get("/audit/check")
def check_audit_log(service: ServiceDep, _who: Administrator) -> audit.ChainState:
    """Compute every hash of the audit log again."""
    return audit.check(service.store)
