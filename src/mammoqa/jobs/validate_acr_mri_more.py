"""High-contrast resolution, spokes and SNR of the MRI phantom beside hazen and pylinac: their part of the page."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from mammoqa.core import Pose, Stack
from mammoqa.jobs.validate_acr_mri_peers import HAZEN, PYLINAC

if TYPE_CHECKING:
    from mammoqa.jobs.validate_acr_mri import Compared

SLICES = (8, 9, 10, 11)
_FILTER_PX = 25  # hazen's moving average, and
_ROI_PX = 20  # the side of its five squares


def peer_files(reference: Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What hazen and pylinac found, by stack; empty without their files."""
    if reference is None:
        return {}, {}
    paths = reference / HAZEN, reference / PYLINAC
    hazen, pylinac = (json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {} for path in paths)
    return hazen, pylinac


def section(compared: "Sequence[Compared]", reference: Path | None) -> str:
    """Three tables and why the programs differ."""
    hazen, pylinac = peer_files(reference)
    parts = [
        _WHY,
        "### High-contrast resolution (mm): smallest resolved holes, slice 1\n",
        _table(("upper left", "lower right", "depths 1.1, 1.0, 0.9", "hazen"), [_holes(c, hazen) for c in compared]),
        "### Low-contrast spokes, slices 8 to 11\n",
        _table(
            ("mammoqa", "sum", "needed", "hazen", "sum", "pylinac", "sum"),
            [_spokes(c, hazen, pylinac) for c in compared],
        ),
        "### Signal to noise, slice 7\n",
        _table(("mammoqa", "hazen", "hazen's way repeated"), [_snr(c, hazen) for c in compared]),
    ]
    return "\n".join(parts)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| Stack | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _holes(one: "Compared", hazen: dict[str, Any]) -> list[str]:
    found = one.measurements
    said = [f"{found[f'resolution_{side}'].value:.1f}" for side in ("upper_left", "lower_right")]
    depths = [
        ", ".join(f"{found[f'resolution_{side}_depth_{size}mm'].value:.2f}" for size in ("1_1", "1_0", "0_9"))
        for side in ("upper_left", "lower_right")
    ]
    theirs = [
        "none" if e["value"] == 99 else f"{e['value']:.1f}"
        for subtype in ("Upper Left", "Lower Right")
        for e in _entries(hazen, one.name, "acr_spatial_resolution")
        if e["subtype"] == subtype
    ]
    return [one.name, *said, " / ".join(depths), " / ".join(theirs)]


def _spokes(one: "Compared", hazen: dict[str, Any], pylinac: dict[str, Any]) -> list[str]:
    found = one.measurements
    total = found["low_contrast_spokes"]
    ours = " ".join(f"{found[f'spokes_slice_{k}'].value:.0f}" for k in SLICES)
    entries = {e["subtype"]: e["value"] for e in _entries(hazen, one.name, "acr_low_contrast_object_detectability")}
    theirs = [entries.get(f"slice {k}") for k in SLICES]
    key = "low_contrast_multi_slice_module.low_contrast_rois.slice_{}.score"
    others = [pylinac.get(one.name, {}).get(key.format(k)) for k in SLICES]
    return [
        one.name,
        ours,
        f"{total.value:.0f} [{total.low or 0:.0f}, {total.high or 0:.0f}]",
        "" if total.limit_low is None else f"{total.limit_low:.0f}",
        *_counts(theirs),
        *_counts(others),
    ]


def _counts(values: Sequence[float | None]) -> list[str]:
    known = [value for value in values if value is not None]
    return [" ".join(f"{v:.0f}" for v in known), f"{sum(known):.0f}"] if len(known) == len(values) else ["", ""]


def _snr(one: "Compared", hazen: dict[str, Any]) -> list[str]:
    found = one.measurements["snr"]
    theirs = [e["value"] for e in _entries(hazen, one.name, "acr_snr") if e["visibility"] == "intermediate"]
    again = repeat_hazen_snr(one.stack, one.pose)
    return [
        one.name,
        f"{found.value:.0f} [{found.low or 0:.0f}, {found.high or 0:.0f}]",
        f"{theirs[0]:.0f}" if theirs else "",
        f"{again:.0f}",
    ]


def _entries(hazen: dict[str, Any], name: str, task: str) -> list[dict[str, Any]]:
    found = hazen.get(name, {}).get(task, [])
    return found if isinstance(found, list) else []


def repeat_hazen_snr(stack: Stack, pose: Pose) -> float:
    """SNR by smoothing as hazen's published source has it (acr_snr.py, Apache-2.0), written anew."""
    pixels = stack.images[pose.slices[6]].pixels.astype(np.float64)
    noise = pixels - np.trunc(ndimage.uniform_filter(pixels, _FILTER_PX, mode="constant"))
    column, row = int(pose.matrix[0, 2]), int(pose.matrix[1, 2])
    ratios = []
    for dy, dx in ((0, 0), (-40, -40), (40, -40), (-40, 40), (40, 40)):
        part = _square(row + dy, column + dx)
        ratios.append(_ratio(pixels[part], noise[part]))
    return float(np.mean(ratios))


def _square(row: int, column: int) -> tuple[slice, slice]:
    half = _ROI_PX // 2
    return slice(row - half, row + half), slice(column - half, column + half)


def _ratio(signal: Float[np.ndarray, "rows columns"], noise: Float[np.ndarray, "rows columns"]) -> float:
    return float(signal.mean() / noise.std(ddof=1))


_WHY = """## High-contrast resolution, low-contrast spokes and SNR

Truth for these comes from digital reference slices (tests/acr_mri_reference.py, simulated): the hole arrays and spokes
drawn finely, cut in k-space to the matrix and made noisy. Pixels of 0.49 and 0.88 mm resolve 0.9 mm, those of 0.98 mm
1.0 mm, those of 1.41 mm nothing; noise alone resolves nothing. Holes of 0.9 mm in pixels of 0.98 mm lie beyond the
Nyquist frequency: four of them may still show four faint spots or not, as the pixels fall, in both programs. 39 of
40 spokes are counted with little noise and at most one without contrast; SNRs of 50 and 100 are right within 6 %.

- **Resolution.** An array is resolved when each gap of its best line is darker than its darker neighbour by a tenth of
  the holes' signal, read on a cubic spline as a smooth viewer shows it. hazen counts peaks in whole pixel rows: where a
  line crosses from one row of pixels to the next it finds none (-1 in its tables), and it calls 0.9 mm resolved in
  arrays where a larger one was not (Siemens_Sola_1.5T_T2). Here a size counts only where all larger ones do.
- **Spokes.** A hole is seen at twice the scatter of the same fit at empty places, a choice that was made after hazen's
  counts had been seen. hazen tests each hole for significance in a model of its whole profile; where it gives counts,
  the sums here lie between 10 below and 2 above, mostly by slice 8 with its contrast of 1.4 %, where one hole near the
  rim's ringing stops the count. A sum whose interval reaches across the limit (GE_Signa_3T_T1) wants a person's eye.
  hazen failed on four stacks.
  pylinac's threshold of visibility is set for no stack in particular: its counts run from 7 to 35 on images in which
  nearly all spokes are plain. GE, with pixels of 0.5 mm and a sequence of its own, is too noisy for slices 8 and 9.
- **SNR.** hazen takes off a moving average of 25 pixels, which leaves part of the coil's shading in the noise: the more
  shading, the lower its SNR (Siemens_MagnetomSkyra_3T_T1). Here a surface of second degree is taken off each square.
  hazen's way repeated gives hazen's value within 4 %. In GE its squares of 20 pixels are 10 mm wide.
"""
