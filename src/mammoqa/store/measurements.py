"""Every measurement of a store, one line each, in narrow queries: for exports."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from mammoqa.store.records import Unit
from mammoqa.store.store import Store
from mammoqa.store.tables import AnalysisRow, InputRow, MeasurementRow, UnitRow

_TOGETHER = 500  # analyses whose measurements are asked for at once


@dataclass(frozen=True, slots=True)
class MeasurementLine:
    """One number of one analysis, with what is needed to trace it. `kind` is total, measurement or p_pass."""

    unit: Unit
    acquired_at: datetime
    phantom: str
    kind: str
    metric: str
    value: float
    unit_of_measure: str
    low: float | None
    high: float | None
    limit_low: float | None
    limit_high: float | None
    outcome: str
    analysis_id: int
    version: int
    software: str
    model_card_sha256: str | None
    sha256: str | None
    sop_instance_uid: str | None


def measurement_lines(
    store: Store,
    *,
    unit_id: int | None = None,
    phantom: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[MeasurementLine]:
    """The newest version of every analysis, oldest acquisition first; refusals have no numbers and are left out.

    Of one unit or phantom only, or from `since` up to and without `until`, where asked for.
    """
    with store.session() as session:
        at = func.coalesce(InputRow.acquired_at, AnalysisRow.analysed_at)
        newest = select(func.max(AnalysisRow.id)).group_by(AnalysisRow.input_id, AnalysisRow.phantom)
        query = (
            select(AnalysisRow.id)
            .join(InputRow, InputRow.id == AnalysisRow.input_id)
            .where(AnalysisRow.id.in_(newest), AnalysisRow.phantom != "")
            .order_by(at, AnalysisRow.id)
        )
        if unit_id is not None:
            query = query.where(InputRow.unit_id == unit_id)
        if phantom:
            query = query.where(AnalysisRow.phantom == phantom)
        if since is not None:
            query = query.where(at >= since)
        if until is not None:
            query = query.where(at < until)
        numbers = list(session.scalars(query))
    for start in range(0, len(numbers), _TOGETHER):
        yield from _lines(store, numbers[start : start + _TOGETHER])


def _lines(store: Store, numbers: list[int]) -> list[MeasurementLine]:
    columns = (
        AnalysisRow.id, AnalysisRow.version, AnalysisRow.phantom, AnalysisRow.totals, AnalysisRow.p_pass,
        AnalysisRow.outcome, AnalysisRow.software, AnalysisRow.model_card_sha256, InputRow.sha256,
        InputRow.sop_instance_uid, func.coalesce(InputRow.acquired_at, AnalysisRow.analysed_at),
        UnitRow.manufacturer, UnitRow.model, UnitRow.station, UnitRow.serial,
    )  # fmt: skip
    query = (
        select(*columns)
        .join(InputRow, InputRow.id == AnalysisRow.input_id)
        .outerjoin(UnitRow, UnitRow.id == InputRow.unit_id)
        .where(AnalysisRow.id.in_(numbers))
    )
    with store.session() as session:
        heads = {row[0]: row for row in session.execute(query)}
        measured: dict[int, list[MeasurementRow]] = {}
        found = select(MeasurementRow).where(MeasurementRow.analysis_id.in_(numbers), MeasurementRow.value.is_not(None))
        for m in session.scalars(found.order_by(MeasurementRow.analysis_id, MeasurementRow.position)):
            measured.setdefault(m.analysis_id, []).append(m)
    return [line for number in numbers for line in _of_analysis(heads[number], measured.get(number, ()))]


def _of_analysis(head: Any, measured: Iterable[MeasurementRow]) -> Iterator[MeasurementLine]:
    """The numbers of one analysis: totals, the probability of passing, measurements."""
    number, version, phantom, totals, p_pass, outcome, software, card, sha256, sop, at, *unit = head
    counted = [("total", name, float(value), "objects") for name, value in totals.items()]
    if p_pass is not None:
        counted.append(("p_pass", "p_pass", p_pass, "1"))
    whole = Unit(*(name or "" for name in unit))
    for kind, metric, value, of_measure in counted:
        yield MeasurementLine(
            whole, at, phantom, kind, metric, value, of_measure, None, None, None, None, outcome,
            number, version, software, card, sha256, sop,
        )  # fmt: skip
    for m in measured:
        yield MeasurementLine(
            whole, at, phantom, "measurement", m.name, float(m.value or 0.0), m.unit, m.low, m.high, m.limit_low,
            m.limit_high, m.outcome, number, version, software, card, sha256, sop,
        )  # fmt: skip
