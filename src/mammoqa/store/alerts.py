"""Alerts: one for each fault, however many signs of it there are; and what people do about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select

from mammoqa.core import NotStoredError, StoreError
from mammoqa.store import audit
from mammoqa.store.intake import now
from mammoqa.store.store import Store
from mammoqa.store.tables_programme import AlertNoteRow, AlertRow

LEVELS = ("notice", "warning", "action")
STATES = ("open", "acknowledged", "resolved")
ACTS = ("acknowledge", "comment", "assign", "resolve", "reopen")


@dataclass(frozen=True, slots=True)
class Alert:
    """A fault that people should look at."""

    id: int
    unit_id: int | None
    key: str
    level: str
    title: str
    detail: Mapping[str, Any]
    state: str
    assignee: str
    opened_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class AlertNote:
    """What was done about an alert."""

    at: datetime
    person: str
    kind: str
    text: str


def _alert(row: AlertRow) -> Alert:
    return Alert(
        id=row.id,
        unit_id=row.unit_id,
        key=row.key,
        level=row.level,
        title=row.title,
        detail=row.detail,
        state=row.state,
        assignee=row.assignee,
        opened_at=row.opened_at,
        changed_at=row.changed_at,
    )


def sound(
    store: Store, unit_id: int | None, key: str, level: str, title: str, detail: Mapping[str, Any]
) -> tuple[Alert, bool]:
    """Open an alert, or add a sign to the one of this unit and key that is not resolved; and whether it is new.

    A sign that is there already (the same title) changes nothing.
    """
    with store.session(writes=True) as session:
        row = session.scalars(
            select(AlertRow).where(AlertRow.unit_id == unit_id, AlertRow.key == key, AlertRow.state != "resolved")
        ).first()
        if row is None:
            row = AlertRow(
                unit_id=unit_id,
                key=key[:200],
                level=level,
                title=title,
                detail=dict(detail),
                state="open",
                assignee="",
                opened_at=now(),
                changed_at=now(),
            )
            session.add(row)
            session.flush()
            return _alert(row), True
        said = session.scalars(select(AlertNoteRow.text).where(AlertNoteRow.alert_id == row.id)).all()
        if title != row.title and title not in said:
            session.add(AlertNoteRow(alert_id=row.id, at=now(), person="", kind="sign", text=title))
            row.level = max(row.level, level, key=LEVELS.index)
            row.changed_at = now()
        return _alert(row), False


def settled(store: Store, unit_id: int, key: str, last_at: datetime) -> bool:
    """Whether people have resolved this alert after its last sign."""
    query = select(func.max(AlertRow.changed_at)).where(
        AlertRow.unit_id == unit_id, AlertRow.key == key, AlertRow.state == "resolved"
    )
    with store.session() as session:
        at = session.scalar(query)
        return at is not None and at >= last_at.replace(tzinfo=None)


def note(store: Store, alert_id: int, kind: str, text: str) -> None:
    """Something the service did about an alert."""
    with store.session(writes=True) as session:
        session.add(AlertNoteRow(alert_id=alert_id, at=now(), person="", kind=kind, text=text))


def untold(store: Store, way: str, since: datetime) -> tuple[tuple[int, int, datetime | None], ...]:
    """Alerts since then that were not sent this way and are not resolved: number, failed attempts, time of the last."""
    sent = select(AlertNoteRow.alert_id).where(AlertNoteRow.kind == "sent", AlertNoteRow.text.startswith(way))
    failed = (AlertNoteRow.alert_id == AlertRow.id, AlertNoteRow.kind == "not sent", AlertNoteRow.text.startswith(way))
    query = (
        select(AlertRow.id, func.count(AlertNoteRow.id), func.max(AlertNoteRow.at))
        .outerjoin(AlertNoteRow, and_(*failed))
        .where(AlertRow.opened_at >= since, AlertRow.state != "resolved", AlertRow.id.not_in(sent))
        .group_by(AlertRow.id)
        .order_by(AlertRow.id)
    )
    with store.session() as session:
        return tuple((number, count, last) for number, count, last in session.execute(query))


def alerts(
    store: Store, *states: str, unit_id: int | None = None, limit: int = 100, before: int | None = None
) -> tuple[Alert, ...]:
    """Alerts in these states (all, where none is named), newest first."""
    query = select(AlertRow).order_by(AlertRow.id.desc()).limit(limit)
    if states:
        query = query.where(AlertRow.state.in_(states))
    if unit_id is not None:
        query = query.where(AlertRow.unit_id == unit_id)
    if before is not None:
        query = query.where(AlertRow.id < before)
    with store.session() as session:
        return tuple(_alert(row) for row in session.scalars(query))


def open_counts(store: Store) -> Mapping[int | None, int]:
    """How many alerts of a unit are not resolved."""
    query = select(AlertRow.unit_id, func.count()).where(AlertRow.state != "resolved").group_by(AlertRow.unit_id)
    with store.session() as session:
        return {unit_id: count for unit_id, count in session.execute(query) if count}


def alert(store: Store, alert_id: int) -> tuple[Alert, tuple[AlertNote, ...]]:
    """One alert and its notes, oldest first; NotStoredError where there is none of that number."""
    with store.session() as session:
        row = session.get(AlertRow, alert_id)
        if row is None:
            raise NotStoredError(f"there is no alert {alert_id}")
        query = select(AlertNoteRow).where(AlertNoteRow.alert_id == alert_id).order_by(AlertNoteRow.id)
        return _alert(row), tuple(AlertNote(n.at, n.person, n.kind, n.text) for n in session.scalars(query))


def act(store: Store, alert_id: int, kind: str, text: str, person: str) -> Alert:
    """Acknowledge, comment, assign (to the person in `text`), resolve or reopen. StoreError where that cannot be."""
    if kind not in ACTS:
        raise StoreError(f"an alert can be: {', '.join(ACTS)}")
    words = text.strip().replace("\0", "")
    if kind in ("comment", "assign", "resolve") and not words:
        raise StoreError("say what was found" if kind != "assign" else "say to whom")
    with store.session(writes=True) as session:
        row = session.get(AlertRow, alert_id)
        if row is None:
            raise NotStoredError(f"there is no alert {alert_id}")
        if kind == "reopen" and row.state != "resolved":
            raise StoreError("only a resolved alert is opened again")
        after = {"acknowledge": "acknowledged", "resolve": "resolved", "reopen": "open"}
        row.state = after.get(kind, row.state)
        if kind == "assign":
            row.assignee = words[:200]
        row.changed_at = now()
        session.add(AlertNoteRow(alert_id=alert_id, at=now(), person=person, kind=kind, text=words))
        audit.add_to(session, person, f"alert {kind}", f"alert {alert_id}", text=words)
        return _alert(row)
