"""DICOM files from what the network gives: preamble and file meta information (PS3.10 section 7.1)."""

import struct

IMPLEMENTATION_UID = "1.2.826.0.1.3680043.10.1560.1"  # constant, so that the same object always has the same hash
IMPLEMENTATION = "MAMMOQA"


def file_head(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Preamble and file meta information of an object; its data set follows."""
    elements = b"".join(
        (
            _element(0x0001, b"OB", b"\0\1"),
            _element(0x0002, b"UI", _uid(sop_class_uid)),
            _element(0x0003, b"UI", _uid(sop_instance_uid)),
            _element(0x0010, b"UI", _uid(transfer_syntax_uid)),
            _element(0x0012, b"UI", _uid(IMPLEMENTATION_UID)),
            _element(0x0013, b"SH", IMPLEMENTATION.ljust(8).encode()),
        )
    )
    return b"\0" * 128 + b"DICM" + _element(0x0000, b"UL", struct.pack("<I", len(elements))) + elements


def _uid(text: str) -> bytes:
    raw = str(text).encode("ascii", "replace")
    return raw + b"\0" * (len(raw) % 2)


def _element(element: int, kind: bytes, value: bytes) -> bytes:
    length = struct.pack("<HI", 0, len(value)) if kind == b"OB" else struct.pack("<H", len(value))
    return struct.pack("<HH", 2, element) + kind + length + value
