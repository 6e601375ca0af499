"""Tables of people: accounts, sessions, tokens, their decisions on results, and the audit log.

The database refuses to change or delete a row of `score_override`, `review` and `audit`.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from mammoqa.store.tables import Table

APPEND_ONLY = ("score_override", "review", "audit")


class AccountRow(Table):
    """A person who may sign in; without `password_hash` only through the site's identity provider."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    full_name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str | None] = mapped_column(String(300))
    oidc_subject: Mapped[str | None] = mapped_column(String(300), unique=True)
    active: Mapped[bool]
    created_at: Mapped[datetime]
    language: Mapped[str] = mapped_column(String(8), server_default="")  # "": that of the browser


class WebSessionRow(Table):
    """A signed-in browser; only the hash of its cookie is kept."""

    __tablename__ = "web_session"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    csrf: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ApiTokenRow(Table):
    """A token of the REST interface; only its hash is kept. Its role is at most its owner's."""

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class AuditRow(Table):
    """One act of a person or of the service; `sha256` covers the row and the hash of the row before it."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(200), index=True)
    detail: Mapped[str] = mapped_column(Text)
    previous_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)


class ScoreOverrideRow(Table):
    """A person's score of an object in the place of the program's, with the reason."""

    __tablename__ = "score_override"

    id: Mapped[int] = mapped_column(primary_key=True)
    analysis_id: Mapped[int] = mapped_column(ForeignKey("analysis.id"), index=True)
    object_name: Mapped[str] = mapped_column(String(100))
    score: Mapped[float]
    reason: Mapped[str] = mapped_column(Text)
    person: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


class ReviewRow(Table):
    """A person has looked at a result, and says whether it stands."""

    __tablename__ = "review"

    id: Mapped[int] = mapped_column(primary_key=True)
    analysis_id: Mapped[int] = mapped_column(ForeignKey("analysis.id"), index=True)
    decision: Mapped[str] = mapped_column(String(16))
    comment: Mapped[str] = mapped_column(Text)
    person: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]
