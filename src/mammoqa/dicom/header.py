"""What a received object says about itself, read without its pixels."""

import io
from dataclasses import dataclass
from typing import BinaryIO

from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian

from mammoqa.core import DicomError, ReasonCode
from mammoqa.dicom.parse import looks_like_dicom, warnings_as_notes
from mammoqa.dicom.values import DICOM_ERRORS, integer, text

_HEAD_BYTES = 256 * 1024  # the elements below stand before any large one in files of scanners
_WANTED = [
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "Modality",
    "StationName",
    "ImagesInAcquisition",
    "NumberOfSeriesRelatedInstances",
]


@dataclass(frozen=True, slots=True)
class Header:
    """Identity of an object; empty strings where it says nothing."""

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    transfer_syntax_uid: str
    modality: str
    station: str
    expected: int | None  # objects in its series, where it says so


def read_header(file: BinaryIO) -> Header:
    """The identity of the object in an open file; DicomError where it is none, or says no SOP instance UID.

    A deflated or gzipped object is refused: its size is not known before it is unpacked.
    """
    head = file.read(132)
    file.seek(0)
    if head[:2] == b"\x1f\x8b":
        raise DicomError(ReasonCode.UNSUPPORTED_ENCODING, "a gzip file: unpack it before it is sent")
    if not looks_like_dicom(head):
        raise DicomError(ReasonCode.NOT_DICOM, "this is not a DICOM file: send the images that the unit exports")
    notes: list[str] = []
    with warnings_as_notes(notes):
        try:
            found = _header(io.BytesIO(file.read(_HEAD_BYTES)))
        except DICOM_ERRORS as error:
            raise DicomError(
                ReasonCode.DAMAGED_FILE, f"the header cannot be read ({type(error).__name__}): send it again"
            ) from error
        finally:
            file.seek(0)
    if found.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        raise DicomError(ReasonCode.UNSUPPORTED_ENCODING, "a deflated object: send it in Explicit VR Little Endian")
    if not found.sop_instance_uid:
        raise DicomError(ReasonCode.DAMAGED_FILE, "the object has no SOP Instance UID: export it again")
    return found


def _header(head: io.BytesIO) -> Header:
    dataset = dcmread(head, force=True, stop_before_pixels=True, specific_tags=_WANTED)
    sources = (dataset,)
    meta = getattr(dataset, "file_meta", None)
    syntax = text((meta,), "TransferSyntaxUID") if meta is not None else None
    return Header(
        sop_class_uid=text(sources, "SOPClassUID") or "",
        sop_instance_uid=text(sources, "SOPInstanceUID") or "",
        series_instance_uid=text(sources, "SeriesInstanceUID") or "",
        study_instance_uid=text(sources, "StudyInstanceUID") or "",
        transfer_syntax_uid=syntax or "",
        modality=text(sources, "Modality") or "",
        station=text(sources, "StationName") or "",
        expected=integer(sources, "NumberOfSeriesRelatedInstances"),
    )
