r"""The CDMAM 3.4 contrast-detail phantom: gold discs on an aluminium plate under a cover of acrylic (PMMA).

The frame, in mm: x to the right, y downwards, origin at the centre of the 16 x 16 square of cells, as its printed side
is seen with the largest discs at the upper right. The square is turned by 45 degrees and lacks its left and right
corners, so the plate is longer along y than along x. Unlike other phantoms, it has no chest-wall edge of its own: in
use either long edge lies at the chest wall (at the right or left of this frame), or a short one on a large detector.

                 /\/\                     y
        row 15 /  /\   \ row 0            |
              |  /  \   |                 v
    column 0  | / cell\ |  column 15     -> x
              | \    /  |
               \  \/   /
                 \/\/

    axis u: to the lower right, 10 mm a column, the gold gets thicker; axis v: to the lower left, 10 mm a row, the
    discs get smaller. Cell (row, column), from 0: u = (column - 7.5) 10 mm, v = (row - 7.5) 10 mm;
    x = (u - v) / sqrt 2, y = (u + v) / sqrt 2.

Each cell holds two equal discs: one at its centre, one at 2.95 mm along u and v from it, towards one of the corners
1 (+u, -v: right), 2 (+u, +v: bottom), 3 (-u, +v: left), 4 (-u, -v: top).

What is how certain. Diameters, thicknesses, pitch and true corners: two independent public readers (WAD-QC MG_CDMAM and
imageQC) agree on 205 of 205 cells, and so does cdcom 1.5.2 on images drawn with them (verified). Corner offset: where
hits of cdcom peak; other codes use 2.5 to 2.98 mm (single). Size of the plate, aluminium 0.5 mm and grid printed in
x-ray contrasting paint: manufacturer (single). The cover (3 mm) and where the square lies on the plate (its centre):
recalled. Together with the plate, 3 mm of acrylic attenuate as the 10 mm of acrylic that the manufacturer states.
"""

import math

from mammoqa.core import Cell, Criterion, Layer, Outline, Phantom

PITCH_MM = 10.0
CORNER_OFFSET_MM = 2.95
DIAMETERS_MM = (2.0, 1.6, 1.25, 1.0, 0.8, 0.63, 0.5, 0.4, 0.31, 0.25, 0.2, 0.16, 0.13, 0.1, 0.08, 0.06)
THICKNESSES_UM = (0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.36, 0.5, 0.71, 1.0, 1.42, 2.0)
_CORNER_UV = ((1, -1), (1, 1), (-1, 1), (-1, -1))  # of codes 1 to 4
_CODES = (  # rows: diameters; columns: thicknesses; 0: no such cell
    "0321432123000000",
    "1123233121400000",
    "1311441433420000",
    "2434321323142000",
    "1131214242233100",
    "4214214134122410",
    "1424421322313142",
    "2112334144312141",
    "3314142232432312",
    "0242133114334411",
    "0013424322343344",
    "0004142244242131",
    "0000244342312421",
    "0000021232343434",
    "0000003233114332",
    "0000000422422340",
)
_LIMITS_UM = (  # diameter, acceptable and achievable threshold of human readers
    (2.0, 0.069, 0.038),
    (1.0, 0.091, 0.056),
    (0.5, 0.150, 0.103),
    (0.25, 0.352, 0.244),
    (0.1, 1.68, 1.10),
)
_EUREF = "European guidelines for quality assurance in breast cancer screening, 4th edition, table of CDMAM thresholds"


def _turned(u_mm: float, v_mm: float) -> tuple[float, float]:
    return ((u_mm - v_mm) / math.sqrt(2.0), (u_mm + v_mm) / math.sqrt(2.0))


def _cell(row: int, column: int, code: int) -> Cell:
    u_mm, v_mm = (column - 7.5) * PITCH_MM, (row - 7.5) * PITCH_MM
    corners_mm = tuple(_turned(u_mm + su * CORNER_OFFSET_MM, v_mm + sv * CORNER_OFFSET_MM) for su, sv in _CORNER_UV)
    return Cell(
        row=row,
        column=column,
        diameter_mm=DIAMETERS_MM[row],
        thickness_um=THICKNESSES_UM[column],
        centre_mm=_turned(u_mm, v_mm),
        corners_mm=corners_mm,
        corner=code - 1,
        side_mm=PITCH_MM,
    )


def _criterion(diameter_mm: float, limit_um: float, level: str) -> Criterion:
    return Criterion(f"threshold_{diameter_mm:.2f}_mm", "um", None, limit_um, _EUREF, "verified", level)


CDMAM34 = Phantom(
    name="cdmam34",
    title="CDMAM 3.4 contrast-detail phantom",
    modality="MG",
    version="1",
    source="WAD-QC MG_CDMAM and imageQC (cells), cdcom 1.5.2 (corners), Artinis product page (plate)",
    outline=Outline(width_mm=162.0, length_mm=240.0, thickness_mm=3.5),
    layers=(Layer("cover", "acrylic", 3.0), Layer("plate", "aluminium", 0.5)),
    criteria=tuple(
        _criterion(diameter_mm, limit_um, level)
        for diameter_mm, acceptable_um, achievable_um in _LIMITS_UM
        for limit_um, level in ((acceptable_um, "acceptable"), (achievable_um, "achievable"))
    ),
    lengths_mm=(("cell_pitch", PITCH_MM), ("corner_offset", CORNER_OFFSET_MM)),
    cells=tuple(
        _cell(row, column, int(code))
        for row, codes in enumerate(_CODES)
        for column, code in enumerate(codes)
        if code != "0"
    ),
)
