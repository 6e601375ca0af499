"""Annotated pictures of an analysis: what was scored where, and what the network looked at.

The view's frame: the origin of the phantom frame lies at the centre of the picture, `view_scale` pixels per mm, y down.
Full, half and missing objects differ by colour (from Okabe and Ito's colour-blind-safe set), by the line of their box
and by the sign before their name.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from mammoqa.core import Analysis, ObjectScore, Region, ReportError
from mammoqa.phantoms import PHANTOMS

FULL, HALF, NONE, UNCOUNTED = "#56b4e9", "#f0b429", "#ff6f61", "#b9bec4"
_REGION = "#56b4e9"
_ARTEFACT = "#f0a5d6"  # Okabe and Ito's purple, lighter
ARTEFACTS = ("fibre-like", "speck-like", "mass-like")  # labels of their regions
_NAMED_ARTEFACTS = 8  # names of more would cover the picture
_BOX_MM = 16.0  # the patch that the network reads
_MARGIN_MM = 0.5  # around the insert
_FINER = 2  # drawn twice as fine and averaged, for smooth lines
_DASHES_MM = {FULL: None, HALF: (1.6, 0.9), NONE: (0.5, 0.6)}

# Five points of matplotlib's "magma" (CC0), dark to bright: perceptually uniform, safe for colour-blind readers.
_MAGMA = np.array([[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]], float)


_Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Mark:
    """A box to draw: its centre in mm, colour and words."""

    centre_mm: tuple[float, float]
    colour: str
    score: float
    label: str
    counted: bool


def annotated(analysis: Analysis, width_px: int = 1000) -> UInt8[np.ndarray, "rows columns 3"] | None:
    """The view with every object's box, score and probability, or the measured slices with their regions.

    None when the analysis has no view (a refusal).
    """
    if analysis.view is None:
        return None
    if analysis.view_slices or (analysis.regions and not analysis.objects):
        return _slices(analysis, width_px)
    window = _insert_window(analysis, analysis.view.shape)
    return _with_marks(_resized(analysis.view[window], width_px), analysis, list(_marks(analysis)))


def saliency_overlay(analysis: Analysis, width_px: int = 1000) -> UInt8[np.ndarray, "rows columns 3"] | None:
    """The view, darkened, under the saliency map: bright where a change would move the network's answer most.

    None when the analysis has no saliency map; ReportError when the map does not fit the view.
    """
    if analysis.view is None or analysis.saliency is None:
        return None
    if analysis.saliency.shape != analysis.view.shape[:2]:
        raise ReportError(f"a saliency map of {analysis.saliency.shape} does not fit a view of {analysis.view.shape}")
    window = _insert_window(analysis, analysis.view.shape)
    grey = np.asarray(_resized(analysis.view[window], width_px), float)
    levels = Image.fromarray(np.clip(analysis.saliency[window], 0, 1).astype(np.float32))
    size = (grey.shape[1], grey.shape[0])
    salient = np.clip(np.asarray(levels.resize(size, Image.Resampling.BOX if width_px < levels.width else 3)), 0, 1)
    tone = np.sqrt(salient)  # weak maps stay visible
    colour = np.stack([np.interp(tone, np.linspace(0, 1, len(_MAGMA)), _MAGMA[:, k]) for k in range(3)], axis=-1)
    alpha = (0.95 * tone)[..., None]
    mixed = grey * 0.75 * (1 - alpha) + colour * alpha
    picture = Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8))
    return _with_marks(picture, analysis, list(_marks(analysis)), labels=False)


def as_jpeg(picture: UInt8[np.ndarray, "rows columns 3"]) -> bytes:
    """A JPEG file of a picture, full colour resolution so that the labels stay crisp."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=87, subsampling=0, optimize=False)
    return buffer.getvalue()


def colour_of(score: float) -> str:
    """The colour of a score."""
    return FULL if score >= 1 else HALF if score > 0 else NONE


def _insert_window(analysis: Analysis, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The part of a view that holds the phantom's insert and a margin; all of it for phantoms without one."""
    phantom = PHANTOMS.get(analysis.phantom or "")
    if phantom is None or phantom.insert_mm is None or analysis.view_scale is None:
        return slice(None), slice(None)
    rows, columns = (
        slice(edge, size - edge)
        for size, wanted_mm in zip(shape[:2], phantom.insert_mm[::-1], strict=True)
        for edge in [max(0, round((size - (wanted_mm + 2 * _MARGIN_MM) * analysis.view_scale) / 2))]
    )
    return rows, columns


def _marks(analysis: Analysis) -> Iterable[_Mark]:
    """Boxes for the objects whose place in the phantom is known."""
    phantom = PHANTOMS.get(analysis.phantom or "")
    if phantom is None or analysis.view_scale is None:
        return
    places = {insert.name: insert.centre_mm for insert in phantom.inserts}
    for score in analysis.objects:
        if score.name in places:
            colour = colour_of(score.score) if score.counted else UNCOUNTED
            yield _Mark(places[score.name], colour, score.score, _words(score), score.counted)


def _words(score: ObjectScore) -> str:
    short = score.name.replace("speck-group", "specks").replace("-", " ")
    taken = f"-{score.deduction:g}" if score.deduction else ""
    return f"{short}  {score.score:g}{taken}"


def _resized(view: UInt8[np.ndarray, "rows columns *channels"], width_px: int) -> Image.Image:
    picture = Image.fromarray(view).convert("RGB")
    height_px = max(1, round(view.shape[0] * width_px / view.shape[1]))
    return picture.resize((width_px, height_px), Image.Resampling.LANCZOS)


def _with_marks(
    picture: Image.Image, analysis: Analysis, marks: Sequence[_Mark], *, labels: bool = True
) -> UInt8[np.ndarray, "rows columns 3"]:
    if not marks or analysis.view is None or analysis.view_scale is None:
        return np.asarray(picture)
    shown = analysis.view[_insert_window(analysis, analysis.view.shape)]
    scale = analysis.view_scale * picture.width / shown.shape[1] * _FINER
    overlay = Image.new("RGBA", (picture.width * _FINER, picture.height * _FINER), (0, 0, 0, 0))
    draw = ImageDraw.Draw(overlay)
    middle = (overlay.width / 2, overlay.height / 2)
    font = ImageFont.load_default(max(8.0, 2.0 * scale))
    for mark in marks:
        centre = (middle[0] + mark.centre_mm[0] * scale, middle[1] + mark.centre_mm[1] * scale)
        _draw_mark(draw, mark, centre, scale, font if labels else None)
    if labels:
        _draw_artefacts(draw, analysis, middle, scale)
    overlay = overlay.reduce(_FINER)
    return np.asarray(Image.alpha_composite(picture.convert("RGBA"), overlay).convert("RGB"))


def _draw_mark(
    draw: ImageDraw.ImageDraw,
    mark: _Mark,
    centre: tuple[float, float],
    scale: float,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont | None,
) -> None:
    half = _BOX_MM / 2 * scale
    left, top, right, bottom = centre[0] - half, centre[1] - half, centre[0] + half, centre[1] + half
    line = max(2, round(0.16 * scale))
    dashes = _DASHES_MM[colour_of(mark.score)]
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    for start, end in pairwise(corners):
        _line(draw, start, end, mark.colour, line, None if dashes is None else (dashes[0] * scale, dashes[1] * scale))
    if font is None:
        return
    tab = 2.9 * scale
    width = draw.textlength(mark.label, font) + 4.0 * scale
    draw.rectangle((left, top, left + width, top + tab), fill=(10, 14, 18, 190))
    _sign(draw, (left + 1.7 * scale, top + tab / 2), 0.85 * scale, mark)
    draw.text((left + 3.2 * scale, top + tab / 2), mark.label, fill=mark.colour, font=font, anchor="lm")
    if not mark.counted:
        note = "not counted"
        draw.text((left + 0.8 * scale, bottom - 0.7 * scale), note, fill=mark.colour, font=font, anchor="lb")


def _draw_artefacts(draw: ImageDraw.ImageDraw, analysis: Analysis, middle: tuple[float, float], scale: float) -> None:
    """A ring around each artefact that was deducted; the first few with their names."""
    if analysis.pose is None:
        return
    font = ImageFont.load_default(max(8.0, 1.8 * scale))
    line = max(2, round(0.2 * scale))
    for number, region in enumerate(r for r in analysis.regions if r.label in ARTEFACTS):
        points = analysis.pose.to_mm(np.asarray(region.points_px, float)) * scale + np.array(middle)
        ring = [(float(x), float(y)) for x, y in np.vstack([points, points[:1]])]
        draw.line(ring, fill="#0a0e12", width=line + 4, joint="curve")
        draw.line(ring, fill=_ARTEFACT, width=line, joint="curve")
        if number < _NAMED_ARTEFACTS:
            top = points[np.argmin(points[:, 1])]
            place = (float(top[0]), float(top[1]) - 0.6 * scale)
            box = draw.textbbox(place, region.label, font=font, anchor="ms")
            pad = 0.3 * scale
            draw.rectangle((box[0] - pad, box[1] - pad, box[2] + pad, box[3] + pad), fill=(10, 14, 18, 190))
            draw.text(place, region.label, fill=_ARTEFACT, font=font, anchor="ms")


def _sign(draw: ImageDraw.ImageDraw, centre: tuple[float, float], radius: float, mark: _Mark) -> None:
    """A full, half or empty disc: the score without colour."""
    box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
    if mark.score >= 1:
        draw.ellipse(box, fill=mark.colour)
        return
    if mark.score > 0:
        draw.pieslice(box, 90, 270, fill=mark.colour)
    draw.ellipse(box, outline=mark.colour, width=max(1, round(radius / 4)))


def _line(
    draw: ImageDraw.ImageDraw,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str,
    width: int,
    dashes: tuple[float, float] | None,
) -> None:
    if dashes is None:
        draw.line((*start, *end), fill=colour, width=width)
        return
    a, b = np.asarray(start), np.asarray(end)
    length = float(np.hypot(*(b - a)))
    for place in np.arange(0, length, sum(dashes)):
        first, last = a + (b - a) * place / length, a + (b - a) * min(place + dashes[0], length) / length
        draw.line((*first, *last), fill=colour, width=width)


def _slices(analysis: Analysis, width_px: int) -> UInt8[np.ndarray, "rows columns 3"]:
    """The measured slices in rows, enlarged, with their regions."""
    assert analysis.view is not None
    indices = analysis.view_slices or tuple(sorted({region.index for region in analysis.regions}))
    panels = np.split(analysis.view, len(indices), axis=1) if _fits(analysis.view, indices) else [analysis.view]
    columns = min(len(panels), 2 if len(panels) <= 4 else 3 if len(panels) <= 9 else 4)
    gap = max(2, width_px // 160)
    panel_px = (width_px - gap * (columns - 1)) // columns
    drawn = [
        _panel(panel, index, [r for r in analysis.regions if r.index == index], panel_px)
        for panel, index in zip(panels, indices, strict=False)
    ]
    rows = -(-len(drawn) // columns)
    height_px = max(picture.height for picture in drawn)
    sheet = Image.new("RGB", (width_px, rows * height_px + gap * (rows - 1)), "#0a0e12")
    for place, picture in enumerate(drawn):
        row, column = divmod(place, columns)
        sheet.paste(picture, (column * (panel_px + gap), row * (height_px + gap)))
    return np.asarray(sheet)


def _fits(view: UInt8[np.ndarray, "rows columns *channels"], indices: Sequence[int]) -> bool:
    return len(indices) > 0 and view.shape[1] % len(indices) == 0


def _panel(
    panel: UInt8[np.ndarray, "rows columns *channels"], index: int, regions: Sequence[Region], width_px: int
) -> Image.Image:
    picture = _resized(panel, width_px * _FINER)
    scale = picture.width / panel.shape[1]
    draw = ImageDraw.Draw(picture)
    line = max(2, round(picture.width / 260))
    outlines = [(np.asarray(region.points_px, float) + 0.5) * scale for region in regions]
    for region, points in zip(regions, outlines, strict=True):
        _polyline(draw, points, closed=region.closed, width=line)
    title = ImageFont.load_default(max(8.0, picture.width / 20))
    place = (picture.width * 0.025, picture.width * 0.02)
    draw.text(place, f"slice {index + 1}", fill="#ffffff", font=title)
    taken = [draw.textbbox(place, f"slice {index + 1}", font=title)]
    small = ImageFont.load_default(max(8.0, picture.width / 27))
    for region, points in zip(regions, outlines, strict=True):
        if len(points):
            taken.append(_caption(draw, region.label.replace("_", " "), points, picture.size, small, taken))
    return picture.reduce(_FINER)


def _polyline(draw: ImageDraw.ImageDraw, points: Float[np.ndarray, "n 2"], *, closed: bool, width: int) -> None:
    if len(points) < 2:
        return
    around = np.vstack([points, points[:1]]) if closed else points
    draw.line([(float(x), float(y)) for x, y in around], fill=_REGION, width=width, joint="curve")


def _caption(
    draw: ImageDraw.ImageDraw,
    label: str,
    points: Float[np.ndarray, "n 2"],
    size: tuple[int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    taken: Sequence[_Box],
) -> _Box:
    """Write a region's name beside it, inside the panel and clear of the names before it; gives its box."""
    left, top, right, bottom = draw.textbbox((0, 0), label, font=font)
    pad = (bottom - top) * 0.25
    width, height = right - left + 2 * pad, bottom - top + 2 * pad
    boxes = [_inside(x, y, width, height, size) for x, y in _places(points, width, height)]
    box = min(boxes, key=lambda candidate: sum(_overlap(candidate, other) for other in taken))  # the first among equals
    draw.rectangle(box, fill="#0a0e12")
    draw.text((box[0] + pad - left, box[1] + pad - top), label, fill=_REGION, font=font)
    return box


def _places(points: Float[np.ndarray, "n 2"], width: float, height: float) -> list[tuple[float, float]]:
    """Corners for a name around a region: below its lowest point, above its highest, at its sides, and further off."""
    lowest, highest = points[np.argmax(points[:, 1])], points[np.argmin(points[:, 1])]
    rightmost, leftmost = points[np.argmax(points[:, 0])], points[np.argmin(points[:, 0])]
    gap = 0.35 * height
    near = [
        (float(lowest[0] - width / 2), float(lowest[1] + gap)),
        (float(highest[0] - width / 2), float(highest[1] - gap - height)),
        (float(rightmost[0] + gap), float(rightmost[1] - height / 2)),
        (float(leftmost[0] - gap - width), float(leftmost[1] - height / 2)),
    ]
    further = [(x, y + step * height) for step in (1.1, -1.1, 2.2, -2.2) for x, y in near]
    return near + further


def _inside(x: float, y: float, width: float, height: float, size: tuple[int, int]) -> _Box:
    left = min(max(x, 4.0), max(4.0, size[0] - width - 4))
    top = min(max(y, 4.0), max(4.0, size[1] - height - 4))
    return (left, top, left + width, top + height)


def _overlap(one: _Box, other: _Box) -> float:
    """The area that two boxes share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)
