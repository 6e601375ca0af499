"""Alerts to people and programs outside: e-mail and webhook. What was sent, or not, stands in the alert."""

import hashlib
import hmac
import json
import logging
import smtplib
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage

from mammoqa.service.options import Service, ServiceOptions
from mammoqa.store import alerts
from mammoqa.store.alerts import Alert

LOG = logging.getLogger("mammoqa.notify")
MAIL, WEBHOOK = "e-mail", "webhook"
_TIMEOUT_S = 10.0
_SMTPS_PORT = 465  # TLS from the first byte (RFC 8314)
# Between the attempts, each twice as long as the one before: 2 s ... 1 h, three hours in all (a choice)
ATTEMPTS, _FIRST_PAUSE_S, _LONGEST_PAUSE_S = 14, 2.0, 3600.0
_RECENT = timedelta(days=2)  # what is older is no news


def ways(options: ServiceOptions) -> tuple[str, ...]:
    """The ways that the site has set up."""
    return tuple(
        way for way, wanted in ((MAIL, options.smtp_host and options.mail_to), (WEBHOOK, options.webhook)) if wanted
    )


def due(service: Service, at: datetime) -> Iterator[tuple[int, str, int]]:
    """What should be sent now: alert, way, and the number of the attempt, from 1."""
    for way in ways(service.options):
        for alert_id, failed, last in alerts.untold(service.store, way, at - _RECENT):
            pause_s = min(_FIRST_PAUSE_S * 2.0 ** (failed - 1), _LONGEST_PAUSE_S)
            if failed < ATTEMPTS and (last is None or at - last >= timedelta(seconds=pause_s)):
                yield alert_id, way, failed + 1


def tell(service: Service, alert_id: int, way: str, attempt: int) -> bool:
    """Send an alert one way, and note in it whether that worked."""
    import httpx

    alert, _ = alerts.alert(service.store, alert_id)
    try:
        (_mail if way == MAIL else _post)(service.options, alert)
    except (OSError, smtplib.SMTPException, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        LOG.warning("alert %d not sent by %s, attempt %d: %s", alert.id, way, attempt, error)
        after = "given up" if attempt >= ATTEMPTS else "tried again later"
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        alerts.note(service.store, alert.id, "not sent", f"{way}, attempt {attempt}, {after}: {reason}")
        return False
    alerts.note(service.store, alert.id, "sent", way if attempt == 1 else f"{way}, attempt {attempt}")
    return True


def _address(options: ServiceOptions, alert: Alert) -> str:
    base = options.public_url.rstrip("/") or f"http://{options.host}:{options.port}"
    return f"{base}/alerts/{alert.id}"


def message(options: ServiceOptions, alert: Alert) -> EmailMessage:
    """The e-mail about an alert."""
    mail = EmailMessage()
    mail["Subject"] = f"[mammoqa] {alert.level}: {alert.title}".replace("\n", " ").replace("\r", " ")
    mail["From"] = options.mail_from or "mammoqa@localhost"
    mail["To"] = options.mail_to
    lines = [alert.title, "", *(f"{name}: {value}" for name, value in alert.detail.items())]
    mail.set_content("\n".join([*lines, "", _address(options, alert)]))
    return mail


def _mail(options: ServiceOptions, alert: Alert) -> None:
    """Hand the e-mail to the site's server; a password only over TLS, to a server whose certificate is trusted."""
    context = ssl.create_default_context()
    where = options.smtp_host, options.smtp_port
    with (
        smtplib.SMTP_SSL(*where, timeout=_TIMEOUT_S, context=context)
        if options.smtp_port == _SMTPS_PORT
        else smtplib.SMTP(*where, timeout=_TIMEOUT_S)
    ) as server:
        if options.smtp_user:
            if options.smtp_port != _SMTPS_PORT:
                server.starttls(context=context)
            server.login(options.smtp_user, options.smtp_password)
        server.send_message(message(options, alert))


def _post(options: ServiceOptions, alert: Alert) -> None:
    """Post the alert; any answer but 2xx is an error, a redirection too."""
    import httpx

    body = json.dumps(
        {
            "id": alert.id,
            "unit_id": alert.unit_id,
            "level": alert.level,
            "title": alert.title,
            "detail": dict(alert.detail),
            "opened_at": alert.opened_at.isoformat() + "Z",
            "url": _address(options, alert),
        }
    ).encode()
    headers = {"content-type": "application/json", "user-agent": "mammoqa"}
    if options.webhook_secret:
        signature = hmac.new(options.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        headers["x-mammoqa-signature"] = f"sha256={signature}"
    answer = httpx.post(
        options.webhook, content=body, headers=headers, timeout=_TIMEOUT_S, verify=ssl.create_default_context()
    )
    answer.raise_for_status()
