"""The page of `mammoqa validate cdmam-ensemble`: single-image readings against the truth, in tables and words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mammoqa.jobs.validate_cdmam_ensemble import GROUP, Independent, Line
from mammoqa.jobs.validate_cdmam_families import FamilyLine

COVERAGE = (0.92, 0.99)
AUC = 0.95
APART = 0.15
OURS, CONVENTION, PAPER = "single image (ours)", f"conventional, {GROUP} images", "paper's network"
ONE_CONVENTION = "conventional, 1 image"
KNOWN, POOLED = "known", "pooled"


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Everything on the page. `label_apart`: bias and spread of ln(pooled / known) by scenario."""

    lines: tuple[Line, ...]
    aucs: tuple[tuple[str, tuple[float, float, float]], ...]
    flagged: tuple[tuple[str, float], ...]
    independent: tuple[Independent, ...]
    label_apart: tuple[tuple[str, float, float], ...]
    images: tuple[tuple[str, int, int], ...]
    held_out: tuple[tuple[str, str, float, float, float], ...]
    families: tuple[FamilyLine, ...] = ()
    cdcom: tuple[tuple[float, float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What was run, when, with what, on which networks."""

    command: str
    date: str
    versions: str
    ours: str
    paper: str


def page(found: Results, context: Context) -> str:
    """The page as Markdown."""
    parts = [
        "# CDMAM from a single image",
        f"`{context.command}`, {context.date}. {context.versions}. Everything but the independent images is "
        "**simulated**; those come from another generator, and no real CDMAM image is public.",
        f"- Ours: {context.ours}\n- The paper's: {context.paper}",
        "## Aims\n",
        table(("aim", "found", "reached"), aims(found)),
        _scenarios(found),
        _foreign(found),
        _families(found),
        _independent(found),
        _labels(found),
        _LIMITS,
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def aims(found: Results) -> list[tuple[str, str, str]]:
    """The aims: words, what was found, and "yes" or "not reached"."""
    own = {one.scenario: one for one in found.lines if one.way == OURS and one.truth == KNOWN and one.scenario != "ood"}
    four = {one.scenario: one for one in found.lines if one.way == CONVENTION and one.truth == KNOWN}
    covered = [one.coverage[0] for one in own.values()]
    pooled = [
        one.coverage[0] for one in found.lines if one.truth == POOLED and one.way == OURS and one.scenario != "ood"
    ]
    named = ", ".join(f"{one.coverage[0]:.3f}" for one in own.values())
    errors = ", ".join(f"{own[s].error[0]:.1%} against {four[s].error[0]:.1%}" for s in own)
    value, low, high = dict(found.aucs)[OURS]
    near = [one for one in found.independent if abs(one.apart) <= APART]
    within = [one for one in found.independent if one.single_um[1] <= one.pooled_um[0] <= one.single_um[2]]
    total = len(found.independent)
    return [
        (
            f"coverage of the 95 % intervals between {COVERAGE[0]} and {COVERAGE[1]} in every scenario, known truth",
            f"{named} (scenarios 1 to 4)",
            reached(bool(covered) and COVERAGE[0] <= min(covered) and max(covered) <= COVERAGE[1]),
        ),
        (
            "the same against the pooled reading of all its images (as in the paper; that scatters more than ours)",
            ", ".join(f"{value:.3f}" for value in pooled),
            reached(bool(pooled) and COVERAGE[0] <= min(pooled) and max(pooled) <= COVERAGE[1]),
        ),
        (
            f"relative error at most that of the conventional reading of {GROUP} images, in every scenario",
            errors,
            reached(all(own[s].error[0] <= four[s].error[0] for s in own)),
        ),
        *(
            (
                f"families that took part in neither training nor calibration: coverage of {COVERAGE[0]} or more",
                ", ".join(f"{one.coverage[0]:.3f} ({one.family})" for one in found.families),
                reached(min(one.coverage[0] for one in found.families) >= COVERAGE[0]),
            )
            for _ in found.families[:1]
        ),
        (f"OOD told apart with an AUC of {AUC}", f"{value:.3f} ({low:.3f} to {high:.3f})", reached(value >= AUC)),
        (
            f"independent images: each single-image threshold within {APART:.0%} of the pooled conventional one",
            f"{len(near)} of {total}; largest distance {max((abs(o.apart) for o in found.independent), default=0):.0%}",
            reached(len(near) == total > 0),
        ),
        (
            "independent images: the pooled threshold inside the single image's interval",
            f"{len(within)} of {total}",
            reached(len(within) == total > 0),
        ),
    ]


def _scenarios(found: Results) -> str:
    head = ("scenario", "reading", "curves", "relative error", "coverage at 95 %", "half width of the interval", "bias")
    words = (
        "## Scenarios of Amanova et al. 2022, table 1\n\n"
        "Errors are means over the curve's 12 points of |threshold / truth - 1|, with 95 % intervals by resampling "
        "images. Truth: the curve that the conventional reading gives in the end, as from endless images, known from "
        "the detectability of every cell. Sharpness is the mean half width of the intervals (of ln threshold, as a "
        "percentage).\n\n"
    )
    rows = [_row(one) for one in found.lines if one.truth == KNOWN]
    images = "; ".join(f"{name}: {count} images, {refused} not located" for name, count, refused in found.images)
    return words + table(head, rows) + f"\n\n{images}."


def _row(one: Line) -> tuple[str, ...]:
    def between(value: tuple[float, float, float], scale: float, digits: int) -> str:
        return f"{scale * value[0]:.{digits}f} ({scale * value[1]:.{digits}f} to {scale * value[2]:.{digits}f})"

    return (
        one.scenario,
        one.way,
        str(one.images),
        f"{between(one.error, 100, 1)} %",
        between(one.coverage, 1, 3),
        f"{100 * one.half:.0f} %",
        f"{100 * np.expm1(one.bias):+.1f} %",
    )


def _foreign(found: Results) -> str:
    rows = [(way, f"{a:.3f} ({low:.3f} to {high:.3f})") for way, (a, low, high) in found.aucs]
    flags = ", ".join(f"{name} {share:.0%}" for name, share in found.flagged)
    return (
        "## Images unlike the training\n\n"
        "The OOD row of the table has less noise than its quanta would give. Ours: distance of the image's fingerprint "
        "(levels, scatter, noise, blur, pixel size) from the nearest training setting; the paper's: disagreement of "
        "its members.\n\n" + table(("reading", "AUC, OOD against scenarios 1 to 4"), rows) + "\n\n"
        f"Told in the report as unlike the training: {flags}."
    )


def _families(found: Results) -> str:
    if not found.families:
        return "## Units of other kinds\n\nLeft out when this page was made."
    rows = [
        (
            one.family,
            str(one.units),
            f"{100 * one.error[0]:.1f} ({100 * one.error[1]:.1f} to {100 * one.error[2]:.1f}) %",
            f"{one.coverage[0]:.3f} ({one.coverage[1]:.3f} to {one.coverage[2]:.3f})",
            f"{100 * one.half:.0f} %",
            f"{one.familiar_coverage:.3f}",
            f"{100 * one.familiar_half:.0f} %",
            f"{one.unlike:.0%}",
        )
        for one in found.families
    ]
    head = (
        "family",
        "units",
        "relative error",
        "coverage at 95 %",
        "half width",
        "coverage if not widened",
        "half width if not widened",
        "told as unlike",
    )
    return (
        "## Units of other kinds\n\n"
        "Invented units (`simulate.cdmam_invented`) of kinds that had no part in the training, nor in the calibration "
        "of how intervals widen with distance: exponential tails of the blur, sharpened pixels, discs beside their "
        "places and of uneven gold, lumps. Three images of each. The widening was calibrated on other families, each "
        "left out of a training of its own.\n\n" + table(head, rows)
    )


def _independent(found: Results) -> str:
    if not found.independent:
        return "## Independent images\n\nNot at hand when this page was made."
    rows = [
        (
            f"{o.diameter_mm:g}",
            f"{o.pooled_um[0]:.3f} ({o.pooled_um[1]:.3f} to {o.pooled_um[2]:.3f})",
            o.image,
            f"{o.single_um[0]:.3f} ({o.single_um[1]:.3f} to {o.single_um[2]:.3f})",
            f"{100 * o.apart:+.0f} %",
            "yes" if o.single_um[1] <= o.pooled_um[0] <= o.single_um[2] else "no",
            "yes" if o.single_um[1] <= o.pooled_um[2] and o.pooled_um[1] <= o.single_um[2] else "no",
            "yes" if o.unlike else "no",
        )
        for o in found.independent
    ]
    head = (
        "mm",
        "pooled conventional, µm",
        "image",
        "single image, µm",
        "apart",
        "pooled inside",
        "intervals overlap",
        "unlike",
    )
    return (
        "## Independent images\n\n"
        "Human thresholds by the curve: the conventional reading of all four images together, and each image alone. "
        "They served this comparison only. The reading of the first version had been compared with them before; this "
        "one was compared once, after everything was chosen, and once more to add what follows the table, with nothing "
        "changed in between.\n\n" + table(head, rows) + _cdcom(found)
    )


def _cdcom(found: Results) -> str:
    """The same from the decisions of EUREF's reader."""
    if not found.cdcom:
        return ""
    rows = []
    for diameter_mm, value, low, high in found.cdcom:
        single = [one for one in found.independent if one.diameter_mm == diameter_mm]
        ours = single[0].pooled_um
        apart = [one.single_um[0] / value - 1.0 for one in single]
        inside = sum(one.single_um[1] <= value <= one.single_um[2] for one in single)
        rows.append(
            (
                f"{diameter_mm:g}",
                f"{value:.3f} ({low:.3f} to {high:.3f})",
                f"{ours[0]:.3f} ({ours[1]:.3f} to {ours[2]:.3f})",
                f"{100 * min(apart):+.0f} to {100 * max(apart):+.0f} %",
                f"{inside} of {len(single)}",
            )
        )
    head = ("mm", "from cdcom's decisions, µm", "from ours, µm", "single images against cdcom's", "cdcom's inside")
    return (
        "\n\nHow far a pooled conventional reading of four images can be trusted: the same curve from the decisions of "
        "EUREF's reader, cdcom 1.5.2, on the same images.\n\n" + table(head, rows)
    )


def _labels(found: Results) -> str:
    rows = [
        (name, f"{100 * np.expm1(bias):+.1f} %", f"{100 * spread:.1f} %") for name, bias, spread in found.label_apart
    ]
    pooled = [_row(one) for one in found.lines if one.truth == POOLED]
    parts: dict[str, list[str]] = {}
    for of, name, value, low, high in found.held_out:
        parts.setdefault(of, []).append(f"{name} {value:.3f} ({low:.3f} to {high:.3f})")
    metrics = "\n".join(f"- {of}: {'; '.join(values)}" for of, values in parts.items())
    return (
        "## How far the truth can be trusted\n\n"
        "The known truth beside the conventional reading of all images of a scenario, which the paper takes as truth. "
        "Such a curve scatters by some 6 % of 16 images and 4 % of 40, all its points together.\n\n"
        + table(("scenario", "pooled against known, mean over the curve", "spread"), rows)
        + "\n\nThe networks against the pooled reading instead (whose scatter our intervals do not allow for):\n\n"
        + table(("scenario", "reading", "curves", "error", "coverage", "half width", "bias"), pooled)
        + f"\n\nSimulated images that were not trained on, but served the calibration of the intervals:\n\n{metrics}"
    )


def reached(yes: bool) -> str:
    """What the table of aims says."""
    return "yes" if yes else "**not reached**"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_LIMITS = """## What this does not show

- Simulated scenarios share their forward model with part of the training: they test noise, dose and placement, not
  whether the model of the unit is right. Units of other kinds and the independent images do, the latter for one unit.
- The pooled reading of four images, with which the independent images are compared, is itself uncertain by what its
  interval says; a perfect reading of one image would not always lie within 15 % of it, nor it inside a narrow interval.
- Intervals are those of the threshold that the conventional reading gives in the end. The ratios from automatic to
  human thresholds, and what a human reader would say, are outside them.
- Factors beyond the training (other plates and thicknesses, worn phantoms, structured backgrounds) are only covered as
  far as the fingerprint tells them. Units that differ in yet another way may be read worse than any here."""
