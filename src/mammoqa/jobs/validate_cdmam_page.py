"""The page docs/validation/cdmam.md and its charts, from the results of `validate_cdmam`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mammoqa
from mammoqa.jobs.validate_cdmam import SMALL_MM, Agreement, CdcomThreshold, Coverage, Placing, Searches, Series
from mammoqa.score.cdmam34 import CDCOM_SEARCH_MM

ASKED_CORNER, ASKED_MEAN, ASKED_HITS = 0.88, 0.90, 0.97
ASKED_BIAS = 0.05  # of thresholds against those from the known detectability


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Everything that the suite found."""

    agreements: tuple[Agreement, ...]
    thresholds: tuple[CdcomThreshold, ...]
    placings: tuple[Placing, ...]
    series: Series
    coverages: tuple[Coverage, ...]
    searches: Searches | None = None
    as_cdcom: tuple[Agreement, ...] = ()
    as_cdcom_thresholds: tuple[CdcomThreshold, ...] = ()
    more_series: tuple[Series, ...] = ()


def write(results: Results, out: Path, command: str, arguments: tuple[int, int, int, str]) -> None:
    """Write the page and its charts into `out`."""
    from mammoqa.report.charts import png

    (out / "cdmam").mkdir(parents=True, exist_ok=True)
    (out / "cdmam" / "thresholds.png").write_bytes(png(thresholds_chart(results)))
    (out / "cdmam" / "bias.png").write_bytes(png(bias_chart(results)))
    (out / "cdmam.md").write_text(page(results, command, arguments), encoding="utf-8")


def page(results: Results, command: str, arguments: tuple[int, int, int, str]) -> str:
    """The whole page as Markdown; `arguments` are images, repeats, seed and the date."""
    images, repeats, seed, date = arguments
    head = (
        "# CDMAM 3.4: the conventional reading\n\n"
        f"Written by `{command} --images {images} --repeats {repeats} --seed {seed}` on {date}, mammoqa "
        f"{mammoqa.__version__}. Everything but the decisions of cdcom 1.5.2 is **simulated**: no real CDMAM image is "
        "public. Thresholds are gold thicknesses in µm.\n"
    )
    parts = [
        head,
        _cdcom(results),
        _searches(results.searches),
        _grid(results),
        _series(results),
        _coverage(results),
        _LIMITS,
    ]
    return "\n".join(part.rstrip() + "\n" for part in parts if part)


def _cdcom(results: Results) -> str:
    if not results.agreements:
        return ""
    lines = [
        "## Beside cdcom 1.5.2\n",
        "Four images of one exposure, made by a generator that the product does not contain, read by EUREF's reader "
        "and by mammoqa. Agreement is the share of the 205 cells with the same decision.\n\n"
        "cdcom looks for each disc in a small area about its place. *As cdcom reads*: within "
        f"{CDCOM_SEARCH_MM:g} mm (`mammoqa analyse --search {CDCOM_SEARCH_MM:g}`), the reach that the published ratios "
        "of people to cdcom tell ([page](cdmam_reach.md); not chosen on these images). *At the known places*: what the "
        "product does unless told otherwise, and what finds most.\n",
    ]
    for title, rows, thresholds in (
        ("As cdcom reads", results.as_cdcom, results.as_cdcom_thresholds),
        ("At the known places", results.agreements, results.thresholds),
    ):
        lines += [f"### {title}\n", *_agreement(rows), "", *_both_thresholds(thresholds), ""]
    return "\n".join(lines)


def _agreement(rows: tuple[Agreement, ...]) -> list[str]:
    mean, least = float(np.mean([a.corner for a in rows])), min(a.corner for a in rows)
    hits = sum(a.hits for a in rows) / max(1, sum(a.cdcom_hits for a in rows))
    return [
        "| Image | Corners agree | Centres agree | Corner hits | cdcom's | Processor time, s |",
        "|---|---|---|---|---|---|",
        *(
            f"| {a.name} | {a.corner:.3f} | {a.centre:.3f} | {a.hits} | {a.cdcom_hits} | {a.seconds:.2f} |"
            for a in rows
        ),
        "",
        _asked(
            f"Corners agree in at least {100 * ASKED_CORNER:.0f} % of each image's cells", least >= ASKED_CORNER, least
        ),
        _asked(f"Corners agree in at least {100 * ASKED_MEAN:.0f} % on average", mean >= ASKED_MEAN, mean),
        _asked(f"At least {100 * ASKED_HITS:.0f} % of cdcom's hits", hits >= ASKED_HITS, hits),
    ]


def _both_thresholds(rows: tuple[CdcomThreshold, ...]) -> list[str]:
    return [
        "Automatic thresholds, pooled over the four images, with either program's decisions:\n",
        "| Diameter, mm | mammoqa | 95 % interval | from cdcom's decisions | ratio |",
        "|---|---|---|---|---|",
        *(
            f"| {t.diameter_mm:g} | {t.ours_um:.3f} | {t.low_um:.3f} to {t.high_um:.3f} | {t.cdcom_um:.3f} "
            f"| {t.ours_um / t.cdcom_um:.2f} |"
            for t in rows
        ),
    ]


def _searches(searches: Searches | None) -> str:
    if searches is None:
        return ""
    lines = [
        "### Looking for discs beside their places\n",
        "How large cdcom's area is, is not published (euref.org/cdmam-readout). In an area, noise has more chances to "
        "look like a disc, the more the smaller the disc is. Thresholds are "
        f"over those at the known places: geometric means over diameters up to {SMALL_MM:g} mm (small) and above "
        f"(large); of the four images, and of {searches.images} simulated ones. From cdcom's decisions: "
        f"{searches.cdcom_small:.2f} small, {searches.cdcom_large:.2f} large, with {searches.cdcom_hits} hits.\n",
        "| Within, mm | Corners agree, by image | Mean | Hits | Small | Large | Simulated: small | large |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {s.search_mm:g} | {', '.join(f'{c:.3f}' for c in s.corners)} | {np.mean(s.corners):.3f} | {s.hits} "
            f"| {s.small:.2f} | {s.large:.2f} | {s.simulated_small:.2f} | {s.simulated_large:.2f} |"
            for s in searches.found
        ),
        "",
        "No reach was chosen by this: the product reads at the known places unless told otherwise, and the table says "
        "what cdcom's thresholds, and with them the ratios to people and EUREF's limits, may contain: human thresholds "
        "of small discs from known places are too low beside them. The single-image reading learns what reading at the "
        "known places gives in the end, and does not follow `--search`.",
    ]
    return "\n".join(lines)


def _asked(what: str, reached: bool, value: float) -> str:
    return f"- {what}: {'reached' if reached else '**not reached**'}, {100 * value:.1f} %."


def _yes(whether: bool) -> str:
    return "yes" if whether else "no"


def _grid(results: Results) -> str:
    lines = [
        "## Grid\n",
        "Distance of the places of all 410 discs from the truth, in pixels of 0.07 mm; images turned, mirrored and "
        f"tilted. In the series below: {results.series.errors_px.max():.3f} pixels rms in the worst of "
        f"{results.series.images} images.\n",
        "| Chest wall | Quarter turns | Mirrored | Tilt, degrees | Right way | rms, pixels | Largest, pixels |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {p.chest_wall} | {p.quarter_turns} | {_yes(p.mirrored)} | {p.tilt_deg:g} | {_yes(p.right_way)} |"
            f" {p.rms_px:.3f} | {p.largest_px:.3f} |"
            for p in results.placings
        ),
    ]
    return "\n".join(lines)


def _series(results: Results) -> str:
    s = results.series
    lines = [
        f"## A simulated series of {s.images} images\n",
        "W/Rh 29 kV, 2 mGy, a-Se of 0.07 mm. *Ideal*: where the ideal observer, who knows the blur and the noise, is "
        "right in 62.5 % (interpolated between cells). *Its limit*: what the logistic curve of the convention gives "
        "for the ideal observer's chances, as from endless images. *Found*: the reader. Automatic thresholds, before "
        f"any ratio to people. Hits: {100 * s.share[0]:.1f} % of the cells; the ideal observer's expectation is "
        f"{100 * s.share[1]:.1f} %.\n",
        "| Diameter, mm | Found | 95 % interval | Its limit | Found / limit | Ideal |",
        "|---|---|---|---|---|---|",
        *(
            f"| {d:g} | {f:.3f} | {a:.3f} to {b:.3f} | {m:.3f} | {f / m:.2f} | {i:.3f} |"
            for d, f, a, b, m, i in zip(
                s.diameters_mm, s.found_um, s.low_um, s.high_um, s.limit_um, s.ideal_um, strict=True
            )
        ),
        "",
        *_found_over_limit((s, *results.more_series)),
        "![thresholds](cdmam/thresholds.png)\n",
        "Human thresholds by the curve: "
        + ", ".join(
            f"{t:.3f} at {d:g} mm" for d, t in zip(s.human_mm, s.human_um, strict=True) if d in (1.0, 0.5, 0.25, 0.1)
        )
        + ".",
    ]
    return "\n".join(lines)


def _found_over_limit(series: tuple[Series, ...]) -> list[str]:
    """Whether thresholds of many series are those from the known detectability."""
    means = np.array([np.log(one.found_um / one.limit_um)[3:15].mean() for one in series])
    each = ", ".join(f"{100 * np.expm1(mean):+.1f}" for mean in means)
    lines = [f"Found over limit, mean over the diameters from 0.08 to 1 mm, in {len(series)} such series: {each} %."]
    if len(series) > 1:
        mean, error = float(np.expm1(means.mean())), float(means.std(ddof=1) / np.sqrt(len(means)))
        lines.append(
            f"Thresholds of {series[0].images} images within {100 * ASKED_BIAS:.0f} % of those from the known "
            f"detectability: {'reached' if abs(mean) <= ASKED_BIAS else '**not reached**'}, {100 * mean:+.1f} ± "
            f"{100 * error:.1f} % on average over series. Of it, +2.7 % are the filter's, whose blur is that of the "
            "grid's lines and so a little too large for a selenium detector."
        )
    lines.append("A single threshold of one series scatters by a tenth (next section).\n")
    return [" ".join(lines)]


def _coverage(results: Results) -> str:
    lines = [
        "## Thresholds and intervals against known chances\n",
        "Hits and misses drawn from the ideal observer's chances of every cell, fitted again and again. *Bias* is "
        "against where the chance is 62.5 %; *from its limit* against what the same curve gives for endless images.\n",
        "| Curve | Images | Repeats | Bias, mean | From its limit, mean | Scatter of a threshold | Intervals hold "
        "| Scatter of the curve | Curve's intervals hold |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for c in results.coverages:
        inner, middle = slice(3, 15), slice(1, -1)
        lines.append(
            f"| {c.form} | {c.images} | {c.repeats} | {100 * c.bias[inner].mean():+.1f} % "
            f"| {100 * c.limit_bias[inner].mean():+.1f} % | {100 * c.scatter[inner].mean():.1f} % "
            f"| {100 * c.covered[inner].mean():.1f} % | {100 * c.curve_scatter[middle].mean():.1f} % "
            f"| {100 * c.curve_covered.mean():.1f} % |"
        )
    lines += [
        "",
        "The logistic curve is the convention, and its thresholds lie below the point that they name: four Gaussian "
        "answers whose detectability goes with the contrast do not follow a logistic curve in the logarithm of the "
        'contrast. The form "detectability" is free of this. The product uses the logistic curve, because limits and '
        "ratios to people were set with it; `Method(form=...)` in `mammoqa.stats.contrast_detail` chooses.\n",
        "![bias](cdmam/bias.png)",
    ]
    return "\n".join(lines)


def thresholds_chart(results: Results) -> Any:
    """Found thresholds with intervals, their limit and the ideal observer's, by diameter."""
    import altair as alt

    from mammoqa.report.charts import AMBER, BLUE, styled

    s = results.series
    rows = [
        {"d": float(d), "found": float(f), "low": float(a), "high": float(b), "limit": float(m), "ideal": float(i)}
        for d, f, a, b, m, i in zip(
            s.diameters_mm, s.found_um, s.low_um, s.high_um, s.limit_um, s.ideal_um, strict=True
        )
    ]
    log = alt.Scale(type="log", nice=False)
    x = alt.X("d:Q", scale=alt.Scale(type="log", domain=[0.055, 2.2], nice=False), title="Diameter, mm")
    chart = alt.Chart(alt.InlineData(values=rows), width=420, height=280)
    spread = chart.mark_rule(color=BLUE).encode(x=x, y=alt.Y("low:Q", scale=log, title="Gold, µm"), y2="high:Q")
    dots = chart.mark_point(filled=True, size=40, color=BLUE, opacity=1).encode(x=x, y="found:Q")
    limit = chart.mark_line(color=AMBER).encode(x=x, y="limit:Q")
    ideal = chart.mark_line(color=AMBER, strokeDash=[4, 3]).encode(x=x, y="ideal:Q")
    title = "Dots: reader; line: logistic limit of the ideal observer; dashed: ideal observer at 62.5 %"
    return styled(alt.layer(limit, ideal, spread, dots).properties(title=alt.TitleParams(title, anchor="start")))


def bias_chart(results: Results) -> Any:
    """Bias of either form of the curve against the known point, by diameter."""
    import altair as alt

    from mammoqa.report.charts import AMBER, BLUE, styled

    rows = [
        {"d": float(d), "bias": float(np.expm1(b)), "form": c.form}
        for c in results.coverages
        for d, b in zip(c.diameters_mm, c.bias, strict=True)
    ]
    forms = ["logistic", "detectability"]
    x = alt.X("d:Q", scale=alt.Scale(type="log", domain=[0.055, 2.2], nice=False), title="Diameter, mm")
    y = alt.Y("bias:Q", axis=alt.Axis(format="+.0%"), title="Threshold against the known point")
    colour = alt.Color("form:N", scale=alt.Scale(domain=forms, range=[AMBER, BLUE]), legend=None)
    chart = alt.Chart(alt.InlineData(values=rows), width=420, height=220).encode(x=x, y=y, color=colour)
    zero = alt.Chart(alt.InlineData(values=[{"y": 0.0}])).mark_rule(strokeDash=[4, 3]).encode(y="y:Q")
    title = "Amber: logistic (the convention); blue: detectability. Mean of all repeats"
    layers = alt.layer(zero, chart.mark_line(), chart.mark_point(filled=True, size=36, opacity=1))
    return styled(layers.properties(title=alt.TitleParams(title, anchor="start")))


_LIMITS = """## What this does not show

- No real image was read; real grids, discs and writing differ from drawings, and manufacturing scatter is not in them.
- The independent images served for the comparison only. While the filter was made, their agreement with cdcom was seen
  for blurs of 0.3 to 2 pixels (87 to 90 %) and for a ring instead of a surface as background (no difference); the blur
  was then taken from the width of each image's own lines, and not chosen by these numbers. The reaches of a search
  above (0.07, 0.14 and 0.21 mm) were seen before the reach of cdcom was worked out from the ratios.
- At the known places, disagreements sit in the small discs: from 0.31 mm down mammoqa finds more than cdcom.
  Ratios to people and EUREF's
  limits were set with cdcom, so that such thresholds flatter a unit; compare series only if one program read both.
- Intervals follow from the fitted curve and the spread among images and cells. For one image they are too narrow
  (the slope of the curve comes from the same few decisions).
- The probability of meeting EUREF is the share of resamples that do, for the human thresholds of the named convention;
  the ratios' own uncertainty is not in it.
"""
