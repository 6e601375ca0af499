"""Pictures for docs/validation/acr_mri_large.md: cut-outs of slices with what was measured drawn on them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8

from mammoqa.jobs.validate_acr_mri_peers import hazen_hull

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from mammoqa.jobs.validate_acr_mri import Compared

_OURS = (255, 90, 60)
_THEIRS = (80, 190, 255)
_CAPTION_PX = 15


def pictures(compared: "Sequence[Compared]") -> "dict[str, Picture]":
    """File name -> picture, of the stacks that the page explains; those that are absent are left out."""
    by_name = {c.name: c for c in compared}
    wanted = {
        "acr_mri_bars.png": _beside(
            _bars(by_name[name], number)
            for name, number in (("GE", 11), ("GE_Signa_3T_T1", 11), ("Siemens_Sola_1.5T_T2", 1))
            if name in by_name
        ),
        "acr_mri_bubble.png": _beside(
            _bubble(by_name[name]) for name in ("Siemens", "GE_MR450W_1.5T_T2") if name in by_name
        ),
        "acr_mri_ramps.png": _stacked(
            _ramps(by_name[name]) for name in ("GE", "Siemens", "Siemens_MagnetomSkyra_3T_T1") if name in by_name
        ),
        "acr_mri_uniformity.png": _beside(
            _uniformity(by_name[name]) for name in ("GE_Signa_3T_T1", "PhilipsAchieva") if name in by_name
        ),
    }
    return {name: picture for name, picture in wanted.items() if picture is not None}


class _Cut:
    """A cut-out of a slice, enlarged; draws in pixels of the slice."""

    def __init__(self, compared: "Compared", number: int, box_mm: tuple[float, float, float, float], scale: float):
        from PIL import Image as Pillow

        image = compared.stack.images[compared.pose.slices[number - 1]]
        pitch_y, pitch_x = image.pitch_mm or (1.0, 1.0)
        centre = compared.pose.matrix[:, 2]
        left, right = (int(centre[0] + v / pitch_x) for v in box_mm[:2])
        top, bottom = (int(centre[1] + v / pitch_y) for v in box_mm[2:])
        left, top = max(left, 0), max(top, 0)
        part = image.pixels[top:bottom, left:right].astype(np.float64)
        self.origin = np.array([left, top], dtype=np.float64)
        self.scale = np.array([pitch_x, pitch_y]) * scale
        size = (round(part.shape[1] * self.scale[0]), round(part.shape[0] * self.scale[1]))
        grey = Pillow.fromarray(_grey(part, compared.pose.window[1])).resize(size, Pillow.Resampling.BICUBIC)
        self.picture = grey.convert("RGB")

    def brighten(self, factor: float) -> None:
        """Make faint signal visible."""
        self.picture = self.picture.point(lambda value: min(255, value * factor))

    def line(self, points_px: Float[np.ndarray, "n 2"], colour: tuple[int, int, int], *, closed: bool = False) -> None:
        """Draw a polyline."""
        from PIL import ImageDraw

        places = [tuple(p) for p in (points_px - self.origin + 0.5) * self.scale]
        ImageDraw.Draw(self.picture).line([*places, places[0]] if closed else places, fill=colour, width=1)

    def captioned(self, lines: Sequence[tuple[str, tuple[int, int, int]]]) -> "Picture":
        """The picture with lines of text beneath it."""
        from PIL import Image as Pillow
        from PIL import ImageDraw

        width, height = self.picture.size
        whole = Pillow.new("RGB", (width, height + _CAPTION_PX * len(lines) + 4), "black")
        whole.paste(self.picture, (0, 0))
        for i, (text, colour) in enumerate(lines):
            ImageDraw.Draw(whole).text((4, height + 2 + i * _CAPTION_PX), text, fill=colour)
        return whole


def _grey(part: Float[np.ndarray, "rows columns"], white: float) -> UInt8[np.ndarray, "rows columns"]:
    return np.clip(part / white * 255.0, 0, 255).astype(np.uint8)


def _draw_regions(cut: _Cut, compared: "Compared", number: int, labels: Iterable[str]) -> None:
    index = compared.pose.slices[number - 1]
    wanted = tuple(labels)
    for region in compared.regions:
        if region.index == index and region.label.startswith(wanted):
            cut.line(region.points_px, _OURS, closed=region.closed)


def _bars(compared: "Compared", number: int) -> "Picture":
    cut = _Cut(compared, number, (-25, 25, -99, -48), 5.0)
    _draw_regions(cut, compared, number, ("left bar", "right bar"))
    name = f"slice_{number}_position"
    ours, theirs = compared.measurements[name], compared.hazen.get(name, float("nan"))
    return cut.captioned(
        (
            (f"{compared.name}, slice {number}", (255, 255, 255)),
            (f"right - left {ours.value:+.1f} mm", _OURS),
            (f"hazen {theirs:+.1f} mm", _THEIRS),
        )
    )


def _bubble(compared: "Compared") -> "Picture":
    cut = _Cut(compared, 1, (-60, 60, -102, -52), 3.0)
    _draw_regions(cut, compared, 1, ("vertical",))
    name = "slice_1_diameter_vertical"
    hull = hazen_hull(compared.stack.images[compared.pose.slices[0]])
    x = float(compared.pose.matrix[0, 2])
    top = float(np.flatnonzero(hull[:, round(x)])[0]) - 0.5
    cut.line(np.array([[x - 60.0, top], [x + 60.0, top]]), _THEIRS)
    return cut.captioned(
        (
            (f"{compared.name}, slice 1", (255, 255, 255)),
            (f"vertical {compared.measurements[name].value:.1f} mm: end of our line", _OURS),
            (f"hazen {compared.hazen.get(name, float('nan')):.1f} mm: top of its hull", _THEIRS),
        )
    )


def _ramps(compared: "Compared") -> "Picture":
    cut = _Cut(compared, 1, (-92, 92, -9, 9), 4.0)
    cut.brighten(2.5)
    _draw_regions(cut, compared, 1, ("upper ramp", "lower ramp"))
    ours = compared.measurements["slice_thickness"]
    theirs, other = (peer.get("slice_thickness", float("nan")) for peer in (compared.hazen, compared.pylinac))
    text = f"{compared.name}: {ours.value:.2f} mm ({ours.note}); hazen {theirs:.2f} mm, pylinac {other:.2f} mm"
    return cut.captioned(((text, (255, 255, 255)),))


def _uniformity(compared: "Compared") -> "Picture":
    cut = _Cut(compared, 7, (-98, 98, -98, 98), 1.9)
    _draw_regions(cut, compared, 7, ("PIU region", "highest", "lowest"))
    if compared.repeated_low_mm is not None:
        pitch_y, pitch_x = compared.stack.images[0].pitch_mm or (1.0, 1.0)
        angle = np.linspace(0, 2 * np.pi, 60)
        ring = 5.64 * np.column_stack([np.cos(angle), np.sin(angle)]) + np.array(compared.repeated_low_mm)
        cut.line(ring / np.array([pitch_x, pitch_y]) + compared.pose.matrix[:, 2], _THEIRS)
    name = "percent_image_uniformity"
    return cut.captioned(
        (
            (f"{compared.name}, slice 7", (255, 255, 255)),
            (f"PIU {compared.measurements[name].value:.1f} %: our regions", _OURS),
            (f"hazen {compared.hazen.get(name, float('nan')):.1f} %: its lowest region", _THEIRS),
        )
    )


def _beside(parts: "Iterable[Picture]") -> "Picture | None":
    from PIL import Image as Pillow

    found = list(parts)
    if not found:
        return None
    whole = Pillow.new("RGB", (sum(p.width for p in found) + 6 * (len(found) - 1), max(p.height for p in found)))
    x = 0
    for part in found:
        whole.paste(part, (x, 0))
        x += part.width + 6
    return whole


def _stacked(parts: "Iterable[Picture]") -> "Picture | None":
    from PIL import Image as Pillow

    found = list(parts)
    if not found:
        return None
    whole = Pillow.new("RGB", (max(p.width for p in found), sum(p.height for p in found)))
    y = 0
    for part in found:
        whole.paste(part, (0, y))
        y += part.height
    return whole
