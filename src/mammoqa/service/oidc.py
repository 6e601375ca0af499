"""OpenID Connect: people sign in with their hospital's account (authorization code flow with PKCE and nonce)."""

import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from mammoqa.core import StoreError
from mammoqa.service.access import ServiceDep
from mammoqa.service.options import ServiceOptions
from mammoqa.service.pages.sign_in import signed_in_answer
from mammoqa.store import audit, people

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import OAuth2Client

ROUTER = APIRouter()
_COOKIE = "mammoqa_oidc"
_LEEWAY_S = 60


def _client(options: ServiceOptions, request: Request) -> "OAuth2Client":
    if not options.oidc_issuer:
        raise HTTPException(404, "there is no such page")
    from authlib.integrations.httpx_client import OAuth2Client

    base = options.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    return OAuth2Client(
        options.oidc_client_id,
        options.oidc_client_secret,
        scope="openid profile",
        redirect_uri=f"{base}/oidc/back",
        code_challenge_method="S256",
        timeout=10,
    )


def _discovered(client: Any, issuer: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(
        f"{issuer.rstrip('/')}/.well-known/openid-configuration", withhold_token=True
    ).json()
    if str(found.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        raise HTTPException(502, "the identity provider does not name itself as it was set up")
    return found


@ROUTER.get("/oidc/start")
def start(request: Request, service: ServiceDep) -> Response:
    """Send the browser to the provider."""
    client = _client(service.options, request)
    nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    endpoint = _discovered(client, service.options.oidc_issuer)["authorization_endpoint"]
    address, state = client.create_authorization_url(endpoint, nonce=nonce, code_verifier=verifier)
    answer = RedirectResponse(address, 303)
    kept = json.dumps({"state": state, "nonce": nonce, "verifier": verifier})
    secure = service.options.public_url.startswith("https://")
    answer.set_cookie(_COOKIE, kept, max_age=600, httponly=True, samesite="lax", secure=secure, path="/oidc")
    return answer


@ROUTER.get("/oidc/back")
def back(request: Request, service: ServiceDep, code: str = "", state: str = "") -> Response:
    """The browser comes back with a code: who is it?"""
    options = service.options
    client = _client(options, request)
    try:
        kept = json.loads(request.cookies.get(_COOKIE, ""))
        wanted = str(kept["state"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise HTTPException(400, "begin at the sign-in page again") from error
    if not code or not hmac.compare_digest(state.encode(), wanted.encode()):
        raise HTTPException(400, "begin at the sign-in page again")
    found = _discovered(client, options.oidc_issuer)
    token = client.fetch_token(found["token_endpoint"], code=code, code_verifier=str(kept["verifier"]))
    keys = client.get(found["jwks_uri"], withhold_token=True).json()
    claims = identity(str(token.get("id_token", "")), keys, options, str(kept["nonce"]))
    account = _account(service, claims)
    answer = signed_in_answer(request, service, account, "/")
    answer.delete_cookie(_COOKIE, path="/oidc")
    return answer


def identity(id_token: str, keys: dict[str, Any], options: ServiceOptions, nonce: str) -> dict[str, Any]:
    """The claims of an ID token whose signature, issuer, audience, time and nonce are right (OIDC Core 3.1.3.7)."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        token = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=["RS256", "ES256", "PS256"])  # type: ignore[arg-type]
        jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": options.oidc_issuer},
            aud={"essential": True, "value": options.oidc_client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(token.claims)
    except (JoseError, ValueError, KeyError) as error:
        raise HTTPException(403, "the identity provider's answer is not valid") from error
    return dict(token.claims)


def _account(service: Any, claims: dict[str, Any]) -> people.Account:
    """The account of a person, made on the first visit with the site's role for newcomers."""
    subject = f"{claims['iss']} {claims['sub']}"[:300]
    account = people.by_subject(service.store, subject)
    if account is None:
        name = str(claims.get("preferred_username") or claims["sub"])[:90]
        full_name, role = str(claims.get("name", "")), service.options.oidc_role
        try:
            account = people.add_account(service.store, name, full_name, role, None, subject)
        except StoreError:
            account = people.add_account(service.store, f"{name} (sso)", full_name, role, None, subject)
        audit.add(service.store, account.name, "account added", account.name, role=role, by="identity provider")
    if not account.active:
        raise HTTPException(403, "this account is closed")
    return account
