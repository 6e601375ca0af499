"""Mean glandular dose as the file states it (Organ Dose), with the limit of its thickness of PMMA."""

import re

from mammoqa.core import Image, Measurement, Phantom, Pose, Region

_NEAREST_MM = 3.0


def score_dose(image: Image, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """The stated dose in mGy; nothing where the file states none.

    The limit is that of the tabulated thickness within 3 mm of the stated one, taken as PMMA; without one, none.
    """
    facts = image.acquisition
    if facts.organ_dose_mgy is None:
        return (), ()
    limit, note, thickness_mm = None, "as the file states it", facts.thickness_mm
    if thickness_mm is None:
        note += "; the file states no thickness, on which the limit depends"
    else:
        known = {float(m[1]): c for c in phantom.criteria if (m := re.fullmatch(r"(\d+) mm PMMA", c.applies))}
        nearest = min(known, key=lambda mm: abs(mm - thickness_mm)) if known else None
        if nearest is not None and abs(nearest - thickness_mm) <= _NEAREST_MM:
            limit = known[nearest].high
            note += f"; limit for {nearest:g} mm of PMMA"
        else:
            note += f"; no limit for {thickness_mm:g} mm of PMMA"
    return (Measurement("mgd", facts.organ_dose_mgy, "mGy", limit_high=limit, note=note),), ()
