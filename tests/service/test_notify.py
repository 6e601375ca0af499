"""Alerts go to a real mail server and a real web server; what fails is tried again, shown, and holds up nothing."""

import hashlib
import hmac
import json
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from e2e.serving import administrator, eventually, free_port, serving
from mammoqa.service import notify
from mammoqa.service.options import Service
from mammoqa.store import alerts, open_store
from mammoqa.store.intake import now

from .certificates import Authority
from .conftest import dicom_bytes

SECRET = "a key that both know"


class Mailbox:
    """What a mail server was handed."""

    def __init__(self):
        self.taken = []

    async def handle_DATA(self, _server, session, envelope):
        self.taken.append((session, envelope, message_from_bytes(envelope.content)))
        return "250 OK"


@contextmanager
def mail_server(**options):
    """A running aiosmtpd: its mailbox and port."""
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield box, controller.port
    finally:
        controller.stop()


@contextmanager
def web_server(*statuses, port=0):
    """A running web server that answers with these statuses, the last for ever: what it was posted, and its port."""
    posted, left = [], list(statuses)

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            posted.append((self.path, dict(self.headers), body))
            status = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield posted, server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def with_options(service, **options):
    return Service(replace(service.options, public_url="https://qa.example.org", **options), service.store)


@pytest.fixture
def alert(service):
    found, _ = alerts.sound(service.store, None, "k", "action", "Fibres fell in Röntgen 1", {"since": "2026-11-01"})
    return found


def course(service, alert):
    return [(note.kind, note.text) for note in alerts.alert(service.store, alert.id)[1]]


def test_a_mail_arrives_as_it_was_meant(service, alert):
    with mail_server() as (box, port):
        site = with_options(
            service, smtp_host="127.0.0.1", smtp_port=port, mail_from="qa@example.org", mail_to="a@x.org, b@x.org"
        )
        assert notify.tell(site, alert.id, "e-mail", 1)
    ((_, envelope, mail),) = box.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("qa@example.org", ["a@x.org", "b@x.org"])
    assert f"https://qa.example.org/alerts/{alert.id}" in mail.get_payload(decode=True).decode()
    assert course(service, alert) == [("sent", "e-mail")]


def secured(authority, name="mail", address="127.0.0.1"):
    pair = authority.pair(name, address)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)

    def check(_server, _session, _envelope, _mechanism, given):
        return AuthResult(success=(given.login, given.password) == (b"mammoqa", b"secret"), handled=False)

    return {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": check}


@pytest.mark.parametrize("wrong", ["", "password", "authority", "host"])
def test_a_password_goes_over_trusted_tls_only(service, alert, tmp_path, monkeypatch, wrong):
    authority = Authority(tmp_path / "site", "hospital")
    trusted = Authority(tmp_path / "other", "other") if wrong == "authority" else authority
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted.certificate))  # what the operating system trusts
    address = "127.0.0.9" if wrong == "host" else "127.0.0.1"
    password = "guessed" if wrong == "password" else "secret"
    with mail_server(**secured(authority, address=address)) as (box, port):
        site = with_options(
            service,
            smtp_host="127.0.0.1",
            smtp_port=port,
            mail_to="a@x.org",
            smtp_user="mammoqa",
            smtp_password=password,
        )
        assert notify.tell(site, alert.id, "e-mail", 1) is not bool(wrong)
    assert len(box.taken) == (0 if wrong else 1)
    ((kind, text),) = course(service, alert)
    assert kind == ("not sent" if wrong else "sent")
    if wrong in ("authority", "host"):
        assert "certificate verify failed" in text
    elif wrong == "password":
        assert "SMTPAuthenticationError" in text
    else:
        assert box.taken[0][0].ssl is not None


def test_the_receiver_of_a_post_can_check_who_wrote_it(service, alert):
    with web_server(204) as (posted, port):
        site = with_options(service, webhook=f"http://127.0.0.1:{port}/hook", webhook_secret=SECRET)
        assert notify.tell(site, alert.id, "webhook", 1)
    ((path, headers, body),) = posted
    headers = {name.lower(): value for name, value in headers.items()}
    right = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(headers["x-mammoqa-signature"], f"sha256={right}")
    assert headers["content-type"] == "application/json"
    said = json.loads(body)
    assert (path, said["id"], said["level"], said["title"]) == ("/hook", alert.id, "action", alert.title)
    assert said["url"] == f"https://qa.example.org/alerts/{alert.id}"
    assert course(service, alert) == [("sent", "webhook")]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_answer_that_is_no_success_is_none(service, alert, status):
    with web_server(status) as (posted, port):
        assert not notify.tell(with_options(service, webhook=f"http://127.0.0.1:{port}/"), alert.id, "webhook", 3)
    assert len(posted) == 1
    ((kind, text),) = course(service, alert)
    assert kind == "not sent"
    assert text.startswith("webhook, attempt 3, tried again later: HTTPStatusError")
    assert str(status) in text


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/", "nonsense", "http://[::1", "http://127.0.0.1:1/"])
def test_an_address_that_leads_nowhere_is_told(service, alert, address):
    assert not notify.tell(with_options(service, webhook=address), alert.id, "webhook", notify.ATTEMPTS)
    ((kind, text),) = course(service, alert)
    assert kind == "not sent"
    assert "given up" in text


def test_attempts_come_ever_later_and_end(service, alert):
    site = with_options(service, webhook="http://127.0.0.1:1/")
    for attempt, pause_s in enumerate((0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600), 1):
        noted = alerts.alert(service.store, alert.id)[1]
        last = noted[-1].at if noted else now()
        if pause_s:
            assert list(notify.due(site, last + timedelta(seconds=pause_s - 1))) == []
        assert list(notify.due(site, last + timedelta(seconds=pause_s))) == [(alert.id, "webhook", attempt)]
        notify.tell(site, alert.id, "webhook", attempt)
    assert attempt == notify.ATTEMPTS
    assert list(notify.due(site, now() + timedelta(days=1))) == []
    assert "given up" in course(service, alert)[-1][1]


def test_what_was_sent_is_resolved_or_is_old_is_not_sent_again(service, alert):
    site = with_options(service, webhook="http://127.0.0.1:1/", smtp_host="127.0.0.1", mail_to="a@x.org")
    assert {way for _, way, _ in notify.due(site, now())} == {"webhook", "e-mail"}
    alerts.note(service.store, alert.id, "sent", "webhook")
    assert [way for _, way, _ in notify.due(site, now())] == ["e-mail"]
    assert list(notify.due(site, now() + timedelta(days=3))) == []
    alerts.act(service.store, alert.id, "resolve", "the tube was replaced", "Ada")
    assert list(notify.due(site, now())) == []


def test_a_site_that_wants_none_is_sent_none(service, alert):
    assert list(notify.due(service, now())) == []
    assert course(service, alert) == []


def test_a_server_that_is_away_for_a_while_holds_up_nothing(tmp_path):
    """The mail server hangs, the web server is away and then fails once; meanwhile an object is analysed."""
    hook = free_port()
    with socket.socket() as deaf:  # takes connections and says nothing, as a server behind a broken firewall
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(64)
        settings = {
            "smtp_host": "127.0.0.1",
            "smtp_port": str(deaf.getsockname()[1]),
            "mail_to": "a@x.org",
            "webhook": f"http://127.0.0.1:{hook}/hook",
            "webhook_secret": SECRET,
        }
        with serving(tmp_path, **settings) as running:
            client, _ = administrator(running)
            with client, open_store(f"sqlite:///{tmp_path / 'm.db'}") as store:
                for number in range(6):
                    alerts.sound(store, None, f"k{number}", "action", f"Fibres fell in room {number}", {})
                eventually(lambda: "webhook, attempt 1" in client.get("/alerts/1").text or _course(store, 1))
                sent = client.post(
                    "/api/v1/objects", content=dicom_bytes(), headers={"content-type": "application/dicom"}
                )
                assert sent.status_code == 201
                eventually(lambda: [j for j in client.get("/api/v1/jobs").json()["items"] if j["state"] == "done"])
                with web_server(500, 204, port=hook) as (posted, _):
                    eventually(lambda: all(("sent", "webhook") in _course(store, k, True) for k in range(1, 7)))
                assert len(posted) == 7
                failed = [text for kind, text in _course(store, 1) if kind == "not sent"]
                assert any(text.startswith("webhook, attempt 1, tried again later: ConnectError") for text in failed)
                eventually(lambda: [t for k, t in _course(store, 1) if k == "not sent" and t.startswith("e-mail")])


def _course(store, number, short=False):
    return [(note.kind, note.text.split(",")[0] if short else note.text) for note in alerts.alert(store, number)[1]]
