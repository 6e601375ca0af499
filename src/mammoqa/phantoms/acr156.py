"""The ACR "small" mammography accreditation phantom (Gammex/RMI 156, CIRS 015, Nuclear Associates 18-220).

Seen from the tube with the chest-wall edge at the bottom (numbers as in the accreditation form):

    1 fibre  2 fibre  3 fibre  4 fibre
    5 fibre  6 fibre  7 specks 8 specks
    9 specks 10 specks 11 specks 12 mass
    13 mass  14 mass  15 mass  16 mass

Fibres, specks and masses: manufacturer leaflets and the CRCPD phantom evaluation page (verified). Pitch 20 mm, ring
radius of the specks, insert size and mass diameters are commonly quoted (recalled). Specks are crushed alumina graded
by sieve: the nominal size is the mesh, and an irregular grain that just passes it holds less than the sphere of that
diameter. They are drawn as spheres of 0.75 of the nominal diameter, 0.42 of its volume: assumed, so that readers who
see specks from three to four standard deviations on (Rose) count about four groups at 1.5 mGy; not measured.
"""

from mammoqa.core import Criterion, Insert, Layer, Outline, Phantom

_PITCH_MM = 20.0
_FIBRES_MM = (1.56, 1.12, 0.89, 0.75, 0.54, 0.40)
_SPECKS_MM = (0.54, 0.40, 0.32, 0.24, 0.16)
_GRAIN = 0.75  # diameter of the sphere of a grain's volume, relative to the mesh (assumed)
_MASSES_MM = (2.00, 1.00, 0.75, 0.50, 0.25)  # thickness
_MASS_DIAMETERS_MM = (8.0, 7.0, 6.2, 5.6, 5.0)  # diameters fall with thickness (recalled)


def _centre_mm(index: int) -> tuple[float, float]:
    row, column = divmod(index, 4)
    return ((column - 1.5) * _PITCH_MM, (row - 1.5) * _PITCH_MM)


def _inserts() -> tuple[Insert, ...]:
    fibres = [
        Insert(
            f"fibre-{i + 1}",
            "fibre",
            _centre_mm(i),
            d,
            "nylon",
            angle_deg=45.0 if i % 2 == 0 else -45.0,
            length_mm=10.0,
            diameter_mm=d,
        )
        for i, d in enumerate(_FIBRES_MM)
    ]
    specks = [
        Insert(
            f"speck-group-{i + 1}",
            "speck_group",
            _centre_mm(6 + i),
            d,
            "alumina",
            diameter_mm=_GRAIN * d,
            ring_radius_mm=3.0,
            count=6,
        )
        for i, d in enumerate(_SPECKS_MM)
    ]
    masses = [
        Insert(f"mass-{i + 1}", "mass", _centre_mm(11 + i), t, "acrylic", diameter_mm=d)
        for i, (t, d) in enumerate(zip(_MASSES_MM, _MASS_DIAMETERS_MM, strict=True))
    ]
    return (*fibres, *specks, *masses)


def _at_least(name: str, low: float) -> Criterion:
    return Criterion(name, "objects", low, None, "ACR Mammography Quality Control Manual (1999)", "verified")


ACR156 = Phantom(
    name="acr156",
    title="ACR mammography accreditation phantom (156 type)",
    modality="MG",
    version="2",
    source="manufacturer leaflets; CRCPD phantom image quality evaluation; ACR 1999 manual",
    outline=Outline(width_mm=102.0, length_mm=108.0, thickness_mm=44.0, offset_mm=(0.0, 0.0)),
    insert_mm=(81.0, 81.0),
    layers=(
        Layer("cover", "acrylic", 3.0),
        Layer("wax insert", "wax", 7.0, insert=True),
        Layer("base", "acrylic", 33.0),
    ),
    inserts=_inserts(),
    markers=(
        Insert(
            "acrylic disc", "disc", (-20.0, -30.0), 4.0, "acrylic", diameter_mm=10.0
        ),  # between and below fibres 1 and 2
        Insert("letters", "letters", (30.0, 46.0), 0.2, "lead", length_mm=20.0),
    ),
    criteria=(_at_least("fibres", 4.0), _at_least("speck_groups", 3.0), _at_least("masses", 3.0)),
)
