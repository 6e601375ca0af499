"""People sign in with the hospital's account: the service beside Glewlwyd, a certified OpenID Connect provider."""

from contextlib import contextmanager
from urllib.parse import parse_qs, urlparse

import httpx
import pytest

from e2e.provider import CLIENT, PROGRAM, SECRET, TABLES, add_client, glewlwyd, put_person, sign_in_there
from e2e.serving import PATIENCE_S, serving

pytestmark = pytest.mark.skipif(
    PROGRAM is None or not TABLES.exists(), reason="needs glewlwyd with its documentation (Debian: glewlwyd)"
)
ROLES = "qa-physics=physicist,it=administrator"


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    with glewlwyd(tmp_path_factory.mktemp("provider")) as address:
        yield address


@pytest.fixture(scope="module")
def served(tmp_path_factory, provider):
    known = {"oidc_issuer": f"{provider}/api/oidc", "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    with serving(tmp_path_factory.mktemp("service"), oidc_roles=ROLES, workers="0", **known) as running:
        add_client(provider, running.address)
        yield running.address


@contextmanager
def coming_in(provider, served, name):
    """A browser in which this person has come in through the provider, and the address that it came back by."""
    with httpx.Client(timeout=PATIENCE_S) as browser:
        away = browser.get(f"{served}/oidc/start")
        assert away.status_code == 303
        asked = parse_qs(urlparse(away.headers["location"]).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert {"state", "nonce", "code_challenge"} <= set(asked)
        back = sign_in_there(browser, provider, away.headers["location"], name)
        assert back.startswith(f"{served}/oidc/back?")
        answer = browser.get(back)
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
        yield browser, back


def me(browser, served):
    return browser.get(f"{served}/api/v1/me").json()


def test_a_person_comes_in_with_the_role_of_their_group(provider, served):
    put_person(provider, "ada", "qa-physics", "staff")
    with coming_in(provider, served, "ada") as (browser, back):
        said = me(browser, served)
        assert said["role"] == "physicist"
        assert (said["account"]["name"], said["account"]["full_name"]) == ("ada", "Ada of the hospital")
        assert browser.get(back).status_code == 400  # an answer serves once


def test_a_change_at_the_provider_counts_at_the_next_visit(provider, served):
    put_person(provider, "bob", "it")
    with coming_in(provider, served, "bob") as (browser, _):  # so that another than eve is administrator
        assert me(browser, served)["role"] == "administrator"
    for groups, role in ((("staff",), "viewer"), (("it",), "administrator"), (("qa-physics",), "physicist")):
        put_person(provider, "eve", *groups)
        with coming_in(provider, served, "eve") as (browser, _):
            assert me(browser, served)["role"] == role


def test_signing_out_leads_to_the_provider(provider, served):
    put_person(provider, "ada", "qa-physics")
    with coming_in(provider, served, "ada") as (browser, _):
        csrf = browser.get(f"{served}/account").text.split('name="csrf" value="')[1].split('"')[0]
        away = browser.post(f"{served}/sign-out", data={"csrf": csrf})
        assert (away.status_code, away.headers["location"]) == (303, "/oidc/out")
        assert browser.get(f"{served}/api/v1/me").status_code == 401
        out = browser.get(f"{served}/oidc/out")
        target = out.headers["refresh"].partition("url=")[2]
        assert target.startswith(f"{provider}/api/oidc/end_session?")
        there = browser.get(target)
        assert there.status_code == 302
        assert "prompt=end_session" in there.headers["location"]  # the provider knew the session by its token
