"""The QA programme: tests with their limits, who has to do them, what is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from mammoqa.core import NotStoredError, StoreError
from mammoqa.store.people import ROLES
from mammoqa.store.store import Store
from mammoqa.store.tables import AnalysisRow, InputRow, UnitRow
from mammoqa.store.tables_programme import QcAssignmentRow, QcLimitRow, QcTestRow, UnitDetailRow

# How levels are given: in the metric's unit, in per cent of the baseline (-10 and 10), or in its standard deviations.
LIMIT_KINDS = ("absolute", "relative", "statistical")


@dataclass(frozen=True, slots=True)
class Limit:
    """Tolerance and action levels of one metric, and where they come from; None where a side has none."""

    id: int
    metric: str
    kind: str
    tolerance_low: float | None
    tolerance_high: float | None
    action_low: float | None
    action_high: float | None
    source: str


@dataclass(frozen=True, slots=True)
class QcTest:
    """A test that units have to do."""

    id: int
    name: str
    phantom: str
    every_days: int
    grace_days: int
    performer: str
    source: str
    note: str
    active: bool
    limits: tuple[Limit, ...] = ()
    units: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """A test of a unit: when it was last done, when it is due, and whether that has passed."""

    unit_id: int
    test_id: int
    test: str
    phantom: str
    last_on: date | None
    due_on: date
    state: str  # ok, due, overdue


def qc_tests(store: Store, *, active: bool | None = None) -> tuple[QcTest, ...]:
    """Every test with its limits and units, by name."""
    query = select(QcTestRow).order_by(QcTestRow.name)
    if active is not None:
        query = query.where(QcTestRow.active.is_(active))
    with store.session() as session:
        found = session.scalars(query).all()
        limits: dict[int, list[Limit]] = {}
        for row in session.scalars(select(QcLimitRow).order_by(QcLimitRow.metric, QcLimitRow.id)):
            limits.setdefault(row.test_id, []).append(_limit(row))
        units: dict[int, list[int]] = {}
        for test_id, unit_id in session.execute(
            select(QcAssignmentRow.test_id, QcAssignmentRow.unit_id).order_by(QcAssignmentRow.unit_id)
        ):
            units.setdefault(test_id, []).append(unit_id)
        return tuple(_test(row, limits.get(row.id, ()), units.get(row.id, ())) for row in found)


def qc_test(store: Store, test_id: int) -> QcTest:
    """One test; NotStoredError where there is none of that number."""
    for found in qc_tests(store):
        if found.id == test_id:
            return found
    raise NotStoredError(f"there is no test {test_id}")


def _test(row: QcTestRow, limits: Sequence[Limit], units: Sequence[int]) -> QcTest:
    return QcTest(
        id=row.id,
        name=row.name,
        phantom=row.phantom,
        every_days=row.every_days,
        grace_days=row.grace_days,
        performer=row.performer,
        source=row.source,
        note=row.note,
        active=row.active,
        limits=tuple(limits),
        units=tuple(units),
    )


def _limit(row: QcLimitRow) -> Limit:
    levels = row.tolerance_low, row.tolerance_high, row.action_low, row.action_high
    return Limit(row.id, row.metric, row.kind, *levels, row.source)


def put_test(
    store: Store,
    test_id: int | None,
    *,
    name: str,
    phantom: str,
    every_days: int,
    grace_days: int = 0,
    performer: str = "technologist",
    source: str = "",
    note: str = "",
    active: bool = True,
) -> int:
    """Add a test, or change one; its number. StoreError for what makes no sense."""
    if not name.strip():
        raise StoreError("a test needs a name")
    if not 1 <= every_days <= 3660 or not 0 <= grace_days <= 366:
        raise StoreError("a test is done every 1 to 3660 days, with 0 to 366 days of grace")
    if performer not in ROLES:
        raise StoreError(f"a test is done by one of {', '.join(ROLES)}")
    try:
        with store.session(writes=True) as session:
            row = QcTestRow() if test_id is None else session.get(QcTestRow, test_id)
            if row is None:
                raise NotStoredError(f"there is no test {test_id}")
            row.name, row.phantom, row.every_days, row.grace_days = name.strip()[:200], phantom, every_days, grace_days
            row.performer, row.source, row.note, row.active = performer, source.strip(), note.strip(), active
            session.add(row)
            session.flush()
            return row.id
    except IntegrityError as error:
        raise StoreError(f"there is a test {name.strip()} already") from error


def put_limit(store: Store, test_id: int, limit: Limit) -> None:
    """Set the levels of a metric; those of the same metric and kind are replaced. StoreError where they cross."""
    if limit.kind not in LIMIT_KINDS:
        raise StoreError(f"a limit is one of {', '.join(LIMIT_KINDS)}")
    if not limit.metric.strip() or not limit.source.strip():
        raise StoreError("a limit needs a metric and the source it was taken from")
    given = [
        v for v in (limit.action_low, limit.tolerance_low, limit.tolerance_high, limit.action_high) if v is not None
    ]
    if not given or given != sorted(given):
        raise StoreError("levels go from the lower action level up to the upper one; give at least one")
    with store.session(writes=True) as session:
        if session.get(QcTestRow, test_id) is None:
            raise NotStoredError(f"there is no test {test_id}")
        session.execute(
            delete(QcLimitRow).where(
                QcLimitRow.test_id == test_id, QcLimitRow.metric == limit.metric.strip(), QcLimitRow.kind == limit.kind
            )
        )
        session.add(
            QcLimitRow(
                test_id=test_id,
                metric=limit.metric.strip()[:100],
                kind=limit.kind,
                tolerance_low=limit.tolerance_low,
                tolerance_high=limit.tolerance_high,
                action_low=limit.action_low,
                action_high=limit.action_high,
                source=limit.source.strip(),
            )
        )


def remove_limit(store: Store, test_id: int, limit_id: int) -> None:
    """Take a limit away; NotStoredError where the test has none of that number."""
    with store.session(writes=True) as session:
        row = session.get(QcLimitRow, limit_id)
        if row is None or row.test_id != test_id:
            raise NotStoredError(f"there is no limit {limit_id} of test {test_id}")
        session.delete(row)


def assign(store: Store, test_id: int, units: Sequence[int], starts_on: date) -> None:
    """The units that have to do a test, from now on these; those that had to before keep their start."""
    with store.session(writes=True) as session:
        if session.get(QcTestRow, test_id) is None:
            raise NotStoredError(f"there is no test {test_id}")
        known = set(session.scalars(select(UnitRow.id).where(UnitRow.id.in_(units))))
        if missing := set(units) - known:
            raise NotStoredError(f"there is no unit {min(missing)}")
        rows = {
            r.unit_id: r for r in session.scalars(select(QcAssignmentRow).where(QcAssignmentRow.test_id == test_id))
        }
        for unit_id in rows.keys() - known:
            session.delete(rows[unit_id])
        for unit_id in known - rows.keys():
            session.add(QcAssignmentRow(test_id=test_id, unit_id=unit_id, starts_on=starts_on))


def due(store: Store, today: date, unit_id: int | None = None) -> tuple[Due, ...]:
    """Every test that a unit in use has to do, the most urgent first."""
    query = (
        select(QcAssignmentRow, QcTestRow)
        .join(QcTestRow, QcTestRow.id == QcAssignmentRow.test_id)
        .outerjoin(UnitDetailRow, UnitDetailRow.unit_id == QcAssignmentRow.unit_id)
        .where(QcTestRow.active.is_(True), func.coalesce(UnitDetailRow.retired, False).is_(False))
    )
    done = (
        select(
            InputRow.unit_id,
            AnalysisRow.phantom,
            func.max(func.coalesce(InputRow.acquired_at, AnalysisRow.analysed_at)),
        )
        .join(AnalysisRow, AnalysisRow.input_id == InputRow.id)
        .where(AnalysisRow.outcome != "refused")
        .group_by(InputRow.unit_id, AnalysisRow.phantom)
    )
    if unit_id is not None:
        query = query.where(QcAssignmentRow.unit_id == unit_id)
        done = done.where(InputRow.unit_id == unit_id)
    with store.session() as session:
        last = {(unit, phantom): at for unit, phantom, at in session.execute(done)}
        found = [_due(a, t, last.get((a.unit_id, t.phantom)), today) for a, t in session.execute(query)]
    return tuple(sorted(found, key=lambda one: (one.due_on, one.unit_id, one.test)))


def _due(assigned: QcAssignmentRow, row: QcTestRow, last: object, today: date) -> Due:
    last_on = last.date() if last is not None and hasattr(last, "date") else None
    due_on = assigned.starts_on if last_on is None else last_on + timedelta(days=row.every_days)
    late = due_on + timedelta(days=row.grace_days)
    state = "overdue" if today > late else "due" if today >= due_on else "ok"
    return Due(assigned.unit_id, row.id, row.name, row.phantom, last_on, due_on, state)
