"""What the header of a JPEG, JPEG-LS or JPEG 2000 frame says about its size.

GDCM ends the whole process where a frame is smaller than the file says, so this is compared before it is decoded.
"""

import struct
from typing import NamedTuple

# Start-of-frame markers: JPEG (ITU-T T.81 table B.1; C4, C8 and CC are no frames) and JPEG-LS (T.87, F7).
_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


class FrameSize(NamedTuple):
    """Size of a compressed frame in pixels, samples per pixel and bits per sample."""

    rows: int
    columns: int
    samples: int
    precision: int


def frame_size(data: bytes) -> FrameSize | None:
    """Size by the frame's own header; None where it has none that can be read."""
    try:
        if data[:4] == b"\xff\x4f\xff\x51":
            return _jpeg2000(data)
        return _jpeg(data) if data[:2] == b"\xff\xd8" else None
    except (struct.error, IndexError):
        return None


def _jpeg2000(data: bytes) -> FrameSize:
    """SIZ marker segment (ITU-T T.800 A.5.1)."""
    right, bottom, left, top = struct.unpack_from(">4I", data, 8)
    (samples,) = struct.unpack_from(">H", data, 40)
    return FrameSize(bottom - top, right - left, samples, (data[42] & 0x7F) + 1)


def _jpeg(data: bytes) -> FrameSize | None:
    """The frame header, if all segments up to the first scan hang together."""
    at, found = 2, None
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:  # start of scan
            return found
        if marker in _FRAME_MARKERS:
            precision, rows, columns, samples = struct.unpack_from(">BHHB", data, at + 4)
            found = FrameSize(rows, columns, samples, precision)
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return None
