"""From a CDMAM's detector values to the image that a unit stores, with the facts of its acquisition."""

import numpy as np
from jaxtyping import Float, UInt16

from mammoqa.core import Acquisition, Image, Intent, Source
from mammoqa.physics import Detector
from mammoqa.simulate import presentation
from mammoqa.simulate.expose import TURNS
from mammoqa.simulate.exposure import Exposure

Raw = UInt16[np.ndarray, "rows columns"]


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
    pixels, bits, relation = _pixels(raw, matrix, exposure, detector)
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


def _pixels(raw: Raw, matrix: Float[np.ndarray, "2 3"], exposure: Exposure, detector: Detector) -> tuple[Raw, int, str]:
    """Film as a light box shows it, processed for presentation, or raw on a linear or logarithmic scale."""
    if detector.kind == "film":
        return np.asarray(presentation.film_pixels(raw, detector.max_dn)), detector.bits, "DISP"
    if exposure.intent is Intent.FOR_PRESENTATION:
        style = presentation.STYLES[exposure.style]
        level = _background_dn(raw, matrix)
        shown = presentation.present(raw, style, level, detector.offset_dn, detector.max_dn, detector.pitch_mm)
        return np.asarray(shown), 12, "DISP"
    if exposure.pixel_intensity == "LOG":
        raw = np.asarray(presentation.log_pixels(raw, detector.offset_dn, detector.max_dn))
    if exposure.monochrome1:
        raw = (detector.max_dn - raw).astype(np.uint16)
    return raw, detector.bits, exposure.pixel_intensity


def _background_dn(raw: Raw, matrix: Float[np.ndarray, "2 3"]) -> float:
    """The median detector value about the middle of the cells."""
    x, y = (round(float(v)) for v in matrix[:, 2])
    part = raw[max(y - 150, 0) : y + 150, max(x - 150, 0) : x + 150]
    return float(np.median(part)) if part.size else float(np.median(raw))
