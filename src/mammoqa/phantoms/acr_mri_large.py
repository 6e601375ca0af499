r"""The ACR large MRI phantom: a water-filled cylinder, read in eleven axial slices of 5 mm, 10 mm apart.

Slice 1 as the protocol shows it (the frame of every slice; the air bubble and the wedges are at the top):

            ..--[##]--..            y
          .'  o  ##      '.         |
         /   (O) ##        \        v     ## two crossed 45 degree wedges (slices 1 and 11)
        | ================= |       -> x  == bar with two crossed 1:10 ramps (slice 1)
         \   [:. resolution]/
          '.            .'
            ''--....--''

Lengths and criteria: ACR, Large and Medium Phantom Test Guidance for the MRI Accreditation Program; limits of diameter,
uniformity and ghosting as PMC9359023 (table A) quotes them (verified), of thickness and position from one list
(single). Places of the parts: read from images of thirteen stacks, to about 1 mm (single).
"""

from mammoqa.core import Criterion, Insert, Outline, Phantom

_GUIDANCE = "ACR Large and Medium Phantom Test Guidance"
_QUOTED = f"{_GUIDANCE}, as quoted in PMC9359023, table A"

_CRITERIA = (
    Criterion("diameter", "mm", 188.0, 192.0, f"{_QUOTED}: 190 mm within 2 mm", "verified"),
    Criterion("slice_thickness", "mm", 4.3, 5.7, f"{_GUIDANCE}, slice thickness: 5.0 mm within 0.7 mm", "single"),
    Criterion("slice_position", "mm", -5.0, 5.0, f"{_GUIDANCE}, slice position: bar length difference", "single"),
    Criterion(
        "percent_image_uniformity", "%", 87.5, None, f"{_QUOTED}: intensity uniformity", "verified", "field < 3 T"
    ),
    Criterion(
        "percent_image_uniformity", "%", 82.0, None, f"{_QUOTED}: intensity uniformity", "verified", "field >= 3 T"
    ),
    Criterion("percent_signal_ghosting", "%", None, 2.5, f"{_QUOTED}: percent signal ghosting", "verified"),
    Criterion("high_contrast_resolution", "mm", None, 1.0, f"{_GUIDANCE}, high-contrast resolution", "single"),
    Criterion("low_contrast_spokes", "", 7.0, None, f"{_GUIDANCE}, low contrast", "single", "field < 1.5 T"),
    Criterion("low_contrast_spokes", "", 30.0, None, f"{_GUIDANCE}, low contrast", "single", "field 1.5 T, T1"),
    Criterion("low_contrast_spokes", "", 25.0, None, f"{_GUIDANCE}, low contrast", "single", "field 1.5 T, T2"),
    Criterion("low_contrast_spokes", "", 37.0, None, f"{_GUIDANCE}, low contrast", "single", "field >= 3 T, T1"),
    Criterion("low_contrast_spokes", "", 37.0, None, f"{_GUIDANCE}, low contrast", "single", "field >= 3 T, T2"),
)

ACR_MRI_LARGE = Phantom(
    name="acr_mri_large",
    title="ACR large MRI accreditation phantom",
    modality="MR",
    version="1",
    source=f"{_GUIDANCE}; hazen 2.0.0 for the length criteria",
    outline=Outline(thickness_mm=148.0, diameter_mm=190.0),
    markers=(
        Insert("notch", "block", (0.0, -87.0), 11.7, "acrylic", length_mm=14.0),
        Insert("wedges", "wedge", (0.0, -78.0), 11.7, "acrylic", length_mm=30.0, z_mm=0.0),
        Insert("wedges-11", "wedge", (0.0, -78.0), 11.7, "acrylic", length_mm=30.0, z_mm=100.0),
        Insert("ramp bar", "ramp", (0.0, 0.0), 10.5, "acrylic", length_mm=177.0),
        Insert("resolution block", "block", (0.0, 39.0), 38.0, "acrylic", length_mm=115.0),
        Insert("tube", "ring", (-45.0, -44.0), 6.0, "acrylic", ring_radius_mm=16.5),
        Insert("low-contrast ring", "ring", (0.0, 8.0), 6.0, "acrylic", ring_radius_mm=48.0, z_mm=100.0),
    ),
    inserts=tuple(
        Insert(f"{side} {size_mm:.1f} mm", "holes", (x_mm, 37.6), size_mm, "water", count=16)
        for size_mm, x_mm in ((1.1, -13.7), (1.0, 9.2), (0.9, 32.0))
        for side in ("upper left", "lower right")
    ),
    criteria=_CRITERIA,
    lengths_mm=(
        ("diameter", 190.0),
        ("height", 148.0),
        ("slice_distance", 10.0),
        ("slice_count", 11.0),
        ("slice_thickness", 5.0),
        ("ramp_run_per_rise", 10.0),
        ("uniformity_radius", 79.8),  # 200 cm2, the middle of the protocol's 195 to 205 cm2
        ("uniformity_offset", 2.0),  # downwards, just clear of the notch, which ends 79.5 mm above the centre
        ("small_roi_radius", 5.64),  # 1 cm2
        ("ghost_roi_area_cm2", 10.0),
        ("ghost_roi_aspect", 4.0),
    ),
)
