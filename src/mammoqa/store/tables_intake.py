"""Tables of the service: what was received, and the work that it makes.

    job 1--* instance          the objects that a job analyses
    job 1--* job_result        what it saved; the key keeps a repeated step from saving twice

Rows of `instance` stay as received, but for the job that takes them. A job's row tells how far it is.
Times are UTC without zone.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mammoqa.store.tables import Table


class JobRow(Table):
    """One round of analysis of a study."""

    __tablename__ = "job"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    attempt: Mapped[int]
    done: Mapped[int]
    total: Mapped[int]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    worker: Mapped[str] = mapped_column(String(100))
    reason: Mapped[str | None] = mapped_column(Text)


class InstanceRow(Table):
    """A received object; `reason` says why it cannot be analysed, where that is so."""

    __tablename__ = "instance"
    __table_args__ = (
        UniqueConstraint("sop_instance_uid", "sha256"),
        Index(None, "job_id", "study_instance_uid"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sop_instance_uid: Mapped[str] = mapped_column(String(64))  # "" where the object tells none
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sop_class_uid: Mapped[str] = mapped_column(String(64))
    transfer_syntax_uid: Mapped[str] = mapped_column(String(64))
    series_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    study_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    modality: Mapped[str] = mapped_column(String(16))
    station: Mapped[str] = mapped_column(String(200))
    expected: Mapped[int | None]  # how many objects the series says it has
    route: Mapped[str] = mapped_column(String(16))
    sender: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime] = mapped_column(index=True)
    reason: Mapped[str | None] = mapped_column(Text)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))


class JobResultRow(Table):
    """An analysis that a job saved; written in one transaction with it."""

    __tablename__ = "job_result"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), index=True)
    analysis_id: Mapped[int | None] = mapped_column(ForeignKey("analysis.id"), index=True)


class WorkerRow(Table):
    """A process of the service, and when it was last heard of."""

    __tablename__ = "worker"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    part: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class PeerRow(Table):
    """An application entity that may send, or that results are sent to."""

    __tablename__ = "peer"

    id: Mapped[int] = mapped_column(primary_key=True)
    ae_title: Mapped[str] = mapped_column(String(16), unique=True)
    host: Mapped[str] = mapped_column(String(200))  # "" where any address may send under this title
    port: Mapped[int]  # 0 where nothing is sent there
    may_send: Mapped[bool]
    per_minute: Mapped[int]  # objects; 0 for no limit
    max_bytes: Mapped[int] = mapped_column(BigInteger)  # of one object; 0 for the service's limit
    tls: Mapped[bool]
    note: Mapped[str] = mapped_column(Text)
