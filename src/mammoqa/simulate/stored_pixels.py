"""From detector values to pixel values as a unit stores them: film, for presentation, or raw on either scale."""

from collections.abc import Callable

import numpy as np
from jaxtyping import UInt16

from mammoqa.core import Intent
from mammoqa.physics import Detector
from mammoqa.simulate import presentation
from mammoqa.simulate.exposure import Exposure

Raw = UInt16[np.ndarray, "rows columns"]


def stored_pixels(
    raw: Raw, exposure: Exposure, detector: Detector, level_dn: Callable[[], float]
) -> tuple[Raw, int, str]:
    """Pixels, bits stored and pixel intensity relationship; `level_dn` gives the background for presentation."""
    if detector.kind == "film":
        return np.asarray(presentation.film_pixels(raw, detector.max_dn)), detector.bits, "DISP"
    if exposure.intent is Intent.FOR_PRESENTATION:
        style = presentation.STYLES[exposure.style]
        shown = presentation.present(raw, style, level_dn(), detector.offset_dn, detector.max_dn, detector.pitch_mm)
        return np.asarray(shown), 12, "DISP"
    if exposure.pixel_intensity == "LOG":
        raw = np.asarray(presentation.log_pixels(raw, detector.offset_dn, detector.max_dn))
    if exposure.monochrome1:
        raw = (detector.max_dn - raw).astype(np.uint16)
    return raw, detector.bits, exposure.pixel_intensity
