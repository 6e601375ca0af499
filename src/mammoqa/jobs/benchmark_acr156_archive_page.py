"""The page of `mammoqa benchmark acr156 --archive`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mammoqa.jobs.benchmark_acr156_archive import ArchiveBenchmark, Run

AIM_PER_SECOND = 6.0  # end to end without report, on two cores
GROWTH_MIB = 50.0  # by which memory may differ between the smallest and the largest archive; a choice


def growth_mib(runs: Sequence[Run], workers: int) -> float:
    """Peak memory with the largest archive less that with the smallest, to JSON."""
    own = sorted((r for r in runs if r.workers == workers and r.what == "JSON"), key=lambda r: r.images)
    return own[-1].peak_mib - own[0].peak_mib if own else 0.0


def missed(found: ArchiveBenchmark) -> tuple[str, ...]:
    """The aims that are not reached, in words."""
    largest = max((r for r in found.runs if r.what == "JSON"), key=lambda r: (r.images, r.workers))
    parts = []
    if largest.per_second < AIM_PER_SECOND:
        parts.append(
            f"{largest.per_second:.1f} images a second with {largest.workers} workers, aim {AIM_PER_SECOND:.0f}"
        )
    for workers in sorted({r.workers for r in found.runs}):
        growth = growth_mib(found.runs, workers)
        if growth > GROWTH_MIB:
            parts.append(f"memory grows by {growth:.0f} MiB with {workers} workers, aim at most {GROWTH_MIB:.0f}")
    return tuple(parts)


def page(found: ArchiveBenchmark, command: str, date: str, versions: Sequence[tuple[str, str]]) -> str:
    """The Markdown page."""
    m = found.machine
    below = missed(found)
    sizes = sorted(found.megapixels)
    middle = sizes[len(sizes) // 2]
    parts = [
        "# Speed and memory of `mammoqa analyse` on an archive",
        f"Simulated ACR 156 images of {len(sizes)} units, {sizes[0]:.1f} to {sizes[-1]:.1f} megapixels "
        f"(median {middle:.1f}), film, CR and DR. {m.processor}, {m.cores} cores, {m.memory_gib:.0f} GiB, {m.system}. "
        f"As it began, {found.load:.1f} other processes wanted to run: with more than a few tenths of one, the clock's "
        "figures are too slow, and those of the processor are the ones to go by.",
        "All aims are met." if not below else "Aims that are missed: " + "; ".join(below) + ".",
        "Whole commands, from DICOM files on disk to answers, the start of the program included:",
        _table(found.runs),
        "*JSON* is `--json FILE`: no pictures are made, since nobody sees them. With a database, the view of the "
        "phantom and the network's saliency are made and saved with each result. Memory is that of all processes "
        "together; from the smallest to the largest archive it changes by "
        + " and ".join(f"{growth_mib(found.runs, w):+.0f} MiB ({w} workers)" for w in _workers(found))
        + ".",
        "The archives are hard links of these few files. mammoqa keeps nothing of a file once it is answered, and "
        "reads and decodes each link again; but the operating system has the files in memory, so that the speed of a "
        "disk or network is not part of this.",
        f"## How to repeat\n\n```\n{command}\n```",
        f"{date}; " + ", ".join(f"{name} {version}" for name, version in versions) + ".",
    ]
    return "\n\n".join(parts) + "\n"


def _workers(found: ArchiveBenchmark) -> list[int]:
    return sorted({r.workers for r in found.runs if r.what == "JSON"})


def _table(runs: Sequence[Run]) -> str:
    lines = [
        "| to | workers | images | refused | seconds | images / s | after the start | processor s / image "
        "| memory / MiB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for r in runs:
        lines.append(
            f"| {r.what} | {r.workers} | {r.images} | {r.images - r.answered} | {r.seconds:.1f} | {r.per_second:.1f} | "
            f"{r.per_second_running:.1f} | {r.cpu_per_image_s:.3f} | {r.peak_mib:.0f} |"
        )
    return "\n".join(lines)


def save(found: ArchiveBenchmark, text: str, out: Path) -> Path:
    """Write acr156_archive.md and acr156_archive.json under `out`; the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "acr156_archive.json").write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    target = out / "acr156_archive.md"
    target.write_text(text, encoding="utf-8")
    return target
