"""Signing in through a provider that lies: whatever is wrong in its answer is refused, and told in words."""

from dataclasses import replace
from urllib.parse import parse_qs, urlparse

import httpx
import pytest
from joserfc.jwk import RSAKey

from e2e.provider import CLIENT, SECRET, liar
from mammoqa.core import ConfigurationError
from mammoqa.service.oidc import role_of, roles_of
from mammoqa.service.options import Service
from mammoqa.store import people


@pytest.fixture
def provider():
    with liar() as running:
        yield running


@pytest.fixture
def site(service, provider, browser):
    """A browser at a service that trusts the provider."""
    client = browser("")
    known = {"oidc_issuer": provider.address, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    client.app.state.service = Service(replace(service.options, **known), service.store)
    return client


def sign_in(client):
    """The way of a browser: to the provider, and back."""
    away = client.get("/oidc/start")
    assert away.status_code == 303
    back = httpx.get(away.headers["location"]).headers["location"]
    return client.get(f"/oidc/back?{urlparse(back).query}")


def test_the_right_answer_lets_in(site, service):
    answer = sign_in(site)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert site.get("/account").status_code == 200
    (account,) = people.accounts(service.store)
    assert (account.name, account.role, account.has_password) == ("7", "viewer", False)


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": ["another", "third"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"iss": "https://elsewhere.example.org"},
        {"exp": 1_700_000_000},  # November 2023
        {"exp": None},
        {"sub": None},
    ],
    ids=str,
)
def test_a_wrong_claim_is_refused(site, service, provider, lie):
    def change(claims):
        claims.update(lie)
        for name in [name for name, value in lie.items() if value is None]:
            del claims[name]

    provider.change = change
    answer = sign_in(site)
    assert answer.status_code == 403
    assert "answer is not valid" in answer.text
    assert people.accounts(service.store) == ()
    assert site.get("/account").status_code == 303


def test_a_token_that_somebody_else_signed_is_refused(site, provider):
    provider.signed_by = RSAKey.generate_key(2048, parameters={"kid": "1"})
    assert sign_in(site).status_code == 403


def test_an_answer_to_nobodys_question_is_refused(site):
    away = site.get("/oidc/start").headers["location"]
    back = parse_qs(urlparse(httpx.get(away).headers["location"]).query)
    code, state = back["code"][0], back["state"][0]
    assert site.get(f"/oidc/back?code={code}&state=another").status_code == 400
    assert site.get("/oidc/back").status_code == 400
    assert site.get(f"/oidc/back?code={code}&state={state}&iss=https://elsewhere.example.org").status_code == 400
    refused = site.get(f"/oidc/back?error=access_denied&state={state}")
    assert refused.status_code == 403
    assert "access_denied" in refused.text
    site.cookies.delete("mammoqa_oidc")
    assert site.get(f"/oidc/back?code={code}&state={state}").status_code == 400


def test_a_code_serves_once_and_its_own_verifier_only(site):
    away = site.get("/oidc/start").headers["location"]
    query = urlparse(httpx.get(away).headers["location"]).query
    other = site.get("/oidc/start").headers["location"]  # the verifier in the browser is another one now
    state = parse_qs(urlparse(other).query)["state"][0]
    code = parse_qs(query)["code"][0]
    answer = site.get(f"/oidc/back?code={code}&state={state}")
    assert answer.status_code == 502
    assert "does not answer as it should" in answer.text


def test_a_provider_that_is_broken_or_away_is_told(site, service, provider):
    provider.broken = True
    assert site.get("/oidc/start").status_code == 502
    gone = replace(site.app.state.service.options, oidc_issuer="http://127.0.0.1:1")
    site.app.state.service = Service(gone, service.store)
    answer = site.get("/oidc/start")
    assert answer.status_code == 502
    assert "identity provider" in answer.text
    assert site.get("/oidc/out").headers["location"] == "/sign-in"


def test_roles_follow_groups(site, service, provider):
    options = replace(site.app.state.service.options, oidc_roles="physics=physicist, it staff=administrator")
    assert role_of(options, {"groups": ["physics", "it staff", "x"]}) == "administrator"
    assert role_of(options, {"groups": "physics x"}) == "physicist"
    assert role_of(options, {}) == "viewer"
    site.app.state.service = Service(options, service.store)
    steps = (["physics"], "physicist"), ([], "viewer"), (["it staff"], "administrator"), ([], "administrator")
    for groups, role in steps:  # the last administrator stays one
        provider.change = lambda claims, groups=groups: claims.update(groups=groups)
        assert sign_in(site).status_code == 303
        assert people.by_subject(service.store, f"{provider.address} 7").role == role
    people.add_account(service.store, "root", "", "administrator", None)
    sign_in(site)
    assert people.by_subject(service.store, f"{provider.address} 7").role == "viewer"


def test_a_misspelt_role_is_told():
    assert roles_of("a=viewer,b c = physicist,") == {"a": "viewer", "b c": "physicist"}
    for wrong in ("a=boss", "physicist", "=viewer"):
        with pytest.raises(ConfigurationError, match="group=role"):
            roles_of(wrong)
