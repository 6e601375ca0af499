"""The page docs/validation/acr156_artefacts.md, from what was found of what was planted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mammoqa.jobs.validate_acr156_artefacts import GROUPS, KINDS, Tried

FALSE_AIM = 0.01  # of phantoms with any false deduction
_NAMES = {"fibre": "fibre-like", "speck_group": "speck-like", "mass": "mass-like"}
_STEPS = ((2, "two or more sizes larger"), (1, "one size larger"), (0, "the same size"), (-1, "smaller"))

_INTRODUCTION = """# ACR 156: artefacts that look like objects

`{command}` · {date} · {versions}

Simulated images; no clinic's unit made them. The protocol (ACR 1999) deducts artefacts that are as visible as the last
object counted. Between the objects of sound phantoms, two further fibres, masses and single specks each are simulated,
of the sizes that the phantom has: such an artefact is as visible as the phantom's object of that size. An artefact of
the last counted object's size or larger should be deducted, a smaller one should not. A third of the images has dust
of 0.1 to 0.5 mm (speck-like marks are then real and not judged), a third dead lines and the edge of a ghost.

A mark needs to stand out by {least} standard deviations of its filter, however faint the last object is. Where the
last object is fainter than that, artefacts just as faint are passed over: a deduction that is not due would fail
phantoms, one that is missed leaves the score as a reader who saw no artefact gives it.
"""


@dataclass(frozen=True, slots=True)
class Context:
    """How the page came about."""

    command: str
    date: str
    versions: str


def page(tried: Sequence[Tried], context: Context) -> str:
    """The page in Markdown."""
    from mammoqa.score.artefacts import LEAST_SNR

    least = ", ".join(f"{LEAST_SNR[kind]:g} ({_NAMES[kind]})" for kind in KINDS)
    lines = [
        _INTRODUCTION.format(command=context.command, date=context.date, versions=context.versions, least=least),
        "## Results\n",
        *(f"- {words}: **{value}**{aim}" for words, value, aim in figures(tried)),
        "",
        "False marks by what else is on the image:",
        "",
        "| image | phantoms | with a false mark | fibre-like | speck-like | mass-like |",
        "|---|--:|--:|--:|--:|--:|",
        *_false_rows(tried),
        "",
        "Artefacts deducted, by their size beside the last object counted; the last column should be 0:",
        "",
        "| artefact | " + " | ".join(words for _, words in _STEPS) + " |",
        "|---|" + "--:|" * len(_STEPS),
        *_sensitivity_rows(tried),
        "",
    ]
    return "\n".join(lines)


def false_share(tried: Sequence[Tried]) -> tuple[int, int]:
    """Phantoms with any false deduction, of those located."""
    located = [t for t in tried if t.located]
    return sum(bool(t.false) for t in located), len(located)


def figures(tried: Sequence[Tried]) -> list[tuple[str, str, str]]:
    """What was asked for: words, value, aim."""
    false, of = false_share(tried)
    met = of > 0 and false <= FALSE_AIM * of
    aim = f" (aim at most {100 * FALSE_AIM:g} %: {'reached' if met else 'not reached'})"
    rows = [("phantoms with a false deduction", f"{false} of {of} ({100 * false / max(1, of):.1f} %)", aim)]
    for kind in KINDS:
        due = [p.found for t in tried for p in t.planted if p.kind == kind and p.steps >= 0]
        rows.append((f"{_NAMES[kind]} artefacts as visible as the last object or more, deducted", _of(due), ""))
    return rows


def _of(found: Sequence[bool]) -> str:
    return f"{sum(found)} of {len(found)}" if found else "none planted"


def _false_rows(tried: Sequence[Tried]) -> list[str]:
    rows = []
    for group in GROUPS:
        located = [t for t in tried if t.group == group and t.located]
        kinds = Counter(kind for t in located for kind in t.false)
        cells = [str(len(located)), str(sum(bool(t.false) for t in located)), *(str(kinds[kind]) for kind in KINDS)]
        rows.append(f"| {group} | {' | '.join(cells)} |")
    return rows


def _sensitivity_rows(tried: Sequence[Tried]) -> list[str]:
    rows = []
    for kind in KINDS:
        planted = [p for t in tried for p in t.planted if p.kind == kind]
        cells = []
        for steps, _ in _STEPS:
            cells.append(_of([p.found for p in planted if max(-1, min(2, p.steps)) == steps]))
        rows.append(f"| {_NAMES[kind]} | {' | '.join(cells)} |")
    return rows
