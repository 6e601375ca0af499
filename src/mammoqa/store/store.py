"""The store: save analyses, find them again, sign them off."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, Select, func, select
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.orm import Session, selectinload

from mammoqa.core import Analysis, NotStoredError, StoreError
from mammoqa.core.plain import from_plain_and_bytes
from mammoqa.store import rows
from mammoqa.store.connection import readable, require_existing
from mammoqa.store.records import AnalysisId, HistoryPoint, SignOff, StoredAnalysis, Unit
from mammoqa.store.schema import check, current, engine_for, migrate
from mammoqa.store.tables import AnalysisRow, InputRow, SignOffRow, UnitRow

_ATTEMPTS = 5  # writers that add the same unit or version at the same moment try again (PostgreSQL)


def open_store(url: str, *, create: bool = True) -> "Store":
    """Open a database by its URL; a new SQLite file is created with the newest schema, unless `create` is False.

    Raises StoreError when the database cannot be reached, holds something else, or has an older schema (run
    `mammoqa db upgrade`) or a newer one (update mammoqa).
    """
    if not create:
        require_existing(url)
    engine = engine_for(url)
    version = current(engine)
    if version is None and engine.dialect.name == "sqlite":
        migrate(engine)
    else:
        check(engine, version)
    return Store(engine)


@dataclass(frozen=True, slots=True)
class Store:
    """An open database; safe to use from several threads and processes. Close it, or use it in a `with` statement."""

    engine: Engine

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def save(self, analysis: Analysis) -> AnalysisId:
        """Store an analysis, refusals too; the same input analysed again becomes the next version of it."""
        for attempt in range(_ATTEMPTS):
            try:
                with self.session(writes=True) as session:
                    return rows.add(session, analysis)
            except IntegrityError as error:
                if attempt + 1 == _ATTEMPTS:
                    raise StoreError(f"{analysis.path} could not be stored: {error.orig}") from error
        raise AssertionError("unreachable")

    def load(self, analysis_id: AnalysisId) -> Analysis:
        """The whole analysis as it was saved; saliency in steps of 1/255.

        Raises StoreError for an unknown number, and for a result that was changed after it was stored.
        """
        with self.session() as session:
            row = _intact(_found(session, analysis_id))
            return from_plain_and_bytes(json.loads(row.document), row.view_png, row.saliency_png)

    def get(self, analysis_id: AnalysisId) -> StoredAnalysis:
        """One line about a stored analysis; StoreError for an unknown number."""
        with self.session() as session:
            return rows.line(_found(session, analysis_id))

    def latest(self, *, unit: Unit | None = None, limit: int | None = None) -> tuple[StoredAnalysis, ...]:
        """The newest version of every input and phantom, most recently analysed first."""
        query = _newest().order_by(AnalysisRow.analysed_at.desc(), AnalysisRow.id.desc()).limit(limit)
        return self._lines(query if unit is None else _of_unit(query, unit))

    def versions(self, key: AnalysisId | str) -> tuple[StoredAnalysis, ...]:
        """All versions of one input, oldest first; by an analysis's number, a SHA-256 or a SOP instance UID."""
        query = select(AnalysisRow).join(AnalysisRow.input).order_by(AnalysisRow.id)
        if isinstance(key, str):
            return self._lines(query.where((InputRow.sha256 == key) | (InputRow.sop_instance_uid == key)))
        with self.session() as session:
            row = _found(session, key)
            query = query.where(AnalysisRow.input_id == row.input_id, AnalysisRow.phantom == row.phantom)
            return tuple(rows.line(found) for found in session.scalars(query))

    def units(self) -> tuple[Unit, ...]:
        """Every imaging unit that the stored images name, in alphabetical order."""
        with self.session() as session:
            found = session.scalars(select(UnitRow).order_by(UnitRow.station, UnitRow.model, UnitRow.serial))
            return tuple(rows.unit(row) for row in found)

    def metrics(self, unit: Unit) -> tuple[str, ...]:
        """The names that `history` knows for a unit: totals, measurements, and p_pass."""
        with self.session() as session:
            names = {name for row in session.scalars(_of_unit(_newest(), unit)) for name in rows.metric_names(row)}
        return tuple(sorted(names))

    def history(self, unit: Unit, metric: str, since: datetime | None = None) -> tuple[HistoryPoint, ...]:
        """One metric of one unit over time, oldest first: the newest version of each image, at its acquisition time.

        `metric` is the name of a total ("fibres"), a measurement ("slice_thickness") or "p_pass". Images that do not
        tell their time stand at the time of their analysis.
        """
        with self.session() as session:
            found = [rows.point(row, metric) for row in session.scalars(_of_unit(_newest(), unit))]
        points = [point for point in found if point is not None and (since is None or point.at >= since)]
        return tuple(sorted(points, key=lambda point: (point.at, point.analysis_id)))

    def sign_off(self, analysis_id: AnalysisId, person: str, at: datetime | None = None, comment: str = "") -> SignOff:
        """Add a person's signature under a result; signatures are never changed or removed.

        Raises StoreError without a name, for an unknown number, and for a result that was changed after it was stored.
        """
        if not person.strip():
            raise StoreError("a sign-off needs the name of the person")
        with self.session(writes=True) as session:
            row = _intact(_found(session, analysis_id))
            signature = SignOffRow(
                analysis_id=row.id,
                person=person.strip(),
                at=rows.utc(at or datetime.now(UTC)),
                comment=comment,
                document_sha256=row.document_sha256,
            )
            session.add(signature)
            session.flush()
            return rows.sign_off(signature)

    def sign_offs(self, analysis_id: AnalysisId) -> tuple[SignOff, ...]:
        """The signatures under a result, oldest first."""
        with self.session() as session:
            return tuple(rows.sign_off(row) for row in _found(session, analysis_id).sign_offs)

    def _lines(self, query: Select[AnalysisRow]) -> tuple[StoredAnalysis, ...]:
        with self.session() as session:
            return tuple(rows.line(row) for row in session.scalars(query))

    @contextmanager
    def session(self, *, writes: bool = False) -> Iterator[Session]:
        """A transaction; what the database says against it becomes StoreError, but for IntegrityError."""
        engine = self.engine.execution_options(writes=True) if writes else self.engine
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
        except IntegrityError:
            raise
        except DatabaseError as error:
            raise StoreError(f"{readable(self.engine.url)}: {error.orig}") from error


def _found(session: Session, analysis_id: AnalysisId) -> AnalysisRow:
    row = session.get(AnalysisRow, analysis_id)
    if row is None:
        raise NotStoredError(f"there is no analysis {analysis_id} in this store")
    return row


def _intact(row: AnalysisRow) -> AnalysisRow:
    if rows.sha256(row.document) != row.document_sha256:
        raise StoreError(f"analysis {row.id} was changed after it was stored; restore it from a backup")
    return row


def _newest() -> Select[AnalysisRow]:
    """Analyses that no later version of the same input and phantom replaces."""
    newest = (
        select(AnalysisRow.input_id, AnalysisRow.phantom, func.max(AnalysisRow.version).label("version"))
        .group_by(AnalysisRow.input_id, AnalysisRow.phantom)
        .subquery()
    )
    same = (
        (AnalysisRow.input_id == newest.c.input_id)
        & (AnalysisRow.phantom == newest.c.phantom)
        & (AnalysisRow.version == newest.c.version)
    )
    together = (selectinload(AnalysisRow.measurements), selectinload(AnalysisRow.sign_offs))
    return select(AnalysisRow).join(newest, same).join(AnalysisRow.input).options(*together)


def _of_unit(query: Select[AnalysisRow], unit: Unit) -> Select[AnalysisRow]:
    return query.join(InputRow.unit).where(
        UnitRow.manufacturer == unit.manufacturer,
        UnitRow.model == unit.model,
        UnitRow.station == unit.station,
        UnitRow.serial == unit.serial,
    )
