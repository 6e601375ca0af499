"""A mammography flat field: an even PMMA block over the whole detector, with or without a test object on it.

Objects that are measured where they are seen: a square of 0.2 mm aluminium, 10 mm wide (CNR and SDNR, 40 mm from the
chest wall on 45 mm of PMMA: IAEA), and a metal plate with a straight, slightly slanted edge (MTF, IEC 62220-1-2).

Limits: European guidelines, 4th edition (2006) with its 2013 supplement, recalled but for deviating pixels (single).
"""

from mammoqa.core import Criterion, Insert, Outline, Phantom

_EUREF = "European guidelines, 4th edition, 2006 (supplement 2013)"
# PMMA in mm: acceptable mean glandular dose in mGy
_DOSES = ((20, 1.0), (30, 1.5), (40, 2.0), (45, 2.5), (50, 3.0), (60, 4.5), (70, 6.5))

MAMMO_FLAT = Phantom(
    name="mammo_flat",
    title="Mammography flat field",
    modality="MG",
    version="1",
    source=f"{_EUREF}; IEC 62220-1-2; IAEA Human Health Series 17",
    outline=Outline(width_mm=300.0, length_mm=240.0, thickness_mm=45.0),
    inserts=(Insert("aluminium", "square", (0.0, 0.0), 10.0, "aluminium", length_mm=10.0),),
    criteria=(
        Criterion("uniformity_mean", "%", None, 15.0, f"{_EUREF}: largest deviation from the centre", "recalled"),
        Criterion("uniformity_snr", "%", None, 15.0, f"{_EUREF}: largest deviation from the mean", "recalled"),
        *(
            Criterion("mgd", "mGy", None, dose, f"{_EUREF}: acceptable at {mm} mm PMMA", "recalled", f"{mm} mm PMMA")
            for mm, dose in _DOSES
        ),
    ),
    lengths_mm=(
        ("roi", 20.0),
        ("border", 10.0),  # of the field, left out
        ("deviating_pixel_percent", 20.0),
        ("deviating_roi_percent", 15.0),
    ),
)
