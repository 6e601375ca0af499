"""Lists of analyses, a page at a time."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import aliased, defer, selectinload

from mammoqa.store import rows
from mammoqa.store.records import StoredAnalysis
from mammoqa.store.store import Store
from mammoqa.store.tables import AnalysisRow, InputRow, SignOffRow


def latest_page(
    store: Store,
    *,
    unit_id: int | None = None,
    phantom: str = "",
    outcome: str = "",
    signed: bool | None = None,
    before: int | None = None,
    limit: int = 50,
) -> tuple[int, ...]:
    """Numbers of analyses, newest first, of those that no later version replaces."""
    other = aliased(AnalysisRow)
    query = (
        select(AnalysisRow.id)
        .join(InputRow, InputRow.id == AnalysisRow.input_id)
        .where(
            ~select(other.id)
            .where(
                other.input_id == AnalysisRow.input_id,
                other.phantom == AnalysisRow.phantom,
                other.version > AnalysisRow.version,
            )
            .exists()
        )
        .order_by(AnalysisRow.id.desc())
        .limit(limit)
    )
    if unit_id is not None:
        query = query.where(InputRow.unit_id == unit_id)
    if phantom:
        query = query.where(AnalysisRow.phantom == phantom)
    if outcome:
        query = query.where(AnalysisRow.outcome == outcome)
    if signed is not None:
        has = select(SignOffRow.id).where(SignOffRow.analysis_id == AnalysisRow.id).exists()
        query = query.where(has if signed else ~has)
    if before is not None:
        query = query.where(AnalysisRow.id < before)
    with store.session() as session:
        return tuple(session.scalars(query))


def lines(store: Store, numbers: Sequence[int]) -> tuple[StoredAnalysis, ...]:
    """One line about each of these analyses, in their order."""
    with store.session() as session:
        query = (
            select(AnalysisRow)
            .where(AnalysisRow.id.in_(numbers))
            .options(
                selectinload(AnalysisRow.sign_offs),
                selectinload(AnalysisRow.input).selectinload(InputRow.unit),
                defer(AnalysisRow.document),
                defer(AnalysisRow.provenance),
            )
        )
        found = {row.id: rows.line(row) for row in session.scalars(query)}
    return tuple(found[number] for number in numbers if number in found)
