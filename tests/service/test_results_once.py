"""A step that is done again saves nothing again; a failed job waits for a person."""

import pytest

from mammoqa.core import StoreError
from mammoqa.service.intake import Origin, take
from mammoqa.store import intake
from report.samples import sample_analysis

from .conftest import dicom_bytes


@pytest.fixture
def job(service):
    take(service, iter((dicom_bytes(),)), Origin("upload", "tester"))
    (number,) = intake.settle(service.store, 0)
    intake.start(service.store, number, "worker-1", 1)
    return number


def test_saving_under_the_same_key_again_answers_with_what_was_saved(service, job):
    first = intake.save_results(service.store, job, f"{job}/0", [sample_analysis()])
    again = intake.save_results(service.store, job, f"{job}/0", [sample_analysis()])
    assert first == again
    assert len(service.store.latest()) == 1
    (state,) = intake.jobs_in(service.store)
    assert (state.done, state.total, state.state) == (1, 1, "running")
    assert intake.results_of(service.store, [job]) == {job: first}


def test_a_failed_job_is_tried_again_by_a_person_only(service, job):
    with pytest.raises(StoreError, match="only a failed one"):
        intake.try_again(service.store, job)
    intake.fail(service.store, job, "OSError: the disk is gone")
    assert intake.try_again(service.store, job) == 2
    intake.finish(service.store, job)
    intake.fail(service.store, job, "a late worker")
    assert intake.jobs_in(service.store)[0].state == "done"
