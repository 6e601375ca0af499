"""Which rules raise an alarm, and how strict they are."""

from dataclasses import dataclass
from types import MappingProxyType

CUSUM, EWMA, LIMIT = "CUSUM", "EWMA", "beyond a limit"


@dataclass(frozen=True, slots=True)
class Policy:
    """How readings become alarms.

    `rules` are the names that signal: CUSUM, EWMA, LIMIT and names of `stats.run_rules.RULES`. `run_length` is the
    in-control average run length, in readings, that CUSUM's decision interval is set to for each metric on its own.
    `material` False takes no account of how large a change is. A baseline's mean is estimated from the first `settle`
    readings after its start; judging begins after `first` of them. Signals of a unit within `join_days` of each
    other join one alarm. After a service or repair the mean is expected where it was, give or
    take `carry` times the smallest change of note (a standard deviation; 0 forgets it). `ewma_width` is in standard
    deviations of the EWMA.
    """

    name: str
    rules: tuple[str, ...]
    run_length: float = 5_000.0
    material: bool = True
    settle: int = 12
    first: int = 3
    carry: float = 0.5
    join_days: float = 42.0
    ewma_weight: float = 0.2
    ewma_width: float = 4.5


# Tuned on the simulated fleet of seed 1, measured on others: docs/validation/trends.md
WATCH = Policy("watch", (CUSUM, EWMA, "2 of 3 beyond 3σ", LIMIT))
SHEWHART = Policy("Shewhart", ("1 beyond 3σ",), material=False, carry=0.0)
WESTERN_ELECTRIC = Policy(
    "Western Electric",
    ("1 beyond 3σ", "2 of 3 beyond 2σ", "4 of 5 beyond 1σ", "8 on one side"),
    material=False,
    carry=0.0,
)
POLICIES: MappingProxyType[str, Policy] = MappingProxyType({p.name: p for p in (WATCH, SHEWHART, WESTERN_ELECTRIC)})
