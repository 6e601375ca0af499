"""The audit log: every act is a row that carries the hash of the row before it; the database refuses to change one."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mammoqa.store.intake import now
from mammoqa.store.store import Store
from mammoqa.store.tables_people import AuditRow

FIRST = "0" * 64
_LOCK = 1560158


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True, slots=True)
class ChainState:
    """What checking the chain found: rows, the newest hash, and the first row that does not fit (None: all do)."""

    rows: int
    head: str
    broken_at: int | None


def add(store: Store, actor: str, action: str, subject: str = "", **detail: Any) -> None:
    """Write down an act."""
    with store.session(writes=True) as session:
        add_to(session, actor, action, subject, **detail)


def add_to(session: Session, actor: str, action: str, subject: str = "", **detail: Any) -> None:
    """Write down an act in the transaction that does it."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    previous = session.scalar(select(AuditRow.sha256).order_by(AuditRow.id.desc()).limit(1)) or FIRST
    row = AuditRow(
        at=now(),
        actor=_plain(actor)[:200],
        action=action,
        subject=_plain(subject)[:200],
        detail=json.dumps(detail, sort_keys=True, default=str).replace("\\u0000", ""),
        previous_sha256=previous,
    )
    row.sha256 = _hash(row)
    session.add(row)
    session.flush()


def _plain(words: str) -> str:
    return words.replace("\0", "")


def _hash(row: AuditRow) -> str:
    parts = (row.previous_sha256, row.at.isoformat(), row.actor, row.action, row.subject, row.detail)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def check(store: Store) -> ChainState:
    """Recompute every hash of the log, oldest first."""
    previous, count = FIRST, 0
    with store.session() as session:
        for row in session.scalars(select(AuditRow).order_by(AuditRow.id).execution_options(yield_per=1000)):
            if row.previous_sha256 != previous or row.sha256 != _hash(row):
                return ChainState(count, previous, row.id)
            previous, count = row.sha256, count + 1
    return ChainState(count, previous, None)


def entries(
    store: Store, limit: int = 100, before: int | None = None, subject: str | None = None
) -> tuple[AuditEntry, ...]:
    """The log, newest first."""
    query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditRow.id < before)
    if subject is not None:
        query = query.where(AuditRow.subject == subject)
    with store.session() as session:
        return tuple(
            AuditEntry(row.id, row.at, row.actor, row.action, row.subject, json.loads(row.detail), row.sha256)
            for row in session.scalars(query)
        )
