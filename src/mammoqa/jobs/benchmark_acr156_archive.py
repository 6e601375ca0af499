"""How many images a second `mammoqa analyse` reads from an archive, and whether its memory stays flat. Compute only.

The whole command in a process of its own: DICOM files on disk to a JSON array, and to a database with the pictures
that a report needs. Archives are hard links of a few simulated files: nothing is kept of a file once it is answered
(two links of one file are decoded and read twice), but the operating system keeps the files in memory, so the disk's
own speed is not measured. Seconds of the processor are counted beside those of the clock, since other work on the
machine changes only the latter.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

from mammoqa.core import ConfigurationError
from mammoqa.jobs.benchmark_acr156 import PROGRAM, Machine, this_machine

ARCHIVES = (50, 100, 200)
WORKERS = (1, 2)
_EVERY_S = 0.25  # between two looks at the memory


@dataclass(frozen=True, slots=True)
class Run:
    """One command over an archive. `cpu_s` and `peak_mib` are those of all its processes together.

    `start_s` passed until the first answer: programs and network are loaded then. `answered` are images that were
    not refused.
    """

    what: str
    workers: int
    images: int
    answered: int
    seconds: float
    start_s: float
    cpu_s: float
    peak_mib: float

    @property
    def per_second(self) -> float:
        """Images a second, the start included."""
        return self.images / self.seconds

    @property
    def per_second_running(self) -> float:
        """Images a second after the first, which is what a large archive comes to."""
        return (self.images - 1) / max(self.seconds - self.start_s, 1e-9)

    @property
    def cpu_per_image_s(self) -> float:
        """Seconds of the processor for each image, the start included."""
        return self.cpu_s / self.images


@dataclass(frozen=True, slots=True)
class ArchiveBenchmark:
    """All runs; `megapixels` of each of the distinct files."""

    megapixels: tuple[float, ...]
    runs: tuple[Run, ...]
    machine: Machine
    load: float  # of the machine as it began, in processes that wanted to run


def write_distinct(folder: Path, count: int, seed: int) -> tuple[float, ...]:
    """Simulated images of as many units of the archive, as DICOM; their megapixels."""
    from mammoqa.jobs.simulate import write_image
    from mammoqa.phantoms import PHANTOMS
    from mammoqa.simulate.archive import make_case

    folder.mkdir(parents=True, exist_ok=True)
    sizes = []
    for unit in range(count):
        simulated = make_case(PHANTOMS["acr156"], seed, unit, 0).simulated
        write_image(simulated, folder / f"unit-{unit:02d}.dcm")
        sizes.append(simulated.image.pixels.size / 1e6)
    return tuple(sizes)


def link_archive(distinct: Sequence[Path], folder: Path, count: int) -> Path:
    """A folder with `count` hard links of the distinct files in turn."""
    folder.mkdir(parents=True)
    for number in range(count):
        os.link(distinct[number % len(distinct)], folder / f"{number:05d}.dcm")
    return folder


def benchmark_archive(
    distinct: Sequence[Path], megapixels: tuple[float, ...], folder: Path, archives: Sequence[int] = ARCHIVES
) -> ArchiveBenchmark:
    """Every archive with one and with two workers to JSON, the smallest to a database and with reports' pictures."""
    load = os.getloadavg()[0]
    runs = []
    for count in archives:
        images = link_archive(distinct, folder / str(count), count)
        for workers in WORKERS:
            runs.append(run_archive(images, count, workers, folder / "answers.json"))
    smallest = folder / str(min(archives))
    for workers in WORKERS:
        store = folder / f"{workers}.db"
        runs.append(run_archive(smallest, min(archives), workers, folder / "answers.json", store))
    return ArchiveBenchmark(megapixels, tuple(runs), this_machine(), load)


def run_archive(images: Path, count: int, workers: int, answers: Path, store: Path | None = None) -> Run:
    """One command over a folder of images.

    Raises:
        ConfigurationError: it failed, or did not answer every image.
    """
    command = [*PROGRAM, "analyse", str(images), "--json", str(answers), "--jobs", str(workers)]
    what = "JSON"
    if store is not None:
        command += ["--store", str(store)]
        what = "JSON and database with pictures"
    answers.unlink(missing_ok=True)
    watched = watch(command, answers)
    if watched.status not in (0, 1, 3) or not answers.is_file():
        raise ConfigurationError(f"mammoqa {' '.join(command[len(PROGRAM) :])} ended with status {watched.status}")
    outcomes = [answer["outcome"] for answer in json.loads(answers.read_text(encoding="utf-8"))]
    if len(outcomes) != count:
        raise ConfigurationError(f"{count} images, {len(outcomes)} answers")
    answered = sum(outcome != "refused" for outcome in outcomes)
    return Run(what, workers, count, answered, watched.seconds, watched.start_s, watched.cpu_s, watched.peak_mib)


@dataclass(frozen=True, slots=True)
class Watched:
    """A command that ended, as `Run` counts it."""

    status: int
    seconds: float
    start_s: float
    cpu_s: float
    peak_mib: float


def watch(command: Sequence[str], answers: Path) -> Watched:
    """Run a command and look at the memory of its processes and at the file that it writes until it ends.

    Linux only (/proc); what a process uses in its last quarter of a second is missed. Memory is the sum of proportional
    shares, in which pages that processes share count once.
    """
    start = perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak_mib, first_s = 0.0, 0.0
    cpu_s: dict[int, float] = {}
    while process.poll() is None:
        seen = family(process.pid)
        peak_mib = max(peak_mib, sum(mib for _, mib in seen.values()))
        cpu_s.update({pid: seconds for pid, (seconds, _) in seen.items()})
        if not first_s and answers.is_file() and answers.stat().st_size > 0:
            first_s = perf_counter() - start
        sleep(_EVERY_S)
    seconds = perf_counter() - start
    return Watched(process.returncode, seconds, first_s or seconds, sum(cpu_s.values()), peak_mib)


def family(leader: int) -> dict[int, tuple[float, float]]:
    """Seconds of the processor and memory in MiB of a process and of those that it started, by number."""
    found: dict[int, tuple[float, float]] = {}
    left = [leader]
    while left:
        folder = Path("/proc") / str(left.pop())
        try:
            fields = (folder / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])  # fields 14 and 15 of proc(5): user and system time
            kib = _proportional_kib((folder / "smaps_rollup").read_text(encoding="ascii"))
            found[int(folder.name)] = (ticks / os.sysconf("SC_CLK_TCK"), kib / 1024)
            for task in (folder / "task").iterdir():
                left += [int(number) for number in (task / "children").read_text(encoding="ascii").split()]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has just ended
    return found


def _proportional_kib(rollup: str) -> int:
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
