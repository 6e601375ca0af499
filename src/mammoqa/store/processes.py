"""The processes of the service, and when each was last heard of."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from mammoqa.store.intake import now
from mammoqa.store.store import Store
from mammoqa.store.tables_intake import WorkerRow


@dataclass(frozen=True, slots=True)
class Process:
    """A running part of the service."""

    name: str
    part: str
    started_at: datetime
    seen_at: datetime


def seen(store: Store, name: str, part: str) -> None:
    """A process says that it lives."""
    with store.session(writes=True) as session:
        row = session.get(WorkerRow, name)
        if row is None:
            session.add(WorkerRow(name=name, part=part, started_at=now(), seen_at=now()))
        else:
            row.seen_at = now()


def all_processes(store: Store) -> tuple[Process, ...]:
    """Every process that was heard of and not forgotten."""
    with store.session() as session:
        return tuple(
            Process(row.name, row.part, row.started_at, row.seen_at)
            for row in session.scalars(select(WorkerRow).order_by(WorkerRow.name))
        )


def forget(store: Store, name: str) -> None:
    """Drop a process that is gone for good."""
    with store.session(writes=True) as session:
        row = session.get(WorkerRow, name)
        if row is not None:
            session.delete(row)
