"""The page of `mammoqa validate acr156`: tables in words and figures, and how they are saved."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import mammoqa
from mammoqa.core import ModelId
from mammoqa.jobs.validate_acr156_charts import NAMES, SCORES, charts
from mammoqa.jobs.validate_acr156_records import ObjectFigures, PassFailFigures, Results
from mammoqa.stats.bootstrap import Interval

# Yun et al. (2025), PLoS One 20(9): e0330091, "Results"; areas under the curve are given there as "above".
PAPER = {
    "accuracy fibre": "0.878",
    "accuracy speck_group": "0.934",
    "accuracy mass": "0.866",
    "macro_f1 fibre": "0.729 (0.711–0.747)",
    "macro_f1 speck_group": "0.770 (0.750–0.791)",
    "macro_f1 mass": "0.759 (0.736–0.781)",
    "presence": "> 0.97",
    "abnormality": "> 0.94",
    "pass_fail fibre": "0.833",
    "pass_fail speck_group": "0.991",
    "pass_fail mass": "0.813",
    "pass_fail phantom": "0.759",
    "fail_recall fibre": "0.424",
    "fail_recall mass": "0.482",
}
# What this project asks of its network on simulated images.
AIMS = {
    "accuracy fibre": 0.90,
    "accuracy speck_group": 0.95,
    "accuracy mass": 0.90,
    "macro_f1 fibre": 0.80,
    "macro_f1 speck_group": 0.80,
    "macro_f1 mass": 0.80,
    "presence": 0.98,
    "abnormality": 0.95,
    "pass_fail phantom": 0.88,
}
_PACKAGES = ("numpy", "scipy", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Context:
    """How the figures came about: the command, the day and the versions."""

    command: str
    date: str
    model: ModelId
    versions: tuple[tuple[str, str], ...]


def versions() -> tuple[tuple[str, str], ...]:
    """mammoqa, Python and the packages that the figures depend on."""
    return (
        ("mammoqa", mammoqa.__version__),
        ("Python", python_version()),
        *((name, version(name)) for name in _PACKAGES),
    )


def figures(results: Results) -> dict[str, float]:
    """The numbers that have an aim, by its name."""
    objects = results.network.objects
    found = {f"accuracy {o.kind}": o.accuracy.estimate for o in objects}
    found |= {f"macro_f1 {o.kind}": o.macro_f1.estimate for o in objects}
    for output in ("presence", "abnormality"):
        found[output] = min(o.auc.estimate for o in results.outputs if o.output == output)
    found |= {f"pass_fail {p.name}": p.accuracy.estimate for p in results.network.pass_fail}
    return {name: found[name] for name in AIMS}


def missed(results: Results) -> tuple[str, ...]:
    """The aims that the figures do not reach, in words."""
    reached = figures(results)
    return tuple(f"{n}: {reached[n]:.3f}, aim {aim:.2f}" for n, aim in AIMS.items() if not reached[n] >= aim)


def page(results: Results, context: Context, pictures: str) -> str:
    """The Markdown page; `pictures` is the folder of the charts, relative to the page."""
    below = missed(results)
    parts = [
        "# Scoring the ACR 156 phantom, on simulated images",
        f"{results.images} simulated images of {results.units} simulated units that the network was not trained on; "
        "scores of a simulated panel of readers. **All figures here are simulated**: they say how well the network "
        "does what simulated readers do, not how it does on the images of a clinic. The paper's figures are for "
        "another network on real images and stand beside them for orientation only.",
        f"Images: {results.source}.",
        f"Intervals: 95 %, {results.resamples} bootstrap resamples of whole units. {results.not_applicable} objects "
        "that the panel called N/A are left out of the tables per object; in totals they count as 0.",
        "All aims are met." if not below else "Aims that are missed: " + "; ".join(below) + ".",
        *_object_tables(results),
        f"![Confusion matrices]({pictures}/confusion.svg)",
        *_output_table(results),
        f"![ROC curves]({pictures}/roc.svg)\n\n![Reliability]({pictures}/reliability.svg)",
        *_pass_fail_tables(results),
        *_preprocessing(results),
        "## How to repeat",
        f"```\n{context.command}\n```",
        f"{context.date}; model {context.model.name} {context.model.version} "
        f"(card {context.model.card_sha256[:12]}); " + ", ".join(f"{n} {v}" for n, v in context.versions) + ".",
    ]
    return "\n\n".join(parts) + "\n"


def _object_tables(results: Results) -> list[str]:
    parts = ["## Scores of single objects", "Every object that the panel did not call N/A:"]
    for title, name in (("accuracy", "accuracy"), ("macro F1", "macro_f1"), ("quadratic weighted kappa", "kappa")):
        rows = [
            (
                NAMES[o.kind],
                o.n,
                _number(getattr(o, name)),
                _aim(f"{name} {o.kind}"),
                _number(getattr(r, name)),
                PAPER.get(f"{name} {o.kind}", "–"),
            )
            for o, r in zip(results.network.objects, results.reader.objects, strict=True)
        ]
        parts.append(_table((title, "objects", "network", "aim", "one reader", "Yun 2025 (real images)"), rows))
    parts.append("Recall and precision of the network by the panel's score:")
    parts.append(_score_table(results.network.objects))
    parts.append("Full scores and the largest object below 1 of each kind only, as the paper selects for training:")
    selected = [(NAMES[o.kind], o.n, _number(o.accuracy), _number(o.macro_f1)) for o in results.paper_selection]
    parts.append(_table(("kind", "objects", "accuracy", "macro F1"), selected))
    return parts


def _score_table(objects: tuple[ObjectFigures, ...]) -> str:
    rows = [
        (NAMES[o.kind], *(f"{_plain(r)} / {_plain(p)}" for r, p in zip(o.recall, o.precision, strict=True)))
        for o in objects
    ]
    return _table(("recall / precision", *(f"score {s}" for s in SCORES)), rows)


def _output_table(results: Results) -> list[str]:
    rows = [
        (
            NAMES[o.kind],
            "passes" if o.output == "p_pass" else o.output,
            o.n,
            _number(o.auc),
            _aim(o.output),
            PAPER.get(o.output, "–"),
            _plain(o.calibration_error),
            _plain(o.brier),
        )
        for o in (*results.outputs, results.p_pass)
    ]
    header = (
        "kind",
        "output",
        "cases",
        "area under ROC",
        "aim",
        "Yun 2025 (real images)",
        "calibration error",
        "Brier",
    )
    return [
        "## The two outputs of the network",
        "Presence: 1 or 0.5 against 0. Abnormality: 0.5 against 1, among those. Calibration error: expected, ten bins "
        "of equal width. The last row is the probability that the phantom passes, under the stop rule.",
        _table(header, rows),
    ]


def _pass_fail_tables(results: Results) -> list[str]:
    rows = [
        (
            NAMES[m.name],
            m.n,
            sum(m.confusion[1]),
            _number(m.accuracy),
            _aim(f"pass_fail {m.name}"),
            _number(r.accuracy),
            PAPER.get(f"pass_fail {m.name}", "–"),
        )
        for m, r in zip(results.network.pass_fail, results.reader.pass_fail, strict=True)
    ]
    return [
        "## Pass or fail under the stop rule",
        _table(("accuracy", "images", "fails", "network", "aim", "one reader", "Yun 2025 (real images)"), rows),
        "Precision and recall of a fail:",
        _table(
            ("fail", "network precision", "network recall", "reader precision", "reader recall", "Yun 2025 recall"),
            [_fail_row(m, r) for m, r in zip(results.network.pass_fail, results.reader.pass_fail, strict=True)],
        ),
    ]


def _fail_row(m: PassFailFigures, r: PassFailFigures) -> tuple[Any, ...]:
    numbers = (m.fail_precision, m.fail_recall, r.fail_precision, r.fail_recall)
    return (NAMES[m.name], *(_number(n) for n in numbers), PAPER.get(f"fail_recall {m.name}", "–"))


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
        "Yun 2025 (real images): 5813 of 5917 (98.2 %).",
    ]


def _table(header: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def _plain(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _number(value: Interval) -> str:
    if math.isnan(value.estimate):
        return "–"
    if math.isnan(value.low):
        return f"{value.estimate:.3f}"
    return f"{value.estimate:.3f} ({value.low:.3f}–{value.high:.3f})"


def _aim(name: str) -> str:
    return f"{AIMS[name]:.2f}" if name in AIMS else "–"


def as_data(results: Results, context: Context) -> dict[str, Any]:
    """The figures without the curves, for other programs; null where a number is not defined."""
    outputs = [
        {"kind": o.kind, "output": o.output, "n": o.n, "auc": asdict(o.auc)}
        | {"calibration_error": o.calibration_error, "brier": o.brier}
        for o in (*results.outputs, results.p_pass)
    ]
    data = {
        "simulated": True,
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
