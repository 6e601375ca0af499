"""The page of `mammoqa validate acr156`: tables in words and figures, and how they are saved."""

import json
import math
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import mammoqa
from mammoqa.core import ModelId
from mammoqa.jobs.validate_acr156_aims import PAPER, Aim, asked, ceiling_of, verdict
from mammoqa.jobs.validate_acr156_charts import FIGURES, NAMES, charts
from mammoqa.jobs.validate_acr156_records import Results
from mammoqa.jobs.validate_acr156_referral import TENTH
from mammoqa.jobs.validate_acr156_tables import (
    agreement_table,
    calibration_table,
    ceiling_tables,
    number,
    object_tables,
    output_tables,
    pass_fail_tables,
    subset_tables,
    table,
)
from mammoqa.jobs.validate_acr156_tables import plain as _plain
from mammoqa.stats.bootstrap import Interval

_PACKAGES = ("numpy", "scipy", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Context:
    """How the figures came about: the command, the day and the versions; `own`: on images that a table names."""

    command: str
    date: str
    model: ModelId
    versions: tuple[tuple[str, str], ...]
    own: bool = False


def versions() -> tuple[tuple[str, str], ...]:
    """mammoqa, Python and the packages that the figures depend on."""
    return (
        ("mammoqa", mammoqa.__version__),
        ("Python", python_version()),
        *((name, version(name)) for name in _PACKAGES),
    )


def missed(results: Results) -> tuple[str, ...]:
    """The aims that the figures do not reach, in words."""
    return tuple(
        f"{_title(aim)}: {_plain(value.estimate)}, aim {'at most ' if aim.at_most else ''}{aim.target:g}"
        for aim, value in asked(results)
        if not aim.met(value.estimate)
    )


def page(results: Results, context: Context, pictures: str) -> str:
    """The Markdown page; `pictures` is the folder of the charts, relative to the page."""
    parts = [
        *_opening(results, own=context.own),
        f"Images: {results.source}. {results.passed_share:.1%} of them pass (paper: 69.3 %).",
        f"Intervals: 95 %, {results.resamples} bootstrap resamples of whole units. {results.not_applicable} objects "
        "that the panel called N/A are left out of the tables per object; in totals they count as 0.",
        *_aims(results, pictures),
        *object_tables(results),
        f"![Confusion matrices]({pictures}/confusion.svg)",
        *output_tables(results),
        f"![ROC curves; dots: the card's thresholds]({pictures}/roc.svg)",
        *pass_fail_tables(results),
        *agreement_table(results),
        *ceiling_tables(results),
        *calibration_table(results),
        f"![Reliability]({pictures}/reliability.svg)",
        *_referral(results, pictures),
        *subset_tables(results, pictures),
        *_preprocessing(results),
        "## How to repeat",
        f"```\n{context.command}\n```",
        f"{context.date}; model {context.model.name} {context.model.version} "
        f"(card {context.model.card_sha256[:12]}); " + ", ".join(f"{n} {v}" for n, v in context.versions) + ".",
    ]
    return "\n\n".join(parts) + "\n"


def _opening(results: Results, *, own: bool) -> tuple[str, str]:
    """The title, and what the figures are about."""
    paper = (
        "The paper's figures (Yun et al. 2025, PLoS One 20(9): e0330091) are for another network on other images; they "
        "stand in a column of their own and for orientation only."
    )
    if own:
        return (
            "# Scoring the ACR 156 phantom, on own images",
            f"{results.images} images of {results.units} units, with the scores of the table's panel. {paper}",
        )
    return (
        "# Scoring the ACR 156 phantom, on simulated images",
        f"{results.images} simulated images of {results.units} simulated units that the network was not trained on; "
        "scores of a simulated panel of readers. **All figures here are simulated**: they say how well the network "
        f"does what simulated readers do, not how it does on the images of a clinic. {paper}",
    )


def _aims(results: Results, pictures: str) -> list[str]:
    """Every aim beside what was reached, and the drawing of it."""
    known = asked(results)
    rows = [
        (
            _title(aim),
            ("at most " if aim.at_most else "above " if aim.above else "") + f"{aim.target:g}",
            number(value),
            _word(aim, value, results),
            _plain(ceiling_of(results, aim.figure, aim.kind)),
        )
        for aim, value in known
    ]
    n_met = sum(aim.met(value.estimate) for aim, value in known)
    return [
        "## The aims",
        f"{n_met} of {len(known)} aims are met. The best possible is what the best reader of these very images could "
        "reach, given how the simulated panels differ among themselves (see below).",
        f"![The figures with their intervals, the aims, the best possible, the paper]({pictures}/aims.svg)",
        "Circles: the program with its interval; upright strokes: the aims; grey triangles: the best possible; orange "
        "diamonds: Yun 2025 (real images). Every panel has a scale of its own.",
        table(("figure", "aim", "program", "", "best possible"), rows),
    ]


def _word(aim: Aim, value: Interval, results: Results) -> str:
    return verdict(aim, value, ceiling_of(results, aim.figure, aim.kind))


def _title(aim: Aim) -> str:
    names = {
        "kappa_difference": "kappa with the panel, program less one reader",
        "calibration presence": "calibration error of presence",
        "calibration abnormality": "calibration error of abnormality",
        "calibration p_pass": "calibration error of the probability of passing",
        "yield": "share of images that are read",
        "wrong_orientation": "images read in a wrong orientation",
    }
    kind = f", {NAMES[aim.kind]}" if aim.kind in NAMES else ""
    return names.get(aim.figure, FIGURES.get(aim.figure, aim.figure)) + kind


def _referral(results: Results, pictures: str) -> list[str]:
    r = results.referral
    if r is None:
        return []
    shares = (0.0, 0.05, TENTH, 0.15, 0.20, 0.30)
    rows = [(f"{s:.0%}", number(r.at(s)), _plain(r.ceiling[r.shares.index(s)])) for s in shares]
    band = (
        "The card has no referral band."
        if r.band is None
        else f"The card's band ({r.band[0]:.2f} to {r.band[1]:.2f}: a pass below the high edge, a fail above the low "
        f"one) was fitted on other units. Here it refers {number(r.band_share)} of the images; the accuracy on the "
        f"rest is {number(r.band_accuracy)}."
    )
    return [
        "## Referral",
        "The images with the most doubtful verdicts go to a person: those for which the calibrated probability that "
        "the verdict is wrong is highest. Accuracy of pass or fail on the rest:",
        table(("referred", "program on the rest", "best possible"), rows),
        band,
        f"![Accuracy on the rest against the share referred]({pictures}/referral.svg)",
    ]


def _preprocessing(results: Results) -> list[str]:
    p = results.preprocessing
    if p is None:
        return []
    n_refused = sum(n for _, n in p.refused)
    reasons = ", ".join(f"{code} {n}" for code, n in p.refused) or "none"
    return [
        "## Before scoring",
        f"{p.images - n_refused} of {p.images} images ({(p.images - n_refused) / p.images:.1%}) were located and "
        f"scored; refused: {reasons}. Of the located, {p.wrong_orientation} have a wrong chest-wall side or mirroring "
        f"and {p.misplaced} an object further than half the grid pitch from its place. "
        f"Yun 2025 (real images; {PAPER['yield']['images'].where}): 5813 of 5917 (98.2 %).",
    ]


def as_data(results: Results, context: Context) -> dict[str, Any]:
    """The figures without the curves, for other programs; null where a number is not defined."""
    outputs = [
        {"kind": o.kind, "output": o.output, "n": o.n, "auc": asdict(o.auc), "brier": o.brier}
        | {"calibration_error": asdict(o.calibration_error), "calibration_error_by_chance": o.chance_error}
        | {"calibration_error_against_many_panels": o.panels_error}
        for o in (*results.outputs, results.p_pass)
    ]
    aims = [asdict(aim) | {"value": asdict(value), "met": aim.met(value.estimate)} for aim, value in asked(results)]
    data = {
        "simulated": not context.own,
        "context": asdict(context),
        "images": results.images,
        "units": results.units,
        "resamples": results.resamples,
        "not_applicable": results.not_applicable,
        "source": results.source,
        "network": asdict(results.network),
        "reader": asdict(results.reader),
        "paper_selection": [asdict(o) for o in results.paper_selection],
        "outputs": outputs,
        "preprocessing": None if results.preprocessing is None else asdict(results.preprocessing),
        "thresholds": [asdict(t) for t in results.thresholds],
        "agreement": [asdict(a) for a in results.agreement],
        "ceiling": [asdict(c) for c in results.ceiling],
        "referral": None if results.referral is None else asdict(results.referral),
        "subsets": [asdict(s) for s in results.subsets],
        "passed_share": results.passed_share,
        "aims": aims,
        "aims_missed": missed(results),
    }
    cleaned: dict[str, Any] = _no_nan(data)
    return cleaned


def _no_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _no_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_no_nan(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def save(results: Results, context: Context, out: Path) -> Path:
    """Write acr156.md, acr156.json and the charts under `out`; the page's path."""
    pictures = out / "acr156"
    pictures.mkdir(parents=True, exist_ok=True)
    for name, chart in charts(results).items():
        chart.save(str(pictures / f"{name}.svg"))
    text = json.dumps(as_data(results, context), indent=1, allow_nan=False) + "\n"
    (out / "acr156.json").write_text(text, encoding="utf-8")
    target = out / "acr156.md"
    target.write_text(page(results, context, pictures.name), encoding="utf-8")
    return target
