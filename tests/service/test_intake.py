"""What comes in is on the disk and in the database before anyone is told so; once, however often it is sent."""

import gzip
import hashlib

import pytest
from pydicom.uid import generate_uid

from mammoqa.core import RefusalError
from mammoqa.service.intake import Origin, take
from mammoqa.service.objects import path_of
from mammoqa.store import intake, objects_list

from .conftest import dicom_bytes

HERE = Origin("upload", "tester")


def hand_in(service, data, **more):
    return take(service, iter((data[:100], data[100:])), HERE, **more)


def test_an_object_is_kept_as_it_came(service):
    data = dicom_bytes()
    taken = hand_in(service, data)
    sha256 = hashlib.sha256(data).hexdigest()
    assert taken.recorded.new
    assert taken.reason is None
    assert path_of(service.objects, sha256).read_bytes() == data
    (found,) = objects_list.received(service.store)
    assert (found.instance.sha256, found.instance.modality, found.instance.station) == (sha256, "MG", "ROOM-1")
    assert list(service.incoming.iterdir()) == []


def test_the_same_object_again_is_the_same(service):
    data = dicom_bytes()
    first, again = hand_in(service, data), hand_in(service, data)
    assert not again.recorded.new
    assert again.recorded.id == first.recorded.id
    assert len(objects_list.received(service.store)) == 1


def test_another_object_under_the_same_uid_is_kept_and_not_analysed(service):
    uid = generate_uid()
    hand_in(service, dicom_bytes(SOPInstanceUID=uid))
    hand_in(service, dicom_bytes(SOPInstanceUID=uid, StationName="ROOM-2"))
    second, first = objects_list.received(service.store)
    assert first.instance.reason is None
    assert "the first one stands" in second.instance.reason


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a DICOM file"),
        (b"hello " * 50, "not a DICOM file"),
        (gzip.compress(b"\0" * 100_000), "gzip"),
        (b"\0" * 128 + b"DICM" + b"\xff" * 40, "SOP Instance UID"),
    ],
)
def test_what_cannot_be_read_is_kept_with_the_reason(service, data, words):
    taken = hand_in(service, data)
    assert words in taken.reason
    (found,) = objects_list.unreadable(service.store)
    assert found.instance.reason == taken.reason
    assert path_of(service.objects, found.instance.sha256).read_bytes() == data


def test_an_object_above_the_limit_leaves_nothing_behind(service):
    with pytest.raises(RefusalError, match="limit"):
        hand_in(service, dicom_bytes(), max_bytes=200)
    assert list(service.incoming.iterdir()) == []
    assert objects_list.received(service.store) == ()


def test_a_study_becomes_a_job_when_it_is_quiet_or_complete(service):
    hand_in(service, dicom_bytes())
    assert intake.settle(service.store, 60) == ()
    hand_in(service, dicom_bytes(NumberOfSeriesRelatedInstances=1))
    (complete,) = intake.settle(service.store, 60)
    (quiet,) = intake.settle(service.store, 0)
    assert complete != quiet
    assert intake.settle(service.store, 0) == ()
    assert len(intake.instances_of(service.store, quiet)) == 1


def test_a_late_slice_takes_the_whole_series_with_it(service):
    series, study = generate_uid(), generate_uid()
    same = {"SeriesInstanceUID": series, "StudyInstanceUID": study, "Modality": "MR"}
    hand_in(service, dicom_bytes(**same))
    intake.settle(service.store, 0)
    hand_in(service, dicom_bytes(**same))
    (late,) = intake.settle(service.store, 0)
    assert len(intake.instances_of(service.store, late)) == 2
