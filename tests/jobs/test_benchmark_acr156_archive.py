import json
import os
import sys
from dataclasses import replace

import pytest

from mammoqa.core import ConfigurationError
from mammoqa.jobs import benchmark_acr156_archive as job
from mammoqa.jobs import benchmark_acr156_archive_page as pages
from mammoqa.jobs.benchmark_acr156 import Machine

RUN = job.Run("JSON", 1, 50, 49, 10.0, 3.0, 9.0, 300.0)
RUNS = (
    RUN,
    replace(RUN, workers=2, seconds=6.0, peak_mib=520.0),
    replace(RUN, images=200, answered=200, seconds=30.0, peak_mib=310.0),
    replace(RUN, images=200, answered=200, workers=2, seconds=18.0, peak_mib=530.0),
    replace(RUN, what="JSON and database with pictures", seconds=12.0),
)
FOUND = job.ArchiveBenchmark((2.2, 17.3, 8.6), RUNS, Machine("A processor", 2, 16.0, "Linux x86_64"), 0.1)


def test_rates():
    assert RUN.per_second == 5.0
    assert RUN.per_second_running == 7.0
    assert RUN.cpu_per_image_s == pytest.approx(0.18)


def test_links_are_files_of_their_own(tmp_path):
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / name).write_text(name)
    folder = job.link_archive(sorted(tmp_path.glob("*.dcm")), tmp_path / "archive", 5)
    files = sorted(folder.iterdir())
    assert [f.read_text() for f in files] == ["a.dcm", "b.dcm", "a.dcm", "b.dcm", "a.dcm"]
    assert len({os.path.realpath(f) for f in files}) == 5


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs Linux's /proc")
def test_a_command_and_its_children_are_watched(tmp_path):
    answers = tmp_path / "answers.json"
    child = "x = b'1' * (100 << 20); [i * i for i in range(10**6)]; import time; time.sleep(0.8)"
    code = f"import subprocess, sys, time; time.sleep(0.3); open({str(answers)!r}, 'w').write('[]'); "
    code += f"raise SystemExit(subprocess.run([sys.executable, '-c', {child!r}]).returncode + 3)"
    seen = job.watch((sys.executable, "-c", code), answers)
    assert seen.status == 3
    assert 0.3 <= seen.start_s < seen.seconds
    assert seen.peak_mib > 100
    assert seen.cpu_s > 0


def test_a_command_that_fails_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="ended with status"):
        job.run_archive(tmp_path, 1, 1, tmp_path / "none" / "answers.json")


def test_page_and_aims(tmp_path):
    assert pages.growth_mib(RUNS, 2) == 10.0
    assert pages.missed(FOUND) == ()
    text = pages.page(FOUND, "mammoqa benchmark acr156 --archive", "2026-01-01", (("mammoqa", "0.1"),))
    assert "2.2 to 17.3 megapixels (median 8.6)" in text
    assert "| JSON | 2 | 200 | 0 | 18.0 | 11.1 | 13.3 | 0.045 | 530 |" in text
    assert "All aims are met." in text
    slow = replace(FOUND, runs=(*RUNS[:3], replace(RUNS[3], seconds=50.0, peak_mib=900.0)))
    assert pages.missed(slow) == (
        "4.0 images a second with 2 workers, aim 6",
        "memory grows by 380 MiB with 2 workers, aim at most 50",
    )
    target = pages.save(FOUND, text, tmp_path)
    assert target.read_text(encoding="utf-8") == text
    assert len(json.loads(target.with_suffix(".json").read_text())["runs"]) == 5
