"""Results as DICOM: a comprehensive structured report after TID 1500, and a parametric map of the saliency.

Both through highdicom. Measurements and scores become measurement groups; codes that no standard has are mammoqa's own,
under the scheme 99MAMMOQA.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

import mammoqa
from mammoqa.core import Analysis, MissingExtraError, ReportError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SCHEME = "99MAMMOQA"
_MAKER = "mammoqa"
# Attributes of type 2 of patient and study (PS3.3 C.7.1.1 and C.7.2.1): present, perhaps empty.
_TYPE_2 = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
# UCUM units (DICOM part 16, CID 82) for the units of measurements
_UNITS = {
    "mm": ("mm", "millimeter"),
    "um": ("um", "micrometer"),
    "%": ("%", "percent"),
    "HU": ("[hnsf'U]", "Hounsfield unit"),
    "mGy": ("mGy", "milligray"),
    "deg": ("deg", "degree"),
    "Hz": ("Hz", "Hertz"),
}


def structured_report(analysis: Analysis, paths: Sequence[Path], observers: tuple[str, ...] = ()) -> "Dataset":
    """The report of an analysis; `paths` are the files of its images, `observers` who signed it.

    Raises MissingExtraError without highdicom, ReportError for a refusal, which measures nothing.
    """
    hd = _highdicom()
    if not (analysis.objects or analysis.measurements):
        raise ReportError("a refused image has nothing to report as DICOM")
    evidence = [_complete(path) for path in paths]
    groups = [_group(hd, analysis, evidence[0])]
    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=hd.UID(), manufacturer_name=_MAKER, model_name=analysis.provenance.software
    )
    people = [
        hd.sr.ObserverContext(_code(hd, "person"), hd.sr.PersonObserverIdentifyingAttributes(name=_person(name)))
        for name in observers[:1]
    ]
    context = hd.sr.ObservationContext(
        observer_device_context=hd.sr.ObserverContext(_code(hd, "device"), device),
        observer_person_context=people[0] if people else None,
    )
    content = hd.sr.MeasurementReport(
        observation_context=context,
        procedure_reported=hd.sr.CodedConcept("QA", SCHEME, "Phantom image quality assurance"),
        imaging_measurements=groups,
        title=hd.sr.CodedConcept("126000", "DCM", "Imaging Measurement Report"),
    )
    report: Dataset = hd.sr.ComprehensiveSR(
        evidence=evidence,
        content=content[0],
        series_number=9001,
        series_instance_uid=hd.UID(),
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=_MAKER,
        series_description="Phantom quality assurance",
        is_complete=True,
    )
    return report


def _complete(path: Path) -> "Dataset":
    """An image without its pixels, with the attributes that every image should have and some units leave out."""
    from pydicom import dcmread

    image = dcmread(path, stop_before_pixels=True)
    for keyword in _TYPE_2:
        if keyword not in image:
            setattr(image, keyword, "")
    return image


def _highdicom() -> Any:
    try:
        import highdicom as hd
        import highdicom.sr
    except ModuleNotFoundError as error:
        raise MissingExtraError("results as DICOM need `pip install mammoqa[service]`") from error
    return hd


def _code(hd: Any, kind: str) -> Any:
    value, meaning = {"person": ("121006", "Person"), "device": ("121007", "Device")}[kind]
    return hd.sr.CodedConcept(value, "DCM", meaning)


def _person(name: str) -> str:
    return re.sub(r"[\\^=]", " ", name)[:64]


def _own(hd: Any, name: str) -> Any:
    """A code of our own: at most 16 characters of value, 64 of meaning (PS3.5 6.2)."""
    short = re.sub(r"[^A-Za-z0-9]", "", name.title())[:16] or "value"
    return hd.sr.CodedConcept(short, SCHEME, name.replace("_", " ").replace("-", " ")[:64])


def _unit(hd: Any, unit: str) -> Any:
    value, meaning = _UNITS.get(unit, ("1", "no units"))
    return hd.sr.CodedConcept(value, "UCUM", meaning)


def _group(hd: Any, analysis: Analysis, image: "Dataset") -> Any:
    numbers = [*((name, value, "") for name, value in analysis.verdict.totals)]
    numbers += [(m.name, m.value, m.unit) for m in analysis.measurements if np.isfinite(m.value)]
    numbers += [(f"{o.name} score", o.score, "") for o in analysis.objects]
    measurements = [
        hd.sr.Measurement(name=_distinct(hd, name, k), value=float(value), unit=_unit(hd, unit))
        for k, (name, value, unit) in enumerate(numbers)
    ]
    outcome = hd.sr.QualitativeEvaluation(
        name=hd.sr.CodedConcept("OUTCOME", SCHEME, "Outcome of the phantom image"),
        value=hd.sr.CodedConcept(analysis.verdict.outcome.name, SCHEME, analysis.verdict.outcome.value.capitalize()),
    )
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=hd.UID(), identifier=analysis.phantom or "phantom"),
        source_images=[hd.sr.SourceImageForMeasurementGroup.from_source_image(image)],
        measurements=measurements,
        qualitative_evaluations=[outcome],
    )


def _distinct(hd: Any, name: str, position: int) -> Any:
    """A code whose value no other of the report has, with the name as its meaning."""
    concept = _own(hd, name)
    return hd.sr.CodedConcept(f"{concept.value[:12]}{position:03d}", SCHEME, concept.meaning)


def parametric_map(analysis: Analysis, path: Path) -> "Dataset":
    """The saliency of an analysis as a parametric map on the pixels of its image, 0 to 1.

    Raises MissingExtraError without highdicom, ReportError where the analysis has no saliency map.
    """
    hd = _highdicom()
    import highdicom.pm

    image = _placed(hd, _complete(path), analysis)
    mapping = highdicom.pm.RealWorldValueMapping(
        lut_label="saliency",
        lut_explanation="What the scores rest on",
        unit=hd.sr.CodedConcept("1", "UCUM", "no units"),
        value_range=(0.0, 1.0),
        slope=1.0,
        intercept=0.0,
        quantity_definition=hd.sr.CodedConcept("SALIENCY", SCHEME, "Saliency of the scores"),
    )
    found: Dataset = highdicom.pm.ParametricMap(
        source_images=[image],
        pixel_array=_on_image(analysis, int(image.Rows), int(image.Columns)),
        series_instance_uid=hd.UID(),
        series_number=9002,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=_MAKER,
        manufacturer_model_name="mammoqa",
        software_versions=mammoqa.__version__,
        device_serial_number="0",
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        window_center=0.5,
        window_width=1.0,
        content_label="SALIENCY",
    )
    if "Laterality" not in found:
        found.Laterality = ""
    return found


def _placed(hd: Any, image: "Dataset", analysis: Analysis) -> "Dataset":
    """The image; with a frame of reference of its own where it has none, as projections do not."""
    if "FrameOfReferenceUID" not in image or "ImageOrientationPatient" not in image:
        pitch_mm = 1.0
        if analysis.pose is not None:
            pitch_mm = float(1.0 / np.sqrt(abs(np.linalg.det(analysis.pose.matrix[:, :2]))))
        image.FrameOfReferenceUID, image.PositionReferenceIndicator = hd.UID(), ""
        image.ImagePositionPatient, image.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
        image.PixelSpacing, image.SliceThickness = [round(pitch_mm, 6)] * 2, 1.0
    return image


def _on_image(analysis: Analysis, rows: int, columns: int) -> Float[np.ndarray, "rows columns"]:
    """The saliency of the view at the pixels of the image; 0 beside the view. ReportError where there is none."""
    from scipy.ndimage import map_coordinates

    if analysis.saliency is None or analysis.view_scale is None or analysis.pose is None:
        raise ReportError("this result has no saliency map")
    high, wide = analysis.saliency.shape
    found = np.zeros((rows, columns), np.float32)
    across = np.arange(columns, dtype=float)
    for row in range(rows):  # by rows, so that an image of 16 megapixels takes little memory
        mm = analysis.pose.to_mm(np.column_stack([across, np.full(columns, float(row))]))
        view = mm * analysis.view_scale + np.array([wide / 2 - 0.5, high / 2 - 0.5])
        found[row] = map_coordinates(analysis.saliency, [view[:, 1], view[:, 0]], order=1, mode="constant")
    return found
