"""Tables of the QA programme: sites, units, tests with their limits, baselines, events and alerts.

site 1--* unit_detail 1--1 unit
qc_test 1--* qc_limit          limits are data, with their source
qc_test *--* unit              through qc_assignment
unit 1--* baseline, service_event, alert 1--* alert_note
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mammoqa.store.tables import Table


class SiteRow(Table):
    """A place where units stand."""

    __tablename__ = "site"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)


class UnitDetailRow(Table):
    """What people say about a unit; its identity is what its images say (`unit`)."""

    __tablename__ = "unit_detail"

    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    ae_title: Mapped[str] = mapped_column(String(16), index=True)
    note: Mapped[str] = mapped_column(Text)
    retired: Mapped[bool]


class QcTestRow(Table):
    """A test that units have to do: which phantom, how often, who."""

    __tablename__ = "qc_test"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    phantom: Mapped[str] = mapped_column(String(64), index=True)
    every_days: Mapped[int]
    grace_days: Mapped[int]
    performer: Mapped[str] = mapped_column(String(32))
    source: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    active: Mapped[bool]


class QcLimitRow(Table):
    """Tolerance and action levels of one metric: absolute, in per cent of the baseline, or in its deviations."""

    __tablename__ = "qc_limit"
    __table_args__ = (UniqueConstraint("test_id", "metric", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    test_id: Mapped[int] = mapped_column(ForeignKey("qc_test.id"))
    metric: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(16))
    tolerance_low: Mapped[float | None]
    tolerance_high: Mapped[float | None]
    action_low: Mapped[float | None]
    action_high: Mapped[float | None]
    source: Mapped[str] = mapped_column(Text)


class QcAssignmentRow(Table):
    """A test that a unit has to do."""

    __tablename__ = "qc_assignment"

    test_id: Mapped[int] = mapped_column(ForeignKey("qc_test.id"), primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), primary_key=True, index=True)
    starts_on: Mapped[date]


class BaselineRow(Table):
    """What a metric of a unit is compared with from `starts_at` on; a new one is a new row."""

    __tablename__ = "baseline"
    __table_args__ = (Index(None, "unit_id", "phantom", "metric"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    phantom: Mapped[str] = mapped_column(String(64))
    metric: Mapped[str] = mapped_column(String(100))
    value: Mapped[float]
    deviation: Mapped[float | None]
    count: Mapped[int]
    starts_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(String(200))
    set_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(Text)


class ServiceEventRow(Table):
    """Something done to a unit; with `new_baseline` later values are compared among themselves."""

    __tablename__ = "service_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), index=True)
    at: Mapped[datetime]  # local time of the unit
    kind: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text)
    new_baseline: Mapped[bool]
    entered_by: Mapped[str] = mapped_column(String(200))
    entered_at: Mapped[datetime]


class AlertRow(Table):
    """One fault that people should look at; `key` groups what belongs to it while it is open."""

    __tablename__ = "alert"
    __table_args__ = (Index(None, "unit_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    key: Mapped[str] = mapped_column(String(200))
    level: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16), index=True)
    assignee: Mapped[str] = mapped_column(String(200))
    opened_at: Mapped[datetime] = mapped_column(index=True)
    changed_at: Mapped[datetime]


class AlertNoteRow(Table):
    """What people and the service did about an alert, in order."""

    __tablename__ = "alert_note"

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    at: Mapped[datetime]
    person: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
