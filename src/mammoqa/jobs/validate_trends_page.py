"""Writes what `validate_trends` measured to docs/validation/trends.md, with its charts and a JSON file."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammoqa import __version__
from mammoqa.jobs.validate_trends import Scored, by_kind, by_size
from mammoqa.jobs.validate_trends_forecasts import Coverage
from mammoqa.stats.bootstrap import Interval

FOUND_AIM, COVERED_AIM = 0.90, (0.85, 0.95)
_SIZES = {
    "tube ageing": ("share of output lost", 100.0, " %"),
    "detector gain drift": ("share of gain lost", 100.0, " %"),
    "grid misalignment": ("decentring", 1.0, " mm"),
    "dust": ("spots", 1.0, ""),
    "AEC change": ("change of the target", 100.0, " %"),
    "software update": ("smoothing", 1000.0, " µm"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Everything on the page."""

    seed: int
    tuning_seed: int
    units: int
    weeks: int
    scored: tuple[Scored, ...]
    sound: tuple[Scored, ...]
    tuning: tuple[Scored, ...]
    run_lengths: tuple[tuple[str, Interval], ...]
    delays: tuple[tuple[float, Interval], ...]
    growing: Coverage
    steps: Coverage
    seconds: float


def page(results: Results, command: str, date: str) -> str:
    """The page in Markdown."""
    ours = results.scored[0]
    return "\n".join(
        (
            _head(results, ours, command, date),
            _alarm_table(results.scored, results.sound),
            _READING,
            "![found against false alarms](trends/trade.svg)\n",
            _kind_table(results.scored),
            "![delays by kind](trends/delays.svg)\n",
            _size_table(ours),
            _tuning(results),
            _run_length_table(results),
            _forecast_text(results),
            _FLEET,
            _LIMITS_OF_IT,
        )
    )


def _head(results: Results, ours: Scored, command: str, date: str) -> str:
    faults, found = len(ours.findings), sum(f.found for f in ours.findings)
    share, cover = ours.share, results.growing.share
    reached = "reached" if share.estimate >= FOUND_AIM else f"not reached: {found} of {faults}"
    inside = COVERED_AIM[0] <= cover.estimate <= COVERED_AIM[1]
    covered = "reached" if inside else f"not reached: {_percent(cover.estimate)}"
    return f"""# Trends: alarms and forecasts on a simulated fleet

Everything on this page is **simulated**: {results.units} units over {results.weeks} weeks with {faults} seeded faults.
Reproduce with `{command}`; run on {date} with {versions()} in
{results.seconds / 60:.0f} minutes on one core. Intervals are 95 %, by the bootstrap over units.

| Aim | Result | |
|---|---|---|
| at least 90 % of the faults found | {found} of {faults}, {_share(share)} | {reached} |
| 90 % intervals of breach dates cover 85 to 95 % | {_share(cover)} of {len(results.growing.foreseen)} | {covered} |
"""


def _alarm_table(scored: Sequence[Scored], sound: Sequence[Scored]) -> str:
    rows = [
        "## Alarms, beside plain Shewhart charts\n",
        "| | found | median delay, days | false alarms per unit and year | the same in a fleet without faults "
        "| faults with a second alarm | faults signalled at all |",
        "|---|---|---|---|---|---|---|",
    ]
    for s, quiet in zip(scored, sound, strict=True):
        found = sum(f.found for f in s.findings)
        second = sum(f.alarms > 1 for f in s.findings)
        rows.append(
            f"| {s.name} | {found} of {len(s.findings)}, {_share(s.share)} | {_interval(s.delay_days, 1)} "
            f"| {_interval(s.false_per_year, 2)} | {_interval(quiet.false_per_year, 2)} | {second} "
            f"| {sum(f.signalled for f in s.findings)} |"
        )
    return "\n".join(rows) + "\n"


_READING = """A fault is found where an alarm is raised between its onset and its repair; an alarm at any other time is
false. An alarm that was open before the onset does not count, so that charts that cry often find less; the last
column counts faults in whose time a reading met a rule at all. All policies watch the same 13 metrics and use the same
baselines, but only mammoqa's carry what was known before a service over it: Shewhart's begin again, and a fault that
comes within weeks of a service is then taken for the new normal.

mammoqa never raises an alarm on one reading, so at weekly tests it is about a week later than Shewhart's charts on a
step. Repeating the test at once confirms a step the same day.
"""


def _kind_table(scored: Sequence[Scored]) -> str:
    names = [s.name for s in scored]
    rows = [
        "Found, and median delay in days, by kind:\n",
        "| fault | n | " + " | ".join(names) + " |",
        "|---|---|" + "---|" * len(names),
    ]
    tables = [by_kind(s) for s in scored]
    for kind, (count, _, _) in tables[0].items():
        cells = [f"{table[kind][1]} ({_number(table[kind][2], 0)} d)" for table in tables]
        rows.append(f"| {kind.value} | {count} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def _size_table(ours: Scored) -> str:
    rows = ["Found by size (thirds of each kind; the middle size of each):\n", "| fault | small | middle | large |"]
    rows.append("|---|---|---|---|")
    for kind, parts in by_size(ours).items():
        words, factor, unit = _SIZES[kind.value]
        cells = [f"{found} of {count} at {_number(size * factor, 0)}{unit}" for size, count, found in parts]
        rows.append(f"| {kind.value}, {words} | " + " | ".join([*cells, "", ""][:3]) + " |")
    return "\n".join(rows) + "\n"


def _tuning(results: Results) -> str:
    ours = results.tuning[0]
    found = sum(f.found for f in ours.findings)
    return f"""The rules were tuned on the fleet of seed {results.tuning_seed}, where {found} of {len(ours.findings)}
are found with {_interval(ours.false_per_year, 2)} false alarms per unit and year; this page is of seed {results.seed}.
Forecasts were tuned on growing faults of seeds 1 and 11. A fleet of seed 7411 was looked at before the last change
(sigma learns on after the mean has settled; forecasts bend more): 197 of 200 found, 0.14 false alarms per unit and
year, 84.3 % of the intervals right. It is not reported further.
"""


def _run_length_table(results: Results) -> str:
    rows = [
        "## Average run length of one metric, all rules together\n",
        "Readings until the first signal, for normal readings with a standard deviation of 2 % and a smallest change",
        "of note of 5 %; the baseline is estimated from the series' own first twelve readings. Runs are cut at 1,500",
        "readings; the estimate is readings watched per signal.\n",
        "| in control | readings per false signal |",
        "|---|---|",
    ]
    rows += [f"| {name} | {_interval(found, 0)} |" for name, found in results.run_lengths]
    rows += ["", "| mammoqa, mean shifted by | readings until the signal |", "|---|---|"]
    rows += [f"| {shift:g} σ ({2 * shift:g} %) | {_interval(found, 1)} |" for shift, found in results.delays]
    return "\n".join(rows) + "\n"


def _forecast_text(results: Results) -> str:
    made, steps = results.growing, results.steps
    early = sum(f.breached and not f.covered and _before(f.breached_at, f.forecast.earliest) for f in made.foreseen)
    return f"""## Forecasts of breaches

Fleets of their own (seed {results.seed}): {2 * results.units} units, one fault each that grows and is never
repaired. A forecast is made at the alarm and 4, 8 and 12 weeks later for each limit of a metric that signals.

| | breach foreseen | interval right | median width, days | median error, days | none foreseen, of these breached |
|---|---|---|---|---|---|
| tube ageing, gain drift | {_coverage(made)} |
| steps (AEC, grid, software) | {_coverage(steps)} |

![intervals and breaches](trends/forecasts.svg)

{early} of the {sum(not f.covered for f in made.foreseen)} misses of growing faults breached sooner than foreseen:
an ageing tube gets worse faster and faster, and the mAs that make up for it faster still. After a step there is
nothing to foresee; the second row shows how often a forecast is made all the same, and how often its interval is right
(without an end where no breach comes). Forecasts reach half a year; a median beyond that is "none foreseen".
Widths are of intervals that end within half a year; many have no end, the lines that reach the right border.
"""


def _before(at: Any, earliest: Any) -> bool:
    return at is not None and (earliest is None or at < earliest)


def _coverage(made: Coverage) -> str:
    return (
        f"{len(made.foreseen)} | {_share(made.share)} | {_number(made.width_days, 0)} | {_number(made.error_days, 0)} "
        f"| {made.not_foreseen}, {made.not_foreseen_breached}"
    )


_FLEET = """## The fleet

Weekly: 45 mm PMMA with 0.2 mm Al (mAs, pixel value, SNR, SDNR, header dose, uniformity, spots) and the ACR 156 phantom
(totals by one reader); monthly: MTF, half-value layer, tube output. mAs, pixel value, SNR, SDNR, dose, MTF, half-value
layer and output follow from the unit's state by the equations of the physics room; totals from detectabilities
measured once on simulated exposures, scaled by the state's contrast-to-noise ratio and blur, read by the simulated
readers' rules. Assumed: how far each fault moves the state, the spread of instruments and exposures (0.6 to 2 % at an
average department, 30 % apart between departments), a seasonal swing of 0.5 to 3.5 K at -0.15 % gain per K, 3 to 15 %
missed weeks and holidays, wrong set-ups in up to 0.3 % of tests, services twice a year that move gain, output and dose
by 1 % each. Sizes of faults were chosen before any rule was tried. No data of a real fleet stands behind them.

| fault | size at full extent | comes on |
|---|---|---|
| tube ageing | 12 to 40 % of output lost; hardening and focal spot follow | over 12 to 24 weeks, ever faster |
| detector gain drift | 6 to 20 % of gain lost; fixed pattern and uniformity follow | over 8 to 20 weeks |
| grid misalignment | 6 to 20 mm decentred: 5 to 15 % of primary lost | at once |
| dust | 3 to 12 spots | at once |
| AEC change | 8 to 35 % up or down | at once |
| software update | smoothing by 25 to 60 µm, nobody told | at once |
"""
_LIMITS_OF_IT = """## What this does not show

Real fleets have faults that nobody thought of, correlated readings and changes of personnel; false alarms of real
readings will be more frequent than here. Faults never overlap in this fleet, and every repair is entered: a repair that
nobody enters looks like a fault. The smallest changes of note are ours (`trends/metrics.py`), not a protocol's.
"""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _share(found: Interval) -> str:
    return f"{100 * found.estimate:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f})"


def _interval(found: Interval, places: int) -> str:
    return f"{_number(found.estimate, places)} ({_number(found.low, places)} to {_number(found.high, places)})"


def _number(value: float, places: int) -> str:
    return "–" if math.isnan(value) else ("∞" if math.isinf(value) else f"{value:,.{places}f}")


def versions() -> str:
    """The programs that the numbers depend on."""
    from importlib.metadata import version

    return ", ".join([f"mammoqa {__version__}", *(f"{n} {version(n)}" for n in ("statsmodels", "numpy", "scipy"))])


def write(results: Results, path: Path, command: str, date: str, charts: Mapping[str, str]) -> None:
    """Write the page, its charts beside it, and the numbers as JSON."""
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in charts.items():
        drawn = svg.replace("currentColor", "#5b6670")  # a picture in a page has no colour of its own to follow
        (folder / f"{name}.svg").write_text(drawn, encoding="utf-8")
    path.write_text(page(results, command, date), encoding="utf-8")
    (folder / "numbers.json").write_text(json.dumps(_plain(results), indent=1) + "\n", encoding="utf-8")


def _plain(results: Results) -> dict[str, Any]:
    def of(found: Interval) -> list[float | None]:
        return [None if not math.isfinite(v) else round(v, 4) for v in (found.estimate, found.low, found.high)]

    return {
        "seed": results.seed,
        "policies": {
            s.name: {"found": of(s.share), "delay_days": of(s.delay_days), "false_per_unit_year": of(s.false_per_year)}
            for s in results.scored
        },
        "without_faults": {s.name: of(s.false_per_year) for s in results.sound},
        "run_length": {name: of(found) for name, found in results.run_lengths},
        "coverage": of(results.growing.share),
        "forecasts": len(results.growing.foreseen),
    }
