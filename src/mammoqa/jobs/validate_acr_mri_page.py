"""The page docs/validation/acr_mri_large.md, from the comparisons."""

from collections.abc import Sequence
from pathlib import Path

from mammoqa.jobs.validate_acr_mri import DIAMETER_TOLERANCE_MM, UNIFORMITY_TOLERANCE, Compared
from mammoqa.jobs.validate_acr_mri_more import section

_TITLES = {
    "percent_image_uniformity": "Percent image uniformity (%), slice 7",
    "percent_signal_ghosting": "Percent signal ghosting (%), slice 7",
    "slice_thickness": "Slice thickness (mm), slice 1",
    "slice_1_position": "Slice position: bar length difference (mm), slice 1",
    "slice_11_position": "Slice position: bar length difference (mm), slice 11",
    "slice_1_diameter_horizontal": "Diameter (mm), slice 1, horizontal",
    "slice_1_diameter_vertical": "Diameter (mm), slice 1, vertical",
    "slice_5_diameter_horizontal": "Diameter (mm), slice 5, horizontal",
    "slice_5_diameter_vertical": "Diameter (mm), slice 5, vertical",
    "slice_5_diameter_diagonal_up": "Diameter (mm), slice 5, diagonal from lower left to upper right",
    "slice_5_diameter_diagonal_down": "Diameter (mm), slice 5, diagonal from upper left to lower right",
}

_SAME = 0.011  # hazen gives two decimals

_INTRODUCTION = """# ACR large MRI phantom

Every axial stack under the data folder, measured by mammoqa and set beside what hazen 2.0.0 and pylinac 3.49.0 read
from the same files. Both are cross-checks, not ground truth: they disagree with each other. Truth comes from the
analytic phantom of the tests (tests/synthetic_acr_mri.py: uniformity within 0.5 points, ghosting within 0.1, diameters
within 0.3 mm, thickness within 0.3 mm, position within 0.5 mm).

Write this page again with `mammoqa validate acr_mri_large --data DIR --reference DIR`.
"""

_WHY_UNIFORMITY = """### Uniformity

hazen's way, repeated here: a region of 80 mm (rounded up to whole pixels) centred on the phantom to a whole pixel (the
nearest of nine centres, since its results do not name the centre). So centred, the region touches the plastic block at
the top, which ends 79.5 mm above the centre; the protocol wants it kept clear. In GE_Signa_3T_T1 hazen's lowest region
lies on the edge of that block (blue). mammoqa moves the region down by 2 mm. The interval tells what the choice of
place and size within the protocol is worth: 2 points in a strongly shaded image such as PhilipsAchieva.

![uniformity](acr_mri_uniformity.png)
"""

_WHY_DIAMETERS = """### Diameters

hazen takes whole pixels (0.98 mm in all stacks but one), last minus first, which is one pixel less than they cover, of
the convex hull of everything above 7 % of the brightest pixel, along one line. Three things follow:

- **Air at the top** (GE, GE_MR450W, GE_Signa_3T, Siemens): the hull bridges the bubble and cuts the arc; the vertical
  diameter comes out 1.4 to 2.9 mm short. The thin bright line above the block in GE_MR450W is not in its hull either.
  mammoqa follows the arc on either side of the bubble.
- **Whole pixels**: two slices of one phantom may differ by a pixel with hazen (GE_Signa_1.5T_T1, horizontal: 190.44 and
  189.46 mm) and agree here (189.10 and 189.14 mm).
- **Diagonals**: hazen turns the image by 45 degrees about its centre, a whole pixel, and again counts whole pixels.
  That centre is not in its results: "repeated" is the nearest of nine, and a centre one pixel away changes a diagonal
  by up to {spread:.1f} mm. In stacks with a solid plate in slice 5 the plate's corners reach the border; rays that meet
  them are left out here.

![air bubble](acr_mri_bubble.png)
"""

_WHY_THICKNESS = """### Slice thickness

By its published source, hazen reads seven pairs of lines and reports the one that is nearest to the nominal slice
thickness in the header, and counts half from the lowest pixel of the line, which lengthens the ramps: its values lie
0.1 to 0.6 mm above these, 1.2 mm in Siemens. In GE (noise, low contrast) lowest pixel and peak are both noise: 9.99 mm.
Here each ramp is the mean over a strip, divided by the shading of the water beside it and fitted as a box with soft
ends; the nominal value is never looked at. pylinac, which averages too, is within 0.4 mm of every value.

![ramps](acr_mri_ramps.png)
"""

_WHY_POSITION = """### Slice position

hazen slides one bar's profile over the other's and keeps the smallest positive error; where the profiles are noisy or
shaded that is not where the ends meet. The pictures show the bars and their ends as fitted here. In GE_Signa_3T_T1
slice 11 the left bar is plainly longer, by 6.6 mm, which is beyond the limit of 5 mm: hazen reads -1.0 mm. pylinac's
values are whole pixels, with the opposite sign (turned in the table).

![bars](acr_mri_bars.png)
"""

_LIMITS_OF_USE = """## What this does not show

- No stack here was measured by hand by a physicist; agreement between programs is not accuracy.
- Limits of diameter, uniformity and ghosting are those that PMC9359023 (table A) quotes from the ACR; those of
  thickness and position come from one list. None was compared with the current edition of the ACR guidance.
- The 148 mm length needs the sagittal localiser. How many spokes and which holes a person sees was not asked here: the
  thresholds are choices. Those of the spokes were made after hazen's counts had been seen.
- The slope of the ramps (1:10) and the 45 degrees of the wedges are taken as made.
- Ghosting below the noise is invisible in magnitude images: a ghost as strong as the noise is read at a third.
- Intervals hold noise, edge sharpness and the freedom that the protocol leaves. Gradient non-linearity correction and
  image filters of the scanner are in the values, not in the intervals.
- Two choices were made after these stacks and hazen's values had been seen. The uniformity region, and the placements
  behind its interval, lay 5 mm below the phantom's centre at first and lie 2 mm below it now. At 5 mm PhilipsAchieva
  read 76.8 % (3.9 points below hazen, so that two stacks were beyond 3 points) and GE_Signa_3T_T1 88.5 %. The
  thresholds that tell slices apart were set on these stacks too; there are no others to test them on.
- Slices are told apart by correlation with drawings: slice 1 had 0.89 to 0.95 (other slices at most 0.58; needed 0.70),
  slice 11 had 0.65 to 0.94 (slices without a ring at most 0.19; needed 0.50). Phantoms of another make were not tried.
"""


def page(compared: Sequence[Compared], reference: Path | None = None) -> str:
    """The whole page as Markdown; `reference` is the folder of what the peers found."""
    parts = [_INTRODUCTION, _summary(compared)]
    if any(c.hazen for c in compared):
        parts += ["## Where mammoqa differs from hazen, and why\n", _exceptions(compared)]
        spread = max(one.diagonal_spread_mm for one in compared)
        parts += [_WHY_UNIFORMITY, _WHY_DIAMETERS.format(spread=spread), _WHY_THICKNESS, _WHY_POSITION]
    parts += ["## All values\n", "Brackets hold the 95 % interval.\n"]
    parts += [_table(compared, name) for name in _TITLES]
    if all("snr" in one.measurements for one in compared):
        parts.append(section(compared, reference))
    parts.append(_LIMITS_OF_USE)
    return "\n".join(part.rstrip() + "\n" for part in parts)


def exceptions(compared: Sequence[Compared]) -> list[tuple[Compared, str]]:
    """Uniformities and diameters further from hazen's than the tolerance."""
    found = []
    for one in compared:
        for name in _TITLES:
            tolerance = _tolerance(name)
            difference = one.difference(name)
            if tolerance is not None and difference is not None and abs(difference) > tolerance:
                found.append((one, name))
    return found


def _tolerance(name: str) -> float | None:
    if name == "percent_image_uniformity":
        return UNIFORMITY_TOLERANCE
    return DIAMETER_TOLERANCE_MM if "diameter" in name else None


def _summary(compared: Sequence[Compared]) -> str:
    wanted = {*_TITLES, "resolution_upper_left", "resolution_lower_right", "low_contrast_spokes", "snr"}
    full = sum(wanted <= set(one.measurements) for one in compared)
    lines = [f"- **{full} of {len(compared)} stacks measured completely** ({len(wanted)} numbers each)"]
    lines.append(
        f"- locating and measuring took {max(c.seconds for c in compared):.2f} s of processor time at most"
    ) if compared else None
    checked = sum(one.difference(name) is not None for one in compared for name in _TITLES if _tolerance(name))
    if checked:
        lines.append(
            f"- {checked - len(exceptions(compared))} of {checked} uniformities and diameters within "
            f"{UNIFORMITY_TOLERANCE:g} points and {DIAMETER_TOLERANCE_MM:g} mm of hazen's; the others are below"
        )
    pairs = [(one, name) for one in compared for name in one.repeated if name in one.hazen]
    if pairs:
        same = sum(abs(one.repeated[name] - one.hazen[name]) < _SAME for one, name in pairs)
        lines.append(
            f"- {same} of {len(pairs)} of hazen's values come out the same when its way of reading is repeated on "
            'these images (column "repeated"); for uniformity and diagonals the best of nine centres was taken'
        )
    return "\n".join(lines)


def _exceptions(compared: Sequence[Compared]) -> str:
    rows = ["| Stack | Number | mammoqa | hazen | repeated | pylinac |", "|---|---|---|---|---|---|"]
    for one, name in exceptions(compared):
        rows.append(
            f"| {one.name} | {name} | {_ours(one, name)} | {_number(one.hazen, name)} | {_number(one.repeated, name)} "
            f"| {_number(one.pylinac, name)} |"
        )
    return "\n".join(rows) + "\n"


def _table(compared: Sequence[Compared], name: str) -> str:
    rows = [
        f"### {_TITLES[name]}\n",
        "| Stack | Field | mammoqa | hazen | difference | pylinac |",
        "|---|---|---|---|---|---|",
    ]
    for one in compared:
        difference = one.difference(name)
        gap = "" if difference is None else f"{difference:+.2f}"
        field_t = one.acquisition.field_strength_t
        field = "" if field_t is None else f"{field_t:g} T"
        rows.append(
            f"| {one.name} | {field} | {_ours(one, name)} | {_number(one.hazen, name)} "
            f"| {gap} | {_number(one.pylinac, name)} |"
        )
    return "\n".join(rows) + "\n"


def _ours(one: Compared, name: str) -> str:
    found = one.measurements.get(name)
    if found is None or found.low is None or found.high is None:
        return "not read"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _number(values: dict[str, float], name: str) -> str:
    return f"{values[name]:.2f}" if name in values else ""
