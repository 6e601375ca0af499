"""Folders to images and stacks: exact answers for real and for awkward files."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.dicom.conftest import MakeFile

from mammoqa.core import Image, ReasonCode, Refused, Stack
from mammoqa.dicom import gather


def _count(answers: list[Image | Stack | Refused]) -> dict[str, int]:
    return dict(Counter(a.code.value if isinstance(a, Refused) else type(a).__name__ for a in answers))


def _paths(answers: list[Image | Stack | Refused]) -> list[str]:
    """Every file that was answered, once per answer."""
    found: list[str] = []
    for answer in answers:
        if isinstance(answer, Refused):
            found.append(answer.path)
        elif isinstance(answer, Image):
            found.append(answer.source.path)
        else:
            found.extend({image.source.path for image in answer.images})
    return found


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("mammograms", {"Image": 5}),
        ("acr_mri_large", {"Stack": 13, "Image": 1, "not_dicom": 1}),
        ("acr156_independent", {"Image": 6, "not_dicom": 1}),
        (
            "dicom_torture",
            {
                "Image": 61,
                "Stack": 2,
                "not_an_image": 76,
                "colour_image": 28,
                "unsupported_modality": 16,
                "not_dicom": 10,
                "duplicate": 8,
                "damaged_file": 2,
                "incomplete_stack": 0,
            },
        ),
    ],
)
def test_every_file_is_answered_once(shared_data: Path, folder: str, expected: dict[str, int]) -> None:
    answers = list(gather([shared_data / folder]))
    assert _count(answers) == {code: count for code, count in expected.items() if count}
    assert sorted(_paths(answers)) == sorted(str(p) for p in (shared_data / folder).rglob("*") if p.is_file())


def test_acr_mri_stacks_are_whole_and_sorted(shared_data: Path) -> None:
    stacks = [a for a in gather([shared_data / "acr_mri_large"]) if isinstance(a, Stack)]
    assert [len(stack.images) for stack in stacks] == [11] * 13
    assert [round(stack.spacing_mm, 2) for stack in stacks] == [10.0] * 13
    reversed_in = [
        Path(s.images[0].source.path).parent.name for s in stacks if "the file order was reversed" in s.notes
    ]
    assert reversed_in == ["GE"]
    assert {image.acquisition.field_strength_t for stack in stacks for image in stack.images} <= {1.5, 3.0}
    enhanced = [stack for stack in stacks if len({image.source.path for image in stack.images}) == 1]
    assert len(enhanced) == 1


def test_no_patient_name_or_number_survives(shared_data: Path) -> None:
    from pydicom import config, dcmread

    names = ("PatientName", "PatientID", "PatientBirthDate", "ReferringPhysicianName", "PerformingPhysicianName")
    checked = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config.settings, "reading_validation_mode", config.IGNORE)
        mammograms = [shared_data / "mammograms" / name for name in ("GH133.dcm", "OutOfBoundsOverlay.dcm")]
        for image in gather([*mammograms, shared_data / "acr_mri_large"]):
            if isinstance(image, Refused):  # the licence
                continue
            first = image.images[0] if isinstance(image, Stack) else image
            said = repr((first.acquisition, first.notes, first.windows))
            dataset = dcmread(first.source.path, stop_before_pixels=True)
            secrets = {str(dataset.get(name, "")) for name in names} - {""}
            secrets = {secret for secret in secrets if len(secret) > 3 and not secret.startswith("Anon")}  # a blank
            assert not [secret for secret in secrets if secret in said]
            checked += 1
    assert checked == 16


def test_projections_stream_and_slices_wait_for_their_series(make_file: MakeFile, tmp_path: Path) -> None:
    place = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "SeriesInstanceUID": "1.2.3", "modality": "CT"}
    make_file("a/1.dcm", ImagePositionPatient=[0, 0, 0], **place)
    make_file("b/mammogram.dcm")
    make_file("c/2.dcm", ImagePositionPatient=[0, 0, 5], **place)
    answers = list(gather([tmp_path]))
    assert [type(a) for a in answers] == [Image, Stack]
    assert sorted(_paths(answers)) == sorted(str(p) for p in tmp_path.rglob("*.dcm"))


def test_a_series_is_let_go_where_too_much_waits(make_file: MakeFile, tmp_path: Path) -> None:
    for series in range(3):
        for z in range(2):
            make_file(
                f"{series}/{z}.dcm",
                modality="CT",
                pixels=np.zeros((8, 8), np.int16),
                SeriesInstanceUID=f"1.2.{series}",
                ImagePositionPatient=[0, 0, z],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            )
    answers = gather([tmp_path], hold_bytes=2 * 8 * 8 * 2)
    first = next(answers)
    assert isinstance(first, Stack)
    assert Path(first.images[0].source.path).parent.name == "0"
    assert [type(a) for a in answers] == [Stack, Stack]


def test_paths_given_twice_missing_and_empty(make_file: MakeFile, tmp_path: Path) -> None:
    path = make_file("only/a.dcm")
    (tmp_path / "empty").mkdir()
    answers = list(gather([path, tmp_path / "only", tmp_path / "absent", tmp_path / "empty"]))
    assert _count(answers) == {"Image": 1, "not_found": 2}
    assert all(a.code is ReasonCode.NOT_FOUND for a in answers if isinstance(a, Refused))


def test_a_copied_projection_is_flagged(make_file: MakeFile, tmp_path: Path) -> None:
    path = make_file("a.dcm")
    (tmp_path / "b.dcm").write_bytes(path.read_bytes())
    first, second = gather([tmp_path])
    assert isinstance(first, Image)
    assert isinstance(second, Image)
    assert not first.notes
    assert "duplicate" in second.notes[-1]
