"""What a received object says about itself, read without its pixels."""

import io
import struct
from dataclasses import dataclass

from pydicom import dcmread
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, STANDARD_VR

from mammoqa.core import DicomError, ReasonCode
from mammoqa.dicom.parse import looks_like_dicom, warnings_as_notes
from mammoqa.dicom.values import DICOM_ERRORS, integer, text

HEAD_BYTES = 256 * 1024  # the elements below stand before any large one in files of scanners
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
_TAGS = {  # name and value representation
    0x00080016: ("sop_class_uid", b"UI"),
    0x00080018: ("sop_instance_uid", b"UI"),
    0x00080060: ("modality", b"CS"),
    0x00081010: ("station", b"SH"),
    0x0020000D: ("study_instance_uid", b"UI"),
    0x0020000E: ("series_instance_uid", b"UI"),
    0x00201209: ("expected", b"IS"),
}
_META_LENGTH, _TRANSFER_SYNTAX, _META_END, _BEFORE_PIXELS = 0x00020000, 0x00020010, 0x0002FFFF, 0x7FDFFFFF
_EXPLICIT = (  # Little Endian; what is packed into the pixels does not matter here
    ExplicitVRLittleEndian, JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless,
    JPEGLSNearLossless, JPEG2000Lossless, JPEG2000, RLELossless,
)  # fmt: skip
_KINDS, _LONG = {kind.encode() for kind in STANDARD_VR}, {kind.encode() for kind in EXPLICIT_VR_LENGTH_32}
_PIXEL_GROUP = b"\xe0\x7f"
_UNDEFINED, _SHORT = 0xFFFFFFFF, 1024
_PADDING = " \0"
_UNUSUAL = set("\\\0\x1b\t\n\r\f")


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


def read_header(head: bytes) -> Header:
    """The identity of an object by the first `HEAD_BYTES` of its file; DicomError where it is none, or says no UID.

    A deflated or gzipped object is refused: its size is not known before it is unpacked.
    """
    if head[:2] == b"\x1f\x8b":
        raise DicomError(ReasonCode.UNSUPPORTED_ENCODING, "a gzip file: unpack it before it is sent")
    if not looks_like_dicom(head[:132]):
        raise DicomError(ReasonCode.NOT_DICOM, "this is not a DICOM file: send the images that the unit exports")
    found = scan_header(head) or _parsed(head)
    if found.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        raise DicomError(ReasonCode.UNSUPPORTED_ENCODING, "a deflated object: send it in Explicit VR Little Endian")
    if not found.sop_instance_uid:
        raise DicomError(ReasonCode.DAMAGED_FILE, "the object has no SOP Instance UID: export it again")
    return found


def _parsed(head: bytes) -> Header:
    """By pydicom, which makes something of files that are unusual or damaged."""
    notes: list[str] = []
    with warnings_as_notes(notes):
        try:
            return _header(io.BytesIO(head))
        except DICOM_ERRORS as error:
            raise DicomError(
                ReasonCode.DAMAGED_FILE, f"the header cannot be read ({type(error).__name__}): send it again"
            ) from error


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


def scan_header(head: bytes) -> Header | None:
    """The identity of an ordinary object, ten times as fast as by pydicom; None for anything out of the ordinary.

    Ordinary is: Explicit VR Little Endian, tags in ascending order, lengths that are told, plain ASCII in what is
    looked for.
    """
    if head[128:132] != b"DICM":
        return None
    try:
        meta, end = _scan(head, 132, last=_META_END)
        syntax = meta[_TRANSFER_SYNTAX].decode("ascii").strip(_PADDING)
        told = 144 + int.from_bytes(meta[_META_LENGTH], "little")  # 132 and the 12 bytes of the length itself
        if syntax not in _EXPLICIT or end != told:
            return None
        found, end = _scan(head, end, last=_BEFORE_PIXELS)
        if head[end : end + 2] not in (b"", _PIXEL_GROUP):
            return None
        values = {name: found.get(tag, b"").decode("ascii").strip(_PADDING) for tag, (name, _) in _TAGS.items()}
    except (struct.error, KeyError, ValueError):
        return None
    number = values.pop("expected")
    plain = not any(set(value) & _UNUSUAL for value in values.values())
    if not plain or (number and not (number.isdigit() and len(number) < 10)):
        return None
    return Header(**values, transfer_syntax_uid=syntax, expected=int(number) if number else None)


def _scan(head: bytes, at: int, *, last: int) -> tuple[dict[int, bytes], int]:
    """The elements from `at` up to tag `last`, long ones cut, and where they end; ValueError where one is unusual."""
    before, found = 0, dict[int, bytes]()
    while at + 8 <= len(head):
        group, element, kind, length = struct.unpack_from("<HH2sH", head, at)
        tag = group << 16 | element
        if tag > last:
            return found, at
        start = at + 8
        if kind in _LONG:
            (length,) = struct.unpack_from("<I", head, start)
            start += 4
        if tag <= before or kind not in _KINDS or length == _UNDEFINED or start + length > len(head):
            raise ValueError("not straightforward")
        if tag in _TAGS and (kind != _TAGS[tag][1] or length > _SHORT):
            raise ValueError("not what this element is")
        found[tag] = head[start : start + min(length, _SHORT)]
        before, at = tag, start + length
    if at != len(head):
        raise ValueError("the head is too short")
    return found, at
