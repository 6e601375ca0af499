"""The page docs/validation/acr156_locate.md, from what became of the images."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mammoqa.jobs.validate_acr156_locate import ARCHIVE, WRONG_PLACE_MM, Found

YIELD_AIM = 0.99  # of images that can be read

_INTRODUCTION = """# ACR 156: finding the phantom, whichever way it lies

`{command}` · {date} · {versions}

Simulated images; no clinic's unit made them. A base set of {bases} exposures is simulated: five detectors, the four
styles of presentation processing, linear and logarithmic raw pixels, film; a third of them tilted by up to 10 degrees,
a seventh magnified geometrically up to 1.8 times. To save computing, each gives further images by changes whose effect
on the placement is known exactly: quarter turns, mirror images, crops, blades and masks drawn over the pixels, inverted
and clipped grey scales, another pixel spacing in the header, resampling to 50 to 200 µm. Every changed image is turned
and mirrored at random on top. So their noise is not independent; what varies is the geometry. Error is the largest
distance, over the 16 objects, between where an object lies and where it was looked for. An image counts as wrong when
the phantom was placed the wrong way round or more than {wrong:g} mm off, or when it was read although objects are cut,
covered or clipped.
"""

_NOTES = """## What to know

- "Clipped around the insert" ends the grey scale just beyond what the insert shows. The frame then clips, too, and the
  step that the border is fitted to loses height on one side: errors of 0.1 to 0.2 mm.
- In the style "equalised" the background is bent towards the edges of the body; the border is placed 0.1 to 0.3 mm too
  far inside. Patches of 16 mm do not mind.
- "Insert cut" includes cuts of less than 5.5 mm, which spare the objects; these may be read or refused. Program policy
  is to refuse every image that lacks part of the insert.
"""


@dataclass(frozen=True, slots=True)
class Context:
    """How the page came about."""

    command: str
    date: str
    versions: str


def page(found: Sequence[Found], archive: Sequence[Found], context: Context) -> str:
    """The page in Markdown."""
    readable = [f for f in found if f.expected == "read"]
    introduction = _INTRODUCTION.format(
        command=context.command,
        date=context.date,
        versions=context.versions,
        bases=len({f.number for f in found}),
        wrong=WRONG_PLACE_MM,
    )
    parts = [introduction, "## Results\n", *_summary(found, archive), "", *_table("stress", found)]
    parts += ["", "Readable images by what the unit makes of the pixels:", "", *_table("output", readable)]
    parts += ["", "and by detector:", "", *_table("detector", readable)]
    if archive:
        parts += ["", "Images of the simulated archive, as drawn:", "", *_table("output", archive)]
    parts += ["", *_reasons([*found, *archive]), "", _NOTES]
    return "\n".join(parts)


def _summary(found: Sequence[Found], archive: Sequence[Found]) -> list[str]:
    seconds = np.array([f.seconds for f in found if np.isfinite(f.seconds)])
    rows = [f"- images: {len(found)} under stress, {len(archive)} of the archive; the aims ask for 1000 and for both"]
    rows += [f"- {said}: **{value}**{aim}" for said, value, aim in figures(found, archive)]
    if seconds.size:
        rows.append(
            f"- time to locate, median: {1000 * float(np.median(seconds)):.0f} ms an image, one core, wall clock"
        )
    return rows


def figures(found: Sequence[Found], archive: Sequence[Found]) -> list[tuple[str, str, str]]:
    """What was asked for: words, value, and the aim with whether it was reached."""
    readable, unreadable = ([f for f in found if f.expected == kind] for kind in ("read", "refuse"))
    rows = [_yield("readable images under stress that were read", readable)]
    if archive:
        rows.append(_yield("images of the archive that were read", archive))
    placed = [f for f in [*found, *archive] if f.code is None]
    turned = sum(not f.right_way for f in placed)
    rows.append(("the wrong way round", f"{turned} of {len(placed)} placed", _aim(turned == 0, "0")))
    off = sum(f.wrong for f in [*found, *archive])
    rows.append(
        (f"the wrong way round or more than {WRONG_PLACE_MM:g} mm off, or taken for another phantom", f"{off}", "")
    )
    guessed = sum(f.code is None for f in unreadable)
    rows.append(
        ("cut, covered or clipped objects, yet read", f"{guessed} of {len(unreadable)}", _aim(guessed == 0, "0"))
    )
    return rows


def _yield(words: str, found: Sequence[Found]) -> tuple[str, str, str]:
    read = sum(f.code is None for f in found)
    share = read / max(1, len(found))
    return words, f"{read} of {len(found)} ({100 * share:.1f} %)", _aim(share >= YIELD_AIM, f"{100 * YIELD_AIM:g} %")


def _aim(met: bool, words: str) -> str:
    return f" (aim {words}: {'reached' if met else 'not reached'})"


def missed(found: Sequence[Found], archive: Sequence[Found]) -> list[str]:
    """The aims that were not reached, in words."""
    return [f"{words}: {value}" for words, value, aim in figures(found, archive) if "not reached" in aim]


def _table(by: str, found: Sequence[Found]) -> list[str]:
    rows = [
        f"| {by} | images | read | wrong | error, median (mm) | 99 % (mm) | refused as |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for name in dict.fromkeys(str(getattr(f, by)) for f in found):
        group = [f for f in found if str(getattr(f, by)) == name]
        errors = np.array([f.error_mm for f in group if f.code is None])
        numbers = [f"{q:.2f}" for q in np.percentile(errors, (50, 99))] if errors.size else ["", ""]
        codes = Counter(f.code for f in group if f.code is not None)
        said = ", ".join(f"{code} {n}" for code, n in codes.most_common())
        wrong = sum(f.wrong or (f.expected == "refuse" and f.code is None) for f in group)
        rows.append(f"| {name} | {len(group)} | {errors.size} | {wrong} | {numbers[0]} | {numbers[1]} | {said} |")
    return rows


def _reasons(found: Sequence[Found]) -> list[str]:
    """Every reason that was given, once, with how often; numbers in them replaced by n."""
    import re

    said = Counter((f.code, re.sub(r"\d+(\.\d+)?", "n", f.reason or "")) for f in found if f.code is not None)
    rows = ["Reasons given, each with what a person can do:", "", "| code | reason | images |", "|---|---|--:|"]
    rows += [f"| {code} | {reason} | {n} |" for (code, reason), n in said.most_common()]
    if any(f.stress == ARCHIVE for f in found):
        rows.append("")
        rows.append("The table includes the archive's images.")
    return rows
