"""multipart/related bodies (RFC 2387), as DICOMweb sends and answers them."""

import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from mammoqa.core import ReasonCode, RefusalError

# RFC 2046 allows 70 characters; Orthanc 1.10 sends 73
_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,200})(?=[";,\s]|$)', re.IGNORECASE)
_CHUNK = 2**20
MOST_PARTS = 5000


def boundary_of(content_type: str) -> bytes:
    """The boundary that a content type names; RefusalError where it is no multipart/related with one."""
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/related") or found is None:
        raise RefusalError(ReasonCode.UNSUPPORTED_ENCODING, "send multipart/related with a boundary")
    return found.group(1).encode()


def parts(body: bytes, boundary: bytes) -> Iterator[memoryview]:
    """The content of each part; RefusalError where the body does not keep to its boundary."""
    mark, view = b"--" + boundary, memoryview(body)
    at = body.find(mark)
    count = 0
    while at >= 0:
        start = at + len(mark)
        if body[start : start + 2] == b"--":
            return
        head = body.find(b"\r\n\r\n", start)
        end = body.find(b"\r\n" + mark, start)
        count += 1
        if head < 0 or end < 0 or count > MOST_PARTS:
            break
        yield view[head + 4 : max(end, head + 4)]
        at = end + 2
    raise RefusalError(ReasonCode.DAMAGED_FILE, "the multipart body is cut short, or has no such boundary")


def related(paths: Iterable[Path]) -> tuple[str, Iterator[bytes]]:
    """A content type and the body that sends these DICOM files."""
    boundary = secrets.token_hex(16)

    def body() -> Iterator[bytes]:
        for path in paths:
            yield f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
            yield b"\r\n"
        yield f"--{boundary}--\r\n".encode()

    return f'multipart/related; type="application/dicom"; boundary={boundary}', body()
