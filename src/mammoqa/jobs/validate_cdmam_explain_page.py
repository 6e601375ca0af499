"""The page of `mammoqa validate cdmam-explain`: what was found, in words, tables and a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mammoqa.explain.omig import PAPER, PAPER_DRAWS
from mammoqa.jobs.validate_cdmam_explain import Found, Size

LOWERED = 0.95  # aim: share of images in which the midpoint falls
SPEED = 0.95  # aim: correlation with the reference at a twentieth of its gradients


@dataclass(frozen=True, slots=True)
class Context:
    """What was run, when, with what, and on which network."""

    command: str
    date: str
    versions: str
    network: str
    notes: tuple[str, ...]
    size: Size
    machine: str = ""


def page(found: Found, context: Context) -> str:
    """The page as Markdown."""
    parts = [
        "# CDMAM: what the ensemble's curve rests on",
        f"`{context.command}`, {context.date}. {context.versions}.{f' {context.machine}.' if context.machine else ''}",
        f"Network: {context.network}.{''.join(f' {note[0].upper()}{note[1:]}.' for note in context.notes)}",
        "All images are simulated. The checks are those of Amanova et al. 2022; what the paper judges by eye is a "
        "number here, beside the number that a meaningless map gives.",
        "## Aims\n",
        _table(
            ("aim", "found", "reached"), [(words, value, verdict) for words, value, verdict in figures(found, context)]
        ),
        "## Does the curve move down when x becomes x'? (figure 13)\n",
        _falls(found),
        "## How far: c (figure 14)\n",
        _table(
            ("c", "mean fall of the midpoint, ln", "correlation of the map with sensitivity"),
            [(f"{p.c:g}", f"{p.fall:.4f}", f"{p.with_sensitivity:.3f}") for p in found.sweep],
        ),
        "## Discs and grid in upsampled maps (figures 4, 6 and 7)\n",
        "Standard scores against the same shapes at wrong places: above 2, the map shows them. Discs: those of 0.8 mm "
        "and more with 0.25 um of gold and more, inside against around, positive where brighter discs would lower the "
        "curve. Lines: the size of the map on the grid's lines.\n\n"
        + _table(
            ("image", "discs", "lines"), [(s.name, f"{s.discs:+.1f}", f"{s.lines:+.1f}") for s in found.structures]
        )
        + f"\n\nThe map of the turned image, turned back, correlates with that of the upright one at "
        f"{found.turned_correlation:.3f}. Maps of {context.size.check_draws} draws:\n\n"
        "![Maps of scenario 1, the same turned, and scenario 4](cdmam_explain_maps.png)",
        "## Upsampling: correlation with the reference against gradients\n",
        _speed(found, context),
        "## Insertion and deletion\n",
        "The midpoint's distance from that of the whole image, as pixels are replaced by the image's mean from the "
        "most to the least important (deletion: larger is better) or put back (insertion: smaller is better). Score: "
        "deletion less insertion, with its standard error. OMIG and sensitivity give directions of change, the others "
        "contributions; OMIG times the image (less its mean) is a contribution too.\n\n"
        + _table(
            ("method", "deletion", "insertion", "score"),
            [
                (s.method, f"{s.deletion:.3f}", f"{s.insertion:.3f}", f"{s.score:+.3f} ± {s.error:.3f}")
                for s in sorted(found.scores, key=lambda s: -s.score)
            ],
        ),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def figures(found: Found, context: Context) -> list[tuple[str, str, str]]:
    """The aims: words, what was found, and "yes" or "not reached"."""
    fall = found.falls["all of scenarios 1 to 4"]
    allowed = context.size.reference_draws * PAPER.steps // 20
    within = [p for p in found.speed if p.gradients <= allowed]
    best = max(within, key=lambda p: p.correlation, default=None)
    scores = {s.method: s.score for s in found.scores}
    others = {k: v for k, v in scores.items() if k != "random" and not k.startswith("omig")}
    ahead = max(others, key=lambda k: others[k])
    return [
        (
            f"the midpoint falls in {LOWERED:.0%} of 100 images",
            f"{fall.share:.0%} of {fall.images}",
            _reached(fall.share >= LOWERED and fall.images >= 100),
        ),
        (
            f"correlation {SPEED:g} with the reference of {PAPER_DRAWS} draws at a twentieth of its gradients",
            f"{best.correlation:.3f} ({best.way}, {best.gradients} gradients) with {context.size.reference_draws} draws"
            if best
            else "nothing",
            _reached(best is not None and best.correlation >= SPEED and context.size.reference_draws >= PAPER_DRAWS),
        ),
        (
            "OMIG is ahead of the four other methods on insertion and deletion",
            f"{scores['omig']:+.3f}; the best other, {ahead}: {others[ahead]:+.3f}",
            _reached(scores["omig"] > others[ahead]),
        ),
    ]


def _falls(found: Found) -> str:
    rows = [
        (name, str(f.images), f"{f.share:.0%}", f"{f.mean:+.4f}", f"{f.shuffled_share:.0%}", f"{f.shuffled_mean:+.4f}")
        for name, f in found.falls.items()
    ]
    return _table(("images", "n", "falls in", "mean fall, ln", "shuffled map: falls in", "mean fall, ln"), rows)


def _speed(found: Found, context: Context) -> str:
    size = context.size
    reference = size.reference_draws * PAPER.steps
    short = "" if size.reference_draws >= PAPER_DRAWS else f" (the paper: {PAPER_DRAWS})"
    words = (
        f"Reference: algorithm 2 as printed with {size.reference_draws} draws{short} of {PAPER.steps} steps, "
        f"{reference} gradients of the ensemble, in {found.reference_s:.0f} s. Another reference of the same size "
        "would correlate with it at "
        f"{found.ceiling:.3f} (from its halves): no way can be much better than the root of that, "
        f"{np.sqrt(max(found.ceiling, 0.0)):.3f}.\n\n"
    )
    rows = [
        (p.way, str(p.gradients), f"1/{reference / p.gradients:.0f}", f"{p.seconds:.0f}", f"{p.correlation:.3f}")
        for p in found.speed
    ]
    return words + _table(("way", "gradients", "of the reference's", "seconds", "correlation"), rows)


def _reached(yes: bool) -> str:
    return "yes" if yes else "not reached"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
