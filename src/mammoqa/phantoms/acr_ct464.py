r"""The ACR CT accreditation phantom (Gammex 464): a solid cylinder of 200 mm with four modules of 40 mm each.

Module 1 as it is seen with its TOP mark up (the frame of all modules, origin on the axis):

            ..--||--..            y     || ramps of wires, 0.5 mm of z from wire to wire, 2 mm apart in y
          .'    ||    '.          |
         /  PE      B   \         v     PE polyethylene, B bone, AC acrylic, AI air
        |                |        -> x
         \  AC  ||  AI  /
          '.    ||    .'                steel beads at 12, 3, 6 and 9 o'clock on the surface (modules 1 and 4)
            ''--||--''

Module 2: rods of low contrast, the one of 25 mm at 12 o'clock. Module 3: even, two beads 100 mm apart. Module 4: eight
squares of bars, 4 lp/cm at 10 o'clock, rising against the clock to 12 lp/cm at 12 o'clock.

Parts: ACR, Phantom Testing: CT, and McCollough et al., Med. Phys. 31 (2004) 2423; their places as pylinac 3.49.0 has
them, checked on scans of two scanners to 1 mm (single). Limits: recalled, unless said otherwise.
"""

from mammoqa.core import Criterion, Insert, Outline, Phantom

_MANUAL = "ACR CT accreditation program, phantom testing (2022)"
_HU_AT = "kvp 110 to 130"  # the ranges of the materials hold for the adult abdomen protocol, 120 kVp; water's always

_CRITERIA = (
    Criterion("ct_number_water", "HU", -7.0, 7.0, f"{_MANUAL}: water", "recalled"),
    Criterion("ct_number_air", "HU", -1005.0, -970.0, f"{_MANUAL}: air", "recalled", _HU_AT),
    Criterion("ct_number_polyethylene", "HU", -107.0, -84.0, f"{_MANUAL}: polyethylene", "recalled", _HU_AT),
    Criterion("ct_number_acrylic", "HU", 110.0, 135.0, f"{_MANUAL}: acrylic", "recalled", _HU_AT),
    Criterion("ct_number_bone", "HU", 850.0, 970.0, f"{_MANUAL}: bone", "recalled", _HU_AT),
    Criterion("slice_width_error", "mm", -1.5, 1.5, f"{_MANUAL}: within 1.5 mm of the prescribed width", "recalled"),
    Criterion("low_contrast_cnr", "", 1.0, None, f"{_MANUAL}: adult head", "recalled", "adult head"),
    Criterion("low_contrast_cnr", "", 1.0, None, f"{_MANUAL}: adult abdomen", "recalled", "adult abdomen"),
    Criterion("low_contrast_cnr", "", 0.7, None, f"{_MANUAL}: paediatric head", "recalled", "paediatric head"),
    Criterion("low_contrast_cnr", "", 0.4, None, f"{_MANUAL}: paediatric abdomen", "recalled", "paediatric abdomen"),
    Criterion("ct_number_centre", "HU", -7.0, 7.0, f"{_MANUAL}: centre of module 3, as water", "recalled"),
    Criterion("uniformity_12_oclock", "HU", -5.0, 5.0, f"{_MANUAL}: edge less centre", "recalled"),
    Criterion("uniformity_3_oclock", "HU", -5.0, 5.0, f"{_MANUAL}: edge less centre", "recalled"),
    Criterion("uniformity_6_oclock", "HU", -5.0, 5.0, f"{_MANUAL}: edge less centre", "recalled"),
    Criterion("uniformity_9_oclock", "HU", -5.0, 5.0, f"{_MANUAL}: edge less centre", "recalled"),
    Criterion("high_contrast_resolution", "lp/cm", 6.0, None, f"{_MANUAL}: adult abdomen", "recalled", "adult abdomen"),
    Criterion(
        "high_contrast_resolution", "lp/cm", 8.0, None, f"{_MANUAL}: chest, high resolution", "recalled", "chest"
    ),
)

_DIAGONAL = 44.55  # 63 mm from the axis at 45 degrees
_BAR = 49.5  # 70 mm at 45 degrees

ACR_CT464 = Phantom(
    name="acr_ct464",
    title="ACR CT accreditation phantom (464)",
    modality="CT",
    version="1",
    source=f"{_MANUAL}; McCollough et al. 2004; pylinac 3.49.0 for places",
    outline=Outline(thickness_mm=160.0, diameter_mm=200.0),
    inserts=(
        Insert("polyethylene", "material", (-_DIAGONAL, -_DIAGONAL), 25.0, "polyethylene", z_mm=0.0),
        Insert("bone", "material", (_DIAGONAL, -_DIAGONAL), 25.0, "bone", z_mm=0.0),
        Insert("acrylic", "material", (-_DIAGONAL, _DIAGONAL), 25.0, "acrylic", z_mm=0.0),
        Insert("air", "material", (_DIAGONAL, _DIAGONAL), 25.0, "air", z_mm=0.0),
        Insert("water", "material", (-63.0, 0.0), 25.0, "water", z_mm=0.0),
        Insert("rod", "low contrast", (0.0, -60.0), 25.0, z_mm=40.0),
        Insert("4 lp/cm", "bars", (-_BAR, -_BAR), 4.0, "aluminium", length_mm=15.0, z_mm=120.0),
        Insert("5 lp/cm", "bars", (-70.0, 0.0), 5.0, "aluminium", length_mm=15.0, z_mm=120.0),
        Insert("6 lp/cm", "bars", (-_BAR, _BAR), 6.0, "aluminium", length_mm=15.0, z_mm=120.0),
        Insert("7 lp/cm", "bars", (0.0, 70.0), 7.0, "aluminium", length_mm=15.0, z_mm=120.0),
        Insert("8 lp/cm", "bars", (_BAR, _BAR), 8.0, "aluminium", length_mm=15.0, z_mm=120.0),
        Insert("9 lp/cm", "bars", (70.0, 0.0), 9.0, "aluminium", length_mm=15.0, z_mm=120.0),
        Insert("10 lp/cm", "bars", (_BAR, -_BAR), 10.0, "aluminium", length_mm=15.0, z_mm=120.0),
        Insert("12 lp/cm", "bars", (0.0, -70.0), 12.0, "aluminium", length_mm=15.0, z_mm=120.0),
    ),
    markers=(
        Insert("upper ramp", "wires", (0.0, -53.0), 2.0, "steel", length_mm=20.0, z_mm=0.0),
        Insert("lower ramp", "wires", (0.0, 53.0), 2.0, "steel", length_mm=20.0, z_mm=0.0),
        Insert("inner bead", "bead", (14.1, -14.1), 0.28, "tungsten carbide", z_mm=80.0),
        Insert("outer bead", "bead", (-56.6, 56.6), 0.28, "tungsten carbide", z_mm=80.0),
    ),
    criteria=_CRITERIA,
    lengths_mm=(
        ("diameter", 200.0),
        ("module", 40.0),
        ("material_roi_radius", 10.0),  # as pylinac; the protocol's 200 mm2 are told beside
        ("cnr_roi_radius", 6.0),  # about 100 mm2, as pylinac
        ("cnr_background_angle_deg", -25.0),  # from the rod, on the same circle
        ("uniformity_roi_radius", 11.28),  # 400 mm2
        ("uniformity_roi_distance", 66.0),  # its edge one diameter from the surface
        ("wire_y_per_z", 4.0),
        ("bead_distance", 100.0),
    ),
)
