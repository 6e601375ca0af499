"""What was received, and the jobs that analyse it.

`record` is called for every object; `settle` makes a job of a study that is complete or quiet; a worker calls `start`,
`save_results` for each item and `finish` or `fail`. Saving is guarded by a key, so a step that is done again after a
crash saves nothing twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from sqlalchemy import Table, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mammoqa.core import Analysis, NotStoredError, StoreError
from mammoqa.store import rows
from mammoqa.store.records import AnalysisId
from mammoqa.store.store import Store
from mammoqa.store.tables_intake import InstanceRow, JobResultRow, JobRow

OPEN_STATES = ("waiting", "running")
_ADD = insert(cast(Table, InstanceRow.__table__))


@dataclass(frozen=True, slots=True)
class Instance:
    """A received object and where it came from; `reason` says why it cannot be analysed, where that is so."""

    sop_instance_uid: str
    sha256: str
    size_bytes: int
    sop_class_uid: str = ""
    transfer_syntax_uid: str = ""
    series_instance_uid: str = ""
    study_instance_uid: str = ""
    modality: str = ""
    station: str = ""
    expected: int | None = None
    route: str = "upload"
    sender: str = ""
    address: str = ""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The answer to a received object: its number, and whether it was new."""

    id: int
    new: bool


@dataclass(frozen=True, slots=True)
class Job:
    """One round of analysis of a study, and how far it is."""

    id: int
    study_instance_uid: str
    state: str
    attempt: int
    done: int
    total: int
    created_at: datetime
    finished_at: datetime | None
    worker: str
    reason: str | None


def now() -> datetime:
    """UTC without zone, as the database keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


def record(store: Store, instance: Instance) -> Recorded:
    """Add a received object; one that is there already, by SOP instance UID and hash, is answered with its number.

    A second object under the same SOP instance UID is kept and never analysed: the first one stands.
    """
    try:
        with store.session(writes=True) as session:
            known = session.execute(
                select(InstanceRow.id, InstanceRow.sha256).where(
                    InstanceRow.sop_instance_uid == instance.sop_instance_uid,
                    (InstanceRow.sha256 == instance.sha256) | (InstanceRow.sop_instance_uid != ""),
                )
            ).all()
            for identity, sha256 in known:
                if sha256 == instance.sha256:
                    return Recorded(identity, new=False)
            values = _values(instance)
            if known and instance.reason is None:
                values["reason"] = "another object with this SOP Instance UID was received before; the first one stands"
            added = session.connection().execute(_ADD, values)  # past the unit of work: this is done for every object
            return Recorded(int((added.inserted_primary_key or (0,))[0]), new=True)
    except IntegrityError:  # another receiver was faster
        return record(store, instance)


def _values(instance: Instance) -> dict[str, object]:
    return {
        "sop_instance_uid": instance.sop_instance_uid[:64],
        "sha256": instance.sha256,
        "size_bytes": instance.size_bytes,
        "sop_class_uid": instance.sop_class_uid[:64],
        "transfer_syntax_uid": instance.transfer_syntax_uid[:64],
        "series_instance_uid": instance.series_instance_uid[:64],
        "study_instance_uid": instance.study_instance_uid[:64],
        "modality": instance.modality[:16],
        "station": instance.station[:200],
        "expected": instance.expected,
        "route": instance.route,
        "sender": instance.sender[:100],
        "address": instance.address[:64],
        "received_at": now(),
        "reason": instance.reason,
    }


def settle(store: Store, quiet_s: float) -> tuple[int, ...]:
    """Make a job of every study that is complete or has been quiet for `quiet_s` seconds; the numbers of the jobs.

    A study is complete when each of its series has as many objects as its images say.
    """
    with store.session(writes=True) as session:
        if store.engine.dialect.name == "postgresql":  # several workers settle; SQLite's write lock does the same
            session.execute(text("SELECT pg_advisory_xact_lock(1560157)"))
        waiting = (
            select(
                InstanceRow.study_instance_uid,
                InstanceRow.series_instance_uid,
                func.count(),
                func.max(InstanceRow.expected),
                func.max(InstanceRow.received_at),
            )
            .where(InstanceRow.job_id.is_(None), InstanceRow.reason.is_(None))
            .group_by(InstanceRow.study_instance_uid, InstanceRow.series_instance_uid)
        )
        studies: dict[str, tuple[bool, datetime]] = {}
        for study, _series, count, expected, last in session.execute(waiting):
            complete, latest = studies.get(study, (True, last))
            studies[study] = complete and expected is not None and count >= expected, max(latest, last)
        due = [
            study
            for study, (complete, last) in studies.items()
            if complete or now() - last >= timedelta(seconds=quiet_s)
        ]
        return tuple(_new_job(session, study) for study in due)


def _new_job(session: Session, study: str) -> int:
    job = JobRow(study_instance_uid=study, state="waiting", attempt=1, done=0, total=0, created_at=now(), worker="")
    session.add(job)
    session.flush()
    session.execute(
        update(InstanceRow)
        .where(InstanceRow.study_instance_uid == study, InstanceRow.job_id.is_(None), InstanceRow.reason.is_(None))
        .values(job_id=job.id)
    )
    return job.id


def instances_of(store: Store, job_id: int) -> tuple[Instance, ...]:
    """The objects of a job, with those of earlier jobs in the same CT or MR series; in order of arrival."""
    with store.session() as session:
        series = select(InstanceRow.series_instance_uid).where(
            InstanceRow.job_id == job_id, InstanceRow.series_instance_uid != ""
        )
        query = select(InstanceRow).where(
            (InstanceRow.job_id == job_id)
            | (
                InstanceRow.series_instance_uid.in_(series)
                & InstanceRow.job_id.is_not(None)
                & InstanceRow.modality.in_(("CT", "MR"))
            )
        )
        return tuple(instance(row) for row in session.scalars(query.order_by(InstanceRow.id)))


def instance(row: InstanceRow) -> Instance:
    """The record of a received object."""
    return Instance(
        sop_instance_uid=row.sop_instance_uid,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        sop_class_uid=row.sop_class_uid,
        transfer_syntax_uid=row.transfer_syntax_uid,
        series_instance_uid=row.series_instance_uid,
        study_instance_uid=row.study_instance_uid,
        modality=row.modality,
        station=row.station,
        expected=row.expected,
        route=row.route,
        sender=row.sender,
        address=row.address,
        reason=row.reason,
    )


def start(store: Store, job_id: int, worker: str, total: int) -> None:
    """A worker has taken a job of so many items."""
    with store.session(writes=True) as session:
        job = _found(session, job_id)
        job.state, job.worker, job.total, job.reason = "running", worker, total, None
        job.started_at = job.started_at or now()


def save_results(store: Store, job_id: int, key: str, analyses: Sequence[Analysis]) -> tuple[AnalysisId, ...]:
    """Save what a job found for one item, once: a key that is there already answers with what was saved then."""
    try:
        with store.session(writes=True) as session:
            saved = session.scalars(
                select(JobResultRow).where(JobResultRow.key.startswith(f"{key}/", autoescape=True))
            ).all()
            if saved:
                return tuple(row.analysis_id for row in saved if row.analysis_id is not None)
            job = session.get(JobRow, job_id, with_for_update=True)
            if job is None:
                raise NotStoredError(f"there is no job {job_id} in this store")
            numbers = tuple(rows.add(session, analysis) for analysis in analyses)
            for position, number in enumerate(numbers or (None,)):
                session.add(JobResultRow(key=f"{key}/{position}", job_id=job_id, analysis_id=number))
            job.done += 1
            return numbers
    except IntegrityError:  # another worker was faster
        return save_results(store, job_id, key, analyses)


def is_saved(store: Store, key: str) -> bool:
    """Whether the analyses of an item are in the store already."""
    with store.session() as session:
        query = select(JobResultRow.key).where(
            JobResultRow.key.startswith(f"{key}/", autoescape=True), JobResultRow.analysis_id.is_not(None)
        )
        return session.execute(query.limit(1)).first() is not None


def finish(store: Store, job_id: int) -> None:
    """A job is done."""
    with store.session(writes=True) as session:
        job = _found(session, job_id)
        job.state, job.finished_at, job.reason = "done", now(), None


def fail(store: Store, job_id: int, reason: str) -> None:
    """A job could not be done; it stays in the list until a person has it tried again."""
    with store.session(writes=True) as session:
        job = _found(session, job_id)
        if job.state != "done":
            job.state, job.finished_at, job.reason = "failed", now(), reason


def try_again(store: Store, job_id: int) -> int:
    """A failed job waits again; the number of the attempt. StoreError where it did not fail."""
    with store.session(writes=True) as session:
        job = _found(session, job_id)
        if job.state != "failed":
            raise StoreError(f"job {job_id} is {job.state}: only a failed one is tried again")
        job.state, job.attempt, job.finished_at = "waiting", job.attempt + 1, None
        return job.attempt


def _found(session: Session, job_id: int) -> JobRow:
    row = session.get(JobRow, job_id)
    if row is None:
        raise NotStoredError(f"there is no job {job_id} in this store")
    return row


def job(row: JobRow) -> Job:
    """The record of a job."""
    return Job(
        id=row.id,
        study_instance_uid=row.study_instance_uid,
        state=row.state,
        attempt=row.attempt,
        done=row.done,
        total=row.total,
        created_at=row.created_at,
        finished_at=row.finished_at,
        worker=row.worker,
        reason=row.reason,
    )


def jobs_in(store: Store, *states: str, limit: int = 200) -> tuple[Job, ...]:
    """The jobs in these states (all, where none is named), newest first."""
    query = select(JobRow).order_by(JobRow.id.desc()).limit(limit)
    with store.session() as session:
        return tuple(job(row) for row in session.scalars(query.where(JobRow.state.in_(states)) if states else query))


def results_of(store: Store, job_ids: Sequence[int]) -> Mapping[int, tuple[AnalysisId, ...]]:
    """The analyses that jobs saved."""
    found: dict[int, list[int]] = {}
    query = select(JobResultRow.job_id, JobResultRow.analysis_id).where(
        JobResultRow.job_id.in_(job_ids), JobResultRow.analysis_id.is_not(None)
    )
    with store.session() as session:
        for job_id, number in session.execute(query.order_by(JobResultRow.analysis_id)):
            if number is not None:
                found.setdefault(job_id, []).append(number)
    return {job_id: tuple(numbers) for job_id, numbers in found.items()}


def resting(store: Store) -> int:
    """How many objects wait for the rest of their study."""
    query = select(func.count()).where(InstanceRow.job_id.is_(None), InstanceRow.reason.is_(None))
    with store.session() as session:
        return session.scalar(query) or 0
