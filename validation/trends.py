"""`mammoqa validate trends`: alarms and forecasts on a simulated fleet with known faults.

Writes docs/validation/trends.md, on one core in some minutes; --units 10 gives a quick look.
"""

import argparse
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from time import perf_counter

import numpy as np

from mammoqa.jobs.validate_trends import POLICIES, REPORT_SEED, TUNING_SEED, Scored, score_policy, simulated
from mammoqa.jobs.validate_trends_charts import delay_chart, forecast_chart, trade_chart
from mammoqa.jobs.validate_trends_forecasts import STEPS, coverage, forecasts, in_control_run_length
from mammoqa.jobs.validate_trends_page import COVERED_AIM, FOUND_AIM, Results, write
from mammoqa.report.charts import svg
from mammoqa.trends import WATCH

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation" / "trends.md"
COMMAND = "mammoqa validate trends"
WEEKS, FAULTS = 104, 4


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--seed", type=int, default=REPORT_SEED, help=f"of the fleet reported ({REPORT_SEED})")
    parser.add_argument("--units", type=int, default=50, help="units of the fleet (50)")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page goes (docs/validation/trends.md)")
    parser.add_argument("--date", default=date.today().isoformat(), help="the date on the page (today)")
    arguments = parser.parse_args()
    begun = perf_counter()
    results = measure(arguments.seed, arguments.units)
    results = replace(results, seconds=perf_counter() - begun)
    found = results.growing.foreseen
    charts = {
        "trade": svg(trade_chart(results.scored)),
        "delays": svg(delay_chart(results.scored)),
        "forecasts": svg(forecast_chart(found)),
    }
    write(results, arguments.page, COMMAND, arguments.date, charts)
    for line in summary(results):
        print(line)
    inside = COVERED_AIM[0] <= results.growing.share.estimate <= COVERED_AIM[1]
    return int(results.scored[0].share.estimate < FOUND_AIM or not inside)


def measure(seed: int, units: int) -> Results:
    fleet = simulated(seed, units, WEEKS, FAULTS)
    quiet = simulated(seed + 1, units, WEEKS, 0)
    tuning = simulated(TUNING_SEED, units, WEEKS, FAULTS)
    rng = np.random.default_rng((seed, 6))
    return Results(
        seed=seed,
        tuning_seed=TUNING_SEED,
        units=units,
        weeks=WEEKS,
        scored=tuple(score_policy(name, policy, fleet, seed) for name, policy in POLICIES),
        sound=tuple(score_policy(name, policy, quiet, seed) for name, policy in POLICIES),
        tuning=(score_policy(*POLICIES[0], tuning, TUNING_SEED),),
        run_lengths=tuple((name, in_control_run_length(policy, rng)) for name, policy in POLICIES),
        delays=tuple((s, in_control_run_length(WATCH, rng, 200, 400, s)) for s in (1.5, 2.5, 4.0, 6.0)),
        growing=coverage(forecasts(seed, 2 * units), seed),
        steps=coverage(forecasts(seed + 7, max(2, units // 2), STEPS), seed),
        seconds=0.0,
    )


def summary(results: Results) -> list[str]:
    def line(s: Scored) -> str:
        rate = s.false_per_year.estimate
        return f"{s.name:24s} found {s.share.estimate:.3f}, delay {s.delay_days.estimate:.1f} d, false {rate:.3f}"

    lines = [line(s) for s in results.scored]
    lines += [f"{s.name:24s} without faults: false {s.false_per_year.estimate:.3f}" for s in results.sound]
    cover = results.growing
    lines.append(f"breach dates: {cover.share.estimate:.3f} of {len(cover.foreseen)} intervals right")
    return lines


if __name__ == "__main__":
    sys.exit(main())
