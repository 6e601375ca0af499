"""The pictures of `mammoqa validate acr156-explain`: curves drawn with Altair, saliency strips with Pillow."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from mammoqa.jobs.validate_acr156_explain_records import ABNORMAL, PRESENT, Curve, Results, SizeBias, Strip
from mammoqa.jobs.validate_acr156_explain_size import HEADLINE

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_OUTPUTS = ("present", "abnormal")
_PANEL_OF = {"present": "present, panel", "abnormal": "abnormal, panel"}
_BLUE, _AMBER, _GREY = "#1b6ca8", "#d9822b", "#8a9199"
_ORDERED = ["#fde0a1", "#fdb96b", "#f0794b", "#cc4a5f", "#8f2d72", "#4b1a6b"]
_PANEL_PX = (235, 190)
_TILE_PX, _GAP_PX, _LABEL_PX = 112, 4, 54
# Five points of matplotlib's "magma" (CC0), dark to bright
_MAGMA = np.array([[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]], dtype=float)
_COLOURS = 96  # of a strip's palette: noise does not compress, and a person sees no difference


def charts(results: Results) -> "dict[str, Any]":
    """A chart per name of file."""
    of = {name: [c for c in results.curves if c.experiment == name] for name in _TITLES}
    found = {
        "breaks": by_output(of["breaks"], "middle of the break, share of the length"),
        "growth": by_output(of["growth"], "visible share of the length"),
        "specks": by_count(of["specks"]),
        "deformation": by_shape(of["deformation"]),
    }
    headline = [b for b in results.biases if (b.kind, b.output, b.what) == HEADLINE]
    return found | {"size": by_size(headline)}


_TITLES = ("breaks", "growth", "specks", "deformation")


def by_output(found: Sequence[Curve], x_title: str) -> Any:
    """A panel per object: both outputs with their range over realisations, and the panel of readers dashed."""
    import altair as alt

    rows = [row for c in found for k in (PRESENT, ABNORMAL) for row in _rows(c, k, _OUTPUTS[k])]
    rows += [row for c in found for k in (PRESENT, ABNORMAL) for row in _panel_rows(c, k, _PANEL_OF[_OUTPUTS[k]])]
    names = [*_OUTPUTS, *_PANEL_OF.values()]
    colour = alt.Color(
        "series:N", title=None, scale=alt.Scale(domain=names, range=[_BLUE, _AMBER, _BLUE, _AMBER]), sort=names
    )
    return _faceted(rows, x_title, "probability", colour, names)


def by_count(found: Sequence[Curve]) -> Any:
    """A panel per group and output: a line per number of specks."""
    import altair as alt

    rows: list[dict[str, Any]] = []
    for c in found:
        group, count = c.name.split(": ")
        if count != "0":
            none = next(z for z in found if z.name == f"{group}: 0")
            for k in (PRESENT, ABNORMAL):
                panel = f"{_object(group)}, {_OUTPUTS[k]}"
                start = {"panel": panel, "series": count, "x": 0.0, "p": float(none.mean[0, k])}
                rows += [
                    start | {"low": float(none.low[0, k]), "high": float(none.high[0, k])},
                    *({**row, "panel": panel} for row in _rows(c, k, count)),
                ]
    counts = sorted({row["series"] for row in rows})
    colour = alt.Color("series:N", title="specks", scale=alt.Scale(domain=counts, range=_ORDERED), sort=counts)
    return _faceted(rows, "opacity", "probability", colour, counts, bands=False, columns=2)


def by_shape(found: Sequence[Curve]) -> Any:
    """Abnormality against deformation: a panel for the network and one for the readers, a line per size."""
    import altair as alt

    rows: list[dict[str, Any]] = []
    names = [_size_name(c.name) for c in found]
    for c in found:
        rows += [{**r, "panel": "network, abnormal"} for r in _rows(c, ABNORMAL, _size_name(c.name))]
        rows += [{**r, "panel": "network, present"} for r in _rows(c, PRESENT, _size_name(c.name))]
        rows += [{**r, "panel": "panel of readers, abnormal"} for r in _panel_rows(c, ABNORMAL, _size_name(c.name))]
    palette = [*_ORDERED[:0:-1][: len(names) - 1], _BLUE]
    colour = alt.Color("series:N", title=None, scale=alt.Scale(domain=names, range=palette), sort=names)
    return _faceted(rows, "from circle (0) to inscribed square (1)", "probability", colour, names, columns=3)


def by_size(found: Sequence[SizeBias]) -> Any:
    """Abnormality of equally visible masses against deformation: a panel per network and one for the readers."""
    import altair as alt

    rows: list[dict[str, Any]] = []
    names = [f"{s:g} mm" for s in sorted(found[0].sizes_mm, reverse=True)]
    for b in found:
        rows += _size_rows(b, b.means, b.network)
    rows += _size_rows(found[0], found[0].panel_means, "panel of readers")
    colour = alt.Color(
        "series:N", title="nominal size", scale=alt.Scale(domain=names, range=_ORDERED[: len(names)][::-1]), sort=names
    )
    return _faceted(rows, "from circle (0) to square (1)", "p(abnormal)", colour, names, bands=False, columns=3)


def _size_rows(b: SizeBias, means: Float[np.ndarray, "sizes levels"], panel: str) -> list[dict[str, Any]]:
    return [
        {"panel": panel, "series": f"{size:g} mm", "x": float(x), "p": float(p), "low": float(p), "high": float(p)}
        for size, line in zip(b.sizes_mm, means, strict=True)
        for x, p in zip(b.x, line, strict=True)
        if np.isfinite(p)
    ]


def _rows(c: Curve, output: int, series: str) -> list[dict[str, Any]]:
    return [
        {"panel": _object(c.name), "series": series, "x": float(x), "p": float(p), "low": float(a), "high": float(b)}
        for x, p, a, b in zip(c.x, c.mean[:, output], c.low[:, output], c.high[:, output], strict=True)
    ]


def _panel_rows(c: Curve, output: int, series: str) -> list[dict[str, Any]]:
    return [
        {"panel": _object(c.name), "series": series, "x": float(x), "p": float(p), "low": float(p), "high": float(p)}
        for x, p in zip(c.x, c.panel[:, output], strict=True)
        if np.isfinite(p)
    ]


def _object(name: str) -> str:
    return name.replace("-", " ")


def _size_name(name: str) -> str:
    return _object(name).replace(" third", ", a third as wide")


def _faceted(
    rows: list[dict[str, Any]],
    x_title: str,
    y_title: str,
    colour: Any,
    series: Sequence[str],
    *,
    bands: bool = True,
    columns: int = 3,
) -> Any:
    import altair as alt

    dashes = [[5, 4] if name in _PANEL_OF.values() else [1, 0] for name in series]
    x = alt.X("x:Q", title=x_title, scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("p:Q", title=y_title, scale=alt.Scale(domain=[0, 1]))
    base = alt.Chart().encode(x=x, color=colour)
    line = base.mark_line(strokeWidth=1.8).encode(y=y)
    if any(name in _PANEL_OF.values() for name in series):
        scale = alt.Scale(domain=list(series), range=dashes)
        line = line.encode(strokeDash=alt.StrokeDash("series:N", title=None, scale=scale))
    layers = [line]
    if bands:
        layers.insert(0, base.mark_area(opacity=0.16).encode(y="low:Q", y2="high:Q"))
    layers.append(
        base.transform_filter(alt.FieldOneOfPredicate("series", [s for s in series if s not in _PANEL_OF.values()]))
        .mark_point(filled=True, size=16, opacity=1)
        .encode(y=y)
    )
    layered = alt.layer(*layers, data=alt.InlineData(values=rows)).properties(width=_PANEL_PX[0], height=_PANEL_PX[1])
    panels = list(dict.fromkeys(row["panel"] for row in rows))
    chart = layered.facet(facet=alt.Facet("panel:N", title=None, sort=panels), columns=columns)
    # viewers' fonts are wider than the one that the legend was measured with
    return (
        chart.properties(padding={"left": 5, "top": 5, "right": 40, "bottom": 5})
        .configure_view(stroke="#d0d4d8")
        .configure_legend(symbolType="stroke", symbolStrokeWidth=2, symbolOpacity=1)
    )


def strip_picture(strip: Strip) -> "Picture":
    """Patches with their maps beneath and what the network says under each; rows of `columns`."""
    from PIL import Image, ImageDraw, ImageFont

    rows = -(-len(strip.patches) // strip.columns)
    step = 2 * _TILE_PX + _LABEL_PX + 3 * _GAP_PX
    sheet = Image.new("RGB", (strip.columns * (_TILE_PX + _GAP_PX) + _GAP_PX, rows * step + _GAP_PX), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for k, (patch, salient, label) in enumerate(zip(strip.patches, strip.maps, strip.labels, strict=True)):
        row, column = divmod(k, strip.columns)
        left, top = _GAP_PX + column * (_TILE_PX + _GAP_PX), _GAP_PX + row * step
        for picture in (_grey(patch), _heat(salient)):
            sheet.paste(Image.fromarray(picture).resize((_TILE_PX, _TILE_PX), Image.Resampling.BOX), (left, top))
            top += _TILE_PX + _GAP_PX
        draw.multiline_text((left, top - 2), label, fill="#222222", font=font, spacing=2)
    return sheet.quantize(_COLOURS, dither=Image.Dither.NONE)


def _grey(patch: Float[np.ndarray, "size size"]) -> UInt8[np.ndarray, "size size 3"]:
    """Displayed between robust ends, as a person would window it."""
    from scipy.ndimage import uniform_filter

    low, high = np.percentile(uniform_filter(patch, 3), (0.5, 99.7))
    tone = np.clip((patch - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
    return np.repeat(tone[..., None], 3, axis=2)


def _heat(salient: Float[np.ndarray, "size size"]) -> UInt8[np.ndarray, "size size 3"]:
    tone = np.sqrt(np.clip(salient, 0, 1))  # weak maps stay visible
    ends = np.linspace(0, 1, len(_MAGMA))
    return np.stack([np.interp(tone, ends, _MAGMA[:, k]) for k in range(3)], axis=-1).astype(np.uint8)


def pictures(strips: Iterable[Strip]) -> "dict[str, Picture]":
    """A strip per name of file."""
    return {f"{strip.name}_strip": strip_picture(strip) for strip in strips}
