"""The page of `mammoqa validate omig`: what was found, in words, tables and a picture."""

from mammoqa.jobs.validate_cdmam_cells_explain import PAPER_GRADIENTS, Found, Size
from mammoqa.jobs.validate_cdmam_ensemble_page import reached, table
from mammoqa.jobs.validate_cdmam_explain import Score

LOWERED, ALIKE, SHARE = 0.95, 0.95, 20
ALL = "all of scenarios 1 to 4"
OMIG = "omig times what is removed"


def aims(found: Found) -> list[tuple[str, str, str]]:
    """The aims: words, what was found, and "yes" or "not reached"."""
    fall = found.falls[ALL]
    best = max(found.steps, key=lambda p: p.correlation)
    scores = {s.method: s.score for s in found.scores}
    others = {k: v for k, v in scores.items() if k not in ("random", OMIG)}
    ahead = max(others, key=lambda k: others[k])
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
            "OMIG is ahead of the other methods on insertion and deletion",
            f"{scores[OMIG]:+.3f}; the best other, {ahead}: {others[ahead]:+.3f}",
            reached(scores[OMIG] > others[ahead]),
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
        _scores(found),
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


def _scores(found: Found) -> str:
    def rows(scores: list[Score]) -> list[tuple[str, ...]]:
        return [
            (s.method, f"{s.deletion:.3f}", f"{s.insertion:.3f}", f"{s.score:+.3f} ± {s.error:.3f}")
            for s in sorted(scores, key=lambda s: -s.score)
        ]

    head = ("method", "deletion", "insertion", "score")
    return (
        "## Insertion and deletion\n\n"
        "As Petsiuk et al. 2018 (RISE) define it: maps are evidence with a sign, here for a low curve. Pixels become "
        "background (the mean of 5 mm about them, and fresh noise) from the strongest evidence on (deletion), or are "
        "put back in that order (insertion); what is followed is the share of the midpoint's fall that is left "
        "(deletion: smaller is better) or there (insertion: larger is better), and the score is insertion less "
        "deletion, with its standard error over the images. OMIG and sensitivity give directions, not evidence: what a "
        "direction says of removing a pixel is the direction times what is removed, the image less the background. "
        "Sensitivity becomes relevance by that. All methods have the same background as their baseline.\n\n"
        + table(head, rows(found.scores))
        + "\n\nThe curve is nearly linear in the pixels: the gradient changes little from the image to the background, "
        "so that OMIG, relevance and integrated gradients multiply much the same gradient by the same difference. What "
        "lies between them is the gradient's change along three different paths.\n\n"
        "Maps as they are, ranked by their size, and the midpoint's distance from that of the whole image without a "
        "sign (deletion: larger is better, insertion: smaller is better). Directions leave out here "
        "whether a pixel has anything that could be removed:\n\n" + table(head, rows(found.by_size))
    )
