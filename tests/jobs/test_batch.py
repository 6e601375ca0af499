"""Many items: order kept, reading timed, work spread over processes."""

import os
import sys
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from time import sleep

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from mammoqa.core import Image, MissingExtraError, ReasonCode, Refused
from mammoqa.dicom import write_mammogram
from mammoqa.jobs.analyse import Options
from mammoqa.jobs.batch import analyse_all, analyse_paths
from mammoqa.jobs.side_by_side import Crew, in_order, processes


def refused(count: int) -> list[Refused]:
    return [Refused(f"{number}.txt", ReasonCode.NOT_DICOM, "give DICOM") for number in range(count)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_answers_come_in_the_order_of_the_items(jobs: int) -> None:
    answers = [analysis.path for analysis in analyse_all(refused(6), jobs=jobs)]
    assert answers == [f"{number}.txt" for number in range(6)]


def test_the_time_of_reading_is_counted() -> None:
    def slow():
        for item in refused(2):
            sleep(0.02)
            yield item

    assert all(dict(a.provenance.timings_s)["decode"] >= 0.02 for a in analyse_all(slow()))


def test_nothing_is_read_before_it_is_asked_for() -> None:
    read = []

    def items():
        for item in refused(3):
            read.append(item)
            yield item

    answers = analyse_all(items())
    assert read == []
    next(answers)
    assert len(read) == 1


def test_every_file_is_answered_once(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text("no DICOM")
    assert [Path(a.path).name for a in analyse_paths([tmp_path])] == ["a.txt", "b.txt"]


def test_dask_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"mammoqa\[cluster\]"):
        list(analyse_all(refused(1), dask="tcp://nowhere:1"))


def test_processes_beside_each_other_keep_to_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4")
    with processes(2) as crew:
        assert list(in_order(crew, [(os.getenv, "OPENBLAS_NUM_THREADS")] * 2)) == ["1", "1"]


def test_no_more_than_a_few_tasks_are_ahead_of_the_taker() -> None:
    submitted: list[int] = []

    def submit(function, number: int) -> Future:
        submitted.append(number)
        done: Future = Future()
        done.set_result(function(number))
        return done

    results = in_order(Crew(submit, 2), ((abs, -number) for number in range(100)))
    assert [next(results) for _ in range(10)] == list(range(10))
    assert len(submitted) == 10 + 5  # three a worker, one of them just taken
    assert list(results) == list(range(10, 100))


def test_the_error_of_a_task_ends_the_work() -> None:
    with processes(2) as crew, pytest.raises(ZeroDivisionError):
        list(in_order(crew, [(divmod, 1, number) for number in (1, 0, 2)]))


@pytest.mark.parametrize("jobs", [1, 2])
def test_images_slices_and_other_files(tmp_path: Path, drawn: Image, toy_model: Path, jobs: int) -> None:
    """An image twice, a text and two slices of a series: the same answers by one process and by two."""
    write_mammogram(drawn, tmp_path / "a.dcm", acquired_at=datetime(2026, 1, 5))
    (tmp_path / "b.dcm").write_bytes((tmp_path / "a.dcm").read_bytes())
    (tmp_path / "c.txt").write_text("no DICOM")
    for number in range(2):
        write_slice(tmp_path / "0" / f"{number}.dcm", number)
    options = Options(model=toy_model, pictures=False)
    answers = list(analyse_paths([tmp_path], options, jobs=jobs))
    assert [(Path(a.path).name, a.phantom) for a in answers] == [
        ("a.dcm", "acr156"),
        ("b.dcm", "acr156"),
        ("c.txt", None),
        ("0.dcm", None),
    ]
    assert [len(a.sources) for a in answers] == [1, 1, 1, 2]
    assert answers[0].objects == answers[1].objects
    duplicate = f"duplicate: same SOP Instance UID as {tmp_path / 'a.dcm'}"
    assert set(answers[1].notes) - set(answers[0].notes) == {duplicate}
    assert all(a.view is None for a in answers[:3])


def write_slice(path: Path, number: int) -> None:
    """A CT slice of nothing, 1 mm from the next."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, f"2.25.{number + 1}"
    dataset.SeriesInstanceUID, dataset.Modality, dataset.InstanceNumber = "2.25.9", "CT", number
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.Rows, dataset.Columns = [1, 1], 8, 8
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = bytes(128)
    path.parent.mkdir(exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
