"""Every endpoint: nobody gets in, a role that is not enough changes and sees nothing, headers are strict."""

import pytest
from fastapi.routing import APIRoute

from mammoqa.store import people

# Reached without signing in: the way in itself, and what tells nothing.
OPEN = {"/sign-in", "/setup", "/oidc/start", "/oidc/back", "/oidc/out", "/healthz"}
# What each endpoint that changes something, or shows what not everyone may see, needs.
NEEDS = {
    "technologist": {
        "POST /units/{unit_id}/events",
        "POST /queue/{job_id}/retry",
        "POST /upload",
        "POST /alerts/{alert_id}",
        "POST /dicomweb/studies",
        "POST /dicomweb/studies/{study}",
        "POST /api/v1/units/{unit_id}/events",
        "POST /api/v1/objects",
        "POST /api/v1/jobs/{job_id}/retry",
        "POST /api/v1/alerts/{alert_id}/acts",
    },
    "physicist": {
        "POST /units/{unit_id}",
        "POST /units/{unit_id}/baselines",
        "POST /analyses/{analysis_id}/overrides",
        "POST /analyses/{analysis_id}/reviews",
        "POST /analyses/{analysis_id}/sign-offs",
        "POST /analyses/{analysis_id}/send",
        "POST /protocols",
        "POST /protocols/{test_id}/limits",
        "POST /protocols/{test_id}/limits/{limit_id}/remove",
        "POST /protocols/{test_id}/units",
        "PUT /api/v1/units/{unit_id}",
        "POST /api/v1/units/{unit_id}/baselines",
        "POST /api/v1/analyses/{analysis_id}/overrides",
        "POST /api/v1/analyses/{analysis_id}/reviews",
        "POST /api/v1/analyses/{analysis_id}/sign-offs",
        "POST /api/v1/analyses/{analysis_id}/send",
        "POST /api/v1/tests",
        "PUT /api/v1/tests/{test_id}",
        "POST /api/v1/tests/{test_id}/limits",
        "DELETE /api/v1/tests/{test_id}/limits/{limit_id}",
        "PUT /api/v1/tests/{test_id}/units",
    },
    "administrator": {
        "GET /users",
        "POST /users",
        "POST /users/{account_id}",
        "GET /peers",
        "POST /peers",
        "POST /peers/{ae_title}/remove",
        "GET /audit",
        "GET /api/v1/accounts",
        "POST /api/v1/accounts",
        "PATCH /api/v1/accounts/{account_id}",
        "GET /api/v1/peers",
        "PUT /api/v1/peers/{ae_title}",
        "DELETE /api/v1/peers/{ae_title}",
        "GET /api/v1/audit",
        "GET /api/v1/audit/check",
    },
}
# Of one's own account only.
OWN = {
    "POST /sign-out",
    "POST /account/password",
    "POST /account/language",
    "POST /account/tokens",
    "POST /account/tokens/{token_id}/revoke",
    "POST /api/v1/tokens",
    "DELETE /api/v1/tokens/{token_id}",
}


def every_route(app):
    found = []

    def walk(routes, prefix=""):
        for route in routes:
            if isinstance(route, APIRoute):
                found.extend((method, prefix + route.path) for method in sorted(route.methods))
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes, prefix + (getattr(route.include_context, "prefix", "") or ""))

    walk(app.routes)
    return found


@pytest.fixture(scope="module")
def endpoints(app):
    return every_route(app)


def filled(path):
    return (
        path.replace("{ae_title}", "PEER").replace("{study}", "1.2").replace("{one_series}", "1.2")
        .replace("{uid}", "1.2").replace("{analysis_id:int}", "1")
        .replace("{unit_id}", "1").replace("{job_id}", "1").replace("{alert_id}", "1").replace("{analysis_id}", "1")
        .replace("{test_id}", "1").replace("{limit_id}", "1").replace("{account_id}", "1").replace("{token_id}", "1")
    )  # fmt: skip


def test_the_table_above_names_every_endpoint_that_changes_something(endpoints):
    named = set.union(*NEEDS.values()) | OWN
    there = {f"{method} {path}" for method, path in endpoints}
    assert len(there) > 80
    assert named <= there
    changing = {e for e in there if not e.startswith(("GET", "HEAD")) and e.split()[1] not in OPEN}
    assert changing <= named


def test_nobody_gets_in(endpoints, browser):
    client = browser("")
    for method, path in endpoints:
        if path in OPEN or path == "/metrics":
            continue
        answer = client.request(method, filled(path))
        wanted = 401 if path.startswith(("/api/", "/dicomweb")) else 303
        assert answer.status_code == wanted, (method, path, answer.status_code)


@pytest.mark.parametrize("role", ["viewer", "technologist", "physicist"])
def test_a_role_that_is_not_enough_is_refused(role, endpoints, browser):
    client = browser(role)
    refused = set()
    for needed in people.ROLES[people.ROLES.index(role) + 1 :]:
        for endpoint in NEEDS[needed]:
            method, path = endpoint.split()
            answer = client.request(method, filled(path))
            # what is wrong with the body may be told first; nothing is done either way
            assert answer.status_code == 403, (endpoint, answer.status_code)
            refused.add(endpoint)
    assert refused


def test_a_form_without_the_pages_token_is_refused(service, browser):
    client = browser("administrator")
    del client.headers["x-csrf-token"]
    answer = client.post("/users", data={"name": "eve", "role": "viewer", "password": "a-long-enough-secret"})
    assert answer.status_code == 403
    assert [a.name for a in people.accounts(service.store)] == ["administrator"]
    wrong = client.post("/peers", data={"ae_title": "X", "csrf": "csrf of viewer"})
    assert wrong.status_code == 403


def test_tokens_of_others_cannot_be_seen_or_ended(service, browser):
    first, second = browser("physicist"), browser("viewer")
    made = first.post("/api/v1/tokens", json={"name": "script", "role": "physicist"}).json()
    number = made["token"]["id"]
    assert second.get("/api/v1/tokens").json()["items"] == []
    assert second.delete(f"/api/v1/tokens/{number}").status_code == 404
    assert second.post(f"/account/tokens/{number}/revoke").status_code == 404
    bearer = {"authorization": f"Bearer {made['secret']}"}
    nobody = browser("")
    assert nobody.get("/api/v1/me", headers=bearer).json()["role"] == "physicist"
    assert second.post("/api/v1/tokens", json={"name": "up", "role": "administrator"}).status_code in (404, 422)
    assert first.delete(f"/api/v1/tokens/{number}").status_code == 204
    assert nobody.get("/api/v1/me", headers=bearer).status_code == 401


def test_headers_are_strict_on_every_answer(browser):
    client = browser("viewer")
    for path in ("/", "/sign-in", "/nothing", "/api/v1/units", "/static/style.css"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_closing_an_account_ends_its_sessions_and_one_administrator_stays(service, browser):
    chief, other = browser("administrator"), browser("technologist")
    number = {a.name: a.id for a in people.accounts(service.store)}
    assert other.get("/").status_code == 200
    assert chief.patch(f"/api/v1/accounts/{number['technologist']}", json={"active": False}).status_code == 200
    assert other.get("/").status_code == 303
    assert chief.patch(f"/api/v1/accounts/{number['administrator']}", json={"role": "viewer"}).status_code == 422


def test_passwords_are_tried_a_few_times_a_minute(browser):
    client = browser("")
    statuses = [
        client.post("/sign-in", data={"name": "mallory", "password": f"guess-{k}"}).status_code for k in range(12)
    ]
    assert statuses[0] == 401
    assert statuses[-1] == 429


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_signing_in_leads_nowhere_else(browser, target):
    answer = browser("viewer").get("/sign-in", params={"next": target})
    assert answer.headers["location"] == "/"
