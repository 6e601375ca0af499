import json
import sys
from dataclasses import replace

import pytest

from mammoqa.jobs import benchmark_acr156 as job
from mammoqa.jobs import benchmark_acr156_page as pages

MACHINE = job.Machine("A processor", 2, 16.0, "Linux x86_64")
FOUND = job.Benchmark(
    shape=(1800, 1800),
    warm=job.Times("decode to saliency", 0.2, 0.19, 0.4, 20),
    steps=(job.Times("decode", 0.05, 0.04, 0.06, 20),),
    reports=(job.Times("PDF", 0.3, 0.2, 0.4, 5),),
    cold=(job.Times("mammoqa --help", 0.1, 0.1, 0.1, 5), job.Times("mammoqa analyse FILE --json -", 1.5, 1.4, 1.9, 5)),
    peak_mib=412.0,
    machine=MACHINE,
)


def test_times():
    assert job.times_of("x", [3.0, 1.0, 2.0]) == job.Times("x", 2.0, 1.0, 3.0, 3)
    with pytest.raises(ValueError, match="never timed"):
        job.times_of("x", [])


def test_a_child_is_timed_and_weighed():
    small = job.run_child((sys.executable, "-c", "import time; time.sleep(0.2)"))
    large = job.run_child((sys.executable, "-c", "x = b'1' * (200 * 1024 * 1024); raise SystemExit(3)"))
    assert small.seconds >= 0.2
    assert (small.status, large.status) == (0, 3)
    assert 180.0 < large.peak_mib - small.peak_mib < 260.0


def test_this_machine():
    machine = job.this_machine()
    assert machine.cores >= 1
    assert machine.memory_gib > 0.1
    assert machine.processor
    assert "/" not in machine.system


def test_page_tells_figures_and_aims():
    text = pages.page(FOUND, "mammoqa benchmark acr156", "2026-01-01", (("mammoqa", "0.1"),))
    assert "A processor, 2 cores, 16 GiB" in text
    assert "| decode to saliency | 0.200 | 0.190 | 0.400 | 20 | 0.25 |" in text
    assert "All aims are met." in text
    slow = replace(FOUND, warm=replace(FOUND.warm, median_s=0.3))
    assert pages.missed(slow) == ("decode to saliency: 0.30 s, aim 0.25 s",)


def test_files(tmp_path):
    target = pages.save(FOUND, "page\n", tmp_path / "new")
    assert target.read_text(encoding="utf-8") == "page\n"
    data = json.loads((tmp_path / "new" / "acr156.json").read_text(encoding="utf-8"))
    assert data["warm"]["median_s"] == 0.2
