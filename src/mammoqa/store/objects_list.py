"""Received objects as people and DICOMweb ask for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from mammoqa.store.intake import Instance, instance
from mammoqa.store.store import Store
from mammoqa.store.tables import AnalysisRow, InputRow
from mammoqa.store.tables_intake import InstanceRow

_AT_A_TIME = 500  # values in one IN clause


@dataclass(frozen=True, slots=True)
class ReceivedObject:
    """One line about a received object."""

    id: int
    received_at: datetime
    job_id: int | None
    instance: Instance


def _line(row: InstanceRow) -> ReceivedObject:
    return ReceivedObject(row.id, row.received_at, row.job_id, instance(row))


def hashes_of(store: Store, uids: Sequence[str]) -> Mapping[str, str]:
    """The SHA-256 by SOP instance UID, of the objects that are here; of several under one UID, the first."""
    found: dict[str, str] = {}
    with store.session() as session:
        for start in range(0, len(uids), _AT_A_TIME):
            some = uids[start : start + _AT_A_TIME]
            query = select(InstanceRow.sop_instance_uid, InstanceRow.sha256).where(
                InstanceRow.sop_instance_uid.in_(some)
            )
            for uid, sha256 in session.execute(query.order_by(InstanceRow.id.desc())):
                found[uid] = sha256
    return found


def unreadable(store: Store, limit: int = 100, before: int | None = None) -> tuple[ReceivedObject, ...]:
    """Objects that were kept and cannot be analysed, newest first."""
    query = select(InstanceRow).where(InstanceRow.reason.is_not(None)).order_by(InstanceRow.id.desc()).limit(limit)
    with store.session() as session:
        rows = session.scalars(query if before is None else query.where(InstanceRow.id < before))
        return tuple(_line(row) for row in rows)


def received(store: Store, limit: int = 100, before: int | None = None) -> tuple[ReceivedObject, ...]:
    """Everything received, newest first."""
    query = select(InstanceRow).order_by(InstanceRow.id.desc()).limit(limit)
    with store.session() as session:
        rows = session.scalars(query if before is None else query.where(InstanceRow.id < before))
        return tuple(_line(row) for row in rows)


def search(
    store: Store, *, study: str = "", series: str = "", uid: str = "", limit: int = 200, offset: int = 0
) -> tuple[ReceivedObject, ...]:
    """Readable objects of a study, series or UID, in order of arrival."""
    query = select(InstanceRow).where(InstanceRow.sop_instance_uid != "").order_by(InstanceRow.id)
    for column, wanted in (
        (InstanceRow.study_instance_uid, study),
        (InstanceRow.series_instance_uid, series),
        (InstanceRow.sop_instance_uid, uid),
    ):
        if wanted:
            query = query.where(column == wanted)
    with store.session() as session:
        return tuple(_line(row) for row in session.scalars(query.limit(limit).offset(offset)))


@dataclass(frozen=True, slots=True)
class ObjectGroup:
    """A study, or one of its series, as counts."""

    study: str
    one_series: str
    modality: str
    series: int
    objects: int


def groups(store: Store, by: str, *, study: str = "", limit: int = 200, offset: int = 0) -> tuple[ObjectGroup, ...]:
    """The studies that are stored, or ("series") the series of one."""
    keys = [InstanceRow.study_instance_uid] + ([InstanceRow.series_instance_uid] if by == "series" else [])
    query = (
        select(
            InstanceRow.study_instance_uid,
            func.min(InstanceRow.series_instance_uid),
            func.min(InstanceRow.modality),
            func.count(InstanceRow.series_instance_uid.distinct()),
            func.count(),
        )
        .where(InstanceRow.sop_instance_uid != "")
        .group_by(*keys)
        .order_by(*keys)
        .limit(limit)
        .offset(offset)
    )
    if study:
        query = query.where(InstanceRow.study_instance_uid == study)
    with store.session() as session:
        return tuple(ObjectGroup(*row) for row in session.execute(query))


def clinical(store: Store, series: Sequence[str]) -> frozenset[str]:
    """Those of these series that an analysis took for no phantom."""
    found: set[str] = set()
    with store.session() as session:
        for start in range(0, len(series), _AT_A_TIME):
            query = (
                select(InputRow.series_instance_uid)
                .join(AnalysisRow, AnalysisRow.input_id == InputRow.id)
                .where(
                    InputRow.series_instance_uid.in_(series[start : start + _AT_A_TIME]),
                    AnalysisRow.reason_code == "not_a_phantom",
                )
            )
            found.update(uid for uid in session.scalars(query) if uid is not None)
    return frozenset(found)


def all_hashes(store: Store) -> tuple[str, ...]:
    """The SHA-256 of every received object, each once."""
    with store.session() as session:
        return tuple(session.scalars(select(InstanceRow.sha256).distinct().order_by(InstanceRow.sha256)))
