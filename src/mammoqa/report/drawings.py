"""Everything drawn for one analysis, once for both the web page and the PDF."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mammoqa.core import Analysis

OBJECTS_CAPTION = "The upright phantom. Solid box, full disc: score 1; dashed, half disc: 0.5; dotted, ring: 0."
ARTEFACTS_CAPTION = " Purple rings: artefacts that look like objects and were deducted."
SLICES_CAPTION = "The measured slices with the regions that the numbers come from."
PHANTOM_CAPTION = (
    "The phantom as it was printed: the largest discs at the upper right, gold thicker to the lower right."
)
SALIENCY_CAPTION = "Saliency: bright where a change of the image would move the network's answer most."
CURVE_MAP_CAPTION = "OMIG: bright where changing pixels would move the single-image estimate of the curve most."
MEASUREMENTS_CAPTION = "Each row has its own scale; the allowed range is shaded."
_THRESHOLDS = " The score follows from the thresholds, the short upright lines, which need not lie at 0.5."
_MARKS = " Diamonds: score 0.5; crosses: 0; grey: not counted."
OBJECTS_CHART_CAPTION = "Calibrated probabilities of each object." + _MARKS
RULES_CHART_CAPTION = "Shares of simulated readers, strict to lenient, who would say so of each object." + _MARKS

Thresholds = tuple[tuple[str, tuple[float, float]], ...]


@dataclass(frozen=True, slots=True)
class Drawings:
    """Pictures as JPEG files and charts as SVG text; None where the analysis gives none."""

    annotated: bytes | None
    saliency: bytes | None
    objects_chart: str | None
    measurements_chart: str | None
    matrix_chart: str | None
    captions: tuple[tuple[str, str], ...]


def drawings(analysis: Analysis, thresholds: Mapping[str, tuple[float, float]]) -> Drawings:
    """The pictures and charts of one analysis; those of the last one are kept."""
    return _draw(analysis, tuple(sorted(thresholds.items())))


@lru_cache(maxsize=1)
def _draw(analysis: Analysis, thresholds: Thresholds) -> Drawings:
    from mammoqa.report import charts, contrast_detail
    from mammoqa.report.picture import annotated, as_jpeg, saliency_overlay

    picture, salient = annotated(analysis, width_px=1100), saliency_overlay(analysis, width_px=850)
    objects = charts.objects_chart(analysis, dict(thresholds)) if analysis.objects else None
    limited = any(m.limit_low is not None or m.limit_high is not None for m in analysis.measurements)
    measurements = charts.measurements_chart(analysis) if limited else None
    measurements_caption, matrix, matrix_caption = MEASUREMENTS_CAPTION, None, ""
    if analysis.contrast_detail is not None:
        measurements, matrix = contrast_detail.curve_chart(analysis), contrast_detail.matrix_chart(analysis)
        measurements_caption = contrast_detail.curve_caption(analysis.contrast_detail)
        matrix_caption = contrast_detail.matrix_caption(analysis.contrast_detail)
    return Drawings(
        annotated=None if picture is None else as_jpeg(picture),
        saliency=None if salient is None else as_jpeg(salient),
        objects_chart=None if objects is None else charts.svg(objects),
        measurements_chart=None if measurements is None else charts.svg(measurements),
        matrix_chart=None if matrix is None else charts.svg(matrix),
        captions=(
            ("annotated", _picture_caption(analysis)),
            ("saliency", SALIENCY_CAPTION if analysis.contrast_detail is None else CURVE_MAP_CAPTION),
            ("objects_chart", _objects_caption(analysis, bool(thresholds))),
            ("measurements_chart", measurements_caption),
            ("matrix_chart", matrix_caption),
        ),
    )


def _objects_caption(analysis: Analysis, thresholds: bool) -> str:
    if analysis.provenance.model is None:
        return RULES_CHART_CAPTION
    return OBJECTS_CHART_CAPTION + (_THRESHOLDS if thresholds else "")


def _picture_caption(analysis: Analysis) -> str:
    if not analysis.objects:
        return SLICES_CAPTION if analysis.regions else PHANTOM_CAPTION
    from mammoqa.report.picture import ARTEFACTS

    return OBJECTS_CAPTION + (ARTEFACTS_CAPTION if any(r.label in ARTEFACTS for r in analysis.regions) else "")
