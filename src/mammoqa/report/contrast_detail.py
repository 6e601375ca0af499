"""Charts of a contrast-detail phantom: the curve with its interval and EUREF's limits, and the matrix of hits."""

from typing import Any

import numpy as np

from mammoqa.core import Analysis, ContrastDetail
from mammoqa.report.charts import AMBER, BLUE, GREY, RED, styled

_SINGLE = "#b3541e"  # darker than the achievable limit's amber, and readable beside the blue
CURVE_CAPTION = (
    "Threshold gold thickness of human readers against the disc's diameter. Line and band: the curve and its 95 % "
    "interval; dots: each diameter alone. Upper line (red): EUREF acceptable; lower (amber, dashed): achievable."
)
SINGLE_CAPTION = (
    " Brown: the single-image estimate{each}, dashed lines its 95 % interval (a network, simulated training data)."
)
STRANGE_CAPTION = " Grey instead of brown: unlike the images of the training, its interval widened for it."
MATRIX_CAPTION = (
    "How many of the {images} images had the corner disc found, by cell: darkest for all, white for none; a quarter is "
    "what guessing finds. Frames are cells that the phantom has. Of the centre discs, {centre} were found."
)


def curve_chart(analysis: Analysis, width: int = 330, height: int = 270) -> Any:
    """The contrast-detail curve on logarithmic axes; None where there is none."""
    import altair as alt

    found = analysis.contrast_detail
    if found is None or not found.curve:
        return None
    rows: list[dict[str, Any]] = [
        {"d": p.diameter_mm, "t": p.value_um, "low": p.low_um, "high": p.high_um, "alone": p.measured_um}
        for p in found.curve
        if np.isfinite(p.value_um)
    ]
    limits: list[dict[str, Any]] = [
        {"d": p.diameter_mm, "limit": limit, "level": level}
        for p in found.curve
        for level, limit in (("acceptable", p.acceptable_um), ("achievable", p.achievable_um))
        if limit is not None
    ]
    marks = alt.Axis(values=[0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.31, 0.4, 0.5, 0.63, 0.8, 1.0], format="~g")
    x = alt.X("d:Q", scale=alt.Scale(type="log", domain=[0.075, 1.07], nice=False), axis=marks, title="Diameter, mm")
    single = _single_rows(found)
    heights = [row[name] for row in (*rows, *single) for name in ("low", "high")] + [row["limit"] for row in limits]
    domain = [0.9 * min(heights, default=0.03), 1.1 * max(heights, default=2.0)]
    ticks = alt.Axis(values=[0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5], format="~g")
    y = alt.Y("t:Q", scale=alt.Scale(type="log", domain=domain, nice=False, clamp=True), axis=ticks, title="Gold, µm")
    data = alt.Chart(alt.InlineData(values=rows), width=width, height=height)
    band = data.mark_area(color=BLUE, opacity=0.22).encode(x=x, y=alt.Y("low:Q", scale=y["scale"]), y2="high:Q")
    line = data.mark_line(color=BLUE, strokeWidth=1.8).encode(x=x, y=y)
    dots = data.mark_point(filled=True, size=34, color=BLUE, opacity=1).encode(x=x, y="alone:Q")
    levels = ["acceptable", "achievable"]
    colour = alt.Color("level:N", scale=alt.Scale(domain=levels, range=[RED, AMBER]), legend=None)
    dash = alt.StrokeDash("level:N", scale=alt.Scale(domain=levels, range=[[1, 0], [5, 3]]), legend=None)
    euref = alt.Chart(alt.InlineData(values=limits)).encode(x=x, y="limit:Q", color=colour)
    rules = euref.mark_line(strokeWidth=1.3).encode(strokeDash=dash)
    layers = [band, rules, euref.mark_point(filled=True, size=24), line, dots]
    if single:
        strange = alt.condition("datum.unlike", alt.value(GREY), alt.value(_SINGLE))
        own = alt.Chart(alt.InlineData(values=single)).encode(x=x, detail="image:N", color=strange)
        many = len(found.single) > 1
        layers.append(own.mark_line(strokeWidth=1.0 if many else 1.8, opacity=0.7 if many else 1.0).encode(y="t:Q"))
        if not many:
            ends = [own.mark_line(strokeWidth=1.1, strokeDash=[3, 2]).encode(y=name) for name in ("low:Q", "high:Q")]
            layers += ends
    return styled(alt.layer(*layers))


def curve_caption(found: ContrastDetail) -> str:
    """What the curve's chart shows."""
    if not found.single:
        return CURVE_CAPTION
    each = "" if len(found.single) == 1 else "s, one line for each image"
    words = SINGLE_CAPTION.format(each=each)
    if len(found.single) > 1:
        words = words.replace(", dashed lines its 95 % interval", "")
    return CURVE_CAPTION + words + (STRANGE_CAPTION if any(one.unlike for one in found.single) else "")


def _single_rows(found: ContrastDetail) -> list[dict[str, Any]]:
    return [
        {"d": p.diameter_mm, "t": p.value_um, "low": p.low_um, "high": p.high_um, "image": str(k), "unlike": one.unlike}
        for k, one in enumerate(found.single)
        for p in one.points
    ]


def matrix_chart(analysis: Analysis, step: int = 15) -> Any:
    """The share of images in which the corner disc of each cell was found; None where there is none."""
    import altair as alt

    found = analysis.contrast_detail
    if found is None:
        return None
    share = found.corner.mean(axis=0)
    names_t = [f"{t:g}" for t in found.thicknesses_um]
    names_d = [f"{d:g}" for d in found.diameters_mm]
    rows = [
        {"d": names_d[r], "t": names_t[c], "share": float(share[r, c])}
        for r, c in zip(*np.nonzero(share >= 0), strict=True)
    ]
    axis: dict[str, Any] = {"domain": False, "ticks": False, "grid": False, "labelFontSize": 9.5}
    x = alt.X("t:N", sort=names_t, axis=alt.Axis(title="Gold, µm", labelAngle=-90, **axis))
    y = alt.Y("d:N", sort=names_d, axis=alt.Axis(title="Diameter, mm", **axis))
    scale = alt.Scale(domain=[0, 0.25, 1], range=["#ffffff", "#dfe9f0", "#1f5f8b"])
    chart = alt.Chart(alt.InlineData(values=rows), width=alt.Step(step), height=alt.Step(step))
    cells = chart.mark_rect(stroke=GREY, strokeWidth=0.5).encode(
        x=x, y=y, color=alt.Color("share:Q", scale=scale, legend=None)
    )
    return styled(cells)


def matrix_caption(found: ContrastDetail) -> str:
    """What the matrix shows, with the share of the centre discs found."""
    used = found.centre >= 0
    return MATRIX_CAPTION.format(images=len(found.corner), centre=f"{100 * found.centre[used].mean():.0f} %")
