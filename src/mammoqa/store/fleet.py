"""Units, sites and histories as the pages and the REST interface ask for them: few, narrow queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mammoqa.core import NotStoredError, Outcome, StoreError
from mammoqa.store.records import HistoryPoint, Unit
from mammoqa.store.store import Store
from mammoqa.store.tables import AnalysisRow, InputRow, MeasurementRow, UnitRow
from mammoqa.store.tables_programme import SiteRow, UnitDetailRow

_RECENT = 60  # analyses that tell which metrics a unit has


@dataclass(frozen=True, slots=True)
class FleetUnit:
    """A unit: what its images say, and what people say about it."""

    id: int
    identity: Unit
    name: str = ""
    site_id: int | None = None
    site: str = ""
    ae_title: str = ""
    note: str = ""
    retired: bool = False

    @property
    def label(self) -> str:
        """A name for people."""
        return self.name or self.identity.label or f"Unit {self.id}"


@dataclass(frozen=True, slots=True)
class LastResult:
    """The newest analysis of a unit with one phantom."""

    unit_id: int
    phantom: str
    analysis_id: int
    outcome: Outcome
    at: datetime
    count: int


def _unit(row: UnitRow, detail: UnitDetailRow | None, site: str | None) -> FleetUnit:
    identity = Unit(row.manufacturer, row.model, row.station, row.serial)
    if detail is None:
        return FleetUnit(row.id, identity)
    return FleetUnit(
        row.id, identity, detail.name, detail.site_id, site or "", detail.ae_title, detail.note, detail.retired
    )


def _units() -> Any:
    return (
        select(UnitRow, UnitDetailRow, SiteRow.name)
        .outerjoin(UnitDetailRow, UnitDetailRow.unit_id == UnitRow.id)
        .outerjoin(SiteRow, SiteRow.id == UnitDetailRow.site_id)
    )


def fleet(store: Store, *, retired: bool = False) -> tuple[FleetUnit, ...]:
    """Every unit, by site and name; those in use only, unless told otherwise."""
    with store.session() as session:
        found = [_unit(*row) for row in session.execute(_units())]
    kept = (unit for unit in found if retired or not unit.retired)
    return tuple(sorted(kept, key=lambda unit: (unit.site.lower(), unit.label.lower(), unit.id)))


def unit(store: Store, unit_id: int) -> FleetUnit:
    """One unit; NotStoredError where there is none of that number."""
    with store.session() as session:
        row = session.execute(_units().where(UnitRow.id == unit_id)).one_or_none()
    if row is None:
        raise NotStoredError(f"there is no unit {unit_id}")
    return _unit(*row)


def describe_unit(
    store: Store, unit_id: int, *, name: str, site: str, ae_title: str, note: str, retired: bool
) -> FleetUnit:
    """What people say about a unit; a site of a new name is made."""
    if len(ae_title) > 16:
        raise StoreError("an AE title has at most 16 characters")
    with store.session(writes=True) as session:
        if session.get(UnitRow, unit_id) is None:
            raise NotStoredError(f"there is no unit {unit_id}")
        row = session.get(UnitDetailRow, unit_id) or UnitDetailRow(unit_id=unit_id)
        row.site_id = _site(session, site.strip()[:200])
        row.name, row.ae_title = name.strip()[:200], ae_title.strip()
        row.note, row.retired = note.strip(), retired
        session.add(row)
    return unit(store, unit_id)


def _site(session: Session, name: str) -> int | None:
    if not name:
        return None
    row = session.scalars(select(SiteRow).where(SiteRow.name == name)).one_or_none() or SiteRow(name=name)
    session.add(row)
    session.flush()
    return row.id


def sites(store: Store) -> tuple[str, ...]:
    """The names of the sites."""
    with store.session() as session:
        return tuple(session.scalars(select(SiteRow.name).order_by(SiteRow.name)))


def last_results(store: Store, unit_id: int | None = None) -> tuple[LastResult, ...]:
    """The newest analysis by unit and phantom, refusals without a phantom left out, with how many there are."""
    newest = (
        select(InputRow.unit_id, AnalysisRow.phantom, func.max(AnalysisRow.id).label("id"), func.count().label("count"))
        .join(InputRow, InputRow.id == AnalysisRow.input_id)
        .where(AnalysisRow.phantom != "", InputRow.unit_id.is_not(None))
        .group_by(InputRow.unit_id, AnalysisRow.phantom)
    )
    if unit_id is not None:
        newest = newest.where(InputRow.unit_id == unit_id)
    found = newest.subquery()
    query = (
        select(
            found.c.unit_id,
            found.c.phantom,
            found.c.id,
            AnalysisRow.outcome,
            func.coalesce(InputRow.acquired_at, AnalysisRow.analysed_at),
            found.c.count,
        )
        .join(AnalysisRow, AnalysisRow.id == found.c.id)
        .join(InputRow, InputRow.id == AnalysisRow.input_id)
    )
    with store.session() as session:
        return tuple(
            LastResult(u, phantom, number, Outcome(outcome), at, count)
            for u, phantom, number, outcome, at, count in session.execute(query)
        )


def metrics_of(store: Store, unit_id: int) -> Mapping[str, tuple[str, ...]]:
    """The metrics of a unit by phantom, as its last analyses have them: totals first, then measurements."""
    with store.session() as session:
        recent = session.execute(
            select(AnalysisRow.id, AnalysisRow.phantom, AnalysisRow.totals)
            .join(InputRow, InputRow.id == AnalysisRow.input_id)
            .where(InputRow.unit_id == unit_id, AnalysisRow.phantom != "")
            .order_by(AnalysisRow.id.desc())
            .limit(_RECENT)
        ).all()
        names: dict[str, dict[str, None]] = {}
        for _, phantom, totals in recent:
            names.setdefault(phantom, {}).update(dict.fromkeys(totals))
        phantoms = {number: phantom for number, phantom, _ in recent}
        measured = session.execute(
            select(MeasurementRow.analysis_id, MeasurementRow.name)
            .where(MeasurementRow.analysis_id.in_(phantoms), MeasurementRow.value.is_not(None))
            .order_by(MeasurementRow.analysis_id.desc(), MeasurementRow.position)
        ).all()
    for number, name in measured:
        names[phantoms[number]][name] = None
    return {phantom: tuple(found) for phantom, found in names.items()}


def history(
    store: Store, unit_id: int, phantom: str, metric: str, since: datetime | None = None, limit: int = 2000
) -> tuple[HistoryPoint, ...]:
    """One metric of one unit and phantom, oldest first; the newest version of each image, at most `limit` points."""
    at = func.coalesce(InputRow.acquired_at, AnalysisRow.analysed_at)
    with store.session() as session:
        query = (
            select(
                AnalysisRow.id, AnalysisRow.input_id, AnalysisRow.outcome, AnalysisRow.totals, AnalysisRow.p_pass, at
            )
            .join(InputRow, InputRow.id == AnalysisRow.input_id)
            .where(InputRow.unit_id == unit_id, AnalysisRow.phantom == phantom)
            .order_by(at.desc(), AnalysisRow.id.desc())
            .limit(limit)
        )
        if since is not None:
            query = query.where(at >= since)
        newest: dict[int, Any] = {}
        for row in session.execute(query):
            kept = newest.get(row[1])
            if kept is None or row[0] > kept[0]:
                newest[row[1]] = row
        if not newest:
            return ()
        measured = _measured(session, [row[0] for row in newest.values()], metric)
    points = [_point(row, metric, measured.get(row[0])) for row in newest.values()]
    return tuple(sorted((p for p in points if p is not None), key=lambda p: (p.at, p.analysis_id)))


def _measured(session: Session, numbers: list[int], metric: str) -> Mapping[int, Any]:
    found: dict[int, Any] = {}
    for start in range(0, len(numbers), 500):
        rows = session.execute(
            select(
                MeasurementRow.analysis_id,
                MeasurementRow.value,
                MeasurementRow.low,
                MeasurementRow.high,
                MeasurementRow.limit_low,
                MeasurementRow.limit_high,
                MeasurementRow.outcome,
            ).where(
                MeasurementRow.analysis_id.in_(numbers[start : start + 500]),
                MeasurementRow.name == metric,
                MeasurementRow.value.is_not(None),
            )
        )
        for row in rows:
            found.setdefault(row[0], row)
    return found


def _point(row: Any, metric: str, measured: Any) -> HistoryPoint | None:
    number, _, outcome, totals, p_pass, at = row
    if measured is not None:
        _, value, low, high, limit_low, limit_high, judged = measured
        return HistoryPoint(at, value, low, high, limit_low, limit_high, Outcome(judged), number)
    value = p_pass if metric == "p_pass" else totals.get(metric)
    if value is None:
        return None
    return HistoryPoint(at, float(value), None, None, None, None, Outcome(outcome), number)


def months(store: Store, unit_id: int | None = None, most: int = 36) -> tuple[date, ...]:
    """The first days of the months from the first acquisition to the last, newest first; of one unit where asked."""
    query = select(func.min(InputRow.acquired_at), func.max(InputRow.acquired_at))
    if unit_id is not None:
        query = query.where(InputRow.unit_id == unit_id)
    with store.session() as session:
        first, last = session.execute(query).one()
    if first is None or last is None:
        return ()
    newest, oldest = (12 * at.year + at.month - 1 for at in (last, first))
    return tuple(date(k // 12, k % 12 + 1, 1) for k in range(newest, max(oldest, newest - most + 1) - 1, -1))
