"""Many items: order kept, reading timed, work spread over processes."""

import os
import sys
from pathlib import Path
from time import sleep

import pytest

from mammoqa.core import MissingExtraError, ReasonCode, Refused
from mammoqa.jobs.batch import _backend, analyse_all, analyse_paths


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
    from joblib import Parallel, delayed

    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4")
    with _backend(None):
        assert Parallel(n_jobs=2)(delayed(os.getenv)("OPENBLAS_NUM_THREADS") for _ in range(2)) == ["1", "1"]
