"""A file to a pydicom data set: plain, gzipped, deflated, with or without preamble and header."""

import gzip
import hashlib
import io
import re
import stat
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from mammoqa.core import DicomError, ReasonCode
from mammoqa.dicom.values import DICOM_ERRORS

_File = io.BufferedReader | io.BytesIO

MAX_BYTES = 4 * 2**30  # of a file, and of what a compressed one unpacks to
_TEXT_IN_QUOTES = re.compile(r"'[^']*'|\"[^\"]*\"")


@contextmanager
def warnings_as_notes(notes: list[str]) -> Iterator[None]:
    """Collect warnings as notes, each once; what they quote is cut out, since it may be a name."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        note = _TEXT_IN_QUOTES.sub("…", str(warning.message).splitlines()[0])
        if note not in notes:
            notes.append(note)


def parse(path: Path, notes: list[str]) -> tuple[Dataset, str]:
    """The data set of a file, and the SHA-256 of the file as it lies on disk; warnings are added to `notes`.

    Raises DicomError: NOT_FOUND, NOT_DICOM, DAMAGED_FILE or TOO_LARGE.
    """
    try:
        mode, size = (status := path.stat()).st_mode, status.st_size
        if not stat.S_ISREG(mode):
            what = "a folder: read the files in it" if stat.S_ISDIR(mode) else "not a regular file"
            raise DicomError(ReasonCode.NOT_DICOM, f"this is {what}")
        if size > MAX_BYTES:
            raise DicomError(ReasonCode.TOO_LARGE, f"the file has {size} bytes, the limit is {MAX_BYTES}")
        with path.open("rb") as file:
            return _parse_open(file, size, notes)
    except FileNotFoundError:
        raise DicomError(ReasonCode.NOT_FOUND, "no such file: check the path") from None
    except PermissionError:
        raise DicomError(ReasonCode.NOT_FOUND, "the file may not be read: check its permissions") from None


def _parse_open(file: _File, size: int, notes: list[str]) -> tuple[Dataset, str]:
    if size == 0:
        raise DicomError(ReasonCode.DAMAGED_FILE, "the file is empty: export or copy it again")
    start = file.read(132)
    file.seek(0)
    zipped = start[:2] == b"\x1f\x8b"
    if not zipped and not looks_like_dicom(start):
        raise DicomError(ReasonCode.NOT_DICOM, "this is not a DICOM file: give DICOM files or folders of them")
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    if zipped:
        file = _gunzip(file)  # the file on disk is closed by the caller
        notes.append("the file was gzipped")
        if not looks_like_dicom(file.read(132)):
            raise DicomError(ReasonCode.NOT_DICOM, "this gzip file holds no DICOM file")
        file.seek(0)
    with warnings_as_notes(notes):
        try:
            dataset = _dataset(file)
        except DICOM_ERRORS as error:
            raise DicomError(ReasonCode.DAMAGED_FILE, f"{_damage(error)}: export or copy it again") from error
    if not isinstance(dataset, Dataset) or len(dataset) == 0:
        raise DicomError(ReasonCode.NOT_DICOM, "the file has no DICOM attributes")
    return dataset, sha256


def looks_like_dicom(start: bytes) -> bool:
    """Whether the first 132 bytes are a DICOM preamble, or an element of group 2 or 8 where it was left out."""
    if start[128:132] == b"DICM":
        return True
    little, big = start[:4], start[1::-1] + start[3:1:-1]
    return len(start) >= 8 and any(t[:2] in (b"\x02\0", b"\x08\0") and t[3:4] <= b"\x30" for t in (little, big))


def _damage(error: BaseException) -> str:
    if isinstance(error, EOFError | zlib.error):
        return "the file is cut short or damaged"
    if isinstance(error, InvalidDicomError):
        return "the DICOM header is damaged"
    return f"the DICOM structure is damaged ({type(error).__name__})"


def _gunzip(file: _File) -> io.BytesIO:
    try:
        with gzip.GzipFile(fileobj=file) as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DicomError(ReasonCode.DAMAGED_FILE, "the gzip file is damaged: copy it again") from error
    if len(data) > MAX_BYTES:
        raise DicomError(ReasonCode.TOO_LARGE, f"the gzip file unpacks to more than {MAX_BYTES} bytes")
    return io.BytesIO(data)


def _dataset(file: _File) -> Dataset:
    if (plain := _inflated(file)) is not None:
        file = plain
    dataset: Dataset = dcmread(file, force=True)
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    if not dataset.file_meta.get("TransferSyntaxUID"):
        dataset.file_meta.TransferSyntaxUID = _guessed_syntax(dataset)
    return dataset


def _guessed_syntax(dataset: Dataset) -> UID:
    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little or little is None else ExplicitVRBigEndian


def _inflated(file: _File) -> io.BytesIO | None:
    """A deflated file as a plain one, within MAX_BYTES (pydicom itself sets no limit); None if it is not deflated.

    The header's transfer syntax is overwritten in place with that of the inflated data, padded to the same length.
    """
    head = file.read(4096)
    file.seek(0)
    at = head.find(DeflatedExplicitVRLittleEndian.encode())
    length_at = head.find(b"\x02\0\0\0UL\x04\0")
    if at < 0 or length_at < 0 or head[at - 8 : at] != b"\x02\0\x10\0UI\x16\0":
        return None
    end = length_at + 12 + int.from_bytes(head[length_at + 8 : length_at + 12], "little")
    data = file.read()
    file.seek(0)
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = stream.decompress(memoryview(data)[end:], MAX_BYTES)
    if stream.unconsumed_tail:
        raise DicomError(ReasonCode.TOO_LARGE, f"the deflated file unpacks to more than {MAX_BYTES} bytes")
    syntax = ExplicitVRLittleEndian.encode().ljust(len(DeflatedExplicitVRLittleEndian), b"\0")
    return io.BytesIO(b"".join((data[:at], syntax, data[at + len(syntax) : end], inflated)))
