"""What a DICOM file says about an image: acquisition, pixel size, place, windows. Nothing about the patient."""

import math

import numpy as np
from pydicom.dataset import Dataset

from mammoqa.core import Acquisition, Intent, VoiTable, Window
from mammoqa.dicom.values import Sources, integer, items, number, numbers, positive, raw, text, texts, when

_STORAGE = "1.2.840.10008.5.1.4.1.1."
BREAST_TOMOSYNTHESIS = _STORAGE + "13.1.3"
# SOP classes of images that mammoqa reads (PS3.4 B.5) and the modality they stand for.
MODALITY_OF_SOP_CLASS = {
    _STORAGE + "1": "CR",
    _STORAGE + "1.1": "DX",
    _STORAGE + "1.1.1": "DX",
    _STORAGE + "1.2": "MG",
    _STORAGE + "1.2.1": "MG",
    BREAST_TOMOSYNTHESIS: "MG",
    _STORAGE + "13.1.4": "MG",
    _STORAGE + "13.1.5": "MG",
    _STORAGE + "2": "CT",
    _STORAGE + "2.1": "CT",
    _STORAGE + "2.2": "CT",
    _STORAGE + "4": "MR",
    _STORAGE + "4.1": "MR",
    _STORAGE + "4.4": "MR",
    _STORAGE + "7": "OT",
    _STORAGE + "7.1": "OT",
    _STORAGE + "7.2": "OT",
    _STORAGE + "7.3": "OT",
}
MODALITIES = ("MG", "DX", "CR", "CT", "MR", "OT", "SC")
# Defined terms of Anode Target Material and Filter Material (PS3.3 C.8.7.10) and their symbols.
SYMBOL_OF_MATERIAL = {
    "MOLYBDENUM": "Mo",
    "RHODIUM": "Rh",
    "TUNGSTEN": "W",
    "SILVER": "Ag",
    "ALUMINUM": "Al",
    "ALUMINIUM": "Al",
    "COPPER": "Cu",
    "NIOBIUM": "Nb",
    "TITANIUM": "Ti",
    "TIN": "Sn",
    "LEAD": "Pb",
}
_MGY_PER_DGY = 100.0  # Organ Dose (0040,0316) and Entrance Dose (0040,0302) are in dGy


def modality(sources: Sources) -> tuple[str | None, str | None]:
    """The modality, and a note if the tag was not usable and the SOP class decided; None if neither is one we read."""
    tag, sop_class = text(sources, "Modality"), text(sources, "SOPClassUID")
    if tag in MODALITIES:
        return tag, None
    found = MODALITY_OF_SOP_CLASS.get(sop_class or "")
    if found is None:
        return None, None
    return found, f"modality {tag or 'missing'}: taken as {found} from the SOP class"


def _symbols(sources: Sources, keyword: str) -> str | None:
    return "+".join(SYMBOL_OF_MATERIAL.get(t.upper(), t) for t in texts(sources, keyword)) or None


def _mas(sources: Sources) -> float | None:
    if (exact := positive(sources, "ExposureInuAs")) is not None:
        return exact / 1000
    if (stated := positive(sources, "ExposureInmAs")) or (stated := positive(sources, "Exposure")):
        return stated
    current_ma, time_ms = positive(sources, "XRayTubeCurrent"), positive(sources, "ExposureTime")
    return None if current_ma is None or time_ms is None else current_ma * time_ms / 1000


def _view(sources: Sources) -> str | None:
    codes = items(sources, "ViewCodeSequence")
    return text(sources, "ViewPosition") or text(codes, "CodeMeaning")


def _intent(sources: Sources) -> Intent | None:
    stated = text(sources, "PresentationIntentType")
    return Intent(stated) if stated in set(Intent) else None


def magnification(sources: Sources) -> float | None:
    """Estimated Radiographic Magnification Factor, or source-detector over source-object distance; at least 1."""
    stated = positive(sources, "EstimatedRadiographicMagnificationFactor")
    if stated is None:
        detector_mm = positive(sources, "DistanceSourceToDetector")
        object_mm = positive(sources, "DistanceSourceToPatient")
        stated = detector_mm / object_mm if detector_mm and object_mm else None
    return stated if stated is not None and stated >= 1 else None


def pitch(sources: Sources, kind: str) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """Pixel size in the plane of the object in mm, (y, x), and notes; None where the file gives none.

    CT, MR: Pixel Spacing. Projections: Imager Pixel Spacing over the magnification (PS3.3 10.7.1.3), else
    Pixel Spacing. Secondary captures: Nominal Scanned Pixel Spacing first.
    """
    order = ["PixelSpacing"] if kind in ("CT", "MR") else ["ImagerPixelSpacing", "PixelSpacing"]
    order.insert(0 if kind in ("OT", "SC") else len(order), "NominalScannedPixelSpacing")
    for keyword in order:
        found = numbers(sources, keyword)
        if len(found) != 2 or min(found) <= 0:
            continue
        if keyword != "ImagerPixelSpacing":
            notes = () if keyword == "PixelSpacing" and kind in ("CT", "MR") else (f"pixel size from {keyword}",)
            return (found[0], found[1]), notes
        factor = magnification(sources)
        if factor is None:
            return (found[0], found[1]), ("pixel size at the detector: the file gives no magnification",)
        return (found[0] / factor, found[1] / factor), ()
    return None, ()


def acquisition(sources: Sources, kind: str) -> Acquisition:
    """The technical facts of an exposure or acquisition; attributes of the patient are never looked at."""
    organ_dgy, entrance_dgy = positive(sources, "OrganDose"), positive(sources, "EntranceDose")
    entrance_mgy = positive(sources, "EntranceDoseInmGy")
    if entrance_mgy is None and entrance_dgy is not None:
        entrance_mgy = entrance_dgy * _MGY_PER_DGY
    phase = text(sources, "InPlanePhaseEncodingDirection")
    return Acquisition(
        modality=kind,
        manufacturer=text(sources, "Manufacturer"),
        model=text(sources, "ManufacturerModelName"),
        station=text(sources, "StationName"),
        device_serial=text(sources, "DeviceSerialNumber"),
        detector_id=text(sources, "DetectorID"),
        acquired_at=when(sources),
        description=text(sources, "SeriesDescription"),
        intent=_intent(sources),
        pixel_intensity=text(sources, "PixelIntensityRelationship"),
        kvp=positive(sources, "KVP"),
        mas=_mas(sources),
        anode=_symbols(sources, "AnodeTargetMaterial"),
        filter_material=_symbols(sources, "FilterMaterial"),
        thickness_mm=positive(sources, "BodyPartThickness"),
        force_n=number(sources, "CompressionForce"),
        organ_dose_mgy=None if organ_dgy is None else organ_dgy * _MGY_PER_DGY,
        entrance_dose_mgy=entrance_mgy,
        magnification=magnification(sources),
        view=_view(sources),
        laterality=text(sources, "ImageLaterality") or text(sources, "Laterality"),
        field_strength_t=positive(sources, "MagneticFieldStrength"),
        echo_time_ms=positive(sources, "EffectiveEchoTime") or positive(sources, "EchoTime"),
        repetition_time_ms=positive(sources, "RepetitionTime"),
        slice_thickness_mm=positive(sources, "SliceThickness"),
        pixel_bandwidth_hz=positive(sources, "PixelBandwidth"),
        phase_encoding={"COLUMN": "COL"}.get(phase or "", phase),
    )


def place(
    sources: Sources,
) -> tuple[tuple[float, float, float] | None, tuple[float, float, float, float, float, float] | None]:
    """Position (mm) and direction cosines of the rows and columns in the patient frame; None unless both are sound."""
    at, along = numbers(sources, "ImagePositionPatient"), numbers(sources, "ImageOrientationPatient")
    if len(at) != 3 or len(along) != 6:
        return None, None
    row, column = np.asarray(along[:3]), np.asarray(along[3:])
    lengths = (float(np.linalg.norm(row)), float(np.linalg.norm(column)))
    if not all(math.isclose(length, 1, abs_tol=0.01) for length in lengths) or abs(float(row @ column)) > 0.01:
        return None, None
    return (at[0], at[1], at[2]), (along[0], along[1], along[2], along[3], along[4], along[5])


def windows(sources: Sources, mirror: float | None) -> tuple[Window, ...]:
    """The VOI windows of a frame; `mirror` is the sum x + x' of a value and its inverse for MONOCHROME1, else None."""
    centres, widths = numbers(sources, "WindowCenter"), numbers(sources, "WindowWidth")
    names = texts(sources, "WindowCenterWidthExplanation")
    function = (text(sources, "VOILUTFunction") or "LINEAR").upper()
    found = []
    offset = 1.0 if function == "LINEAR" else 0.0  # LINEAR is symmetric about centre - 0.5, the others about the centre
    for i, (stated, width) in enumerate(zip(centres, widths, strict=False)):
        if width <= 0 or (width < 1 and function == "LINEAR"):
            continue
        centre = stated if mirror is None else mirror - stated + offset
        found.append(Window(centre, width, function, names[i] if i < len(names) else None))
    return tuple(found)


def voi_tables(sources: Sources, mirror: float | None, signed: bool) -> tuple[VoiTable, ...]:
    """The VOI LUT Sequence as tables; those that are not sound are left out."""
    tables = []
    for item in items(sources, "VOILUTSequence"):
        table = lookup(item, signed)
        if table is None:
            continue
        first, values, bits = table
        if mirror is not None:
            first = mirror - (first + len(values) - 1)
            values = ((1 << bits) - 1 - np.minimum(values[::-1], (1 << bits) - 1)).astype(np.uint16)
        tables.append(VoiTable(float(first), values, bits, text((item,), "LUTExplanation")))
    return tuple(tables)


def lookup(item: object, signed: bool) -> tuple[float, np.ndarray, int] | None:
    """First mapped value, entries and bits of a LUT item (PS3.3 C.11.1.1); None if it is not sound."""
    if not isinstance(item, Dataset):
        return None
    descriptor, data = numbers((item,), "LUTDescriptor"), raw((item,), "LUTData")
    if len(descriptor) != 3 or data is None:
        return None
    count, first, bits = int(descriptor[0]) % 65536 or 65536, int(descriptor[1]), int(descriptor[2])
    if signed and first >= 32768:
        first -= 65536
    if isinstance(data, bytes):
        order = ">" if item.original_encoding[1] is False else "<"
        kind = "u1" if len(data) == count else f"{order}u2"
        values = np.frombuffer(data[: len(data) // np.dtype(kind).itemsize * np.dtype(kind).itemsize], kind)
    else:
        found = numbers((item,), "LUTData")
        values = np.asarray(found, np.float64).astype(np.int64) % 65536
    if len(values) < count or not 1 <= bits <= 16:
        return None
    return float(first), values[:count].astype(np.uint16), bits


def instance(sources: Sources) -> int:
    """Instance Number, 0 where there is none."""
    return integer(sources, "InstanceNumber") or 0
