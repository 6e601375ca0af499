"""From detector values to the pixels that a unit stores: for processing, or processed for presentation.

Detector values grow with exposure. Presentation pixels grow with attenuation: the phantom is bright on dark air.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer, Real

Raw = Integer[np.ndarray, "rows columns"]


@dataclass(frozen=True, slots=True)
class Style:
    """How a vendor renders: the log attenuation span about the phantom, its place in the grey scale, and sharpening.

    `span` is the width of the shown range in units of ln(exposure); `level` where the insert's background lands (0..1);
    `sigmoid` bends the scale; `sharpening` is the weight of an unsharp mask of `radius_mm`; `equalised` the share of
    the slow background that is removed.
    """

    span: float
    level: float
    sigmoid: bool = False
    sharpening: float = 0.0
    radius_mm: float = 1.0
    equalised: float = 0.0


# Four generic styles; they stand for classes of vendor processing, not for any product.
STYLES = {
    "linear": Style(span=2.0, level=0.55),
    "sigmoid": Style(span=1.2, level=0.60, sigmoid=True),
    "sharpened": Style(span=1.0, level=0.50, sharpening=0.6),
    "equalised": Style(span=0.8, level=0.55, sharpening=0.3, radius_mm=2.0, equalised=0.5),
}


def log_pixels(raw: Raw, offset_dn: float, max_dn: int) -> Raw:
    """Raw values on a logarithmic scale, Pixel Intensity Relationship LOG with sign +1; same range."""
    values = np.arange(max_dn + 1, dtype=np.float64)
    table = np.log1p(np.clip(values - offset_dn, 0, None)) / np.log1p(max_dn - offset_dn) * max_dn
    return np.asarray(np.take(np.rint(table).astype(np.uint16), raw))


def present(raw: Raw, style: Style, background_dn: float, offset_dn: float, max_dn: int, pitch_mm: float) -> Raw:
    """Pixels for presentation, 12 bits, brighter where more is attenuated.

    `background_dn` is the insert's level in `raw`; it lands at the style's `level`.
    """
    values = np.arange(max_dn + 1, dtype=np.float64)
    attenuation = -np.log(np.clip(values - offset_dn, 1.0, None) / max(background_dn - offset_dn, 1.0))
    if style.sharpening == 0 and style.equalised == 0:
        return np.asarray(np.take(_grey(attenuation, style), raw))
    picture = np.take(attenuation.astype(np.float32), raw)
    return _grey(_filtered(picture, style, pitch_mm), style)


def _filtered(picture: Real[np.ndarray, "rows columns"], style: Style, pitch_mm: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter, zoom

    low = np.clip(picture, -2.0, None)
    if style.sharpening:
        blurred = gaussian_filter(low, style.radius_mm / pitch_mm, truncate=2.5)
        picture = picture + style.sharpening * (low - blurred)
    if style.equalised:
        step = max(1, round(2.0 / pitch_mm))
        coarse = gaussian_filter(low[::step, ::step], 15.0 / 2.0)
        factors = (picture.shape[0] / coarse.shape[0], picture.shape[1] / coarse.shape[1])
        slow = zoom(coarse, factors, order=1)[: picture.shape[0], : picture.shape[1]]
        picture = picture - style.equalised * slow
    return picture


def _grey(attenuation: np.ndarray, style: Style) -> np.ndarray:
    position = attenuation / style.span
    if style.sigmoid:
        shift = np.log(style.level / (1 - style.level))
        grey = 1 / (1 + np.exp(-np.clip(4 * position + shift, -40, 40)))
    else:
        grey = position + style.level
    return np.asarray(np.rint(np.clip(grey, 0.0, 1.0) * 4095).astype(np.uint16))


def film_pixels(raw: Raw, max_dn: int) -> Raw:
    """Digitised film shown on a light box: low optical density is bright."""
    return np.asarray(max_dn - raw)
