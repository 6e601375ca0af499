"""The JSON of an analysis: the documented element of `analyse --json`, and the saved form that holds everything.

The element is described in docs/reference/json.md and by `schema.json` beside this file.
"""

import base64
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from mammoqa.core import Analysis, ContrastDetail, Measurement, ObjectScore
from mammoqa.core.plain import from_plain_and_bytes, picture_bytes, to_plain

SAVED_FORMAT = "mammoqa-analysis/1"


def as_json(analysis: Analysis) -> dict[str, Any]:
    """The element of `analyse --json` for one analysis: plain data, ready for `json.dumps`."""
    verdict, provenance = analysis.verdict, analysis.provenance
    first = analysis.sources[0] if analysis.sources else None
    element = {
        "path": analysis.path,
        "sop_instance_uid": first.sop_instance_uid if first else None,
        "series_instance_uid": first.series_instance_uid if first else None,
        "phantom": analysis.phantom,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "reason_code": verdict.reason_code,
        "objects": [_object(score) for score in analysis.objects],
        "totals": dict(verdict.totals),
        "measurements": [_measurement(measurement) for measurement in analysis.measurements],
        "p_pass": verdict.p_pass,
        "model": provenance.model and _plain_mapping(provenance.model),
        "software": provenance.software,
        "seconds": provenance.seconds,
        # below: additions to the design's element
        "notes": list(analysis.notes),
        "sha256": (first.sha256 or None) if first else None,
        "frame": first.frame if first else None,
        "files": len({source.path for source in analysis.sources}),
        "contrast_detail": analysis.contrast_detail and _contrast_detail(analysis.contrast_detail),
        "phantom_version": provenance.phantom_version,
        "analysed_at": provenance.analysed_at,
        "acquired_at": analysis.acquisition.acquired_at,
        "unit": {
            "manufacturer": analysis.acquisition.manufacturer,
            "model": analysis.acquisition.model,
            "station": analysis.acquisition.station,
            "serial": analysis.acquisition.device_serial,
        },
        "refer": verdict.refer,
        "refer_reason": verdict.refer_reason,
    }
    return {name: _plain(value) for name, value in element.items()}


def saved(analysis: Analysis) -> dict[str, Any]:
    """The element of `as_json` with everything a report needs: the whole analysis and its pictures as PNG (base64)."""
    view, saliency = picture_bytes(analysis)
    return {
        **as_json(analysis),
        "format": SAVED_FORMAT,
        "analysis": to_plain(analysis),
        "pictures": {"view": _text(view), "saliency": _text(saliency)},
    }


def from_saved(data: Any) -> Analysis:
    """The analysis that `saved` wrote; ValueError with advice for other JSON."""
    wanted = f"a report needs a file written by `analyse --out` (format {SAVED_FORMAT})"
    if isinstance(data, list):
        raise ValueError(
            f"{wanted}; this is a list, as `analyse --json` writes it, without the pictures: "
            "analyse again with --out DIR, which writes the reports, too"
        )
    if not isinstance(data, Mapping):
        raise ValueError(f"{wanted}; this holds something else")
    if data.get("format") != SAVED_FORMAT:
        raise ValueError(f"{wanted}, this one says {data.get('format', 'no format at all')}")
    pictures, analysis = data.get("pictures", {}), data.get("analysis")
    if not isinstance(pictures, Mapping) or not isinstance(analysis, Mapping):
        raise ValueError(f"{wanted}; this one is incomplete: analyse the image again")
    return from_plain_and_bytes(analysis, _bytes(pictures.get("view")), _bytes(pictures.get("saliency")))


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of one element."""
    text = resources.files("mammoqa.report").joinpath("schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _object(score: ObjectScore) -> dict[str, Any]:
    return {
        "name": score.name,
        "kind": score.kind,
        "size_mm": score.size_mm,
        "score": score.score,
        "p_present": score.p_present,
        "p_abnormal": score.p_abnormal,
        "centre_px": list(score.centre_px),
        "counted": score.counted,
        "deduction": score.deduction,
    }


def _contrast_detail(found: ContrastDetail) -> dict[str, Any]:
    """The curve and the share of the images in which each disc was found; null where there is no cell."""
    shares = {
        name: [[None if value < 0 else float(value) for value in row] for row in decisions.mean(axis=0)]
        for name, decisions in (("corner_found", found.corner), ("centre_found", found.centre))
    }
    return {
        "images": len(found.corner),
        "convention": found.convention,
        "search_mm": found.search_mm,
        "form": found.form,
        "diameters_mm": found.diameters_mm.tolist(),
        "thicknesses_um": found.thicknesses_um.tolist(),
        **shares,
        "curve": [_plain_mapping(point) for point in found.curve],
        "single_image": [_plain_mapping(one) for one in found.single],
    }


def _measurement(measurement: Measurement) -> dict[str, Any]:
    return _plain_mapping(measurement)


def _plain_mapping(value: Any) -> dict[str, Any]:
    plain: dict[str, Any] = to_plain(value)
    return plain


def _plain(value: Any) -> Any:
    """Strict JSON: a number that is not finite is null."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    plain = to_plain(value)
    return None if plain in ("NaN", "Infinity", "-Infinity") else plain


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode("ascii")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
