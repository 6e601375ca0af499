"""OpenID Connect: people sign in with their hospital's account (authorization code flow with PKCE and nonce)."""

import hmac
import json
import logging
import secrets
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from mammoqa.core import ConfigurationError, StoreError
from mammoqa.service.access import HOURS, ServiceDep
from mammoqa.service.options import Service, ServiceOptions
from mammoqa.service.pages.sign_in import signed_in_answer
from mammoqa.store import audit, people

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import OAuth2Client

LOG = logging.getLogger("mammoqa.oidc")
ROUTER = APIRouter()
_COOKIE, _HINT = "mammoqa_oidc", "mammoqa_oidc_hint"
_MOST_COOKIE = 3500  # browsers keep cookies of 4096 bytes
_LEEWAY_S = 60


def _client(options: ServiceOptions, request: Request) -> "OAuth2Client":
    if not options.oidc_issuer:
        raise HTTPException(404, "there is no such page")
    from authlib.integrations.httpx_client import OAuth2Client

    return OAuth2Client(
        options.oidc_client_id,
        options.oidc_client_secret,
        scope="openid profile",
        redirect_uri=f"{_base(options, request)}/oidc/back",
        code_challenge_method="S256",
        timeout=10,
        verify=ssl.create_default_context(),  # the authorities of the operating system, so those of the hospital
    )


def _base(options: ServiceOptions, request: Request) -> str:
    return options.public_url.rstrip("/") or str(request.base_url).rstrip("/")


@contextmanager
def _provider(client: Any) -> Iterator[None]:
    """Talk with the provider; HTTPException 502 where it does not answer, or not as it should."""
    import httpx
    from authlib.common.errors import AuthlibBaseError

    try:
        with client:
            yield
    except (httpx.HTTPError, httpx.InvalidURL, AuthlibBaseError, ValueError, KeyError) as error:
        LOG.warning("the identity provider: %s: %s", type(error).__name__, error)
        raise HTTPException(502, "the identity provider does not answer as it should: try again in a moment") from error


def _got(client: Any, address: str) -> dict[str, Any]:
    answer = client.request("GET", address, withhold_token=True)
    answer.raise_for_status()
    return dict(answer.json())


def _discovered(client: Any, issuer: str) -> dict[str, Any]:
    found = _got(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if str(found.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        raise HTTPException(502, "the identity provider does not name itself as it was set up")
    return found


@ROUTER.get("/oidc/start")
def start(request: Request, service: ServiceDep) -> Response:
    """Send the browser to the provider."""
    client = _client(service.options, request)
    nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    with _provider(client):
        endpoint = _discovered(client, service.options.oidc_issuer)["authorization_endpoint"]
    address, state = client.create_authorization_url(endpoint, nonce=nonce, code_verifier=verifier)
    answer = RedirectResponse(address, 303)
    kept = json.dumps({"state": state, "nonce": nonce, "verifier": verifier})
    secure = service.options.public_url.startswith("https://")
    answer.set_cookie(_COOKIE, kept, max_age=600, httponly=True, samesite="lax", secure=secure, path="/oidc")
    return answer


@ROUTER.get("/oidc/back")
def back(
    request: Request, service: ServiceDep, code: str = "", state: str = "", error: str = "", iss: str = ""
) -> Response:
    """The browser comes back with a code: who is it?"""
    options = service.options
    client = _client(options, request)
    kept = _kept(request, state)
    if error:
        raise HTTPException(403, f"the identity provider did not let you in: {error[:100]}")
    with _provider(client):
        found = _discovered(client, options.oidc_issuer)
        if not code or iss not in ("", found["issuer"]):  # RFC 9207: whose answer this is
            raise HTTPException(400, "begin at the sign-in page again")
        token = client.fetch_token(found["token_endpoint"], code=code, code_verifier=kept["verifier"])
        keys = _got(client, found["jwks_uri"])
    id_token = str(token.get("id_token", ""))
    claims = identity(id_token, keys, found["issuer"], options.oidc_client_id, kept["nonce"])
    answer = signed_in_answer(request, service, _account(service, claims), "/")
    answer.delete_cookie(_COOKIE, path="/oidc")
    if len(id_token) < _MOST_COOKIE:
        secure = options.public_url.startswith("https://")
        answer.set_cookie(
            _HINT, id_token, max_age=int(HOURS * 3600), httponly=True, samesite="lax", secure=secure, path="/oidc"
        )
    return answer


def _kept(request: Request, state: str) -> dict[str, str]:
    """What was kept in the browser when it was sent away; HTTPException where this is not its answer."""
    try:
        found = json.loads(request.cookies.get(_COOKIE, ""))
        kept = {name: str(found[name]) for name in ("state", "nonce", "verifier")}
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise HTTPException(400, "begin at the sign-in page again") from error
    if not hmac.compare_digest(state.encode(), kept["state"].encode()):
        raise HTTPException(400, "begin at the sign-in page again")
    return kept


@ROUTER.get("/oidc/out")
def out(request: Request, service: ServiceDep) -> Response:
    """Whoever has signed out here is led to the provider, to sign out there too (RP-Initiated Logout 1.0)."""
    options = service.options
    client = _client(options, request)
    try:
        with _provider(client):
            endpoint = str(_discovered(client, options.oidc_issuer).get("end_session_endpoint", ""))
    except HTTPException:
        endpoint = ""
    if not endpoint.startswith(("http://", "https://")):
        return RedirectResponse("/sign-in", 303)
    asked = {"client_id": options.oidc_client_id, "post_logout_redirect_uri": f"{_base(options, request)}/sign-in"}
    if hint := request.cookies.get(_HINT):
        asked["id_token_hint"] = hint
    # No redirection: a form that was sent may not lead to another site (form-action of the content security policy).
    target = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"
    answer = PlainTextResponse(
        "You are signed out here. On to the identity provider.", headers={"refresh": f"0; url={target}"}
    )
    answer.delete_cookie(_HINT, path="/oidc")
    return answer


def identity(id_token: str, keys: dict[str, Any], issuer: str, client_id: str, nonce: str) -> dict[str, Any]:
    """The claims of an ID token whose signature, issuer, audience, time and nonce are right (OIDC Core 3.1.3.7)."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        token = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=["RS256", "ES256", "PS256"])  # type: ignore[arg-type]
        jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
            azp={"value": client_id},
        ).validate(token.claims)
    except (JoseError, ValueError, KeyError) as error:
        LOG.warning("an ID token is not valid: %s: %s", type(error).__name__, error)
        raise HTTPException(403, "the identity provider's answer is not valid") from error
    return dict(token.claims)


def roles_of(text: str) -> dict[str, str]:
    """Roles by group, from "group=role, group=role"; ConfigurationError where it does not read so."""
    pairs = [part.rpartition("=") for part in text.split(",") if part.strip()]
    found = {group.strip(): role.strip() for group, _, role in pairs}
    wrong = [f"{group}={role}" for group, role in found.items() if not group or role not in people.ROLES]
    if wrong:
        raise ConfigurationError(f"MAMMOQA_OIDC_ROLES: {wrong[0]!r} is no group=role; roles: {', '.join(people.ROLES)}")
    return found


def role_of(options: ServiceOptions, claims: dict[str, Any]) -> str:
    """The highest role that a person's groups give, else that of newcomers."""
    said = claims.get(options.oidc_claim) or []
    groups = said if isinstance(said, list) else str(said).split()
    given = roles_of(options.oidc_roles)
    return max((given[str(g)] for g in groups if str(g) in given), key=people.ROLES.index, default=options.oidc_role)


def _account(service: Service, claims: dict[str, Any]) -> people.Account:
    """The account of a person, made on the first visit; its role follows the provider's groups where the site wants."""
    subject = f"{claims['iss']} {claims['sub']}"[:300]
    role = role_of(service.options, claims)
    account = people.by_subject(service.store, subject)
    if account is None:
        name, full_name = str(claims.get("preferred_username") or claims["sub"])[:90], str(claims.get("name", ""))
        try:
            account = people.add_account(service.store, name, full_name, role, None, subject)
        except StoreError:
            account = people.add_account(service.store, f"{name} (sso)", full_name, role, None, subject)
        audit.add(service.store, account.name, "account added", account.name, role=role, by="identity provider")
    if not account.active:
        raise HTTPException(403, "this account is closed")
    if service.options.oidc_roles and account.role != role:
        try:
            account = people.change_account(service.store, account.id, role=role)
        except StoreError as error:  # the last administrator
            LOG.warning("%s stays %s: %s", account.name, account.role, error)
            return account
        audit.add(service.store, account.name, "account changed", account.name, role=role, by="identity provider")
    return account
