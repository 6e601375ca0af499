"""The course of a unit: service events, and the baselines that its values are compared with."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from mammoqa.core import NotStoredError, StoreError
from mammoqa.store.intake import now
from mammoqa.store.store import Store
from mammoqa.store.tables import UnitRow
from mammoqa.store.tables_programme import BaselineRow, ServiceEventRow

EVENT_KINDS = (
    "service",
    "repair",
    "tube replaced",
    "detector replaced",
    "detector calibrated",
    "software update",
    "moved",
    "note",
)


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """Something done to a unit; with `new_baseline` later values are compared among themselves."""

    id: int
    unit_id: int
    at: datetime
    kind: str
    note: str
    new_baseline: bool
    entered_by: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a metric is compared with from `starts_at` on; `deviation` is the standard deviation of `count` values."""

    id: int
    unit_id: int
    phantom: str
    metric: str
    value: float
    deviation: float | None
    count: int
    starts_at: datetime
    set_by: str
    note: str


def add_event(
    store: Store, unit_id: int, at: datetime, kind: str, note: str, new_baseline: bool, person: str
) -> ServiceEvent:
    """Enter an event; StoreError for an unknown kind."""
    if kind not in EVENT_KINDS:
        raise StoreError(f"an event is one of {', '.join(EVENT_KINDS)}")
    with store.session(writes=True) as session:
        if session.get(UnitRow, unit_id) is None:
            raise NotStoredError(f"there is no unit {unit_id}")
        row = ServiceEventRow(
            unit_id=unit_id,
            at=at.replace(tzinfo=None),
            kind=kind,
            note=note.strip().replace("\0", ""),
            new_baseline=new_baseline,
            entered_by=person,
            entered_at=now(),
        )
        session.add(row)
        session.flush()
        return _event(row)


def _event(row: ServiceEventRow) -> ServiceEvent:
    return ServiceEvent(row.id, row.unit_id, row.at, row.kind, row.note, row.new_baseline, row.entered_by)


def events(store: Store, unit_id: int) -> tuple[ServiceEvent, ...]:
    """The events of a unit, newest first."""
    query = select(ServiceEventRow).where(ServiceEventRow.unit_id == unit_id)
    with store.session() as session:
        found = session.scalars(query.order_by(ServiceEventRow.at.desc(), ServiceEventRow.id.desc()))
        return tuple(_event(row) for row in found)


def set_baseline(
    store: Store,
    unit_id: int,
    phantom: str,
    metric: str,
    value: float,
    *,
    deviation: float | None = None,
    count: int = 1,
    starts_at: datetime | None = None,
    person: str = "",
    note: str = "",
) -> Baseline:
    """A new baseline; the ones before it stay for the values of their time."""
    with store.session(writes=True) as session:
        if session.get(UnitRow, unit_id) is None:
            raise NotStoredError(f"there is no unit {unit_id}")
        row = BaselineRow(
            unit_id=unit_id,
            phantom=phantom[:64],
            metric=metric[:100],
            value=value,
            deviation=deviation,
            count=count,
            starts_at=starts_at or now(),
            set_by=person,
            set_at=now(),
            note=note.strip(),
        )
        session.add(row)
        session.flush()
        return _baseline(row)


def _baseline(row: BaselineRow) -> Baseline:
    return Baseline(
        id=row.id,
        unit_id=row.unit_id,
        phantom=row.phantom,
        metric=row.metric,
        value=row.value,
        deviation=row.deviation,
        count=row.count,
        starts_at=row.starts_at,
        set_by=row.set_by,
        note=row.note,
    )


def baselines(store: Store, unit_id: int) -> tuple[Baseline, ...]:
    """Every baseline of a unit, the newest of a metric first."""
    query = select(BaselineRow).where(BaselineRow.unit_id == unit_id)
    order = (BaselineRow.phantom, BaselineRow.metric, BaselineRow.starts_at.desc(), BaselineRow.id.desc())
    with store.session() as session:
        return tuple(_baseline(row) for row in session.scalars(query.order_by(*order)))
