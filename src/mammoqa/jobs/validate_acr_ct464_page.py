"""The page docs/validation/acr_ct464.md and its pictures, from the comparisons."""

from collections.abc import Sequence
from pathlib import Path

import mammoqa
from mammoqa.jobs.validate_acr_ct464 import CNR_TOLERANCE, CT_NUMBER_TOLERANCE_HU, Compared, Row

_WIDTH_PX = 1200
_TOLERANCES = {"ct_number": CT_NUMBER_TOLERANCE_HU, "low_contrast_cnr": CNR_TOLERANCE}
PEER_VERSION = "3.49.0"


def save(compared: Sequence[Compared], day: str, out: Path) -> tuple[Path, tuple[str, ...]]:
    """Write the page and its pictures into `out`; its path, and what was missed."""
    from mammoqa.report.picture import annotated, as_jpeg

    folder = out / "acr_ct464"
    folder.mkdir(parents=True, exist_ok=True)
    for one in compared:
        picture = annotated(one.analysis, _WIDTH_PX)
        if picture is not None:
            (folder / f"{one.name}.jpg").write_bytes(as_jpeg(picture))
    missed = tuple(text for one in compared for text in _missed(one))
    page = out / "acr_ct464.md"
    page.write_text(_page(compared, day, missed), encoding="utf-8")
    return page, missed


def _tolerance(row: Row) -> float | None:
    return next((value for name, value in _TOLERANCES.items() if row.name.startswith(name)), None)


def _missed(one: Compared) -> list[str]:
    """Numbers beyond the tolerance though pylinac's region lies rightly."""
    if not one.rows:
        return [f"{one.name}: not compared with pylinac ({one.peer.get('error', 'not asked')})"]
    return [
        f"{one.name}: {row.name} {row.ours:.2f} beside pylinac's {row.theirs:.2f}"
        for row in one.rows
        if row.rightly and (limit := _tolerance(row)) is not None and abs(row.difference) > limit
    ]


def _page(compared: Sequence[Compared], day: str, missed: Sequence[str]) -> str:
    parts = [
        "# ACR CT 464 phantom",
        "Two scans of real phantoms, measured whole by mammoqa and set beside what pylinac reads from the same files. "
        "pylinac is a cross-check, not ground truth. Truth comes from drawn stacks in the tests "
        "(tests/score/test_acr_ct.py): CT numbers within 1 HU, slice width within 0.5 mm, CNR within 0.25, uniformity "
        "within 0.7 HU, bead distance within 0.25 mm, the MTF of the edge within 6 %, that of the bars within 0.06.",
        f"Made by `mammoqa validate acr-ct464` on {day} with mammoqa {mammoqa.__version__}, pylinac {PEER_VERSION}.",
        _aims(compared, missed),
        *(_stack(one) for one in compared),
        _LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def _aims(compared: Sequence[Compared], missed: Sequence[str]) -> str:
    whole = sum(all(k >= 0 for k in one.analysis.pose.slices) for one in compared if one.analysis.pose is not None)
    rows = [row for one in compared for row in one.rows]
    checked = [row for row in rows if row.rightly and _tolerance(row) is not None]
    same = [row for row in rows if row.repeated is not None]
    close = sum(abs((row.repeated or 0.0) - row.theirs) < 0.35 for row in same)
    lines = [
        f"- **{whole} of {len(compared)} scans measured with all four modules**, slice width and verdict included, "
        "which pylinac does not give",
        f"- {len(checked) - sum('beside' in text for text in missed)} of {len(checked)} CT numbers and CNRs within "
        f"{CT_NUMBER_TOLERANCE_HU:g} HU and {CNR_TOLERANCE:g} of pylinac's, each program in its own slice",
        f"- {close} of {len(same)} of pylinac's values come out within 0.35 when its slice, region and formula are "
        'repeated on these images (column "repeated")',
    ]
    lines += [f"- **not reached:** {text}; the table says why" for text in missed]
    return "\n".join(lines)


def _stack(one: Compared) -> str:
    facts, verdict = one.analysis.acquisition, one.analysis.verdict
    unit = " ".join(part for part in (facts.manufacturer, facts.model) if part)
    found = one.measurements
    told = [
        f"{name.replace('_', ' ')} {found[name].value:.2f} {found[name].unit}".rstrip()
        for name in ("slice_width", "high_contrast_resolution", "mtf_50", "mtf_10", "module_distance", "roll")
        if name in found
    ]
    head = [
        f"## {one.name}",
        f"{unit}, {facts.kvp:g} kV, slices of {facts.slice_thickness_mm:g} mm every {one.stack.spacing_mm:g} mm. "
        f"Verdict: **{verdict.outcome}**" + (f" ({verdict.reason})" if verdict.reason else "") + ".",
        "Not in pylinac, or by another definition: " + ", ".join(told) + ".",
        f"![modules with their regions](acr_ct464/{one.name}.jpg)",
    ]
    return "\n\n".join([*head, _table(one.rows)] if one.rows else head)


def _table(rows: Sequence[Row]) -> str:
    lines = ["| Number | mammoqa | pylinac | difference | repeated | pylinac's place |", "|---|---|---|---|---|---|"]
    for row in rows:
        again = "" if row.repeated is None else f"{row.repeated:.2f}"
        lines.append(
            f"| {row.name} | {row.ours:.2f} | {row.theirs:.2f} | {row.difference:+.2f} | {again} | {row.why} |"
        )
    return "\n".join(lines)


_LIMITS = """## Why they differ

- **Slices.** pylinac takes fixed distances from the slice it believes to be module 1: 30, 70 and 100 mm, of modules
  whose centres lie 40, 80 and 120 mm away. Module 4 begins at 100 mm. In ADULT_ABD_12 its resolution slice is therefore
  the border between modules 3 and 4, where bars and even body mix: its medians there are 90 to 600 HU instead of 1100,
  and its relative MTF is that of the mixture.
- **CT numbers.** mammoqa reads the slice beside the beads, towards module 2; in PED_BODY_6 this is pylinac's slice.
  Regions of 10 mm radius as in pylinac's are 314 mm2, more than the protocol's 200 mm2. An edge-sharpening filter
  makes that matter: bone reads 972 HU in the larger region and 964 HU in the smaller. Both are told.
- **CNR.** One slice's CNR has a standard error of about 15 %: the contrast of 6 HU is known to 0.9 HU from 113 mm2 of
  correlated noise, the noise to 7 %. A difference of 0.1 between two slices says nothing; the interval tells more.
- **Beads.** pylinac looks for the two beads in one slice, which in both scans does not show them: its distances are
  those of the brightest noise. mammoqa looks 6 mm to either side of the module's centre.

## What this does not show

- No stack was measured by hand by a physicist; two scans of two makes are not many.
- The limits are those of the reference list, marked as recalled there; none was compared with the current ACR text.
- Bars count as seen from a modulation of 0.05 at their own frequency, a choice: a reader may stop one group earlier.
- Which parts lie where was read from these two scans and pylinac's table, to about 1 mm.
- The slice width is the full width at half maximum of the wires' brightness; the protocol counts wires by eye.
"""
