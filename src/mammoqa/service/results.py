"""Results as people see them: the stored analysis with the scores that people gave, its reports, its pixels."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from mammoqa.core import Analysis, NotStoredError, ReasonCode, StoreError
from mammoqa.jobs.amend import amend
from mammoqa.service.objects import path_of
from mammoqa.service.options import Service
from mammoqa.store import audit, decisions, fleet
from mammoqa.store.records import SignOff, StoredAnalysis

_CLINICAL = (ReasonCode.NOT_A_PHANTOM,)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """An analysis: as stored, and as it counts with the scores of people."""

    line: StoredAnalysis
    stored: Analysis
    analysis: Analysis
    unit: fleet.FleetUnit | None
    signed_before_change: bool


def shown(service: Service, analysis_id: int) -> Shown:
    """One analysis; NotStoredError where there is none of that number."""
    store = service.store
    stored, line = store.load(analysis_id), store.get(analysis_id)
    made = decisions.overrides(store, analysis_id)
    notes = tuple(f"{o.object_name}: scored {o.score:g} by {o.person} on {o.at:%Y-%m-%d}: {o.reason}" for o in made)
    amended = amend(stored, {o.object_name: o.score for o in made}, notes)
    signed = store.sign_offs(analysis_id)
    late = bool(made and signed and made[-1].at > signed[-1].at.replace(tzinfo=None))
    units = {u.identity: u for u in fleet.fleet(store, retired=True)} if line.unit else {}
    return Shown(line, stored, amended, units.get(line.unit) if line.unit else None, late)


def sign(service: Service, analysis_id: int, person: str, comment: str) -> SignOff:
    """Sign a result with the overrides that it has now. StoreError for a rejected one."""
    store = service.store
    reviewed = decisions.reviews(store, analysis_id)
    if reviewed and reviewed[-1].decision == "rejected":
        raise StoreError("a rejected result is not signed: review it again, or repeat the image")
    made = decisions.overrides(store, analysis_id)
    signed = store.sign_off(analysis_id, person, comment=comment.replace("\0", ""))
    scores = {o.object_name: o.score for o in made}
    audit.add(
        store,
        person,
        "sign-off",
        f"analysis {analysis_id}",
        comment=comment,
        sha256=signed.content_sha256,
        scores=scores,
    )
    return signed


def _report_options(service: Service, analysis_id: int) -> Any:
    from mammoqa.report import Options, Signature

    signed = service.store.sign_offs(analysis_id)
    return Options(signatures=tuple(Signature(s.person, s.at, s.comment) for s in signed))


def pdf(service: Service, analysis_id: int) -> bytes:
    """The PDF of a result as it counts now."""
    from mammoqa import report

    return report.pdf(shown(service, analysis_id).analysis, _report_options(service, analysis_id))


def html(service: Service, analysis_id: int) -> str:
    """The page of a result as it counts now, in one file."""
    from mammoqa import report

    return report.html(shown(service, analysis_id).analysis, _report_options(service, analysis_id))


def element(service: Service, analysis_id: int) -> dict[str, Any]:
    """The element of `analyse --json`, as it counts now."""
    from mammoqa import report

    plain: dict[str, Any] = json.loads(json.dumps(report.as_json(shown(service, analysis_id).analysis)))
    return plain


def viewable(service: Service, analysis: Analysis) -> int:
    """How many images of a result can be looked at: 0 where the object is gone, or may not be shown here."""
    if analysis.verdict.reason_code in _CLINICAL and not service.options.clinical_images:
        return 0
    there = [s for s in analysis.sources if s.sha256 and path_of(service.objects, s.sha256).is_file()]
    return len(analysis.sources) if len(there) == len(analysis.sources) else 0


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """An image for the viewer: 16-bit levels, and what makes pixel values of them (`level * slope + intercept`)."""

    levels: np.ndarray
    slope: float
    intercept: float
    window: tuple[float, float]
    pitch_mm: tuple[float, float] | None
    step: int


def pixels(service: Service, analysis_id: int, index: int, most: int) -> Pixels:
    """Image `index` of a result, every second, third ... pixel averaged where it has more than `most` on a side.

    NotStoredError where there is no such image, or it may not be shown.
    """
    from mammoqa.dicom import read_file

    analysis = service.store.load(analysis_id)
    if not 0 <= index < viewable(service, analysis):
        raise NotStoredError(f"there is no image {index} of analysis {analysis_id} to look at")
    source = analysis.sources[index]
    image = read_file(path_of(service.objects, source.sha256))[source.frame]
    step = max(1, -(-max(image.pixels.shape) // most))
    values = _averaged(np.asarray(image.pixels, np.float32), step)
    low, high = float(values.min()), float(values.max())
    slope = (high - low) / 65535 or 1.0
    levels = np.rint((values - low) / slope).astype("<u2")
    return Pixels(levels, slope, low, _window(analysis, image, values), image.pitch_mm, step)


def _averaged(values: np.ndarray, step: int) -> np.ndarray:
    if step == 1:
        return values
    rows, columns = (size // step * step for size in values.shape)
    blocks = values[:rows, :columns].reshape(rows // step, step, columns // step, step)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _window(analysis: Analysis, image: Any, values: np.ndarray) -> tuple[float, float]:
    """What to show at first: the phantom's inner region, else the file's window, else the middle 98 %."""
    if analysis.pose is not None and analysis.pose.window[1] > analysis.pose.window[0]:
        low, high = analysis.pose.window
        return float(low), float(high)
    if image.windows:
        first = image.windows[0]
        return float(first.centre - first.width / 2), float(first.centre + first.width / 2)
    low, high = (float(v) for v in np.percentile(values, (1, 99)))
    return low, max(high, low + 1e-6)
