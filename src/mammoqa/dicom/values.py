"""Tolerant access to DICOM attributes: a value that cannot be read is None, never an exception.

`Sources` are data sets searched in order: for a frame of an enhanced multi-frame file the per-frame functional groups,
the shared ones, then the file itself (PS3.3 C.7.6.16); for a classic file just the file.
"""

import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import InvalidOperation

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue

Sources = Sequence[Dataset]

# What pydicom 3 and the decoders have been seen to raise for damaged files, with an example of each. They are listed
# here, once, because neither documents a common ancestor.
DICOM_ERRORS = (
    InvalidDicomError,  # no header
    BytesLengthException,  # a binary value that is no multiple of its size
    EOFError,  # truncated inside an element
    ValueError,  # a number that is none, too few bytes of pixels; includes UnicodeDecodeError
    LookupError,  # unknown character set or value representation, a fragment out of range; includes KeyError
    AttributeError,  # a required element is absent; sequences that are not
    TypeError,  # an empty value where one is needed
    NotImplementedError,  # an unknown value representation; includes nothing of ours
    RuntimeError,  # every decoder failed; includes RecursionError from sequences nested without end
    OverflowError,  # a length beyond what can be addressed
    InvalidOperation,  # a decimal string that is no decimal
    struct.error,  # a header cut off
    zlib.error,  # a deflated file that was damaged
    OSError,  # the file system; gzip.BadGzipFile; Pillow's unidentified image
    MemoryError,  # a length that is a lie
    AssertionError,  # a decoder's own check
)


def raw(sources: Sources, keyword: str) -> object:
    """The first non-empty value of an attribute, as pydicom gives it; None where absent or unreadable."""
    for source in sources:
        try:
            value = source.get(keyword)
        except DICOM_ERRORS:
            continue
        if value is not None and value != "" and not (isinstance(value, Sequence) and len(value) == 0):
            return value
    return None


def items(sources: Sources, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence attribute; empty where it is absent or not a sequence."""
    value = raw(sources, keyword)
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return ()
    return tuple(item for item in value if isinstance(item, Dataset))


def texts(sources: Sources, keyword: str) -> tuple[str, ...]:
    """The values of an attribute as stripped text, empty ones left out."""
    value = raw(sources, keyword)
    if value is None or isinstance(value, bytes):
        return ()
    parts = value if isinstance(value, MultiValue | list | tuple) else [value]
    return tuple(text for part in parts if (text := str(part).strip().strip("\0")))


def text(sources: Sources, keyword: str) -> str | None:
    """The value of an attribute as stripped text; several values are joined by a backslash, as in the file."""
    return "\\".join(texts(sources, keyword)) or None


def numbers(sources: Sources, keyword: str) -> tuple[float, ...]:
    """The values of an attribute as finite numbers; empty if any of them is not one."""
    value = raw(sources, keyword)
    if value is None or isinstance(value, bytes | Dataset):
        return ()
    parts = value if isinstance(value, MultiValue | list | tuple) else [value]
    try:
        found = tuple(float(str(part)) for part in parts)
    except DICOM_ERRORS:
        return ()
    return found if all(map(math.isfinite, found)) else ()


def number(sources: Sources, keyword: str) -> float | None:
    """The first value of an attribute as a finite number."""
    found = numbers(sources, keyword)
    return found[0] if found else None


def positive(sources: Sources, keyword: str) -> float | None:
    """The first value of an attribute if it is above zero."""
    found = number(sources, keyword)
    return found if found is not None and found > 0 else None


def integer(sources: Sources, keyword: str) -> int | None:
    """The first value of an attribute if it is a whole number."""
    found = number(sources, keyword)
    return int(found) if found is not None and found == int(found) else None


def when(sources: Sources) -> datetime | None:
    """When the image was acquired, from the most to the least exact of the attributes that say so."""
    moments = [text(sources, "AcquisitionDateTime") or text(sources, "FrameAcquisitionDateTime")]
    for event in ("Acquisition", "Content", "Series", "Study"):
        date, time = text(sources, f"{event}Date"), text(sources, f"{event}Time")
        moments.append(None if date is None else date.replace(".", "") + (time or "").replace(":", ""))
    for moment in moments:
        for pattern in ("%Y%m%d%H%M%S.%f", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d"):
            try:
                return datetime.strptime((moment or "").split("+")[0], pattern)
            except ValueError:
                continue
    return None


def frame_sources(dataset: Dataset, frame: int) -> Sources:
    """Where to look for attributes of one frame: its functional groups, the shared ones, the file."""
    return (*_groups(dataset, "PerFrameFunctionalGroupsSequence", frame), *_shared(dataset), dataset)


def _shared(dataset: Dataset) -> Iterator[Dataset]:
    return _groups(dataset, "SharedFunctionalGroupsSequence", 0)


def _groups(dataset: Dataset, keyword: str, index: int) -> Iterator[Dataset]:
    groups = items((dataset,), keyword)
    if index >= len(groups):
        return
    for element in groups[index]:
        if element.VR == "SQ" and isinstance(element.value, Sequence):
            yield from (item for item in element.value[:1] if isinstance(item, Dataset))
