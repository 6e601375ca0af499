"""What an overview of many analyses says: its lines, counts and period; for the web page and for the PDF."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mammoqa.core import Analysis, Outcome
from mammoqa.phantoms import PHANTOMS
from mammoqa.report import words
from mammoqa.report.trends import moment, unit_label


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an overview: an analysis and the address of its page."""

    analysis: Analysis
    href: str | None = None


def overview_row(entry: Entry, totals: Sequence[str]) -> dict[str, Any]:
    """The cells of one line of the table of analyses."""
    analysis = entry.analysis
    found = dict(analysis.verdict.totals)
    phantom = PHANTOMS.get(analysis.phantom or "")
    cells = [words.half_points(found[name]) if name in found else "" for name in totals]
    return {
        "when": f"{moment(analysis):%Y-%m-%d %H:%M}",
        "href": entry.href,
        "unit": unit_label(analysis),
        "phantom": phantom.name if phantom else "–",
        "outcome": analysis.verdict.outcome.value,
        "verdict": words.VERDICTS[analysis.verdict.outcome],
        "cells": [*cells, "" if analysis.verdict.p_pass is None else words.percent(analysis.verdict.p_pass)],
        "reason": "; ".join(t for t in (analysis.verdict.reason, analysis.verdict.refer_reason) if t),
    }


def count(analyses: Sequence[Analysis]) -> str:
    """How many analyses ended how, in words."""
    names = {Outcome.PASS: "passed", Outcome.FAIL: "failed", Outcome.MEASURED: "measured", Outcome.REFUSED: "refused"}
    parts = [
        f"{found} {name}"
        for outcome, name in names.items()
        if (found := sum(a.verdict.outcome is outcome for a in analyses))
    ]
    return ", ".join(parts)


def period(analyses: Iterable[Analysis]) -> str:
    """From the first to the last acquisition, in words."""
    moments = sorted(moment(analysis) for analysis in analyses)
    if not moments:
        return ""
    first, last = (f"{at.day} {at:%B %Y}" for at in (moments[0], moments[-1]))
    return first if first == last else f"{first} to {last}"
