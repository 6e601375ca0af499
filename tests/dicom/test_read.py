"""The reader: sizes, facts, refusals; and that nothing of the patient is kept."""

import gzip
import hashlib
import os
import warnings
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.dicom.conftest import MakeFile

from mammoqa.core import DicomError, Intent, ReasonCode
from mammoqa.dicom import parse, read_file


def _item(**attributes: object) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _refusal(path: Path, **options: int) -> DicomError:
    with pytest.raises(DicomError) as caught:
        read_file(path, **options)
    assert len(caught.value.reason) > 20
    return caught.value


def test_a_plain_file_is_read_without_copying_or_changing_values(make_file: MakeFile) -> None:
    path = make_file()
    (image,) = read_file(path)
    np.testing.assert_array_equal(image.pixels, np.arange(12).reshape(3, 4))
    assert image.pixels.dtype == np.uint16
    assert not image.pixels.flags.writeable
    assert image.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert image.saturated == (0.0, 65535.0)
    assert image.pitch_mm is None


def test_nothing_of_the_patient_is_kept(make_file: MakeFile) -> None:
    said = repr(read_file(make_file(PatientComments="DOE", OperatorsName="ROE^ANN", PhysiciansOfRecord="ROE^ANN")))
    for secret in ("DOE", "JANE", "SECRET", "19700102", "1970", "ROE"):
        assert secret not in said


@pytest.mark.parametrize(
    ("attributes", "pitch_mm"),
    [
        ({"ImagerPixelSpacing": [0.1, 0.2]}, (0.1, 0.2)),
        ({"ImagerPixelSpacing": [0.1, 0.2], "EstimatedRadiographicMagnificationFactor": 1.25}, (0.08, 0.16)),
        (
            {"ImagerPixelSpacing": [0.1, 0.1], "DistanceSourceToDetector": 660, "DistanceSourceToPatient": 600},
            (1 / 11,) * 2,
        ),
        ({"ImagerPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.3, 0.3]}, (0.1, 0.1)),
        ({"PixelSpacing": [0.3, 0.4]}, (0.3, 0.4)),
        ({"NominalScannedPixelSpacing": [0.05, 0.05]}, (0.05, 0.05)),
        ({"ImagerPixelSpacing": [0.0, 0.1]}, None),
    ],
)
def test_pixel_size_of_a_projection_is_in_the_plane_of_the_object(
    make_file: MakeFile, attributes: dict[str, object], pitch_mm: tuple[float, float] | None
) -> None:
    (image,) = read_file(make_file(**attributes))
    assert image.pitch_mm == (None if pitch_mm is None else pytest.approx(pitch_mm, abs=1e-12))


def test_pixel_size_of_slices_and_captures(make_file: MakeFile) -> None:
    both = {"PixelSpacing": [0.3, 0.3], "ImagerPixelSpacing": [0.1, 0.1], "NominalScannedPixelSpacing": [0.05, 0.05]}
    sizes = {kind: read_file(make_file(modality=kind, **both))[0].pitch_mm for kind in ("CT", "MR", "OT", "DX", "CR")}
    assert sizes == {"CT": (0.3, 0.3), "MR": (0.3, 0.3), "OT": (0.05, 0.05), "DX": (0.1, 0.1), "CR": (0.1, 0.1)}


def test_facts_of_a_mammogram_come_with_their_units(make_file: MakeFile) -> None:
    facts = read_file(
        make_file(
            KVP=28,
            ExposureInuAs=71400,
            Exposure=71,
            AnodeTargetMaterial="RHODIUM",
            FilterMaterial=["COPPER", "ALUMINUM"],
            OrganDose=0.01521,
            EntranceDoseInmGy=8.515,
            BodyPartThickness=44,
            CompressionForce=100,
            PresentationIntentType="FOR PROCESSING",
            AcquisitionDate="20250106",
            AcquisitionTime="080102.5",
            ViewPosition="CC",
            ImageLaterality="L",
        )
    )[0].acquisition
    assert (facts.kvp, facts.mas, facts.anode, facts.filter_material) == (28, 71.4, "Rh", "Cu+Al")
    assert facts.organ_dose_mgy == pytest.approx(1.521)
    assert (facts.entrance_dose_mgy, facts.thickness_mm, facts.force_n) == (8.515, 44, 100)
    assert facts.intent is Intent.FOR_PROCESSING
    assert facts.acquired_at == datetime(2025, 1, 6, 8, 1, 2, 500000)
    assert (facts.view, facts.laterality) == ("CC", "L")


def test_a_wrong_modality_falls_back_on_the_sop_class(make_file: MakeFile) -> None:
    (image,) = read_file(make_file(modality="RG", SOPClassUID="1.2.840.10008.5.1.4.1.1.1.2"))
    assert image.acquisition.modality == "MG"
    assert any("RG" in note for note in image.notes)


def test_enhanced_frames_take_their_own_functional_groups(make_file: MakeFile) -> None:
    shared = _item(
        PixelMeasuresSequence=Sequence([_item(PixelSpacing=[0.9, 0.8], SliceThickness=5)]),
        PlaneOrientationSequence=Sequence([_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]),
        MREchoSequence=Sequence([_item(EffectiveEchoTime=20)]),
    )
    frames = [
        _item(
            PlanePositionSequence=Sequence([_item(ImagePositionPatient=[0, 0, 10 * z])]),
            PixelValueTransformationSequence=Sequence([_item(RescaleSlope=2 + z, RescaleIntercept=0.5)]),
            FrameVOILUTSequence=Sequence([_item(WindowCenter=100 + z, WindowWidth=50)]),
        )
        for z in range(2)
    ]
    pixels = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    path = make_file(
        pixels=pixels,
        modality="MR",
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence(frames),
    )
    first, second = read_file(path)
    assert (first.pitch_mm, second.position_mm) == ((0.9, 0.8), (0, 0, 10))
    assert (second.windows[0].centre, second.acquisition.echo_time_ms) == (101, 20)
    assert (second.source.frame, second.acquisition.slice_thickness_mm) == (1, 5)
    np.testing.assert_array_equal(second.pixels, pixels[1] * 3 + 0.5)
    assert second.pixels.dtype == np.float32


def test_gzip_deflate_and_a_missing_preamble_make_no_difference(make_file: MakeFile, tmp_path: Path) -> None:
    plain = make_file("plain.dcm", KVP=28)
    zipped = tmp_path / "plain.dcm.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    headless = tmp_path / "headless.dcm"
    headless.write_bytes(plain.read_bytes()[132:])
    implicit = make_file("implicit.dcm", syntax=ImplicitVRLittleEndian, KVP=28)
    deflated = make_file("deflated.dcm", syntax=DeflatedExplicitVRLittleEndian, KVP=28)
    for path in (zipped, headless, implicit, deflated):
        (image,) = read_file(path)
        np.testing.assert_array_equal(image.pixels, np.arange(12).reshape(3, 4))
        assert image.acquisition.kvp == 28


def test_what_unpacks_to_too_much_is_refused(
    make_file: MakeFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deflated = make_file("bomb.dcm", np.zeros((300, 300), np.uint16), syntax=DeflatedExplicitVRLittleEndian)
    zipped = tmp_path / "bomb.gz"
    zipped.write_bytes(gzip.compress(make_file(pixels=np.zeros((300, 300), np.uint16)).read_bytes()))
    monkeypatch.setattr(parse, "MAX_BYTES", 100_000)
    assert _refusal(deflated).code is ReasonCode.TOO_LARGE
    assert _refusal(zipped).code is ReasonCode.TOO_LARGE


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"PixelData": None}, ReasonCode.NOT_AN_IMAGE),
        ({"modality": "US", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"}, ReasonCode.UNSUPPORTED_MODALITY),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, ReasonCode.COLOUR_IMAGE),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, ReasonCode.COLOUR_IMAGE),
        ({"Rows": 0}, ReasonCode.DAMAGED_FILE),
        ({"Rows": 4}, ReasonCode.DAMAGED_FILE),
        ({"BitsStored": 99, "HighBit": 98}, ReasonCode.DAMAGED_FILE),
        ({"RescaleSlope": "1e300"}, ReasonCode.DAMAGED_FILE),
        ({"NumberOfFrames": 2**31 - 1}, ReasonCode.TOO_LARGE),
        ({"NumberOfFrames": -1}, ReasonCode.DAMAGED_FILE),
        ({"Rows": 65535, "Columns": 65535}, ReasonCode.TOO_LARGE),
    ],
)
def test_unsuitable_objects_are_refused_by_code(
    make_file: MakeFile, attributes: dict[str, object], code: ReasonCode
) -> None:
    assert _refusal(make_file(**attributes)).code is code


def test_an_encoding_without_decoder_is_refused(make_file: MakeFile) -> None:
    path = make_file()
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"))
    assert _refusal(path).code is ReasonCode.UNSUPPORTED_ENCODING


def test_files_that_are_none(tmp_path: Path, make_file: MakeFile) -> None:
    empty, words, pipe = tmp_path / "empty", tmp_path / "words.txt", tmp_path / "pipe"
    empty.touch()
    words.write_text("no image at all\n" * 30)
    os.mkfifo(pipe)
    broken_gz, gz_of_words = tmp_path / "broken.gz", tmp_path / "words.gz"
    broken_gz.write_bytes(gzip.compress(make_file().read_bytes())[:60])
    gz_of_words.write_bytes(gzip.compress(words.read_bytes()))
    answers = {
        tmp_path / "absent": ReasonCode.NOT_FOUND,
        tmp_path: ReasonCode.NOT_DICOM,
        empty: ReasonCode.DAMAGED_FILE,
        words: ReasonCode.NOT_DICOM,
        pipe: ReasonCode.NOT_DICOM,
        broken_gz: ReasonCode.DAMAGED_FILE,
        gz_of_words: ReasonCode.NOT_DICOM,
    }
    assert {path: _refusal(path).code for path in answers} == answers


def test_a_file_cut_anywhere_is_read_or_refused(make_file: MakeFile, tmp_path: Path) -> None:
    whole = make_file("whole.dcm", KVP=28, WindowCenter=5, WindowWidth=10).read_bytes()
    cut = tmp_path / "cut.dcm"
    for length in range(1, len(whole), 17):
        cut.write_bytes(whole[:length])
        assert _refusal(cut).code in {
            ReasonCode.NOT_DICOM,
            ReasonCode.DAMAGED_FILE,
            ReasonCode.NOT_AN_IMAGE,
            ReasonCode.UNSUPPORTED_MODALITY,
        }


def test_a_file_with_any_byte_wrong_is_read_or_refused(make_file: MakeFile, tmp_path: Path) -> None:
    whole = bytearray(make_file("whole.dcm", KVP=28, WindowCenter=5, WindowWidth=10).read_bytes())
    rng = np.random.default_rng(1)
    wrong, refused = tmp_path / "wrong.dcm", 0
    for at in rng.integers(132, len(whole), 120):
        damaged = bytearray(whole)
        damaged[at] = rng.integers(256)
        wrong.write_bytes(damaged)
        try:
            read_file(wrong)
        except DicomError:
            refused += 1
    assert 0 < refused < 120


def test_warnings_become_notes_without_what_they_quote(make_file: MakeFile) -> None:
    notes: list[str] = []
    with parse.warnings_as_notes(notes):
        for name in ("DOE^JANE", "ROE^ANN"):
            warnings.warn(f"Invalid value for VR PN: '{name}'.\nSee there.", UserWarning, stacklevel=1)
    assert notes == ["Invalid value for VR PN: …."]
    path = make_file(StudyInstanceUID="1.2.345.678")
    path.write_bytes(path.read_bytes().replace(b"1.2.345.678", b"1.2.E45.678"))
    (image,) = read_file(path)
    assert [note for note in image.notes if "E45" in note] == []
    assert any("VR UI" in note for note in image.notes)
