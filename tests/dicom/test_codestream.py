"""Headers of compressed frames, and files whose frames are not what the file says."""

from pathlib import Path

import pytest

from mammoqa.core import DicomError, ReasonCode
from mammoqa.dicom import read_file
from mammoqa.dicom.codestream import FrameSize, frame_size

# SOI, a comment, SOF1 with 12 bits, 1024 rows, 256 columns, one component, SOS
JPEG = bytes.fromhex("ffd8 fffe0004abcd ffc1000b0c0400010001011100 ffda0008010100003f00")
# SOC, SIZ: 300 x 200 at offset 20, 10; one component of 12 bits, unsigned
JPEG_2000 = bytes.fromhex("ff4fff51 0029 0000 00000140 000000d2 00000014 0000000a" + "00000000" * 4 + "0001 0b0101")


def test_sizes_are_read_from_the_header() -> None:
    assert frame_size(JPEG) == FrameSize(1024, 256, 1, 12)
    assert frame_size(JPEG_2000) == FrameSize(200, 300, 1, 12)


@pytest.mark.parametrize("damage", [b"", b"\xff\xd8", JPEG[:14], JPEG[:-12], JPEG[:8] + b"\0" + JPEG[9:], b"MZ" + JPEG])
def test_a_broken_header_has_no_size(damage: bytes) -> None:
    assert frame_size(damage) is None


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("JPGExtended.dcm", bytes.fromhex("2800100055530200" + "0004")),  # 1024 rows in the file ...
        ("MR_small_jp2klossless.dcm", bytes.fromhex("2800100055530200" + "4000")),
        ("MR_small_jpeg_ls_lossless.dcm", bytes.fromhex("2800100055530200" + "4000")),
    ],
)
def test_a_frame_smaller_than_the_file_says_is_refused_not_fatal(
    shared_data: Path, tmp_path: Path, name: str, size: bytes
) -> None:
    data = (shared_data / "dicom_torture" / "pydicom" / "test_files" / name).read_bytes()
    assert data.count(size) == 1
    wrong = tmp_path / name
    wrong.write_bytes(data.replace(size, size[:-2] + bytes.fromhex("0008")))  # ... become 2048
    with pytest.raises(DicomError, match="compressed frame has") as caught:
        read_file(wrong)
    assert caught.value.code is ReasonCode.DAMAGED_FILE
