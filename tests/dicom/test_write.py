"""Mammograms written and read again, and judged by an independent validator."""

import shutil
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from mammoqa.core import Acquisition, ConfigurationError, Image, Intent, Source, Window
from mammoqa.dicom import read_file, write_mammogram

FACTS = Acquisition(
    modality="MG",
    manufacturer="mammoqa simulation",
    model="csi-100",
    station="UNIT-0001",
    device_serial="0001",
    detector_id="D-7",
    acquired_at=datetime(2025, 1, 6, 8, 1, 2, 250000),
    description="Simulated ACR phantom",
    pixel_intensity="LOG",
    kvp=28.5,
    mas=71.4,
    anode="W",
    filter_material="Rh",
    thickness_mm=44.0,
    force_n=60.0,
    organ_dose_mgy=1.234,
    entrance_dose_mgy=5.678,
    magnification=1.0417,
    view="CC",
    laterality="L",
)


def _image(bits: int = 12, inverted: bool = False, **changes: object) -> Image:
    pixels = np.random.default_rng(0).integers(0, 2**bits, (40, 30)).astype(np.uint16)
    image = Image(pixels, (0.1, 0.09), Source("simulated", ""), FACTS, bits_stored=bits, inverted=inverted)
    return replace(image, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("intent", list(Intent))
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("bits", [12, 14, 16])
def test_written_and_read_again_it_is_the_same(tmp_path: Path, intent: Intent, inverted: bool, bits: int) -> None:
    image = _image(bits, inverted, windows=(Window(2000.0, 1000.0, "LINEAR", "NORMAL"),))
    write_mammogram(image, tmp_path / "m.dcm", intent=intent, seed=1)
    (found,) = read_file(tmp_path / "m.dcm")
    np.testing.assert_array_equal(found.pixels, image.pixels)
    assert found.acquisition == replace(FACTS, intent=intent)
    assert found.pitch_mm == pytest.approx(image.pitch_mm)
    assert (found.inverted, found.bits_stored, found.notes) == (inverted, bits, ())
    assert found.windows == (image.windows if intent is Intent.FOR_PRESENTATION else ())


@pytest.mark.parametrize("intent", list(Intent))
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("anode", ["W", None])
def test_dciodvfy_finds_no_error(tmp_path: Path, intent: Intent, inverted: bool, anode: str | None) -> None:
    validator = shutil.which("dciodvfy")
    if validator is None:
        pytest.skip("needs dciodvfy (Debian package dicom3tools)")
    facts = FACTS if anode else Acquisition("MG", acquired_at=FACTS.acquired_at)
    write_mammogram(_image(inverted=inverted, acquisition=facts), tmp_path / "m.dcm", intent=intent)
    answer = subprocess.run([validator, str(tmp_path / "m.dcm")], capture_output=True, text=True, check=False)
    said = answer.stdout + answer.stderr
    assert "Mammography" in said
    assert "Error" not in said


def test_the_same_input_gives_the_same_file_and_identities_follow_from_the_seed(tmp_path: Path) -> None:
    def uids(name: str, **options: object) -> tuple[str, str, str]:
        write_mammogram(_image(), tmp_path / name, **options)  # type: ignore[arg-type]
        dataset = dcmread(tmp_path / name)
        return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID

    first = uids("a", seed=1)
    assert uids("b", seed=1) == first
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    other = uids("c", seed=1, instance_number=2)
    assert (other[:2], other[2] != first[2]) == (first[:2], True)
    assert not set(uids("d", seed=2)) & set(first)
    assert uids("e") == uids("f")


def test_only_a_phantom_is_named(tmp_path: Path) -> None:
    write_mammogram(_image(), tmp_path / "m.dcm", phantom="ACR156")
    dataset = dcmread(tmp_path / "m.dcm")
    assert (str(dataset.PatientName), dataset.PatientID) == ("PHANTOM^ACR156", "PHANTOM-ACR156")
    assert (dataset.PatientBirthDate, dataset.QualityControlImage, dataset.BurnedInAnnotation) == ("", "YES", "NO")


@pytest.mark.parametrize(
    "changes",
    [
        {"pitch_mm": None},
        {"acquisition": Acquisition("MG")},
        {"pixels": np.full((3, 3), 5000, np.uint16)},
        {"pixels": np.full((3, 3), -1, np.int16)},
        {"pixels": np.full((3, 3), 1.0, np.float32)},
        {"bits_stored": 7},
    ],
)
def test_what_cannot_be_written_is_said(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        write_mammogram(_image(**changes), tmp_path / "m.dcm")  # type: ignore[arg-type]
    assert not (tmp_path / "m.dcm").exists()
