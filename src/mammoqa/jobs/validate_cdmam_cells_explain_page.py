"""The page of `mammoqa validate omig`: what was found, in words, tables and a picture."""

from mammoqa.explain.oriented import STOPS
from mammoqa.jobs.validate_cdmam_cells_explain import PAPER_GRADIENTS, Found, Size
from mammoqa.jobs.validate_cdmam_cells_faithful import (
    AVERAGED,
    BEFORE,
    OTHERS,
    OURS,
    RAW,
    Compared,
    Overlooked,
    Ranked,
    ahead,
)
from mammoqa.jobs.validate_cdmam_ensemble_page import reached, table

LOWERED, ALIKE, SHARE = 0.95, 0.95, 20
ALL = "all of scenarios 1 to 4"


def aims(found: Found) -> list[tuple[str, str, str]]:
    """The aims: words, what was found, and "yes" or "not reached"."""
    fall = found.falls[ALL]
    best = max(found.steps, key=lambda p: p.correlation)
    ours, other = _ours(found.compared.evidence), _best_other(found.compared.evidence)
    gap = ahead(ours, other)
    turned = found.turned_correlation
    return [
        (
            f"the midpoint falls in {LOWERED:.0%} of 100 images",
            f"{fall.share:.0%} of {fall.images}",
            reached(fall.share >= LOWERED and fall.images >= 100),
        ),
        (
            f"correlation {ALIKE:g} with the whole map at 1/{SHARE} of the paper's gradients",
            f"{best.correlation:.3f} with {best.steps}, 1/{PAPER_GRADIENTS // best.steps}",
            reached(best.correlation >= ALIKE),
        ),
        ("the map of the turned image is the turned map", f"correlation {turned:.3f}", reached(turned >= ALIKE)),
        (
            "OMIG is ahead of the other methods on insertion and deletion, whatever form suits them best",
            f"{ours.score.mean():+.3f}; the best other, {other.method} ({other.form}): {other.score.mean():+.3f}; "
            f"ahead by {gap.low:+.3f} to {gap.high:+.3f}",
            reached(gap.low > 0.0),
        ),
    ]


def page(found: Found, size: Size, context: tuple[str, str, str, str]) -> str:
    """The page as Markdown; `context` is command, date, versions and network."""
    command, date, versions, network = context
    parts = [
        "# OMIG on the single-image reading of a CDMAM",
        f"`{command}`, {date}. {versions}. Network: {network}. All images are **simulated**. The checks are those of "
        "Amanova et al. 2022; what the paper judges by eye is a number here, beside the number that a meaningless map "
        "gives. The reading is linear in every pixel up to its small network, so maps come at full resolution.",
        "## Aims\n\n" + table(("aim", "found", "reached"), aims(found)),
        _falls(found, size),
        _sweep(found),
        _structures(found),
        _steps(found),
        _scores(found.compared),
    ]
    return "\n\n".join(parts) + "\n"


def _falls(found: Found, size: Size) -> str:
    rows = [
        (name, str(f.images), f"{f.share:.0%}", f"{f.mean:+.4f}", f"{f.shuffled_share:.0%}", f"{f.shuffled_mean:+.4f}")
        for name, f in found.falls.items()
    ]
    return (
        "## Does the curve move down when x becomes x'? (figure 13)\n\n"
        f"Paths of length c = 1 in {size.steps} steps (the paper: 50, as for {size.long_images} of the images here); "
        "pixels in units of their noise. Shuffled: the same changes at other places of the same filters.\n\n"
        + table(("images", "n", "falls in", "mean fall, ln", "shuffled: falls in", "mean fall, ln"), rows)
    )


def _sweep(found: Found) -> str:
    rows = [(f"{p.c:g}", f"{p.fall:.4f}", f"{p.with_sensitivity:.3f}") for p in found.sweep]
    return "## How far: c (figure 14)\n\n" + table(
        ("c", "mean fall of the midpoint, ln", "correlation of the map with sensitivity"), rows
    )


def _structures(found: Found) -> str:
    rows = [(s.name, f"{s.discs:+.1f}", f"{s.lines:+.1f}") for s in found.structures]
    return (
        "## Discs and grid in the maps (figures 4, 6 and 7)\n\n"
        "Standard scores against the same shapes at wrong places: beyond 2, the map shows them. Discs: those of 0.8 mm "
        "and more with 0.25 µm of gold and more, negative where darker discs would lower the curve. Lines: the size of "
        "the map on the grid's lines; below zero, as the reading keeps clear of them.\n\n"
        + table(("image", "discs", "lines"), rows)
        + f"\n\nThe map of the turned image, turned back, correlates with that of the upright one at "
        f"{found.turned_correlation:.3f}.\n\n![Maps of scenario 1, the same turned, and scenario 4](omig_maps.png)"
    )


def _steps(found: Found) -> str:
    rows = [
        (str(p.steps), f"1/{PAPER_GRADIENTS // p.steps}", f"{p.seconds:.1f}", f"{p.correlation:.4f}")
        for p in found.steps
    ]
    return (
        "## Gradients that a map costs\n\n"
        f"The paper averages 5000 draws of 50 steps, {PAPER_GRADIENTS} gradients. Here a map of 50 steps costs 50, in "
        f"{found.long_seconds:.0f} s by the clock of a busy machine; it is the reference.\n\n"
        + table(("steps", "of the paper's gradients", "seconds", "correlation with 50 steps"), rows)
    )


def _scores(found: Compared) -> str:
    images = len(found.evidence[0].score)
    parts = (
        "## Insertion and deletion",
        "As Petsiuk et al. 2018 (RISE) define it: maps are evidence with a sign, here for a low curve. Pixels become "
        "background (the mean of 5 mm about them, and fresh noise) from the strongest evidence on (deletion), or are "
        "put back in that order (insertion); what is followed is the share of the midpoint's fall that is left "
        "(deletion: smaller is better) or there (insertion: larger is better), and the score is insertion less "
        f"deletion: means over {images} fresh images of scenarios 1 to 4, on which nothing was chosen, with their "
        "standard error. *Ahead by*: our score less this one on the same images, with a 95 % interval by resampling "
        "images.",
        "**Ours** is `explain.oriented`: OMIG's gradients, but along paths that run between the image and that "
        "background, from both ends, and on which the pixels that hold most evidence move first. OMIG as printed and "
        "sensitivity give directions, not evidence; a direction speaks of removing a pixel when it is multiplied by "
        "what is removed (sensitivity becomes relevance by that). Integrated gradients take as many gradients as ours "
        f"({2 * len(STOPS)}). Every method has the same background, and the same forms: *{RAW}*; the *{AVERAGED}* over "
        f"the disc of each cell; the *{BEFORE}*, over that disc, before the direction is multiplied by it (image less "
        "background without its noise). Occlusion hides whole discs, so that its map is at their scale already.",
        _evidence(found.evidence),
        "Why: a disc's pixels answer together, through a filter of the disc's size, and one by one they are mostly "
        "noise. Ranked pixel by pixel, the noise that happens to speak for a low curve comes first and is put together "
        "to what no image shows: the share that is there falls again after the discs are in. Averaging at the scale of "
        "the discs removes that, for every method.",
        "What is left between the methods is the path. The gradient of the image itself, and hiding one disc, know "
        "only what a disc adds while all others are there. Some discs (the largest above all, which lie beyond the "
        "curve) answer less than the others lead to expect, and so raise the curve; but once the others are gone it "
        "rests on them. A straight path weakens all discs together and does not meet such images; the oriented one "
        "does. How many discs lower the curve when they alone are hidden, and the share of the fall that is left when "
        "all but these are gone:",
        table(("scenario", "images", "such discs", "of", "share left"), _overlooked(found.overlooked)),
        "The same maps where the background's noise is drawn anew for the measure, so that no method knows it:",
        _evidence(found.redrawn),
        "Maps ranked by their size, and the midpoint's distance from that of the whole image without a sign (deletion: "
        "larger is better, insertion: smaller is better). Directions leave out here whether a pixel has anything that "
        "could be removed:",
        table(_HEAD, [_row(r) for r in sorted(found.by_size, key=lambda r: -r.score.mean())]),
    )
    return "\n\n".join(parts)


_HEAD = ("method", "form", "deletion", "insertion", "score")


def _row(r: Ranked) -> tuple[str, ...]:
    error = r.score.std(ddof=1) / len(r.score) ** 0.5 if len(r.score) > 1 else float("nan")
    return (
        r.method,
        r.form,
        f"{r.deletion.mean():.3f}",
        f"{r.insertion.mean():.3f}",
        f"{r.score.mean():+.3f} ± {error:.3f}",
    )


def _evidence(found: list[Ranked]) -> str:
    ours = _ours(found)
    rows = []
    for r in sorted(found, key=lambda r: -r.score.mean()):
        gap = ahead(ours, r)
        words = "" if r is ours else f"{gap.estimate:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})"
        rows.append((*_row(r), words))
    return table((*_HEAD, "ahead by"), rows)


def _ours(found: list[Ranked]) -> Ranked:
    return next(r for r in found if (r.method, r.form) == (OURS, BEFORE))


def _best_other(found: list[Ranked]) -> Ranked:
    return max((r for r in found if r.method in OTHERS), key=lambda r: float(r.score.mean()))


def _overlooked(found: list[Overlooked]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name in dict.fromkeys(one.scenario for one in found):
        of = [one for one in found if one.scenario == name]
        discs = sum(one.discs for one in of) / len(of)
        left = sum(one.left for one in of) / len(of)
        rows.append((name, str(len(of)), f"{discs:.0f}", str(of[0].of), f"{left:.2f}"))
    return rows
