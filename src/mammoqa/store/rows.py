"""Between analyses and rows: what goes into each table, and the records that come out."""

import hashlib
import json
import math
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mammoqa.core import Acquisition, Analysis, Measurement, ObjectScore, Outcome, ReasonCode
from mammoqa.core.plain import picture_bytes, to_plain
from mammoqa.store.records import AnalysisId, HistoryPoint, SignOff, StoredAnalysis, Unit
from mammoqa.store.tables import AnalysisRow, InputRow, MeasurementRow, ObjectScoreRow, SignOffRow, UnitRow


def add(session: Session, analysis: Analysis) -> AnalysisId:
    """Add an analysis with its input and unit, where these are new; gives its number."""
    source = _input_row(session, analysis)
    phantom = analysis.phantom or ""
    known = select(func.max(AnalysisRow.version)).where(
        AnalysisRow.input_id == source.id, AnalysisRow.phantom == phantom
    )
    row = _analysis_row(analysis)
    row.input_id, row.phantom, row.version = source.id, phantom, (session.scalar(known) or 0) + 1
    row.objects = [_object_row(position, score) for position, score in enumerate(analysis.objects)]
    row.measurements = [_measurement_row(position, m) for position, m in enumerate(analysis.measurements)]
    session.add(row)
    session.flush()
    return row.id


def input_key(analysis: Analysis) -> str:
    """The identity of an input: the hash over its frames' hashes, or over the path where nothing could be read."""
    frames = sorted(f"{s.sha256 or f'path:{s.path}'}#{s.frame}" for s in analysis.sources)
    return hashlib.sha256("\n".join(frames or [f"path:{analysis.path}"]).encode()).hexdigest()


def sha256(text: str) -> str:
    """The hash of a stored result."""
    return hashlib.sha256(text.encode()).hexdigest()


def utc(at: datetime) -> datetime:
    """UTC without zone, as the database keeps it; a time without zone is taken as UTC."""
    return at if at.tzinfo is None else at.astimezone(UTC).replace(tzinfo=None)


def unit(row: UnitRow) -> Unit:
    """The record of a unit."""
    return Unit(row.manufacturer, row.model, row.station, row.serial)


def line(row: AnalysisRow) -> StoredAnalysis:
    """The record of one stored analysis."""
    return StoredAnalysis(
        id=row.id,
        version=row.version,
        path=row.input.path,
        phantom=row.phantom or None,
        outcome=Outcome(row.outcome),
        reason_code=None if row.reason_code is None else ReasonCode(row.reason_code),
        reason=row.reason,
        unit=None if row.input.unit is None else unit(row.input.unit),
        acquired_at=row.input.acquired_at,
        analysed_at=row.analysed_at.replace(tzinfo=UTC),
        software=row.software,
        sha256=row.input.sha256,
        sop_instance_uid=row.input.sop_instance_uid,
        series_instance_uid=row.input.series_instance_uid,
        signed_off=bool(row.sign_offs),
    )


def sign_off(row: SignOffRow) -> SignOff:
    """The record of a signature."""
    return SignOff(row.analysis_id, row.person, row.at.replace(tzinfo=UTC), row.comment, row.document_sha256)


def metric_names(row: AnalysisRow) -> set[str]:
    """The metrics that one analysis has a value for."""
    names = {*row.totals, *(m.name for m in row.measurements)}
    return names if row.p_pass is None else names | {"p_pass"}


def point(row: AnalysisRow, metric: str) -> HistoryPoint | None:
    """One metric of one analysis, None where it has no such finite number."""
    at, outcome = row.input.acquired_at or row.analysed_at, Outcome(row.outcome)
    if metric == "p_pass" or metric in row.totals:
        value = row.p_pass if metric == "p_pass" else row.totals[metric]
        return None if value is None else HistoryPoint(at, float(value), None, None, None, None, outcome, row.id)
    for m in row.measurements:
        if m.name == metric and m.value is not None:
            return HistoryPoint(at, m.value, m.low, m.high, m.limit_low, m.limit_high, Outcome(m.outcome), row.id)
    return None


def _unit_row(session: Session, acquisition: Acquisition) -> UnitRow | None:
    names = {
        "manufacturer": acquisition.manufacturer or "",
        "model": acquisition.model or "",
        "station": acquisition.station or "",
        "serial": acquisition.device_serial or "",
    }
    if not any(names.values()):
        return None
    row = session.scalars(select(UnitRow).filter_by(**names)).one_or_none()
    if row is None:
        row = UnitRow(**names)
        session.add(row)
        session.flush()
    return row


def _input_row(session: Session, analysis: Analysis) -> InputRow:
    key = input_key(analysis)
    row = session.scalars(select(InputRow).filter_by(key=key).with_for_update()).one_or_none()
    if row is not None:
        return row
    first = analysis.sources[0] if analysis.sources else None
    acquired_at = analysis.acquisition.acquired_at
    row = InputRow(
        key=key,
        unit=_unit_row(session, analysis.acquisition),
        sha256=(first.sha256 or None) if first else None,
        frames=len(analysis.sources),
        sop_instance_uid=first.sop_instance_uid if first else None,
        series_instance_uid=first.series_instance_uid if first else None,
        path=analysis.path,
        modality=analysis.acquisition.modality,
        acquired_at=acquired_at.replace(tzinfo=None) if acquired_at else None,
    )
    session.add(row)
    session.flush()
    return row


def _analysis_row(analysis: Analysis) -> AnalysisRow:
    verdict, provenance = analysis.verdict, analysis.provenance
    document = json.dumps(to_plain(analysis), allow_nan=False)
    view_png, saliency_png = picture_bytes(analysis)
    return AnalysisRow(
        outcome=verdict.outcome.value,
        reason_code=verdict.reason_code.value if verdict.reason_code else None,
        reason=verdict.reason,
        p_pass=_finite(verdict.p_pass),
        software=provenance.software,
        model_name=provenance.model.name if provenance.model else None,
        model_version=provenance.model.version if provenance.model else None,
        model_card_sha256=provenance.model.card_sha256 if provenance.model else None,
        phantom_version=provenance.phantom_version,
        analysed_at=utc(provenance.analysed_at),
        seconds=provenance.seconds,
        totals=_totals(verdict.totals),
        acquisition=to_plain(analysis.acquisition),
        notes=list(analysis.notes),
        provenance=to_plain(provenance),
        document=document,
        document_sha256=sha256(document),
        view_png=view_png,
        saliency_png=saliency_png,
    )


def _totals(totals: tuple[tuple[str, float], ...]) -> dict[str, float]:
    """Totals by kind, those that are numbers."""
    return {name: float(value) for name, value in totals if math.isfinite(value)}


def _object_row(position: int, score: ObjectScore) -> ObjectScoreRow:
    return ObjectScoreRow(
        position=position,
        name=score.name,
        kind=score.kind,
        size_mm=float(score.size_mm),
        score=_finite(score.score),
        p_present=_finite(score.p_present),
        p_abnormal=_finite(score.p_abnormal),
        x_px=_finite(score.centre_px[0]),
        y_px=_finite(score.centre_px[1]),
        counted=bool(score.counted),
        deduction=float(score.deduction),
    )


def _measurement_row(position: int, measurement: Measurement) -> MeasurementRow:
    return MeasurementRow(
        position=position,
        name=measurement.name,
        value=_finite(measurement.value),
        unit=measurement.unit,
        low=_finite(measurement.low),
        high=_finite(measurement.high),
        limit_low=_finite(measurement.limit_low),
        limit_high=_finite(measurement.limit_high),
        outcome=measurement.outcome.value,
        note=measurement.note,
    )


def _finite(value: float | None) -> float | None:
    """A plain float for the database, NULL for what is no number."""
    return None if value is None or not math.isfinite(value) else float(value)
