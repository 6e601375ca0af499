"""How fast a CDMAM is read, simulated and explained, and how much memory a reading takes. Compute only."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np

from mammoqa.core import Image
from mammoqa.explain.omig import correlation, omig
from mammoqa.phantoms import PHANTOMS

CONVENTIONAL_S, CONVENTIONAL_MIB = 3.0, 600.0  # aims, for one image on one core
PAPER_GRADIENTS = 5000 * 50  # draws and steps of the paper's map (Amanova et al. 2022, section 3)
ALIKE, SHARE = 0.95, 20  # aim: this correlation with the whole map at a twentieth of the paper's gradients
FEW_STEPS = (1, 3, 5, 10, 25)
_CHILD = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
from mammoqa import dicom
from mammoqa.jobs.cdmam34 import decisions_of, measured
from mammoqa.locate import identify, locate_cdmam34
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.cdmam34 import read_cells
phantom, seconds = PHANTOMS["cdmam34"], []
for path in sys.argv[1:]:
    start, busy = time.perf_counter(), time.process_time()
    (image,) = dicom.read_file(Path(path))
    assert identify(image) == "cdmam34"
    pose = locate_cdmam34(image, phantom)
    measured(*decisions_of(read_cells(image, phantom, pose), phantom), phantom)
    seconds.append((time.perf_counter() - start, time.process_time() - busy))
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


@dataclass(frozen=True, slots=True)
class Conventional:
    """Reading files in a process of its own with one thread: wall and processor seconds an image, and peak memory."""

    wall_s: float
    processor_s: float
    slowest_s: float
    peak_mib: float
    images: int
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Explained:
    """OMIG's map of one image at full resolution: steps (gradients), seconds, correlation with that of 50 steps."""

    steps: int
    processor_s: float
    wall_s: float
    correlation: float


@dataclass(frozen=True, slots=True)
class Benchmark:
    """All figures; seconds are of the processor where wall time would tell more of other programs."""

    conventional: Conventional
    single_s: float
    simulate_s: float
    simulate_wall_s: float
    explained: tuple[Explained, ...]
    load: float


def conventional(paths: list[Path]) -> Conventional:
    """The conventional reading of files; the first of them warms up and is not counted."""
    from mammoqa import dicom

    alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    made = subprocess.run(
        [sys.executable, "-c", _CHILD, str(paths[0]), *map(str, paths)],
        capture_output=True,
        check=True,
        text=True,
        env=os.environ | alone,
    )
    seconds, peak_mib = json.loads(made.stdout)
    (image,) = dicom.read_file(paths[0])
    wall, busy = (np.array(part) for part in zip(*seconds[1:], strict=True))
    shape = (image.pixels.shape[0], image.pixels.shape[1])
    return Conventional(median(wall), median(busy), float(busy.max()), peak_mib, len(paths), shape)


def simulated(count: int, seed: int) -> tuple[list[Image], float, float]:
    """Full fields of the standard exposure; processor and wall seconds an image, after the first."""
    from mammoqa.simulate.cdmam import STANDARD, expose_cdmam

    images: list[Image] = []
    busy, wall = [], []
    for rng in np.random.default_rng(seed).spawn(count + 1):
        start, used = perf_counter(), process_time()
        images.append(expose_cdmam(PHANTOMS["cdmam34"], STANDARD, None, rng).image)
        wall.append(perf_counter() - start)
        busy.append(process_time() - used)
    return images[1:], median(busy[1:]), median(wall[1:])


def explained(image: Image) -> tuple[float, tuple[Explained, ...]]:
    """Seconds of the single-image reading, and OMIG's maps with few and with 50 steps."""
    from mammoqa.explain.omig import Descent
    from mammoqa.jobs.cdmam34_single import cells_model, pixel_model, read_single
    from mammoqa.locate import locate_cdmam34

    phantom, model = PHANTOMS["cdmam34"], cells_model(None, threads=2)
    pose = locate_cdmam34(image, phantom)
    start = process_time()
    of = pixel_model(image, phantom, pose, model)
    read_single("image", of.read, model)
    single_s = process_time() - start
    x = of.normalise(image.pixels)[None]
    maps, seconds = {}, {}
    for steps in (50, *FEW_STEPS):
        begun, used = perf_counter(), process_time()
        maps[steps] = omig(of.slopes, x, Descent(steps=steps))[0]
        seconds[steps] = process_time() - used, perf_counter() - begun
    found = tuple(Explained(s, *seconds[s], correlation(maps[s], maps[50])) for s in (*FEW_STEPS, 50))
    return single_s, found


def benchmark(paths: list[Path], images: int, seed: int) -> Benchmark:
    """Everything; `paths` are files of CDMAM images."""
    read = conventional(paths)
    made, simulate_s, wall_s = simulated(images, seed)
    single_s, maps = explained(made[0])
    return Benchmark(read, single_s, simulate_s, wall_s, maps, os.getloadavg()[0])


def aims(found: Benchmark) -> list[tuple[str, str, bool]]:
    """What was asked for, what was found, whether it is reached."""
    read, allowed = found.conventional, PAPER_GRADIENTS // SHARE
    best = max((e for e in found.explained if e.steps <= allowed and e.steps < 50), key=lambda e: e.correlation)
    return [
        (
            f"conventional reading at most {CONVENTIONAL_S:g} s an image on one core",
            f"{read.processor_s:.2f} s of the processor, {read.wall_s:.2f} s by the clock",
            read.processor_s <= CONVENTIONAL_S,
        ),
        (
            f"conventional reading within {CONVENTIONAL_MIB:g} MiB",
            f"{read.peak_mib:.0f} MiB",
            read.peak_mib <= CONVENTIONAL_MIB,
        ),
        (
            f"OMIG to a correlation of {ALIKE:g} with at most 1/{SHARE} of the paper's {PAPER_GRADIENTS} gradients",
            f"{best.correlation:.3f} with {best.steps}, 1/{PAPER_GRADIENTS // best.steps} (full resolution, no draws)",
            best.correlation >= ALIKE,
        ),
    ]


def page(found: Benchmark, command: str, date: str, versions: str) -> str:
    """The figures as Markdown."""
    read = found.conventional
    lines = [
        "# CDMAM: speed and memory\n",
        f"`{command}`, {date}. {versions}. Other programs ran at the same time (load {found.load:.1f} on "
        f"{os.cpu_count()} cores): seconds of the processor are the ones to compare.\n",
        "| aim | found | reached |",
        "|---|---|---|",
        *(
            f"| {words} | {value} | {'yes' if reached else '**not reached**'} |"
            for words, value, reached in aims(found)
        ),
        "",
        f"- Conventional reading (decode, identify, locate, read, thresholds with intervals): median of {read.images} "
        f"images of {read.shape[0]} x {read.shape[1]} pixels, one thread; slowest {read.slowest_s:.2f} s. cdcom 1.5.2 "
        "took about 11 s an image on a machine of this kind.",
        f"- Single-image reading, after locating: {found.single_s:.2f} s of the processor.",
        f"- Simulation of a full field: {60 / found.simulate_s:.0f} images a minute of one core "
        f"({found.simulate_s:.2f} s of the processor, {found.simulate_wall_s:.2f} s by the clock).",
        "",
        "OMIG for the single-image reading, at full resolution. A step is one gradient of the whole image; the paper "
        "upsamples maps of 250 x 250 pixels from 5000 draws of 50 steps, 4.5 hours by its own account.\n",
        "| gradients | of the paper's | seconds of the processor | by the clock | correlation with the map of 50 |",
        "|---|---|---|---|---|",
        *(
            f"| {e.steps} | 1/{PAPER_GRADIENTS // e.steps} | {e.processor_s:.1f} | {e.wall_s:.1f} "
            f"| {e.correlation:.3f} |"
            for e in found.explained
        ),
        "",
        "Of this reading no map was made on a GPU. Of the paper's network, 256 gradients of a member took 13 ms on an "
        "NVIDIA H200 (see docs/explanation/cdmam_ensemble.md).",
    ]
    return "\n".join(lines) + "\n"
