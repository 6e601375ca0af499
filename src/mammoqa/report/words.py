"""Words for people: titles of metrics and kinds, numbers with their units, advice for each refusal."""

import math
from types import MappingProxyType

from mammoqa.core import Measurement, Outcome, ReasonCode

KIND_TITLES = MappingProxyType({"fibre": "Fibre", "speck_group": "Speck group", "mass": "Mass"})
_METRIC_TITLES = MappingProxyType(
    {
        "fibres": "Fibres",
        "speck_groups": "Speck groups",
        "masses": "Masses",
        "p_pass": "Probability of passing",
        "iqf": "Image quality figure (IQF)",
        "mas": "Tube load",
        "mtf50": "MTF at one half",
        **{f"single_image_threshold_{d}_mm": f"One image, {d} mm" for d in ("1.00", "0.50", "0.25", "0.10")},
    }
)
# words inside names that are written otherwise than in lower case
_SPELLED = MappingProxyType(
    {
        "ct": "CT",
        "mtf": "MTF",
        "cnr": "CNR",
        "sdnr": "SDNR",
        "snr": "SNR",
        "nnps": "NNPS",
        "mgd": "MGD",
        "oclock": "o'clock",
        "lp": "lp per",
    }
)
_UNITS = MappingProxyType({"um": "µm", "um mm": "µm mm", "uGy/mAs": "µGy/mAs"})
VERDICTS = MappingProxyType(
    {
        Outcome.PASS: "Pass",
        Outcome.FAIL: "Fail",
        Outcome.MEASURED: "Measured",
        Outcome.REFUSED: "Not analysed",
    }
)

# What to do after each refusal, beside the reason that the refusing room gives.
ADVICE = MappingProxyType(
    {
        ReasonCode.NOT_FOUND: "Check the path, and that this computer may read the folder.",
        ReasonCode.NOT_DICOM: "Export the image from the unit or the archive as DICOM and analyse that file.",
        ReasonCode.DAMAGED_FILE: "Send the image again from the unit or the archive; this copy is incomplete.",
        ReasonCode.NOT_AN_IMAGE: "Choose the image objects of the study; reports and plans hold no pixels.",
        ReasonCode.UNSUPPORTED_ENCODING: "Export the image uncompressed (Explicit VR Little Endian) and try again.",
        ReasonCode.UNSUPPORTED_MODALITY: "mammoqa reads mammography, radiography, CT and MR images only.",
        ReasonCode.COLOUR_IMAGE: "Use the grey-scale original, not a screenshot or a colour secondary capture.",
        ReasonCode.TOO_LARGE: "Export single images or one series at a time.",
        ReasonCode.NO_PIXEL_SPACING: "Use the original image of the unit, which states its pixel spacing.",
        ReasonCode.NOT_A_PHANTOM: "Choose the image of a test phantom.",
        ReasonCode.UNKNOWN_PHANTOM: "Choose an image of a phantom from the list that `mammoqa analyse --help` gives.",
        ReasonCode.WRONG_VIEW: "Repeat the image in the view that the phantom's protocol asks for.",
        ReasonCode.INCOMPLETE_STACK: "Send the whole series; every slice is needed.",
        ReasonCode.NOT_LOCATED: "Repeat the image with the phantom flat, whole and centred at the chest-wall edge.",
        ReasonCode.PARTLY_OUTSIDE: "Repeat the image with the whole phantom inside the field.",
        ReasonCode.CLIPPED: "Repeat with a lower dose or without saturation; check the exposure control.",
        ReasonCode.NEEDS_RAW: "Export the image FOR PROCESSING (raw) instead of FOR PRESENTATION.",
        ReasonCode.DUPLICATE: "Nothing to do: the same image is answered under its other file.",
        ReasonCode.LOW_QUALITY: "Look at the image: repeat it, and check the exposure and the detector.",
    }
)


def metric_title(name: str) -> str:
    """A metric's name as people write it."""
    if name in _METRIC_TITLES:
        return _METRIC_TITLES[name]
    said = " ".join(_SPELLED.get(word, word) for word in name.split("_"))
    return said[:1].upper() + said[1:]


def object_title(name: str) -> str:
    """The name of an object as people write it: Speck group 3 for speck-group-3."""
    return name.replace("-", " ").capitalize()


def number(value: float | None, digits: int = 3) -> str:
    """A number with that many significant digits, never in powers of ten between 0.001 and a million; "–" for none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value) or value == 0:
        return "0" if value == 0 else ("∞" if value > 0 else "−∞")
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(places, 6)}f}".replace("-", "−")


def half_points(value: float) -> str:
    """A total in half points."""
    return f"{value:.1f}".replace("-", "−")


def percent(probability: float | None) -> str:
    """A probability in per cent, "> 99 %" and "< 1 %" at the ends; "–" for none."""
    if probability is None or math.isnan(probability):
        return "–"
    if probability > 0.99:
        return "> 99\u00a0%"
    return "< 1\u00a0%" if probability < 0.01 else f"{100 * probability:.0f}\u00a0%"


def probability(value: float) -> str:
    """A probability with two decimals, "> 0.99" and "< 0.01" at the ends; "–" for none."""
    if math.isnan(value):
        return "–"
    if value > 0.99:
        return "> 0.99"
    return "< 0.01" if value < 0.01 else f"{value:.2f}"


def limits(low: float | None, high: float | None) -> str:
    """Limits as "≥ 4", "≤ 0.025", "188 to 192" or "none"."""
    if low is None and high is None:
        return "none"
    if low is None:
        return f"≤ {_short(high)}"
    if high is None:
        return f"≥ {_short(low)}"
    return f"±{_short(high)}" if low == -high else f"{_short(low)} to {_short(high)}"


def interval(measurement: Measurement) -> str:
    """The 95 % interval of a measurement."""
    if measurement.low is None or measurement.high is None:
        return "–"
    return f"{measured(measurement, measurement.low)} to {measured(measurement, measurement.high)}"


def measured(measurement: Measurement, value: float) -> str:
    """A number of a measurement, to the decimals that its interval supports (two digits of its half width)."""
    if measurement.low is None or measurement.high is None or not math.isfinite(measurement.value):
        return f"{value:.0f}".replace("-", "−") if float(value).is_integer() else number(value, 4)
    half = abs(measurement.high - measurement.low) / 2
    places = 3 if half == 0 else min(6, max(0, 1 - math.floor(math.log10(half))))
    return f"{value:.{places}f}".replace("-", "−")


def in_unit(value: str, unit: str) -> str:
    """A number with its unit; the unit one is not written."""
    return value if unit in ("", "1", "objects") or value == "–" else f"{value}\u00a0{_UNITS.get(unit, unit)}"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:g}".replace("-", "−")
