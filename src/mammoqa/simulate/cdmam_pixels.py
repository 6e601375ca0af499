"""From a CDMAM's detector values to the image that a unit stores, with the facts of its acquisition."""

import numpy as np
from jaxtyping import Float

from mammoqa.core import Acquisition, Image, Source
from mammoqa.physics import Detector
from mammoqa.simulate.expose import TURNS
from mammoqa.simulate.exposure import Exposure
from mammoqa.simulate.stored_pixels import Raw, stored_pixels


def stored_image(
    raw: Raw,
    matrix: Float[np.ndarray, "2 3"],
    exposure: Exposure,
    detector: Detector,
    facts: tuple[float, float, float, str],
) -> Image:
    """Pixels as the unit keeps them, turned to its chest-wall side.

    `matrix` takes phantom mm to pixels of `raw`; `facts` are mAs, dose in mGy, thickness in mm and the phantom's title.
    """
    mas, dose_mgy, thickness_mm, title = facts
    pixels, bits, relation = stored_pixels(raw, exposure, detector, lambda: _background_dn(raw, matrix))
    pixels = np.ascontiguousarray(np.rot90(pixels, TURNS[exposure.chest_wall]))
    pixels.setflags(write=False)
    acquisition = Acquisition(
        modality="MG",
        manufacturer="mammoqa simulation",
        model=detector.name,
        station=exposure.station,
        device_serial=exposure.device_serial,
        acquired_at=exposure.acquired_at,
        description=f"Simulated {title}"[:64],
        intent=exposure.intent,
        pixel_intensity=relation,
        kvp=exposure.kvp,
        mas=round(mas, 1),
        anode=exposure.anode,
        filter_material=exposure.filter_material,
        thickness_mm=thickness_mm,
        organ_dose_mgy=round(dose_mgy, 3),
        magnification=1.0,
    )
    return Image(
        pixels=pixels,
        pitch_mm=(detector.pitch_mm, detector.pitch_mm),
        source=Source(path="simulated", sha256=""),
        acquisition=acquisition,
        bits_stored=bits,
        saturated=(0.0, float((1 << bits) - 1)),
        inverted=exposure.monochrome1,
    )


def _background_dn(raw: Raw, matrix: Float[np.ndarray, "2 3"]) -> float:
    """The median detector value about the middle of the cells."""
    x, y = (round(float(v)) for v in matrix[:, 2])
    part = raw[max(y - 150, 0) : y + 150, max(x - 150, 0) : x + 150]
    return float(np.median(part)) if part.size else float(np.median(raw))
