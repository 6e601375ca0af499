"""The page of `mammoqa validate acr_dm`: figures, tables and pictures."""

import platform
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mammoqa import __version__
from mammoqa.jobs.validate_acr_dm import (
    MASS_VISIBILITY,
    PEER_VERSION,
    SPECK_VISIBILITY,
    Agreement,
    Answer,
    Record,
    agreement,
    peer_at_its_best,
)
from mammoqa.judge import TOTALS, counted_totals
from mammoqa.simulate.acr_dm import DOSES_MGY, READERS

_NAMES = {"fibre": "fibres", "speck_group": "speck groups", "mass": "masses", "all": "all objects"}
_PROGRAMS = ("readers", "mammoqa", "pylinac")
_BINS = 6  # of dose, for the chart


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What was compared: images that both programs read, unless there is no peer; times in processor seconds."""

    planned: int
    images: int
    compared: int
    ours: tuple[Agreement, ...]
    peer: tuple[Agreement, ...]
    peer_best: tuple[Agreement, ...]
    seconds: float
    peer_seconds: float
    refused: Counter[str]
    peer_failed: Counter[str]
    missed: tuple[str, ...]


def evaluate(found: list[Record], planned: int) -> Results:
    """Agreement with the truth and time per image of both programs."""
    with_peer = [r for r in found if r.peer is not None]
    base = with_peer or found
    both = [r for r in base if r.ours.scores is not None and (r.peer is None or r.peer.scores is not None)]
    truth = np.array([r.case.truth for r in both])
    rng = np.random.default_rng(1)
    ours = agreement(_scores([r.ours for r in both]), truth, rng)
    peers = [r.peer for r in both if r.peer is not None]
    peer = agreement(_scores(peers), truth, rng) if peers else ()
    best = agreement(peer_at_its_best(peers, truth), truth, rng) if peers else ()
    seconds = float(np.median([r.ours.processor_s for r in both]))
    peer_seconds = float(np.median([p.processor_s for p in peers])) if peers else float("nan")
    return Results(
        planned=planned,
        images=len(found),
        compared=len(both),
        ours=ours,
        peer=peer,
        peer_best=best,
        seconds=seconds,
        peer_seconds=peer_seconds,
        refused=Counter(r.ours.reason for r in found if r.ours.scores is None),
        peer_failed=Counter(r.peer.reason for r in with_peer if r.peer is not None and r.peer.scores is None),
        missed=_missed(planned, len(both), ours, peer, seconds / peer_seconds if peers else float("nan")),
    )


def _scores(answers: list[Answer]) -> np.ndarray:
    return np.array([a.scores for a in answers if a.scores is not None])


def _missed(
    planned: int, compared: int, ours: tuple[Agreement, ...], peer: tuple[Agreement, ...], share: float
) -> tuple[str, ...]:
    """The aims: every planned exposure compared, each kind as near to the truth as pylinac's, a quarter of its time."""
    found = []
    if not peer:
        return ("pylinac was not asked",)
    if compared < planned:
        found.append(f"{compared} of {planned} exposures compared")
    found += [
        f"{_NAMES[a.kind]}: {a.difference:.3f} from the truth, pylinac {b.difference:.3f}"
        for a, b in zip(ours, peer, strict=True)
        if a.difference > b.difference
    ]
    if not share <= 0.25:
        found.append(f"{share:.2f} of pylinac's time per image, at most 0.25 wanted")
    return tuple(found)


def save(results: Results, found: list[Record], day: str, out: Path) -> Path:
    """Write acr_dm.md and its pictures under `out`; the page's path."""
    folder = out / "acr_dm"
    folder.mkdir(parents=True, exist_ok=True)
    chart(found).save(str(folder / "totals.svg"))
    drawn = example(found)
    if drawn is not None:
        (folder / "example.jpg").write_bytes(drawn)
    target = out / "acr_dm.md"
    target.write_text(page(results, day), encoding="utf-8")
    return target


def page(results: Results, day: str) -> str:
    """The page as Markdown."""
    r = results
    lines = [
        "# ACR Digital Mammography phantom",
        "",
        f"All figures are of **simulated** exposures: {r.images} of {r.planned} planned over {DOSES_MGY[0]:g} to "
        f"{DOSES_MGY[1]:g} mGy mean glandular dose and three detectors (a-Se 70 and 85 µm, CsI 100 µm), raw pixels of "
        "the whole 24 x 30 cm field, chest wall on the right.",
        "",
        f"Made by `mammoqa validate acr_dm` on {day} with mammoqa {__version__}, pylinac {PEER_VERSION}, Python "
        f"{platform.python_version()}.",
        "",
        "**Not reached:** " + "; ".join(r.missed) + "." if r.missed else "All aims are met.",
        "",
        "## What the truth is",
        "",
        f"For each image {READERS} simulated readers see each part of each object with the detectability that it has "
        "in this very image, its noise included, measured by a matched filter at the place where it truly lies. They "
        "differ in their criteria and have internal noise. Each applies the rules of the manual: a fibre 1 from 8 mm "
        "of visible length and 0.5 from 5 mm; a speck group 1 from four specks and 0.5 from two; a mass 1 from three "
        "quarters of its contour. The truth is their median. Some objects are broken, incomplete or a little off "
        "their place. No person read these images.",
        "",
        "mammoqa's criteria were fitted to such readers on other exposures (seed 7); its filters are of the same "
        "family as the readers', without knowing place, sharpness or exposure. That favours it: a program with another "
        "idea of visibility would have to be fitted to the readers first. Hence the third column, in which pylinac's "
        "two thresholds of visibility are those that suit these very images best.",
        "",
        *_agreement_table(r),
        "",
        "Difference: mean over objects of |score - truth|, with the 95 % interval over images. Same: objects with "
        "the readers' score. Totals: mean |total - total of the truth| under the stop rule.",
        "",
        "![totals over dose](acr_dm/totals.svg)",
        "",
        "## Time",
        "",
        f"Processor time of one thread per image, from the DICOM file to the scores, median: mammoqa {r.seconds:.2f} s"
        + (f", pylinac {r.peer_seconds:.2f} s ({r.seconds / r.peer_seconds:.2f} of it)." if r.peer else "."),
        "",
        "## Images not read",
        "",
        *_failures(r),
        "",
        "pylinac was given the whole image, the orientation that its table of regions expects, and the pixel size in "
        "the plane of the insert, because it does not correct a mammogram's magnification. Its settings are its own "
        f"(visibility {SPECK_VISIBILITY:g} for specks and {MASS_VISIBILITY:g} for masses; masses score 0 or 1).",
        "",
        "![an exposure with its scores](acr_dm/example.jpg)",
        "",
        "The exposure nearest to 1 mGy, as mammoqa reads it.",
    ]
    return "\n".join(lines) + "\n"


def _agreement_table(r: Results) -> list[str]:
    head = "| Kind | mammoqa: difference | same | totals |"
    rule = "|---|---|---|---|"
    if r.peer:
        head += f" pylinac {PEER_VERSION}: difference | same | totals | its best thresholds: difference |"
        rule += "---|---|---|---|"
    rows = []
    for k, one in enumerate(r.ours):
        row = f"| {_NAMES[one.kind]} | {_cells(one)} |"
        if r.peer:
            row += f" {_cells(r.peer[k])} | {r.peer_best[k].difference:.3f} |"
        rows.append(row)
    return [f"## Agreement with the truth ({r.compared} images)", "", head, rule, *rows]


def _cells(one: Agreement) -> str:
    interval = f"{one.difference:.3f} ({one.low:.3f} to {one.high:.3f})"
    return f"{interval} | {100 * one.same:.0f} % | {one.total:.2f}"


def _failures(r: Results) -> list[str]:
    lines = [f"- mammoqa refused {sum(r.refused.values())} of {r.images}"]
    lines += [f"  - {count} times: {reason}" for reason, count in r.refused.most_common()]
    if r.peer or r.peer_failed:
        lines.append(f"- pylinac failed on {sum(r.peer_failed.values())} of {r.images}")
        lines += [f"  - {count} times: {reason}" for reason, count in r.peer_failed.most_common()]
    return lines


def chart(found: list[Record]) -> Any:
    """Mean totals over dose, a panel per kind."""
    import altair

    rows = []
    edges = np.geomspace(*DOSES_MGY, _BINS + 1)
    for low, high in pairwise(edges.tolist()):
        inside = [r for r in found if low <= r.case.dose_mgy <= high]
        for name in _PROGRAMS:
            scores = [s for s in (_of(r, name) for r in inside) if s is not None]
            if not scores:
                continue
            totals = [counted_totals(np.array(scores)[:, k * 6 : k * 6 + 6]).mean() for k in range(3)]
            at = float(np.sqrt(low * high))
            rows += [
                {"dose": at, "read by": name, "kind": _NAMES[kind], "total": float(total)}
                for kind, total in zip(TOTALS, totals, strict=True)
            ]
    return (
        altair.Chart(altair.Data(values=rows))  # type: ignore[no-untyped-call]
        .mark_line(point=True)
        .encode(
            x=altair.X("dose:Q", title="mean glandular dose in mGy", scale=altair.Scale(type="log")),
            y=altair.Y("total:Q", title="mean total (simulated)", scale=altair.Scale(domain=[0, 6])),
            color=altair.Color(
                "read by:N", scale=altair.Scale(domain=list(_PROGRAMS), range=["#222222", "#1b6ca8", "#d9822b"])
            ),
            strokeDash=altair.StrokeDash("read by:N", scale=altair.Scale(domain=list(_PROGRAMS))),
        )
        .properties(width=210, height=210)
        .facet(column=altair.Column("kind:N", sort=list(_NAMES.values()), title=None))
    )


def _of(record: Record, name: str) -> Any:
    if name == "readers":
        return record.case.truth
    answer = record.ours if name == "mammoqa" else record.peer
    return None if answer is None else answer.scores


def example(found: list[Record]) -> bytes | None:
    """The exposure nearest to 1 mGy as a report shows it."""
    from mammoqa.dicom import read_file
    from mammoqa.jobs.analyse import Options, analyse
    from mammoqa.report.picture import annotated, as_jpeg

    near = min(found, key=lambda r: abs(np.log(r.case.dose_mgy)))
    drawn = annotated(analyse(read_file(near.case.path)[0], Options(phantom="acr_dm")), width_px=1200)
    return None if drawn is None else as_jpeg(drawn)
