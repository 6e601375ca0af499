"""Alerts to people and programs outside: e-mail and webhook. What was sent, or not, stands in the alert."""

import hashlib
import hmac
import json
import logging
import smtplib
import urllib.error
import urllib.request
from email.message import EmailMessage

from mammoqa.service.options import Service, ServiceOptions
from mammoqa.store import alerts
from mammoqa.store.alerts import Alert

LOG = logging.getLogger("mammoqa.notify")
_TIMEOUT_S = 10.0


def tell(service: Service, alert: Alert) -> None:
    """Send a new alert where the site wants it; a failure is noted and stops nothing."""
    options = service.options
    ways = ((options.smtp_host and options.mail_to, "e-mail", _mail), (options.webhook, "webhook", _post))
    for wanted, name, send in ways:
        if not wanted:
            continue
        try:
            send(options, alert)
            alerts.note(service.store, alert.id, "sent", name)
        except (OSError, smtplib.SMTPException) as error:
            LOG.warning("alert %d not sent by %s: %s", alert.id, name, error)
            alerts.note(service.store, alert.id, "sent", f"{name} failed: {type(error).__name__}")


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
    with smtplib.SMTP(options.smtp_host, options.smtp_port, timeout=_TIMEOUT_S) as server:
        if options.smtp_user:
            server.starttls()
            server.login(options.smtp_user, options.smtp_password)
        server.send_message(message(options, alert))


def _post(options: ServiceOptions, alert: Alert) -> None:
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
    if not options.webhook.startswith(("http://", "https://")):
        raise OSError(f"{options.webhook} is no web address")
    request = urllib.request.Request(options.webhook, body, headers)
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S):
        pass
