"""The page of `mammoqa benchmark acr156`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mammoqa.jobs.benchmark_acr156 import Benchmark, Times

# What this project asks for, on two cores.
AIM_WARM_S = 0.25  # decode to saliency, 1800 x 1800
AIM_COLD_S = 2.0  # mammoqa analyse FILE --json -
AIM_HELP_S = 0.4
_AIMS_S = {
    "decode to saliency": AIM_WARM_S,
    "mammoqa analyse FILE --json -": AIM_COLD_S,
    "mammoqa --help": AIM_HELP_S,
}


def missed(found: Benchmark) -> tuple[str, ...]:
    """The aims that the medians do not reach, in words."""
    return tuple(
        f"{t.name}: {t.median_s:.2f} s, aim {_AIMS_S[t.name]:.2f} s"
        for t in (found.warm, *found.cold)
        if t.name in _AIMS_S and t.median_s > _AIMS_S[t.name]
    )


def page(found: Benchmark, command: str, date: str, versions: Sequence[tuple[str, str]]) -> str:
    """The Markdown page."""
    m = found.machine
    below = missed(found)
    parts = [
        "# Speed and memory of `mammoqa analyse` on an ACR 156 image",
        f"Simulated images of {found.shape[1]} × {found.shape[0]} pixels. {m.processor}, {m.cores} cores, "
        f"{m.memory_gib:.0f} GiB, {m.system}. Other work on the machine makes the slowest times slower.",
        "All aims are met." if not below else "Aims that are missed: " + "; ".join(below) + ".",
        f"## Warm: one process, image after image\n\n{_table((found.warm, *found.steps))}",
        "The gradients behind the maps come from the same run of the network as the scores, so that most of the time "
        "of explaining stands under score. A report is made for a person to read and comes on top:\n\n"
        f"{_table(found.reports)}",
        "## Cold: the whole command, everything to import (bytecode compiled by an earlier start)\n\n"
        f"{_table(found.cold)}",
        f"Peak memory of an analysis: {found.peak_mib:.0f} MiB.",
        f"## How to repeat\n\n```\n{command}\n```",
        f"{date}; " + ", ".join(f"{name} {version}" for name, version in versions) + ".",
    ]
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[Times]) -> str:
    lines = ["| | median / s | fastest | slowest | runs | aim |", "| --- | --- | --- | --- | --- | --- |"]
    for t in rows:
        aim = f"{_AIMS_S[t.name]:.2f}" if t.name in _AIMS_S else "–"
        lines.append(f"| {t.name} | {t.median_s:.3f} | {t.fastest_s:.3f} | {t.slowest_s:.3f} | {t.n} | {aim} |")
    return "\n".join(lines)


def save(found: Benchmark, text: str, out: Path) -> Path:
    """Write acr156.md and acr156.json under `out`; the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "acr156.json").write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    target = out / "acr156.md"
    target.write_text(text, encoding="utf-8")
    return target
