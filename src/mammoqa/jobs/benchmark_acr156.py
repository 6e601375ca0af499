"""How fast `mammoqa analyse` is on one ACR 156 image, and how much memory it takes. Compute only.

Warm: the same process reads and analyses image after image. Cold: the whole command in a process of its own, with
everything to import. Peak memory is that of the process (`ru_maxrss`).
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from mammoqa.core import Analysis, ConfigurationError, Image, Outcome, Refused, Stack

SIDE_PX = 1800
_PITCH_MM = 0.1  # of the simulated detector csi-100
PROGRAM = (sys.executable, "-m", "mammoqa")
_BETWEEN = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
nowhere = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}
status = subprocess.run(sys.argv[1:], **nowhere).returncode
seconds = time.perf_counter() - start
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, status]))
"""


@dataclass(frozen=True, slots=True)
class Times:
    """Repeated timings of one thing, in seconds."""

    name: str
    median_s: float
    fastest_s: float
    slowest_s: float
    n: int


@dataclass(frozen=True, slots=True)
class Child:
    """One run of a command in a process of its own."""

    seconds: float
    peak_mib: float
    status: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures were measured on; `cores` are those that this process may use."""

    processor: str
    cores: int
    memory_gib: float
    system: str


@dataclass(frozen=True, slots=True)
class Benchmark:
    """All figures. `warm` is decode to saliency, `steps` its parts, `reports` what a report adds."""

    shape: tuple[int, int]
    warm: Times
    steps: tuple[Times, ...]
    reports: tuple[Times, ...]
    cold: tuple[Times, ...]
    peak_mib: float
    machine: Machine


def times_of(name: str, seconds: Sequence[float]) -> Times:
    """Median, fastest and slowest; raises ValueError without timings."""
    if not seconds:
        raise ValueError(f"{name} was never timed")
    return Times(name, median(seconds), min(seconds), max(seconds), len(seconds))


def write_samples(folder: Path, count: int, seed: int) -> list[Path]:
    """DICOM files of simulated exposures of 1800 x 1800 pixels, each with its own noise."""
    from mammoqa.jobs.simulate import simulate_files
    from mammoqa.simulate import Exposure

    side_mm = SIDE_PX * _PITCH_MM
    exposure = Exposure(detector="csi-100", field_mm=(side_mm, side_mm))
    return list(simulate_files("acr156", exposure, folder, count, seed))


def benchmark(samples: Sequence[Path], warm_runs: int = 20, cold_runs: int = 5) -> Benchmark:
    """Run everything, one after the other; ConfigurationError when a sample is refused or a command fails."""
    analyses, totals = warm_analyses(samples, warm_runs)
    names = dict.fromkeys(name for a in analyses for name, _ in a.provenance.timings_s)
    steps = tuple(
        times_of(name, [dict(a.provenance.timings_s)[name] for a in analyses if name in dict(a.provenance.timings_s)])
        for name in names
    )
    cold, peak_mib = cold_commands(samples[0], cold_runs)
    view = _read(samples[0]).pixels.shape
    return Benchmark(
        shape=(int(view[0]), int(view[1])),
        warm=times_of("decode to saliency", totals),
        steps=steps,
        reports=report_times(analyses[-1], min(warm_runs, 5)),
        cold=cold,
        peak_mib=peak_mib,
        machine=this_machine(),
    )


def warm_analyses(samples: Sequence[Path], runs: int) -> tuple[list[Analysis], list[float]]:
    """Analyses of the samples in turn, after one that is not counted, and the seconds of each from file to result."""
    from mammoqa.jobs.analyse import analyse

    analyses, totals = [], []
    for run in range(runs + 1):
        path = samples[run % len(samples)]
        start = perf_counter()
        image = _read(path)
        analysis = analyse(image, decode_s=perf_counter() - start)
        seconds = perf_counter() - start
        if analysis.verdict.outcome is Outcome.REFUSED:
            raise ConfigurationError(f"the sample image was refused: {analysis.verdict.reason}")
        if run > 0:
            analyses.append(analysis)
            totals.append(seconds)
    return analyses, totals


def _read(path: Path) -> Image:
    from mammoqa.dicom import gather

    items: list[Image | Stack | Refused] = list(gather([path]))
    if len(items) != 1 or not isinstance(items[0], Image):
        raise ConfigurationError(f"{path.name} is not a single image")
    return items[0]


def report_times(analysis: Analysis, runs: int) -> tuple[Times, ...]:
    """Seconds for the page and for the sheet, the first of each not counted."""
    from mammoqa import report

    writers: tuple[tuple[str, Callable[[Analysis], object]], ...] = (("HTML", report.html), ("PDF", report.pdf))
    return tuple(times_of(name, _timed(write, analysis, runs + 1)[1:]) for name, write in writers)


def _timed(write: Callable[[Analysis], object], analysis: Analysis, runs: int) -> list[float]:
    seconds = []
    for _ in range(runs):
        start = perf_counter()
        write(analysis)
        seconds.append(perf_counter() - start)
    return seconds


def cold_commands(sample: Path, runs: int) -> tuple[tuple[Times, ...], float]:
    """Seconds of whole commands, and the largest peak memory of an analysis in MiB."""
    out, compiled = sample.parent / "reports", sample.parent / "bytecode"
    commands = {
        "mammoqa --help": ("--help",),
        "mammoqa analyse FILE --json -": ("analyse", str(sample), "--json", "-"),
        "mammoqa analyse FILE --out DIR": ("analyse", str(sample), "--out", str(out)),
    }
    found, peak_mib = [], 0.0
    for name, arguments in commands.items():
        run_child((*PROGRAM, *arguments), compiled)  # after an installation, the first start compiles
        children = [run_child((*PROGRAM, *arguments), compiled) for _ in range(runs)]
        if any(child.status not in (0, 1) for child in children):  # 1: the phantom fails, which is an answer
            raise ConfigurationError(f"{name} ended with status {[child.status for child in children]}")
        found.append(times_of(name, [child.seconds for child in children]))
        peak_mib = max(peak_mib, *(child.peak_mib for child in children))
    return tuple(found), peak_mib


def run_child(command: Sequence[str], compiled: Path | None = None) -> Child:
    """Run a command to its end with its output thrown away; seconds, peak memory and exit status.

    With `compiled` Python keeps its bytecode there, as it does beside an installed program unless told not to.
    A small process stands between: a child inherits the peak of the process that started it, and this one may be large.
    """
    environment = dict(os.environ)
    if compiled is not None:
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(compiled)
    reply = subprocess.run(
        (sys.executable, "-I", "-S", "-c", _BETWEEN, *command), check=True, capture_output=True, env=environment
    )
    seconds, peak, status = json.loads(reply.stdout)
    unit = 1024**2 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    return Child(seconds, peak / unit, status)


def this_machine() -> Machine:
    """Processor, cores, memory and system; no names and no paths."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(_processor(), cores, memory / 1024**3, f"{platform.system()} {platform.machine()}")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
