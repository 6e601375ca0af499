"""What a run prints on the terminal, and its exit status."""

from collections.abc import Iterable

from mammoqa.core import Analysis, Measurement, Outcome

FAILED_STATUS = 1
REFUSED_STATUS = 3


def exit_status(outcomes: Iterable[Outcome]) -> int:
    """0 all passed or measured; 1 some failed; 3 some were refused and none failed."""
    seen = set(outcomes)
    if Outcome.FAIL in seen:
        return FAILED_STATUS
    return REFUSED_STATUS if Outcome.REFUSED in seen else 0


def lines(analysis: Analysis) -> list[str]:
    """An analysis for a person: one line, and one more per measurement."""
    verdict = analysis.verdict
    parts = [f"{verdict.outcome.upper():<8}", f"{analysis.phantom or '-':<13}", analysis.path]
    first = "  ".join(parts)
    details = [f"{name.replace('_', ' ')} {value:.1f}" for name, value in verdict.totals]
    if verdict.p_pass is not None:
        details.append(f"probability of passing {verdict.p_pass:.2f}")
    if details:
        first += "  " + ", ".join(details)
    rest = [f"          {verdict.reason}"] if verdict.reason else []
    if verdict.refer_reason:
        rest.append(f"          to be read by a person: {verdict.refer_reason}")
    beside_objects = "_visible_"  # sixteen lines that say what the totals sum up
    return [first, *rest, *(_measurement(m) for m in analysis.measurements if beside_objects not in m.name)]


def _measurement(m: Measurement) -> str:
    """Name, value, interval and limits in one line."""
    unit = f" {m.unit}" if m.unit else ""
    interval = "" if m.low is None or m.high is None else f" ({m.low:.4g} to {m.high:.4g})"
    limits = "" if m.limit_low is None else f", at least {m.limit_low:g}"
    limits += "" if m.limit_high is None else f", at most {m.limit_high:g}"
    return f"          {m.outcome:<8}  {m.name} {m.value:.4g}{unit}{interval}{limits}"
