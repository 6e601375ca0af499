"""What a report says, in words and rows: one content for the web page and for the PDF."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mammoqa.core import Acquisition, Analysis, ModelError, ModelId, ObjectScore, Outcome
from mammoqa.phantoms import PHANTOMS
from mammoqa.report import words
from mammoqa.report.trends import unit_label

SIMULATED = "Performance figures of the model were measured on simulated data."
_SHORT_HASH = 16


@dataclass(frozen=True, slots=True)
class Signature:
    """A sign-off to print: who, when, and with which comment."""

    person: str
    at: datetime
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """What a report shows beside the analysis.

    `model_note` is the line about the model's performance and `thresholds` are p_present and p_abnormal per kind; where
    they are None, the card of the installed model gives them, if it is the one that read the image. `overview` is the
    address of a page to link back to.
    """

    model_note: str | None = None
    thresholds: Mapping[str, tuple[float, float]] | None = None
    signatures: tuple[Signature, ...] = ()
    overview: str | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """One total against its criterion."""

    title: str
    value: str
    limit: str
    met: bool


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One line of the table of objects; `level` is full, half, none or uncounted."""

    title: str
    size: str
    visible: str
    score: str
    level: str
    p_present: str
    p_abnormal: str
    counted: str
    deduction: str


@dataclass(frozen=True, slots=True)
class MeasurementRow:
    """One line of the table of measurements."""

    title: str
    value: str
    interval: str
    limit: str
    outcome: str
    note: str


@dataclass(frozen=True, slots=True)
class Content:
    """Everything a report says, ready to be set; pictures and charts come beside it."""

    title: str
    unit: str
    when: str
    outcome: str
    verdict: str
    reason: str
    advice: str
    referral: str
    totals: tuple[Total, ...]
    p_pass: str
    objects: tuple[ObjectRow, ...]
    measurements: tuple[MeasurementRow, ...]
    facts: tuple[tuple[str, str], ...]
    provenance: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    model_note: str
    signatures: tuple[tuple[str, str, str], ...]
    thresholds: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def content(analysis: Analysis, options: Options) -> Content:
    """The words and rows of one analysis."""
    verdict = analysis.verdict
    refused = verdict.outcome is Outcome.REFUSED
    note, thresholds = _model_facts(analysis.provenance.model)
    phantom = PHANTOMS.get(analysis.phantom or "")
    advice = words.ADVICE.get(verdict.reason_code) if verdict.reason_code else None
    return Content(
        title=phantom.title if phantom else analysis.phantom or "Image without a result",
        unit=unit_label(analysis),
        when=_when(analysis.acquisition.acquired_at) or "date not given",
        outcome=verdict.outcome.value,
        verdict=words.VERDICTS[verdict.outcome],
        reason=_sentence(_named(verdict.reason or _default_reason(analysis), analysis)),
        advice=(advice or "") if refused else "",
        referral=_sentence(f"To be read by a person: {verdict.refer_reason}") if verdict.refer_reason else "",
        totals=_totals(analysis),
        p_pass="" if verdict.p_pass is None else words.percent(verdict.p_pass),
        objects=tuple(
            _object_row(score, visible) for score, visible in zip(analysis.objects, _visible(analysis), strict=True)
        ),
        measurements=_measurement_rows(analysis),
        facts=_facts(analysis.acquisition),
        provenance=_provenance(analysis),
        notes=tuple(_sentence(text) for text in analysis.notes),
        model_note=options.model_note if options.model_note is not None else note,
        signatures=tuple((s.person, _when(s.at), s.comment) for s in options.signatures),
        thresholds=options.thresholds if options.thresholds is not None else thresholds,
    )


def _default_reason(analysis: Analysis) -> str:
    if analysis.verdict.outcome is Outcome.PASS:
        return "every criterion is met"
    return "no criterion applies" if analysis.verdict.outcome is Outcome.MEASURED else ""


def _named(reason: str, analysis: Analysis) -> str:
    """The reason with the names of measurements and totals as people write them."""
    for name in (*(m.name for m in analysis.measurements), *dict(analysis.verdict.totals)):
        title = words.metric_title(name)
        plain = title if title[1:2].isupper() else title[:1].lower() + title[1:]  # abbreviations stay as they are
        reason = re.sub(rf"\b{re.escape(name)}\b", plain, reason)
    return reason


def _totals(analysis: Analysis) -> tuple[Total, ...]:
    phantom = PHANTOMS.get(analysis.phantom or "")
    criteria = {c.name: c for c in phantom.criteria} if phantom else {}
    found = []
    for name, value in analysis.verdict.totals:
        low, high = (criteria[name].low, criteria[name].high) if name in criteria else (None, None)
        met = (low is None or value >= low) and (high is None or value <= high)
        found.append(Total(words.metric_title(name), words.half_points(value), words.limits(low, high), met))
    return tuple(found)


def _visible_names(score: ObjectScore) -> tuple[str, ...]:
    """What the measurement of an object's visible part may be called."""
    return tuple(f"{score.name.replace('-', '_')}_visible_{what}" for what in ("length", "specks", "contour"))


def _visible(analysis: Analysis) -> list[str]:
    """What matched filters see of each object, in the readers' terms; empty where it was not measured."""
    measured = {m.name: m for m in analysis.measurements}
    said = []
    for score in analysis.objects:
        found = next((measured[name] for name in _visible_names(score) if name in measured), None)
        text = "" if found is None else f"{found.value:.0f} {found.unit}"
        said.append(text.replace(" objects", " of 6"))
    return said


def _object_row(score: ObjectScore, visible: str) -> ObjectRow:
    level = "full" if score.score >= 1 else "half" if score.score > 0 else "none"
    return ObjectRow(
        title=words.object_title(score.name),
        size=f"{score.size_mm:.2f}",
        visible=visible,
        score=f"{score.score:g}",
        level=level if score.counted else "uncounted",
        p_present=words.probability(score.p_present),
        p_abnormal=words.probability(score.p_abnormal),
        counted="yes" if score.counted else "no",
        deduction=f"−{score.deduction:g}" if score.deduction else "",
    )


def _measurement_rows(analysis: Analysis) -> tuple[MeasurementRow, ...]:
    """All but the visible parts, which stand beside their objects."""
    beside = {name for score in analysis.objects for name in _visible_names(score)}
    return tuple(
        MeasurementRow(
            title=words.metric_title(m.name),
            value=words.in_unit(words.measured(m, m.value), m.unit),
            interval=words.interval(m),
            limit=words.limits(m.limit_low, m.limit_high),
            outcome=m.outcome.value,
            note=m.note or "",
        )
        for m in analysis.measurements
        if m.name not in beside
    )


def _facts(a: Acquisition) -> tuple[tuple[str, str], ...]:
    """Acquisition facts that the file gives, X-ray and MR."""
    target = " / ".join(part.capitalize() for part in (a.anode, a.filter_material) if part)
    view = " ".join(part for part in (a.laterality, a.view) if part)
    rows = (
        ("Unit", " ".join(part for part in (a.manufacturer, a.model) if part)),
        ("Station, serial", ", ".join(part for part in (a.station, a.device_serial) if part)),
        ("Detector", a.detector_id or ""),
        ("Acquired", _when(a.acquired_at)),
        ("Image", ", ".join(part for part in (a.modality, a.intent.value.lower() if a.intent else "", view) if part)),
        ("Tube voltage", _quantity(a.kvp, "kV")),
        ("Tube load", _quantity(a.mas, "mAs")),
        ("Target / filter", target),
        ("Organ dose", _quantity(a.organ_dose_mgy, "mGy")),
        ("Entrance dose", _quantity(a.entrance_dose_mgy, "mGy")),
        ("Thickness", _quantity(a.thickness_mm, "mm")),
        ("Compression", _quantity(a.force_n, "N")),
        ("Field strength", _quantity(a.field_strength_t, "T")),
        ("TE / TR", _pair(a.echo_time_ms, a.repetition_time_ms, "ms")),
        ("Slice thickness", _quantity(a.slice_thickness_mm, "mm")),
        ("Pixel bandwidth", _quantity(a.pixel_bandwidth_hz, "Hz")),
        ("Phase encoding", a.phase_encoding or ""),
    )
    return tuple((name, value) for name, value in rows if value)


def _provenance(analysis: Analysis) -> tuple[tuple[str, str], ...]:
    made, first = analysis.provenance, analysis.sources[0] if analysis.sources else None
    frames = len(analysis.sources)
    rows = (
        ("File", analysis.path + (f" and {frames - 1} more" if frames > 1 else "")),
        ("SHA-256", (first.sha256 if first else "") + (" (first file)" if frames > 1 else "")),
        ("SOP instance UID", (first.sop_instance_uid if first else "") or ""),
        ("Series UID", (first.series_instance_uid if first else "") or ""),
        ("Software", made.software),
        ("Phantom data", f"{analysis.phantom}, version {made.phantom_version}" if analysis.phantom else ""),
        ("Model", _model_name(made.model)),
        ("Analysed", f"{_when(made.analysed_at)} UTC, in {made.seconds:.2f} s"),
    )
    return tuple((name, value) for name, value in rows if value)


def _model_name(model: ModelId | None) -> str:
    return f"{model.name} {model.version}, card {model.card_sha256[:_SHORT_HASH]}" if model else ""


def _model_facts(model: ModelId | None) -> tuple[str, Mapping[str, tuple[float, float]]]:
    """The line about performance, and thresholds per kind, from the card of the model that read the image."""
    if model is None:
        return "", {}
    from mammoqa.models import MODELS
    from mammoqa.models.card import read
    from mammoqa.models.cdmam_cells import CELL_MODELS

    if model.name in CELL_MODELS:
        return _cells_facts(model), {}
    try:
        card, sha256 = read(MODELS[model.name])
    except (KeyError, ModelError):
        return SIMULATED, {}
    if sha256 != model.card_sha256:
        return SIMULATED, {}
    limits = " ".join(_sentence(text) for text in card.limits_of_use)
    thresholds = {r.kind: (r.threshold_present, r.threshold_abnormal) for r in card.readings}
    return f"{SIMULATED} {limits}".strip(), thresholds


def _cells_facts(model: ModelId) -> str:
    """The same of the single-image reading of a contrast-detail phantom."""
    from mammoqa.models.cdmam_cells import CELL_MODELS, load_cells

    try:
        loaded = load_cells(CELL_MODELS[model.name])
    except ModelError:
        return SIMULATED
    if loaded.card_sha256 != model.card_sha256:
        return SIMULATED
    limits = " ".join(_sentence(text) for text in loaded.card.limits_of_use)
    return f"{SIMULATED} Single-image estimate: {limits}"


def _when(at: datetime | None) -> str:
    return "" if at is None else f"{at.day} {at:%B %Y, %H:%M}"


def _quantity(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.4g} {unit}"


def _pair(first: float | None, second: float | None, unit: str) -> str:
    return "" if first is None or second is None else f"{first:.4g} / {second:.4g} {unit}"


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")
