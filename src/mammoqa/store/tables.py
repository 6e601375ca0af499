"""The tables, as SQLAlchemy models.

    unit 1--* input 1--* analysis 1--* object_score
                                  1--* measurement
                                  1--* sign_off

Nothing is updated after it was written. Columns repeat what queries need; `analysis.document` holds the whole result.
Times are UTC without zone, except `acquired_at`, which is the unit's local time as DICOM gives it.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(DeclarativeBase):
    """The parent of all tables."""

    metadata = MetaData(naming_convention=NAMES)


class UnitRow(Table):
    """An imaging unit."""

    __tablename__ = "unit"
    __table_args__ = (UniqueConstraint("manufacturer", "model", "station", "serial"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    manufacturer: Mapped[str] = mapped_column(String(200))
    model: Mapped[str] = mapped_column(String(200))
    station: Mapped[str] = mapped_column(String(200))
    serial: Mapped[str] = mapped_column(String(200))


class InputRow(Table):
    """An image or stack; `key` is the hash of all its frames, or of the path of a file that could not be read."""

    __tablename__ = "input"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"), index=True)
    sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    frames: Mapped[int]
    sop_instance_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    series_instance_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    path: Mapped[str] = mapped_column(Text)
    modality: Mapped[str] = mapped_column(String(16))
    acquired_at: Mapped[datetime | None] = mapped_column(index=True)

    unit: Mapped[UnitRow | None] = relationship()


class AnalysisRow(Table):
    """One analysis of one input."""

    __tablename__ = "analysis"
    __table_args__ = (UniqueConstraint("input_id", "phantom", "version"), Index(None, "outcome"))

    id: Mapped[int] = mapped_column(primary_key=True)
    input_id: Mapped[int] = mapped_column(ForeignKey("input.id"))
    phantom: Mapped[str] = mapped_column(String(64))  # "" where none was identified
    version: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(16))
    reason_code: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(Text)
    p_pass: Mapped[float | None]
    software: Mapped[str] = mapped_column(String(200))
    model_name: Mapped[str | None] = mapped_column(String(200))
    model_version: Mapped[str | None] = mapped_column(String(64))
    model_card_sha256: Mapped[str | None] = mapped_column(String(64))
    phantom_version: Mapped[str | None] = mapped_column(String(64))
    analysed_at: Mapped[datetime] = mapped_column(index=True)
    seconds: Mapped[float]
    totals: Mapped[dict[str, Any]] = mapped_column(JSON)
    acquisition: Mapped[dict[str, Any]] = mapped_column(JSON)
    notes: Mapped[list[Any]] = mapped_column(JSON)
    provenance: Mapped[dict[str, Any]] = mapped_column(JSON)
    document: Mapped[str] = mapped_column(Text)
    document_sha256: Mapped[str] = mapped_column(String(64))
    view_png: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    saliency_png: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)

    input: Mapped[InputRow] = relationship()
    objects: Mapped[list["ObjectScoreRow"]] = relationship(order_by="ObjectScoreRow.position")
    measurements: Mapped[list["MeasurementRow"]] = relationship(order_by="MeasurementRow.position")
    sign_offs: Mapped[list["SignOffRow"]] = relationship(order_by="SignOffRow.id")


class ObjectScoreRow(Table):
    """One scored test object."""

    __tablename__ = "object_score"

    analysis_id: Mapped[int] = mapped_column(ForeignKey("analysis.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    size_mm: Mapped[float]
    score: Mapped[float | None]  # NULL for not a number
    p_present: Mapped[float | None]
    p_abnormal: Mapped[float | None]
    x_px: Mapped[float | None]
    y_px: Mapped[float | None]
    counted: Mapped[bool]
    deduction: Mapped[float]


class MeasurementRow(Table):
    """One measurement."""

    __tablename__ = "measurement"

    analysis_id: Mapped[int] = mapped_column(ForeignKey("analysis.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), index=True)
    value: Mapped[float | None]
    unit: Mapped[str] = mapped_column(String(32))
    low: Mapped[float | None]
    high: Mapped[float | None]
    limit_low: Mapped[float | None]
    limit_high: Mapped[float | None]
    outcome: Mapped[str] = mapped_column(String(16))
    note: Mapped[str | None] = mapped_column(Text)


class SignOffRow(Table):
    """A signature; the database refuses to change or delete one."""

    __tablename__ = "sign_off"

    id: Mapped[int] = mapped_column(primary_key=True)
    analysis_id: Mapped[int] = mapped_column(ForeignKey("analysis.id"), index=True)
    person: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]
    comment: Mapped[str] = mapped_column(Text)
    document_sha256: Mapped[str] = mapped_column(String(64))
