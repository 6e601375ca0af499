"""A table of images and scores: what is read, and what each bad line is told."""

from pathlib import Path

import numpy as np
import pytest

from mammoqa.core import ConfigurationError
from mammoqa.jobs.manifest import NOT_APPLICABLE, Defaults, Manifest, heading, read_manifest
from mammoqa.phantoms import PHANTOMS

ACR156 = PHANTOMS["acr156"]
NAMES = [insert.name for insert in ACR156.inserts]
SOUND = {"image": "a.npy", "unit": "Room 1", "pitch_mm": "0.07", "attenuating": "bright"} | dict.fromkeys(NAMES, "1")


def table(folder: Path, *lines: dict[str, str], separator: str = ",") -> Path:
    headings = list(lines[0])
    text = [separator.join(headings), *(separator.join(line.get(name, "") for name in headings) for line in lines)]
    path = folder / "manifest.csv"
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return path


def read(folder: Path, *lines: dict[str, str], defaults: Defaults | None = None) -> Manifest:
    return read_manifest(table(folder, *lines), ACR156, defaults)


def test_a_line_is_read(tmp_path: Path) -> None:
    manifest = read(tmp_path, SOUND | {"fibre-5": "0.5", "fibre-6": "N/A", "mass-5": "0.0", "remark": "worn"})
    (row,) = manifest.rows
    assert (row.line, row.image, row.path, row.unit) == (2, "a.npy", tmp_path / "a.npy", "Room 1")
    assert (row.pitch_mm, row.attenuating, row.split) == (0.07, "bright", None)
    assert row.panel.tolist()[:5] == [1, 1, 1, 1, 0.5]
    assert np.isnan(row.panel[5])
    assert row.panel[15] == 0
    assert row.readers.shape == (0, 16)
    assert manifest.refused == ()
    assert manifest.ignored == ("remark",)
    assert len(manifest.sha256) == 64


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Fiber 1", "fibre-1"),
        ("fiber-6", "fibre-6"),
        ("specks_3", "speck-group-3"),
        ("Speck-group 3.reader2", "speck-group-3.reader2"),
        ("Mass5", "mass-5"),
        ("File name", "file_name"),
        ("filename", "image"),
        ("Case", "image"),
        ("Pitch mm", "pitch_mm"),
    ],
)
def test_headings_in_other_words(text: str, name: str) -> None:
    assert heading(text) == name


def test_the_paper_s_names_with_what_its_table_does_not_say(tmp_path: Path) -> None:
    names = [f"{word}-{k}" for word, count in (("fiber", 6), ("specks", 5), ("mass", 5)) for k in range(1, count + 1)]
    defaults = Defaults(pitch_mm=0.1, attenuating="bright", every_image_a_unit=True)
    manifest = read(tmp_path, {"case": "001.npy"} | dict.fromkeys(names, "N/A"), defaults=defaults)
    (row,) = manifest.rows
    assert (row.unit, row.pitch_mm, row.attenuating) == ("001.npy", 0.1, "bright")
    assert np.isnan(row.panel).all()


def test_readers_who_were_not_asked_and_those_who_said_na(tmp_path: Path) -> None:
    readers = {f"{name}.reader{k}": "1" for name in NAMES for k in (1, 2, 3)}
    manifest = read(tmp_path, SOUND | readers | {"fibre-1.reader2": "n/a", "fibre-1.reader3": ""})
    readings = manifest.rows[0].readers
    assert readings.shape == (3, 16)
    assert readings[:2, 0].tolist() == [1, NOT_APPLICABLE]
    assert np.isnan(readings[2, 0])
    assert manifest.readers == 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"fibre-3": "0,7"}, "column fibre-3: '0"),
        ({"fibre-3": "0.7"}, "column fibre-3: '0.7' is no score; write 0, 0.5, 1 or N/A"),
        ({"mass-2": ""}, "column mass-2: 'empty' is no score"),
        ({"image": ""}, "no image is named"),
        ({"image": "a.jpg"}, "files of the kind .jpg are not read"),
        ({"unit": ""}, "column unit is empty"),
        ({"pitch_mm": "70"}, "column pitch_mm: '70'; write the side of a pixel in mm"),
        ({"pitch_mm": ""}, "a NPY file does not say its pitch_mm"),
        ({"attenuating": ""}, "a NPY file does not say its attenuating"),
        ({"attenuating": "white"}, "write bright or dark"),
        ({"image": "b.npy"}, "the image of line 2 again"),
    ],
)
def test_a_bad_line_is_refused_and_the_others_are_read(tmp_path: Path, change: dict[str, str], told: str) -> None:
    good = SOUND | {"image": "b.npy"}
    path = table(
        tmp_path, good, SOUND | change, SOUND | {"image": "c.npy"}, separator=";" if "0,7" in str(change) else ","
    )
    manifest = read_manifest(path, ACR156)
    assert [row.line for row in manifest.rows] == [2, 4]
    (refused,) = manifest.refused
    assert refused.line == 3
    assert told in refused.reason
    assert str(refused).startswith("line 3: ")
    assert manifest.lines == 3


def test_a_unit_keeps_to_one_split(tmp_path: Path) -> None:
    line = SOUND | {"split": "train"}
    manifest = read(tmp_path, line, line | {"image": "b.npy", "split": "test"}, line | {"image": "c.npy", "split": "?"})
    assert [row.split for row in manifest.rows] == ["train"]
    assert ["one split" in r.reason or "column split" in r.reason for r in manifest.refused] == [True, True]


def test_dicom_needs_neither_pitch_nor_polarity(tmp_path: Path) -> None:
    line = {name: text for name, text in SOUND.items() if name not in ("pitch_mm", "attenuating")}
    (row,) = read(tmp_path, line | {"image": "sub/1.2.840"}).rows
    assert (row.path, row.pitch_mm, row.attenuating) == (tmp_path / "sub" / "1.2.840", None, None)


@pytest.mark.parametrize(
    ("headings", "defaults", "told"),
    [
        (["image", "unit", *NAMES[:-1]], None, "lacks the columns mass-5"),
        (["image", *NAMES], None, "lacks the columns unit"),
        (["image", "unit", *NAMES, "Fiber 1"], None, "two columns for fibre-1"),
        (["image", "unit", *NAMES, "fibre-1.reader1"], None, "columns of reader1 but not fibre-2.reader1"),
        (["image", "unit", *NAMES], Defaults(every_image_a_unit=True), "leave --every-image-a-unit out"),
        (["image", "unit", "pitch_mm", *NAMES], Defaults(pitch_mm=0.1), "has a column pitch_mm"),
    ],
)
def test_a_table_without_its_columns(tmp_path: Path, headings: list[str], defaults: Defaults | None, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read(tmp_path, dict.fromkeys(headings, "1"), defaults=defaults)


def test_files_that_are_no_table(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("Größe".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="CSV UTF-8"):
        read_manifest(tmp_path / "x.csv", ACR156)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_manifest(tmp_path / "none.csv", ACR156)
    (tmp_path / "x.csv").write_text("image,unit\n")
    with pytest.raises(ConfigurationError, match="holds no images"):
        read_manifest(tmp_path / "x.csv", ACR156)
