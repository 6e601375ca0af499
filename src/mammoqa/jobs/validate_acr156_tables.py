"""The tables on the page of `mammoqa validate acr156`: every figure with its aim, the paper's and where that stands."""

import math
from collections.abc import Sequence
from typing import Any

from mammoqa.jobs.validate_acr156_aims import AIMS, PAPER
from mammoqa.jobs.validate_acr156_charts import FIGURES, NAMES, SCORES
from mammoqa.jobs.validate_acr156_records import CeilingFigures, ObjectFigures, PassFailFigures, Results
from mammoqa.stats.bootstrap import Interval

_PAPER_COLUMNS = ("Yun 2025 (real images)", "where")


def object_tables(results: Results) -> list[str]:
    """Accuracy, macro F1 and the class 0.5 per kind; recall and precision of every class; the paper's selection."""
    parts = ["## Scores of single objects", "Every object that the panel did not call N/A:"]
    for name in ("accuracy", "macro_f1", "half_recall", "half_precision"):
        rows = [
            (
                NAMES[o.kind],
                o.n,
                number(getattr(o, name)),
                _aim(name, o.kind),
                number(getattr(r, name)),
                *_paper(name, o.kind),
            )
            for o, r in zip(results.network.objects, results.reader.objects, strict=True)
        ]
        parts.append(table((FIGURES[name], "objects", "program", "aim", "one reader", *_PAPER_COLUMNS), rows))
    parts.append("Recall and precision of the program by the panel's score:")
    parts.append(_score_table(results.network.objects))
    parts.append("Full scores and the largest object below 1 of each kind only, as the paper selects for training:")
    selected = [(NAMES[o.kind], o.n, number(o.accuracy), number(o.macro_f1)) for o in results.paper_selection]
    parts.append(table(("kind", "objects", "accuracy", "macro F1"), selected))
    return parts


def _score_table(objects: tuple[ObjectFigures, ...]) -> str:
    rows = [
        (NAMES[o.kind], *(f"{plain(r)} / {plain(p)}" for r, p in zip(o.recall, o.precision, strict=True)))
        for o in objects
    ]
    return table(("recall / precision", *(f"score {s}" for s in SCORES)), rows)


def output_tables(results: Results) -> list[str]:
    """Areas under both ROC curves, and the thresholds."""
    rows = [
        (NAMES[o.kind], _output_name(o.output), o.n, number(o.auc), _aim(o.output, o.kind), *_paper(o.output, o.kind))
        for o in (*results.outputs, results.p_pass)
    ]
    thresholds = [
        (NAMES[t.kind], t.output, f"{t.threshold:.2f}", plain(t.f1), f"{t.best:.2f}", plain(t.best_f1))
        for t in results.thresholds
    ]
    return [
        "## The two outputs of the network",
        "Presence: 1 or 0.5 against 0. Abnormality: 0.5 against 1, among those. The last row is the probability that "
        "the phantom passes, under the stop rule.",
        table(("kind", "output", "cases", "area under ROC", "aim", *_PAPER_COLUMNS), rows),
        "Thresholds. The card's were chosen on other units. The paper chooses each output's by F1 (Fig 9); those with "
        "the best F1 on these very images are shown for comparison and are not used.",
        table(("kind", "output", "card's threshold", "F1", "best by F1 here", "its F1"), thresholds),
    ]


def _output_name(output: str) -> str:
    return "passes" if output == "p_pass" else output


def pass_fail_tables(results: Results) -> list[str]:
    """Accuracy, and precision and recall of a fail, per kind and for the phantom."""
    pairs = list(zip(results.network.pass_fail, results.reader.pass_fail, strict=True))
    rows = [
        (
            NAMES[m.name],
            m.n,
            sum(m.confusion[1]),
            number(m.accuracy),
            _aim("pass_fail", m.name),
            number(r.accuracy),
            *_paper("pass_fail", m.name),
        )
        for m, r in pairs
    ]
    return [
        "## Pass or fail under the stop rule",
        table(("accuracy", "images", "fails", "program", "aim", "one reader", *_PAPER_COLUMNS), rows),
        "Recall of failures, which is what the paper reports as recall:",
        table(
            ("recall of failures", "program", "aim", "one reader", *_PAPER_COLUMNS),
            [_fail_row("fail_recall", m, r) for m, r in pairs],
        ),
        "Precision of failures (in the paper in Fig 10 only):",
        table(
            ("precision of failures", "program", "aim", "one reader", *_PAPER_COLUMNS),
            [_fail_row("fail_precision", m, r) for m, r in pairs],
        ),
        "Verdicts of the program against the panel's, panel pass / fail in rows:",
        table(
            ("kind", "pass, called pass", "pass, called fail", "fail, called pass", "fail, called fail"),
            [(NAMES[m.name], *m.confusion[0], *m.confusion[1]) for m, _ in pairs],
        ),
    ]


def _fail_row(figure: str, m: PassFailFigures, r: PassFailFigures) -> tuple[Any, ...]:
    both = (number(getattr(m, figure)), _aim(figure, m.name), number(getattr(r, figure)))
    return (NAMES[m.name], *both, *_paper(figure, m.name))


def agreement_table(results: Results) -> list[str]:
    """Weighted kappa of program and of one reader, and their paired difference."""
    if not results.agreement:
        return []
    rows = [
        (NAMES[a.kind], number(a.program), number(a.reader), number(a.difference, signed=True))
        for a in results.agreement
    ]
    return [
        "## Agreement with the panel",
        "Quadratic weighted kappa of the program with the panel, and of a single reader with the panel of the others. "
        "The difference is taken over the same resamples of units; above 0 the program agrees with the panel better "
        "than a reader does. The paper leaves this comparison to later work.",
        table(("kind", "program", "one reader", "difference"), rows),
    ]


def ceiling_tables(results: Results) -> list[str]:
    """One reader, the program and the best possible, against many panels."""
    if not results.ceiling:
        return []
    rows = [
        (
            FIGURES[c.figure],
            NAMES[c.kind],
            number(c.reader),
            number(c.program),
            number(c.ceiling),
            plain(gap(c)),
            way(c),
        )
        for c in results.ceiling
    ]
    return [
        "## The best that any reader could do",
        "Panels that read the same image disagree, so no reader can agree with all of them. Here each figure is the "
        "expected one over many simulated panels of the same images: of a single reader, of the program, and of the "
        "best possible answers (the most probable score for accuracy; for macro F1 and the class 0.5 the answers with "
        "the best macro F1; the likelier verdict for pass or fail; the ranking by the true share for ROC areas). The "
        "last column says how much of the way from one reader to the best possible the program has gone.",
        table(("figure", "kind", "one reader", "program", "best possible", "short of it", "of the way"), rows),
    ]


def gap(c: CeilingFigures) -> float:
    """How far the program stays below the best possible."""
    return c.ceiling.estimate - c.program.estimate


def way(c: CeilingFigures) -> str:
    """The share of the way from one reader to the best possible; a dash where those lie closer than 0.005."""
    whole = c.ceiling.estimate - c.reader.estimate
    if math.isnan(whole) or whole < 0.005:
        return "–"
    return f"{(c.program.estimate - c.reader.estimate) / whole:.0%}"


def calibration_table(results: Results) -> list[str]:
    """Calibration errors beside what chance alone gives, and against many panels."""
    rows = [
        (
            NAMES[o.kind],
            _output_name(o.output),
            o.n,
            number(o.calibration_error),
            _aim(f"calibration {o.output}", o.kind),
            plain(o.chance_error),
            plain(o.panels_error),
            plain(o.brier),
        )
        for o in (*results.outputs, results.p_pass)
    ]
    return [
        "## Calibration",
        "Expected calibration error in ten bins of equal width. Even perfect probabilities show an error on a finite "
        "number of cases, which the column by chance gives; against the shares of many panels that read the same "
        "images instead of one panel's scores most of that chance is gone. Resampled errors lie above the error "
        "itself, since resampling adds chance once more.",
        table(
            ("kind", "output", "cases", "calibration error", "aim", "by chance", "against many panels", "Brier"), rows
        ),
    ]


def subset_tables(results: Results, pictures: str) -> list[str]:
    """Accuracy by subset, a table for each fact."""
    if not results.subsets:
        return []
    parts = ["## Subsets", "Accuracy per object of each kind, and of the phantom's verdict."]
    for about in dict.fromkeys(s.about for s in results.subsets):
        chosen = [s for s in results.subsets if s.about == about]
        names = [NAMES[name] for name, _ in chosen[0].accuracy]
        rows = [(s.value, s.images, *(number(i) for _, i in s.accuracy)) for s in chosen]
        parts.append(table((about, "images", *names), rows))
    parts.append(f"![Accuracy by subset]({pictures}/subsets.svg)")
    return parts


def table(header: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def plain(value: float) -> str:
    """Three decimals, or a dash."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def number(value: Interval, signed: bool = False) -> str:
    """An estimate and its interval."""
    sign = "+" if signed else ""
    if math.isnan(value.estimate):
        return "–"
    if math.isnan(value.low):
        return f"{value.estimate:{sign}.3f}"
    between = " to " if signed else "–"
    return f"{value.estimate:{sign}.3f} ({value.low:{sign}.3f}{between}{value.high:{sign}.3f})"


def _aim(figure: str, kind: str) -> str:
    found = (f"{'≤ ' if a.at_most else ''}{a.target:.2f}" for a in AIMS if (a.figure, a.kind) == (figure, kind))
    return next(found, "–")


def _paper(figure: str, kind: str) -> tuple[str, str]:
    found = PAPER.get(figure, {}).get(kind)
    return ("–", "–") if found is None else (found.text, found.where)
