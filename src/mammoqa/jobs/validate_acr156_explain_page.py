"""The page of `mammoqa validate acr156-explain`: behaviours and the size bias in words, and how it is saved."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mammoqa.core import ModelId
from mammoqa.jobs.validate_acr156_explain import RATIO_BAR, UNCHANGED_BAR
from mammoqa.jobs.validate_acr156_explain_artefacts import CONTROL
from mammoqa.jobs.validate_acr156_explain_behaviours import judged_shapes
from mammoqa.jobs.validate_acr156_explain_charts import charts, pictures
from mammoqa.jobs.validate_acr156_explain_records import Behaviour, Results, SizeBias
from mammoqa.jobs.validate_acr156_explain_size import HEADLINE
from mammoqa.jobs.validate_acr156_explain_trials import GAP, LEVELS

FOLDER = "acr156_explain"
_NAMES = {"fibre": "fibres", "speck_group": "speck groups", "mass": "masses", "faint mass": "masses up to 0.75 mm"}
_FOUND_AT = {"size deformed": "circle to square"}


@dataclass(frozen=True, slots=True)
class Context:
    """How the figures came about: the command, the day, the networks and the versions."""

    command: str
    date: str
    models: tuple[ModelId, ...]
    versions: tuple[tuple[str, str], ...]


def missed(results: Results) -> tuple[Behaviour, ...]:
    """The behaviours that do not hold."""
    return tuple(b for b in results.behaviours if not b.holds)


def page(results: Results, context: Context) -> str:
    """The Markdown page."""
    below = missed(results)
    held = len(results.behaviours) - len(below)
    verdict = f"{held} of {len(results.behaviours)} expected behaviours hold."
    if below:
        verdict += " Not reached: " + "; ".join(f"{b.name} ({_value(b)}, bar {_bar(b)})" for b in below) + "."
    parts = [
        "# What the network looks at, on simulated images",
        "The experiments of Yun et al. 2025, Figs 12 to 15, which show whether a network scores by the rules of the "
        "protocol, and a measurement of the size bias that the paper reports. **All figures are simulated**: every "
        "object is exposed with the forward model in the state that the experiment asks for, and a panel of simulated "
        "readers scores the very same pixels. The paper worked on real patches and gives no numbers, so the bars are "
        "ours; each stands with its sentence of the paper in `jobs/validate_acr156_explain_behaviours.py`.",
        f"{results.trials} objects in {results.repeats} realisations of each state (the experiment on size has more), "
        "two selenium detectors and a caesium iodide one, 1.5 to 1.8 mGy.",
        "Behaviours and curves are those of the answers as they are scored, with the filters that the model card joins "
        "with the network; maps are those of the network, and the tables give the network alone beside.",
        verdict,
        _behaviour_table(results.behaviours),
        *_masking(results),
        *_fibres(),
        *_specks(),
        *_masses(results),
        *_size(results),
        *_pointing(results),
        "## How to repeat",
        f"```\n{context.command}\n```",
        _made(context),
    ]
    return "\n\n".join(parts) + "\n"


def _made(context: Context) -> str:
    networks = "; ".join(f"{m.name} {m.version} (card {m.card_sha256[:12]})" for m in context.models)
    return f"{context.date}; {networks}; " + ", ".join(f"{n} {v}" for n, v in context.versions) + "."


def _value(b: Behaviour) -> str:
    if math.isnan(b.value):
        return "never"
    if b.sense == "=":
        return f"{b.value:g} {b.unit}"
    digits = 4 if b.figure == "12" else 2
    return f"{b.value:.{digits}f} {b.unit}"


def _bar(b: Behaviour) -> str:
    sign = {">=": "at least ", "<=": "at most ", "=": ""}[b.sense]
    return f"{sign}{b.bar:.2f}" if b.sense != "=" else f"{b.bar:g}"


def _behaviour_table(found: Sequence[Behaviour]) -> str:
    rows = [
        (b.figure, b.name.replace("-", " "), _value(b), _bar(b), "yes" if b.holds else "**no**", b.note) for b in found
    ]
    return _table(("Fig.", "expected behaviour", "found", "bar", "holds", "in detail"), rows)


def _masking(results: Results) -> list[str]:
    rows = [
        (
            m.artefact,
            m.network,
            m.patches,
            f"{m.unchanged / m.patches:.2%} ({m.patches - m.unchanged} changed)",
            f"{m.mean_change:.3f}",
            f"{m.largest_change:.2f}",
            m.left_out if m.artefact != CONTROL else "–",
        )
        for m in results.masking
    ]
    header = ("artefact", "network", "patches", "score unchanged", "mean change of p", "largest", "on the object")
    return [
        "## Artefacts masked and unmasked (Fig 12)",
        "Dust, scratches, lead letters and the acrylic disc beside an object, all sixteen objects of the phantom "
        "included, from the plain to the invisible. Masking puts the patch's own background with fresh noise of the "
        f"same unit in the artefact's place. At least {UNCHANGED_BAR:.0%} of the scores must stay. Where the artefact "
        "lies on the object the patch is left out: a reader would deduct there. The control masks sound patches where "
        "there is nothing; scores that change there are so close to a threshold that fresh noise moves them.",
        _table(header, rows),
    ]


def _fibres() -> list[str]:
    return [
        "## Fibres broken and grown (Fig 13)",
        f"A gap of {GAP:.0%} of the length at thirteen positions, and a fibre that grows from one end. Lines: mean of "
        "the network with the range of 80 % of the realisations; dashed: the panel of readers on the same pixels.",
        f"![Broken fibres]({FOLDER}/breaks.svg)",
        _strip("breaks", "a break moving along the second-largest fibre; saliency of the abnormality"),
        f"![Growing fibres]({FOLDER}/growth.svg)",
        _strip("growth", "the second-largest fibre as it grows; saliency of the abnormality"),
    ]


def _specks() -> list[str]:
    return [
        "## One to six specks at ten opacities (Fig 14)",
        "Which specks are there is drawn anew each time; opacity scales their thickness along the beam.",
        f"![Specks]({FOLDER}/specks.svg)",
        _strip("specks", "one to six specks at 30 % and 100 % opacity; saliency of the presence"),
    ]


def _masses(results: Results) -> list[str]:
    judged = [c.name.replace("-", " ") for c in judged_shapes(results.curves)]
    return [
        "## Masses from circle to square (Fig 15)",
        "The four largest masses as they are, and the largest drawn a third as wide, as the paper rescaled its image. "
        f"Judged above where the panel itself tells the square from the circle: {', '.join(judged) or 'none'}.",
        f"![Masses]({FOLDER}/deformation.svg)",
        _strip("deformation", "the largest and the third-largest mass, deformed; saliency of the abnormality"),
    ]


def _strip(name: str, what: str) -> str:
    return f"![{what}]({FOLDER}/{name}_strip.png)\n\n*One exposure each: {what}. Above the patch, below its map.*"


def _size(results: Results) -> list[str]:
    rows = [
        (
            _NAMES[b.kind],
            f"{b.output}, {_FOUND_AT.get(b.what, 'sound')}",
            b.network,
            f"**{b.bias:.3f}** ({b.low:.3f}–{b.high:.3f})",
            f"{b.spread:.3f}",
            f"{b.panel_spread:.3f}",
            f"{b.one_size_bias:.3f}",
            f"{b.swapped:.3f}",
        )
        for b in results.biases
    ]
    header = (
        "kind",
        "output",
        "network",
        "size bias",
        "spread over sizes",
        "the panel's spread",
        "bias, one size given to all",
        "change when the size is swapped",
    )
    return [
        "## The size bias",
        "The paper found that of two equally deformed masses the larger scores 1 and the smaller 0.5, and that the "
        "abnormality rises sooner for the smaller one (Fig 15). Part of that is real: a smaller object is harder to "
        "see, and readers go by what they see. So objects of every nominal size are made *equally visible* here: "
        "their thickness is scaled until the detectability index is that of the third-largest of the kind (for "
        "deformed masses: of the largest, whose shape "
        "readers see). The **size "
        "bias** is what is left: the root mean square, over sizes and states, of the network's error (its probability "
        "less the panel's on the same pixels) less the mean error over sizes; the part due to chance is taken off. "
        f"Masses: circle to square in five steps. Sound objects: at {', '.join(f'{v:g}' for v in LEVELS)} times that "
        "visibility.",
        f"![Equally visible masses]({FOLDER}/size.svg)",
        _table(header, rows),
        "Spread: the same root mean square of the probabilities themselves, and of the panel's. One size given to "
        "all: the network is told the size of the third-largest object whatever the object is; what stays then comes "
        "from the pixels. Swapped: the range of the answer over all nominal sizes given with the same pixels.",
        _size_words(results),
        "Thickness factors: " + ", ".join(f"{name} {weight:.2f}" for name, weight in results.weights) + ".",
    ]


def _size_words(results: Results) -> str:
    """What the headline says, and whether the size given or the pixels are behind it."""
    headline = {b.network: b for b in results.biases if (b.kind, b.output, b.what) == HEADLINE}
    sentences = [_cause(b) for b in headline.values()]
    if results.ratio is not None:
        value, low, high = results.ratio
        word = "is reached" if value <= RATIO_BAR else "is not reached"
        sentences.append(
            f"The bias of {results.networks[0]} is {value:.2f} ({low:.2f}–{high:.2f}) of that of "
            f"the baseline; the bar of a third {word}."
        )
    return " ".join(sentences)


def _cause(b: SizeBias) -> str:
    text = f"{b.network}: the abnormality of equally visible masses has a size bias of {b.bias:.3f}"
    if b.bias == 0:
        return text + ", none that stands out of the noise."
    left = b.one_size_bias / b.bias
    if left < 0.7:
        cause = f"; with one size given to all, {left:.0%} of it stays, so most of it comes from the size that is given"
    elif left <= 1.1:
        cause = f"; with one size given to all, {left:.0%} of it stays, so it comes from the pixels, not the size given"
    else:
        cause = (
            f"; with one size given to all it is {left:.1f} times as large, so the size that is given makes it smaller"
        )
    shared = (
        f" The panel's own answers spread by {b.panel_spread:.3f} over sizes: that part is real and not in the bias."
    )
    return text + cause + "." + shared


def _pointing(results: Results) -> list[str]:
    if not results.pointing:
        return []
    rows = [
        (_NAMES[p.kind], p.method, p.n, f"{p.inside:.1f}", f"{p.hit:.2f}", f"{p.deletion:+.3f}")
        for p in results.pointing
    ]
    header = ("kind", "method", "objects", "on the object, times chance", "brightest there", "deletion gain")
    return [
        "## Do the maps point at the object?",
        "Sound objects that score above 0. On the object: the share of the map within 1 mm of it, over the share of "
        "the patch that this is. Brightest there: maps whose brightest half millimetre lies there. Deletion gain: how "
        "much sooner than in a random order the answer falls when the most salient blocks are deleted (Petsiuk et al. "
        "2018); above 0 a map finds what the network uses.",
        _table(header, rows),
    ]


def _table(header: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def as_data(results: Results, context: Context) -> dict[str, Any]:
    """The figures without pictures and resamples, for other programs; null where a number is not defined."""
    data = {
        "simulated": True,
        "context": asdict(context),
        "behaviours": [asdict(b) | {"holds": b.holds} for b in results.behaviours],
        "masking": [asdict(m) for m in results.masking],
        "size_bias": [asdict(replace(b, draws=b.draws[:0])) for b in results.biases],
        "ratio": results.ratio,
        "pointing": [asdict(p) for p in results.pointing],
        "curves": [asdict(c) for c in results.curves],
    }
    plain: dict[str, Any] = _plain(data)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if k != "draws"}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 5)
    return value


def save(results: Results, context: Context, out: Path) -> Path:
    """Write acr156_explain.md, its pictures and its figures as JSON under `out`; the page's path."""
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, chart in charts(results).items():
        chart.save(str(folder / f"{name}.svg"))
    for name, picture in pictures(results.strips).items():
        picture.save(folder / f"{name}.png", optimize=True)
    text = json.dumps(as_data(results, context), allow_nan=False) + "\n"
    (folder / "figures.json").write_text(text, encoding="utf-8")
    target = out / f"{FOLDER}.md"
    target.write_text(page(results, context), encoding="utf-8")
    return target
