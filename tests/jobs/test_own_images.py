"""The images of a table: DICOM, PNG and NPY give the same patches; what contradicts the table is refused."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pictures

from mammoqa.core import Image, RefusalError
from mammoqa.dicom import write_mammogram
from mammoqa.jobs.manifest import Row
from mammoqa.jobs.own_images import cut_rows, read_row
from mammoqa.models import Preprocessing
from mammoqa.phantoms import PHANTOMS

ACR156 = PHANTOMS["acr156"]


def row(path: Path, line: int = 2, pitch_mm: float | None = None, attenuating: str | None = None) -> Row:
    return Row(line, path.name, path, "u", np.ones(16), np.zeros((0, 16)), pitch_mm, attenuating, None)


def cut(*rows: Row):
    return list(cut_rows(rows, ACR156, Preprocessing()))


def test_three_formats_one_answer(tmp_path: Path, drawn: Image) -> None:
    pitch_mm = drawn.pitch_mm[0]
    write_mammogram(drawn, tmp_path / "a.dcm", acquired_at=datetime(2026, 1, 5))
    np.save(tmp_path / "a.npy", drawn.pixels)
    Pictures.fromarray(drawn.pixels.astype(np.uint16)).save(tmp_path / "a.png")
    cuts = cut(
        row(tmp_path / "a.dcm", 2),
        row(tmp_path / "a.npy", 3, pitch_mm, "bright"),
        row(tmp_path / "a.png", 4, pitch_mm, "bright"),
        row(tmp_path / "none.npy", 5, pitch_mm, "bright"),
    )
    assert [c.code for c in cuts] == [None, None, None, "not_found"]
    assert all(c.patches is not None and c.patches.shape == (16, 160, 160) for c in cuts[:3])
    for other in cuts[1:3]:
        np.testing.assert_allclose(other.patches, cuts[0].patches, atol=0.02)


def test_the_table_s_polarity(tmp_path: Path, drawn: Image) -> None:
    np.save(tmp_path / "a.npy", drawn.pixels)
    (found,) = cut(row(tmp_path / "a.npy", 2, drawn.pitch_mm[0], "dark"))
    assert found.code == "not_located"
    assert "correct column attenuating" in str(found.reason)


def test_the_same_file_under_two_names(tmp_path: Path, drawn: Image) -> None:
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, drawn.pixels)
    cuts = cut(*(row(tmp_path / f"{n}.npy", k, drawn.pitch_mm[0], "bright") for k, n in ((2, "a"), (3, "b"))))
    assert [c.code for c in cuts] == [None, "duplicate"]
    assert "line 2" in str(cuts[1].reason)


def test_the_table_s_pixel_size(tmp_path: Path, drawn: Image) -> None:
    write_mammogram(drawn, tmp_path / "a.dcm", acquired_at=datetime(2026, 1, 5))
    pitch_mm = drawn.pitch_mm[0]
    assert read_row(row(tmp_path / "a.dcm", pitch_mm=pitch_mm)).pitch_mm == pytest.approx((pitch_mm, pitch_mm))
    with pytest.raises(RefusalError, match="leave the cell empty for DICOM"):
        read_row(row(tmp_path / "a.dcm", pitch_mm=0.5))


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.zeros((2, 3, 4)), "one image plane"),
        (np.array([["a", "b"]]), "one image plane"),
        (np.array([[np.nan, 1.0]]), "no numbers"),
        (np.array([[{}, 1]], dtype=object), "no readable NPY"),
    ],
)
def test_arrays_that_are_no_image(tmp_path: Path, array: np.ndarray, told: str) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(RefusalError, match=told):
        read_row(row(tmp_path / "a.npy", pitch_mm=0.1))


def test_pictures_that_are_no_image(tmp_path: Path) -> None:
    Pictures.new("RGB", (20, 20)).save(tmp_path / "a.png")
    with pytest.raises(RefusalError, match="grey-scale PNG"):
        read_row(row(tmp_path / "a.png", pitch_mm=0.1))
    (tmp_path / "a.png").write_text("not a picture")
    with pytest.raises(RefusalError, match="no readable PNG"):
        read_row(row(tmp_path / "a.png", pitch_mm=0.1))
    (tmp_path / "a.dcm").write_text("not DICOM, though it says so")
    with pytest.raises(RefusalError, match="not a DICOM file"):
        read_row(row(tmp_path / "a.dcm"))
