"""Identity providers for tests: Glewlwyd as it is installed, and one of our own that can be made to lie."""

import base64
import gzip
import hashlib
import json
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlparse

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey

from e2e.serving import await_port, free_port

PROGRAM = shutil.which("glewlwyd")
TABLES = Path("/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz")
CLIENT, SECRET = "mammoqa", "the secret of the client"
_CONFIGURATION = """
port={port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:{port}"
login_url="login.html"
api_prefix="api"
static_files_path="/usr/share/glewlwyd/webapp/"
log_mode="console"
log_level="INFO"
cookie_domain="127.0.0.1"
cookie_secure=0
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
user_middleware_module_path="/usr/lib/glewlwyd/user_middleware"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database = {{ type = "sqlite3" path = "{folder}/users.db" }};
static_files_mime_types = ( {{ extension = ".html" mime_type = "text/html" compress = 0 }} )
"""


@contextmanager
def glewlwyd(folder: Path) -> Iterator[str]:
    """A running Glewlwyd with its OpenID Connect plugin, not yet with a client or people; its address."""
    port = free_port()
    database = sqlite3.connect(folder / "users.db")
    database.executescript(gzip.decompress(TABLES.read_bytes()).decode())
    database.close()
    (folder / "glewlwyd.conf").write_text(_CONFIGURATION.format(port=port, folder=folder), "utf-8")
    with (folder / "log").open("w") as log:
        command = [str(PROGRAM), f"--config-file={folder / 'glewlwyd.conf'}"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        await_port(port)
        _set_up(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def _administrator(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as client:
        client.post("/api/auth/", json={"username": "admin", "password": "password"}).raise_for_status()
        yield client


def _set_up(address: str) -> None:
    key = rsa.generate_private_key(65537, 2048)
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, form, none).decode()
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    claim = {"type": "string", "mandatory": True, "on-demand": False, "scope": []}
    chosen = {
        "iss": f"{address}/api/oidc",
        "jwt-type": "rsa",
        "jwt-key-size": "256",
        "key": private,
        "cert": public.decode(),
        "access-token-duration": 3600,
        "refresh-token-duration": 3600,
        "code-duration": 600,
        "refresh-token-rolling": True,
        "auth-type-code-enabled": True,
        "auth-type-token-enabled": False,
        "auth-type-id-token-enabled": True,
        "auth-type-password-enabled": False,
        "auth-type-client-enabled": False,
        "auth-type-refresh-enabled": True,
        "jwks-show": True,
        "pkce-allowed": True,
        "pkce-required": True,
        "session-management-allowed": True,
        "session-cookie-name": "GLEWLWYD2_OIDC_SID",
        "session-cookie-expiration": 3600,
        "subject-type": "public",
        "name-claim": "mandatory",
        "name-claim-scope": [],
        "email-claim": "no",
        "scope-claim": "no",
        "claims": [
            {"name": "groups", "user-property": "groups", **claim},
            {"name": "preferred_username", "user-property": "username", **claim},
        ],
    }
    with _administrator(address) as client:
        module = client.get("/api/mod/user/database").json()
        module["parameters"]["data-format"]["groups"] = {"multiple": True, "read": True, "write": True}
        client.put("/api/mod/user/database", json=module).raise_for_status()
        client.put("/api/mod/user/database/reset").raise_for_status()
        made = {"module": "oidc", "name": "oidc", "display_name": "OpenID Connect", "parameters": chosen}
        client.post("/api/mod/plugin/", json=made).raise_for_status()
        client.post("/api/scope/", json={"name": "profile", "display_name": "Profile"}).raise_for_status()


def add_client(address: str, service: str) -> None:
    """Tell Glewlwyd of the service."""
    told = {
        "client_id": CLIENT,
        "name": "mammoqa",
        "confidential": True,
        "password": SECRET,
        "enabled": True,
        "redirect_uri": [f"{service}/oidc/back"],
        "authorization_type": ["code"],
        "token_endpoint_auth_method": ["client_secret_basic"],
        "scope": [],
    }
    with _administrator(address) as client:
        client.post("/api/client/", json=told).raise_for_status()


def put_person(address: str, name: str, *groups: str) -> None:
    """Add a person, or change their groups; the password is `password_of(name)`."""
    told = {"username": name, "name": f"{name.title()} of the hospital", "enabled": True, "groups": list(groups)}
    told |= {"password": password_of(name), "scope": ["openid", "profile"]}
    with _administrator(address) as client:
        if client.post("/api/user/", json=told).status_code != 200:
            client.put(f"/api/user/{name}", json=told).raise_for_status()


def password_of(name: str) -> str:
    """A person's password at the provider."""
    return f"a secret of {name}"


def sign_in_there(browser: httpx.Client, address: str, at: str, name: str) -> str:
    """What a person does on Glewlwyd's pages: password, consent, on; where the browser is sent back to."""
    browser.get(at)  # not signed in: leads to the login page
    answer = browser.post(f"{address}/api/auth/", json={"username": name, "password": password_of(name)})
    answer.raise_for_status()
    browser.put(f"{address}/api/auth/grant/{CLIENT}", json={"scope": "openid profile"}).raise_for_status()
    answer = browser.get(f"{at}&g_continue")
    return str(answer.headers["location"])


@dataclass
class Liar:
    """A provider of our own: `change` alters the claims, `key` signs; it checks PKCE and the client as it should."""

    address: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, parameters={"kid": "1"}))
    change: Callable[[dict[str, Any]], None] = lambda _claims: None
    signed_by: RSAKey | None = None
    broken: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def authorised(self, asked: dict[str, str]) -> str:
        """Where the browser goes after a person signed in."""
        code = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, given: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The answer of the token endpoint."""
        asked = self.codes.pop(given["code"], None)
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or authorization != expected:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.address, "sub": "7", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        self.change(claims)
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.signed_by or self.key)
        return 200, {"access_token": "x", "token_type": "Bearer", "expires_in": 300, "id_token": signed}


@contextmanager
def liar() -> Iterator[Liar]:
    """A running `Liar`."""
    provider = Liar()

    class Answer(BaseHTTPRequestHandler):
        def _say(self, status: int, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(500 if provider.broken else status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            at = urlparse(self.path)
            if at.path == "/authorize":
                self.send_response(302)
                self.send_header("location", provider.authorised({k: v[0] for k, v in parse_qs(at.query).items()}))
                self.send_header("content-length", "0")
                self.end_headers()
            elif at.path == "/keys":
                self._say(200, {"keys": [provider.key.as_dict(private=False)]})
            else:
                names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
                self._say(200, {"issuer": provider.address, **{k: f"{provider.address}/{v}" for k, v in names.items()}})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            given = {name: values[0] for name, values in parse_qs(body).items()}
            self._say(*provider.token(given, self.headers.get("authorization", "")))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    provider.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
