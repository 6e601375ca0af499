"""Every reading of a unit at once, for its trends."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select

from mammoqa.core import Outcome
from mammoqa.store.records import HistoryPoint
from mammoqa.store.store import Store
from mammoqa.store.tables import AnalysisRow, InputRow, MeasurementRow

Key = tuple[str, str, str]  # phantom, metric, unit of measure


def readings_of(store: Store, unit_id: int, since: datetime | None = None) -> Mapping[Key, tuple[HistoryPoint, ...]]:
    """All totals and measurements of a unit, since a date or all, oldest first; the newest version of each image."""
    at = func.coalesce(InputRow.acquired_at, AnalysisRow.analysed_at)
    chosen = [InputRow.unit_id == unit_id, AnalysisRow.outcome != "refused"]
    if since is not None:
        chosen.append(at >= since)
    with store.session() as session:
        analyses = session.execute(
            select(
                AnalysisRow.id, AnalysisRow.input_id, AnalysisRow.phantom, AnalysisRow.outcome, AnalysisRow.totals, at
            )
            .join(InputRow, InputRow.id == AnalysisRow.input_id)
            .where(*chosen)
            .order_by(AnalysisRow.id)
        ).all()
        newest = {(row[1], row[2]): row for row in analyses}
        kept = {row[0]: row for row in newest.values()}
        measured = session.execute(
            select(
                MeasurementRow.analysis_id,
                MeasurementRow.name,
                MeasurementRow.unit,
                MeasurementRow.value,
                MeasurementRow.low,
                MeasurementRow.high,
            )
            .join(AnalysisRow, AnalysisRow.id == MeasurementRow.analysis_id)
            .join(InputRow, InputRow.id == AnalysisRow.input_id)
            .where(*chosen, MeasurementRow.value.is_not(None))
            .order_by(MeasurementRow.analysis_id, MeasurementRow.position)
        ).all()
    found: dict[Key, list[HistoryPoint]] = {}
    for number, _, phantom, outcome, totals, when in kept.values():
        for name, value in totals.items():
            point = HistoryPoint(when, float(value), None, None, None, None, Outcome(outcome), number)
            found.setdefault((phantom, name, "objects"), []).append(point)
    for number, name, unit, value, low, high in measured:
        if number in kept and value is not None:
            row = kept[number]
            point = HistoryPoint(row[5], value, low, high, None, None, Outcome(row[3]), number)
            found.setdefault((row[2], name, unit), []).append(point)
    return {key: tuple(sorted(points, key=lambda p: (p.at, p.analysis_id))) for key, points in found.items()}
