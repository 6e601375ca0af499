"""`mammoqa validate acr156_independent`: six phantom images of another generator, with their truth, to docs/validation.

    mammoqa validate acr156_independent --data DIR

Exit status 1 when an image is refused, turned or judged wrongly, or a total is further off than the tolerance.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from mammoqa.core import Analysis, Insert, Outcome
from mammoqa.dicom import read_file
from mammoqa.jobs.batch import analyse_paths
from mammoqa.jobs.validate_acr156_page import versions
from mammoqa.locate import locate_acr156, patches
from mammoqa.phantoms import PHANTOMS

ROOT = Path(__file__).resolve().parents[1]
COMMAND = "mammoqa validate acr156_independent"
TOTALS = (("fibres", "fiber"), ("speck_groups", "speck"), ("masses", "mass"))
TOLERANCE = 0.5

Patch = Float32[np.ndarray, "rows columns"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One image: what was read beside what was drawn."""

    name: str
    outcome: str
    truth: str
    upright: bool
    totals: tuple[float, ...]
    drawn: tuple[float, ...]
    differing: tuple[str, ...]

    @property
    def within(self) -> bool:
        """Every total within the tolerance."""
        return len(self.totals) == len(self.drawn) and all(
            abs(a - b) <= TOLERANCE for a, b in zip(self.totals, self.drawn, strict=True)
        )


def compare(analysis: Analysis, truth: dict) -> Compared:  # type: ignore[type-arg]
    """An analysis against its entry in truth.json (objects in reading order, chest-wall side, totals, pass)."""
    totals = dict(analysis.verdict.totals)
    differing = tuple(
        f"{seen.name} {seen.score:g} for {drawn['score']:g}"
        for seen, drawn in zip(analysis.objects, truth["objects"], strict=False)
        if seen.score != drawn["score"]
    )
    return Compared(
        name=Path(analysis.path).name,
        outcome=analysis.verdict.outcome.value,
        truth=(Outcome.PASS if truth["pass"] else Outcome.FAIL).value,
        upright=analysis.pose is not None and analysis.pose.chest_wall == truth["chest"] and not analysis.pose.mirrored,
        totals=tuple(totals[ours] for ours, _ in TOTALS if ours in totals),
        drawn=tuple(float(truth[theirs]) for _, theirs in TOTALS),
        differing=differing,
    )


def page(found: list[Compared], missed: list[str]) -> str:
    """The comparison in Markdown."""
    made_with = ", ".join(f"{name} {number}" for name, number in versions())
    lines = [
        "# ACR 156: six images of an independent generator",
        "",
        f"`{COMMAND}` · {date.today().isoformat()} · {made_with}",
        "",
        "The images were drawn by a program that mammoqa does not contain, and nothing was trained on them. Their",
        "truth is what was drawn, not what a reader could see. Simulated images; no clinic's unit made them.",
        "",
        f"- recognised: {sum(c.outcome != 'refused' for c in found)} of {len(found)}",
        f"- right way up: {sum(c.upright for c in found)} of {len(found)}",
        f"- pass or fail as drawn: {sum(c.outcome == c.truth for c in found)} of {len(found)}",
        f"- every total within {TOLERANCE:g}: {sum(c.within for c in found)} of {len(found)}",
        "",
        "| image | outcome | drawn | fibres / speck groups / masses | drawn | objects that differ |",
        "|---|---|---|---|---|---|",
    ]
    for c in found:
        ours, theirs = (" / ".join(f"{t:g}" for t in totals) for totals in (c.totals, c.drawn))
        lines.append(f"| {c.name} | {c.outcome} | {c.truth} | {ours} | {theirs} | {', '.join(c.differing) or 'none'} |")
    if missed:
        lines += ["", REMARK, "", *missed]
    lines += ["", DISCLOSURE, ""]
    return "\n".join(lines)


REMARK = """The simulated readers behind the network see a single speck from about 3.8 standard deviations of a
prewhitened filter on. The table says how far the missed groups stand out: the answer, in standard deviations, of
a filter for all six specks at once, the best over place (within 1 mm), ring radius and two smoothings; and the answers
of the same filter turned by five angles to where no specks are. It is not prewhitened; a prewhitened one, which uses
that the noise of these images is blurred, gave 5.3 for group 5 of image 6 and 3.5 to 4.2 beside it, about 2.2 for each
of its specks."""

DISCLOSURE = """**Not a blind test for specks.** The numbers of the simulated readers for specks, and the contrast of
the specks in the phantom, were changed after these images had been looked at (efficiency 0.25, then 0.36; then specks
of 0.42 of the volume, a prewhitened filter and efficiency 0.85). Their pixels and their truth entered no training, but
they influenced those numbers."""

RADII_MM = (-0.1, 0.0, 0.1)  # beside the nominal ring radius, which is recalled
SMOOTHINGS_PX = (0.7, 1.0)
TURNS = (0.2, 0.35, 0.5, 0.65, 0.8)  # of the step between two specks: beside the specks, not on them


def ring_response(patch: Patch, group: Insert, pitch_mm: float, turn: float = 0.0) -> float:
    """Best answer of a filter for a group's six specks, in standard deviations; `turn` of a step misses the ring."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    middle = (np.array(patch.shape) - 1) / 2
    angles = 2 * np.pi * (np.arange(5) + turn) / 5
    shifts = np.stack(np.meshgrid(np.arange(-10, 11), np.arange(-10, 11), indexing="ij")).reshape(2, -1, 1)
    best = -np.inf
    for smoothing in SMOOTHINGS_PX:
        smooth = gaussian_filter(patch.astype(float), smoothing)
        smooth -= np.median(smooth)
        spread = 1.4826 * np.median(np.abs(smooth))
        for more in RADII_MM:
            ring = np.stack([-np.cos(angles), np.sin(angles)]) * (group.ring_radius_mm + more) / pitch_mm
            specks = np.concatenate([ring, np.zeros((2, 1))], axis=1)
            places = middle[:, None, None] + shifts + specks[:, None, :]
            sums = map_coordinates(smooth, places, order=1).sum(axis=-1)
            best = max(best, float(sums.max() / (spread * np.sqrt(specks.shape[1]))))
    return best


def missed_groups(folder: Path, found: list[Compared]) -> list[str]:
    """A table row for every speck group that was drawn and scored 0."""
    phantom = PHANTOMS["acr156"]
    lines = []
    for one in found:
        image = read_file(folder / one.name)[0]
        cut = patches(image, phantom, locate_acr156(image, phantom))
        for index, insert in enumerate(phantom.inserts):
            if insert.kind == "speck_group" and any(d.startswith(f"{insert.name} 0 ") for d in one.differing):
                there = ring_response(cut[index], insert, 0.1)
                beside = sorted(ring_response(cut[index], insert, 0.1, turn) for turn in TURNS)
                lines.append(f"| {one.name} | {insert.name} | {there:.1f} | {beside[0]:.1f} to {beside[-1]:.1f} |")
    return lines and ["| image | group | on the specks | beside them |", "|---|---|---|---|", *lines]


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "acr156_independent")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validation")
    chosen = parser.parse_args()
    if not (chosen.data / "truth.json").is_file():
        parser.error(f"there is no {chosen.data / 'truth.json'}: give the images with --data")
    truth = json.loads((chosen.data / "truth.json").read_text(encoding="utf-8"))
    analyses = analyse_paths([chosen.data / name for name in sorted(truth)])
    found = [compare(analysis, truth[Path(analysis.path).name]) for analysis in analyses]
    target = chosen.out / "acr156_independent.md"
    target.write_text(page(found, missed_groups(chosen.data, found)), encoding="utf-8")
    print(f"written: {target.name}; totals within {TOLERANCE:g} in {sum(c.within for c in found)} of {len(found)}")
    return int(any(c.outcome != c.truth or not c.upright or not c.within for c in found))


if __name__ == "__main__":
    sys.exit(main())
