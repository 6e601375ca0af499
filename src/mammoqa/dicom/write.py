"""Simulated mammograms as DICOM: Digital Mammography X-Ray Image, For Processing or For Presentation (PS3.3 A.27).

The patient is a phantom with a made-up identity; nothing of a person is ever written.
"""

import hashlib
import uuid
from datetime import datetime
from pathlib import Path

import numpy as np
from jaxtyping import UInt16
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
)
from pydicom.valuerep import DSfloat

from mammoqa import __version__
from mammoqa.core import ChestWall, ConfigurationError, Image, Intent, Window
from mammoqa.dicom.facts import SYMBOL_OF_MATERIAL

_IMPLEMENTATION_UID = UID("2.25.226137404871938137284617003513421508623")  # a random UUID, fixed for this writer
_MATERIAL_OF_SYMBOL = {"Al": "ALUMINUM"} | {s: name for name, s in SYMBOL_OF_MATERIAL.items() if s != "Al"}
# View codes of CID 4014 (SNOMED CT).
_VIEWS = {
    "CC": ("399162004", "cranio-caudal"),
    "MLO": ("399368009", "medio-lateral oblique"),
    "ML": ("399260004", "medio-lateral"),
    "LM": ("399352003", "latero-medial"),
}
# Patient Orientation (row direction, column direction) of a cranio-caudal view by where the chest wall lies.
_ORIENTATION = {"left": ["A", "R"], "right": ["P", "L"], "top": ["L", "A"], "bottom": ["R", "P"]}
_DETECTOR_TYPES = ("DIRECT", "SCINTILLATOR", "STORAGE", "FILM")


def write_mammogram(
    image: Image,
    path: Path | str,
    *,
    intent: Intent | None = None,
    seed: int | str | None = None,
    series: int | str = 0,
    acquired_at: datetime | None = None,
    phantom: str = "ACR156",
    chest_wall: ChestWall = "left",
    detector_type: str = "DIRECT",
    instance_number: int = 1,
) -> None:
    """Write an image as a valid mammography object in Explicit VR Little Endian.

    Pixels are unsigned integers below 2 ** `bits_stored`; they are turned back to MONOCHROME1 where `image.inverted`.
    Intent and date are those of the acquisition unless given. UIDs follow from `seed` (study), `series`, the instance
    number and the pixels, or from pixels and date alone where there is no seed: the same input gives the same file.
    Raises ConfigurationError if the image cannot be written as such an object.
    """
    intent = intent or image.acquisition.intent or Intent.FOR_PROCESSING
    moment = acquired_at or image.acquisition.acquired_at
    if moment is None:
        raise ConfigurationError("a mammogram needs the date of its acquisition: pass acquired_at")
    if image.pitch_mm is None:
        raise ConfigurationError("a mammogram needs its pixel size: give the image a pitch_mm")
    if detector_type not in _DETECTOR_TYPES:
        raise ConfigurationError(f"detector type {detector_type!r} is not one of {', '.join(_DETECTOR_TYPES)}")
    stored = _stored(image)
    sop_class = (
        DigitalMammographyXRayImageStorageForPresentation
        if intent is Intent.FOR_PRESENTATION
        else DigitalMammographyXRayImageStorageForProcessing
    )
    key = hashlib.sha256(stored.tobytes()).hexdigest() + moment.isoformat()
    study = key if seed is None else str(seed)
    uids = (_uid(study), _uid(f"{study}/{series}"), _uid(f"{study}/{series}/{instance_number}/{intent}/{key}"))

    dataset = Dataset()
    _add_identity(dataset, phantom, moment, uids, sop_class, instance_number)
    _add_equipment(dataset, image)
    _add_anatomy(dataset, image, chest_wall)
    _add_exposure(dataset, image)
    _add_detector(dataset, image, detector_type)
    _add_pixels(dataset, image, stored, intent)
    _save(dataset, path)


def _uid(entropy: str) -> str:
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, 'mammoqa/' + entropy).int}"


def _stored(image: Image) -> UInt16[np.ndarray, "rows columns"]:
    top = 2**image.bits_stored - 1
    if not 8 <= image.bits_stored <= 16 or image.pixels.dtype.kind not in "iu":
        raise ConfigurationError("a mammogram is written from integer pixels of 8 to 16 bits")
    if image.pixels.min() < 0 or image.pixels.max() > top:
        raise ConfigurationError(f"pixel values lie outside 0 to {top}, the range of {image.bits_stored} bits")
    pixels = image.pixels.astype("<u2", copy=False)
    return np.ascontiguousarray(np.uint16(top) - pixels if image.inverted else pixels)


def _ds(value: float) -> DSfloat:
    """A decimal string within its 16 characters."""
    return DSfloat(value, auto_format=True)


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _add_identity(
    dataset: Dataset, phantom: str, moment: datetime, uids: tuple[str, str, str], sop_class: str, number: int
) -> None:
    """Patient, General Study, General Series, General Image and SOP Common modules."""
    date, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S.%f")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = sop_class
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = uids
    for event in ("Study", "Series", "Acquisition", "Content", "InstanceCreation"):
        setattr(dataset, f"{event}Date", date)
        setattr(dataset, f"{event}Time", time)
    dataset.PatientName = f"PHANTOM^{phantom}"
    dataset.PatientID = f"PHANTOM-{phantom}"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "O"
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
    dataset.StudyDescription = "Mammography quality control"
    dataset.SeriesNumber = 1
    dataset.Modality = "MG"
    dataset.InstanceNumber = number
    dataset.AcquisitionContextSequence = Sequence()


def _add_equipment(dataset: Dataset, image: Image) -> None:
    """General Equipment module."""
    facts = image.acquisition
    dataset.Manufacturer = facts.manufacturer or ""
    dataset.SoftwareVersions = f"mammoqa {__version__}"
    named = {
        "ManufacturerModelName": facts.model,
        "StationName": facts.station,
        "DeviceSerialNumber": facts.device_serial,
        "SeriesDescription": facts.description,
    }
    for keyword, value in named.items():
        if value:
            setattr(dataset, keyword, value)


def _add_anatomy(dataset: Dataset, image: Image, chest_wall: ChestWall) -> None:
    """DX Anatomy Imaged and Mammography Image modules, for a phantom where the breast would lie."""
    view = image.acquisition.view if image.acquisition.view in _VIEWS else "CC"
    dataset.BodyPartExamined = "BREAST"
    dataset.ImageLaterality = image.acquisition.laterality or ("R" if chest_wall == "right" else "L")
    dataset.PatientOrientation = _ORIENTATION[chest_wall]
    dataset.AnatomicRegionSequence = Sequence([_code("76752008", "SCT", "Breast")])
    dataset.ViewPosition = view
    item = _code(_VIEWS[view][0], "SCT", _VIEWS[view][1])
    item.ViewModifierCodeSequence = Sequence()
    dataset.ViewCodeSequence = Sequence([item])
    dataset.OrganExposed = "BREAST"
    dataset.BreastImplantPresent = "NO"
    dataset.PartialView = "NO"
    dataset.PositionerType = "MAMMOGRAPHIC"
    dataset.PositionerPrimaryAngle = _ds(0.0)


def _add_exposure(dataset: Dataset, image: Image) -> None:
    """X-Ray Acquisition Dose, Generation, Filtration and Grid modules."""
    facts = image.acquisition
    decimals = {
        "KVP": facts.kvp,
        "BodyPartThickness": facts.thickness_mm,
        "CompressionForce": facts.force_n,
        "EntranceDoseInmGy": facts.entrance_dose_mgy,
        "EstimatedRadiographicMagnificationFactor": facts.magnification,
        "OrganDose": None if facts.organ_dose_mgy is None else facts.organ_dose_mgy / 100,  # in dGy
    }
    for keyword, value in decimals.items():
        if value is not None:
            setattr(dataset, keyword, _ds(value))
    if facts.mas is not None:
        dataset.Exposure = round(facts.mas)
        dataset.ExposureInuAs = round(facts.mas * 1000)
    if facts.anode:
        dataset.AnodeTargetMaterial = _MATERIAL_OF_SYMBOL.get(facts.anode, facts.anode.upper())
    if facts.filter_material:
        parts = facts.filter_material.split("+")
        dataset.FilterMaterial = [_MATERIAL_OF_SYMBOL.get(part, part.upper()) for part in parts]
        dataset.FilterType = "STRIP" if len(parts) == 1 else "MULTIPLE"


def _add_detector(dataset: Dataset, image: Image, detector_type: str) -> None:
    """DX Detector module; Imager Pixel Spacing is at the detector, the pitch times the magnification."""
    factor = image.acquisition.magnification or 1.0
    pitch_y_mm, pitch_x_mm = image.pitch_mm or (0.0, 0.0)
    dataset.DetectorType = detector_type
    dataset.DetectorConfiguration = "AREA"
    if image.acquisition.detector_id:
        dataset.DetectorID = image.acquisition.detector_id
    dataset.ImagerPixelSpacing = [_ds(pitch_y_mm * factor), _ds(pitch_x_mm * factor)]
    rows, columns = image.pixels.shape
    dataset.FieldOfViewShape = "RECTANGLE"
    dataset.FieldOfViewDimensions = [round(rows * pitch_y_mm * factor), round(columns * pitch_x_mm * factor)]
    dataset.FieldOfViewOrigin = [_ds(0.0), _ds(0.0)]
    dataset.FieldOfViewRotation = "0"
    dataset.FieldOfViewHorizontalFlip = "NO"


def _add_pixels(dataset: Dataset, image: Image, stored: UInt16[np.ndarray, "rows columns"], intent: Intent) -> None:
    """DX and Image Pixel modules; the VOI LUT module for presentation."""
    shown = intent is Intent.FOR_PRESENTATION
    dataset.ImageType = ["DERIVED" if shown else "ORIGINAL", "PRIMARY", ""]
    dataset.PresentationIntentType = str(intent)
    dataset.QualityControlImage = "YES"
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if image.inverted else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if image.inverted else "IDENTITY"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored, dataset.HighBit = image.bits_stored, image.bits_stored - 1
    dataset.PixelRepresentation = 0
    # the DX Image module allows LIN and LOG only; what was made for display is logarithmic at heart
    relation = image.acquisition.pixel_intensity or ("LOG" if shown else "LIN")
    dataset.PixelIntensityRelationship = "LIN" if relation == "LIN" else "LOG"
    # raw pixels rise with exposure; shown ones are white where the phantom is thick
    dataset.PixelIntensityRelationshipSign = -1 if shown and not image.inverted else 1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = _ds(0.0), _ds(1.0), "US"
    if shown:
        _add_windows(dataset, image)
    dataset.PixelData = stored.tobytes()


def _add_windows(dataset: Dataset, image: Image) -> None:
    windows = [w for w in image.windows if w.function == image.windows[0].function]
    if not windows:
        low, high = (float(v) for v in np.percentile(image.pixels, (0.5, 99.5)))
        windows = [Window(round((low + high + 1) / 2), max(round(high - low) + 1, 2), "LINEAR", "AUTO")]
    top = 2**image.bits_stored - 1
    offset = 1.0 if windows[0].function == "LINEAR" else 0.0
    dataset.VOILUTFunction = windows[0].function
    dataset.WindowCenter = [_ds(top - w.centre + offset if image.inverted else w.centre) for w in windows]
    dataset.WindowWidth = [_ds(w.width) for w in windows]
    dataset.WindowCenterWidthExplanation = [w.name or f"WINDOW{i + 1}" for i, w in enumerate(windows)]


def _save(dataset: Dataset, path: Path | str) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _IMPLEMENTATION_UID
    meta.ImplementationVersionName = "MAMMOQA"
    FileDataset(str(path), dataset, preamble=b"\0" * 128, file_meta=meta).save_as(path, enforce_file_format=True)
