r"""The ACR Digital Mammography phantom (Gammex Mammo FFDM, CIRS 086): a whole field wide, objects in a wax insert.

Seen from the tube with the chest-wall edge at the bottom; the frame's origin is the centre of the wax insert:

      far edge
    +--------------------------------------------------+
    |                    ( cavity )                    |
    |        +------------------------------+          |     y
    |        | / \ / \ / \        fibres    |          |     |
    |        | :. :. :. :. :. :.  specks    |          |     v
    |        | O O o o . .        masses    |          |      -> x
    |        +------------------------------+          |
    +--------------------------------------------------+
      chest wall

Places: pylinac's region table, whose frame has x along the insert's 70 mm and y along its 130 mm. Ours is that frame
turned by a quarter: x = -y', y = x', so that the largest objects lie left and the fibres on top, as the accreditation
form shows them. Single source for the places; which long side faces the chest wall, and how far away, is recalled.
Sizes, layout of the body and acceptance: ACR's phantom page (verified). Diameters of the masses follow those of the
156 phantom at the same thickness (recalled). The contrast cavity is said to be 10 mm wide; its depth of 1 mm is a
choice that gives the contrast of about 5 % which the limits SNR 40 and CNR 2 imply, its place is a choice too.
"""

from mammoqa.core import Criterion, Insert, Layer, Outline, Phantom

_COLUMNS_MM = (-50.0, -30.0, -10.0, 10.0, 30.0, 50.0)
_FIBRES_MM = (0.89, 0.75, 0.61, 0.54, 0.40, 0.30)
_SPECKS_MM = (0.33, 0.28, 0.23, 0.20, 0.17, 0.14)
_MASSES_MM = (1.00, 0.75, 0.50, 0.38, 0.25, 0.20)  # thickness
_MASS_DIAMETERS_MM = (7.0, 6.2, 5.6, 5.3, 5.0, 4.9)  # recalled
_FIBRE_ROW_MM, _SPECK_ROW_MM, _MASS_ROW_MM = -20.0, 1.0, 22.0
_LOWER_MM = 1.0  # specks and masses lie 1 mm beside the columns of the fibres
_WALL_MM = 65.0  # from the insert's centre to the chest-wall edge (a choice)
_WIDTH_MM, _DEPTH_MM = 310.0, 190.0
_MANUAL = "ACR Digital Mammography Quality Control Manual (2018)"


def _inserts() -> tuple[Insert, ...]:
    fibres = [
        Insert(
            f"fibre-{i + 1}",
            "fibre",
            (x, _FIBRE_ROW_MM),
            d,
            "nylon",
            angle_deg=-45.0 if i % 2 == 0 else 45.0,
            length_mm=10.0,
            diameter_mm=d,
        )
        for i, (x, d) in enumerate(zip(_COLUMNS_MM, _FIBRES_MM, strict=True))
    ]
    specks = [
        Insert(
            f"speck-group-{i + 1}",
            "speck_group",
            (x + _LOWER_MM, _SPECK_ROW_MM),
            d,
            "glass",
            diameter_mm=d,
            ring_radius_mm=6.6,
            count=6,
        )
        for i, (x, d) in enumerate(zip(_COLUMNS_MM, _SPECKS_MM, strict=True))
    ]
    masses = [
        Insert(f"mass-{i + 1}", "mass", (x + _LOWER_MM, _MASS_ROW_MM), t, "acrylic", diameter_mm=d)
        for i, (x, t, d) in enumerate(zip(_COLUMNS_MM, _MASSES_MM, _MASS_DIAMETERS_MM, strict=True))
    ]
    return (*fibres, *specks, *masses)


def _at_least(name: str, unit: str, low: float, confidence: str = "verified") -> Criterion:
    return Criterion(name, unit, low, None, _MANUAL, confidence)


ACR_DM = Phantom(
    name="acr_dm",
    title="ACR Digital Mammography phantom",
    modality="MG",
    version="1",
    source="ACR's phantom page (sizes, acceptance); pylinac 3.49.0's region table (places, single)",
    outline=Outline(
        width_mm=_WIDTH_MM, length_mm=_DEPTH_MM, thickness_mm=41.0, offset_mm=(0.0, _WALL_MM - _DEPTH_MM / 2)
    ),
    insert_mm=(130.0, 70.0),
    layers=(
        Layer("cover", "acrylic", 3.0),  # recalled, as in the 156 phantom
        Layer("wax insert", "wax", 7.0, insert=True),
        Layer("base", "acrylic", 31.0),
    ),
    inserts=_inserts(),
    markers=(Insert("cavity", "cavity", (0.0, -55.0), 1.0, "air", diameter_mm=10.0),),
    criteria=(
        _at_least("fibres", "objects", 2.0),
        _at_least("speck_groups", "objects", 3.0),
        _at_least("masses", "objects", 2.0),
        _at_least("snr", "", 40.0, "recalled"),
        _at_least("cnr", "", 2.0, "recalled"),
        Criterion("artefact_deviation", "%", None, 15.0, "European guidelines 4th ed., homogeneity", "recalled"),
    ),
    lengths_mm=(
        ("fibre_full", 8.0),  # manual 2018: shortest visible length that scores 1
        ("fibre_half", 5.0),  # and 0.5
    ),
)
