"""What the store answers with: frozen records, free of the database."""

from dataclasses import dataclass
from datetime import datetime

from mammoqa.core import Outcome, ReasonCode

AnalysisId = int


@dataclass(frozen=True, slots=True)
class Unit:
    """An imaging unit, told apart by what its images say; an empty string where they say nothing."""

    manufacturer: str = ""
    model: str = ""
    station: str = ""
    serial: str = ""

    @property
    def label(self) -> str:
        """A name for people: the station, else the model and serial number."""
        return self.station or " ".join(part for part in (self.model or self.manufacturer, self.serial) if part)


@dataclass(frozen=True, slots=True)
class StoredAnalysis:
    """One line about a stored analysis; `version` counts the analyses of one input with one phantom, from 1."""

    id: AnalysisId
    version: int
    path: str
    phantom: str | None
    outcome: Outcome
    reason_code: ReasonCode | None
    reason: str | None
    unit: Unit | None
    acquired_at: datetime | None
    analysed_at: datetime
    software: str
    sha256: str | None
    sop_instance_uid: str | None
    series_instance_uid: str | None
    signed_off: bool


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One value of a metric; `low` and `high` are its 95 % interval, where there is one."""

    at: datetime
    value: float
    low: float | None
    high: float | None
    limit_low: float | None
    limit_high: float | None
    outcome: Outcome
    analysis_id: AnalysisId


@dataclass(frozen=True, slots=True)
class SignOff:
    """A person's signature under a result; `content_sha256` is the hash of the stored result that was signed."""

    analysis_id: AnalysisId
    person: str
    at: datetime
    comment: str
    content_sha256: str
