"""Run rules of Shewhart charts by name: Western Electric (1956) and Nelson (1984, J Qual Tech 16:237).

Each rule takes standardised readings and tells at which reading it is met, and on which side: +1, -1, or 0 where it is
not met. A rule without a side (alternation, hugging the centre) gives +1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Int

Met = Int[np.ndarray, " n"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A run rule: its words, and how it is found."""

    name: str
    words: str
    find: Callable[[Float[np.ndarray, " n"]], Met]


def beyond(z: Float[np.ndarray, " n"], count: int, of: int, sigmas: float) -> Met:
    """Where this reading and at least `count` of the last `of` lie beyond `sigmas` on one side."""
    met = np.zeros(len(z), dtype=int)
    for side in (1, -1):
        out = side * z > sigmas
        met[out & (_last(out, of) >= count)] = side
    return met


def in_a_row(z: Float[np.ndarray, " n"], count: int, sigmas: float = 0.0) -> Met:
    """Where the last `count` readings all lie on one side, beyond `sigmas`."""
    return beyond(z, count, count, sigmas)


def trending(z: Float[np.ndarray, " n"], count: int) -> Met:
    """Where the last `count` readings rose or fell steadily."""
    met = np.zeros(len(z), dtype=int)
    for side in (1, -1):
        steps = side * np.diff(z, prepend=np.nan) > 0
        met[_last(steps, count - 1) >= count - 1] = side
    return met


def alternating(z: Float[np.ndarray, " n"], count: int) -> Met:
    """Where the last `count` readings went up and down in turn."""
    steps = np.sign(np.diff(z, prepend=np.nan))
    turns = np.concatenate([[False], steps[1:] * steps[:-1] < 0]) if len(z) else np.zeros(0, dtype=bool)
    return (_last(turns, count - 2) >= count - 2).astype(int)


def within(z: Float[np.ndarray, " n"], count: int, sigmas: float = 1.0) -> Met:
    """Where the last `count` readings all hug the centre."""
    return (_last(np.abs(z) < sigmas, count) >= count).astype(int)


def outside(z: Float[np.ndarray, " n"], count: int, sigmas: float = 1.0) -> Met:
    """Where the last `count` readings all keep away from the centre, on either side."""
    return (_last(np.abs(z) > sigmas, count) >= count).astype(int)


def _last(flags: np.ndarray, count: int) -> Int[np.ndarray, " n"]:
    """How many of the last `count` flags are set; 0 where the series is younger than that and none could be met."""
    total = np.cumsum(np.concatenate([[0], flags.astype(int)]))
    at = np.arange(1, len(flags) + 1)
    return np.asarray(total[at] - total[np.maximum(at - count, 0)])


BEYOND_3 = Rule("1 beyond 3σ", "one reading beyond 3 standard deviations", lambda z: beyond(z, 1, 1, 3.0))
TWO_OF_3 = Rule("2 of 3 beyond 2σ", "two of three beyond 2 standard deviations", lambda z: beyond(z, 2, 3, 2.0))
FOUR_OF_5 = Rule("4 of 5 beyond 1σ", "four of five beyond 1 standard deviation", lambda z: beyond(z, 4, 5, 1.0))
EIGHT = Rule("8 on one side", "eight in a row on one side of the mean", lambda z: in_a_row(z, 8))
NINE = Rule("9 on one side", "nine in a row on one side of the mean", lambda z: in_a_row(z, 9))
SIX_TREND = Rule("6 in a trend", "six in a row, each higher or each lower", lambda z: trending(z, 6))
FOURTEEN = Rule("14 alternating", "fourteen in a row, up and down in turn", lambda z: alternating(z, 14))
FIFTEEN = Rule("15 within 1σ", "fifteen in a row within 1 standard deviation", lambda z: within(z, 15))
EIGHT_OUT = Rule("8 beyond 1σ", "eight in a row beyond 1 standard deviation on either side", lambda z: outside(z, 8))
TWO_OF_3_FAR = Rule("2 of 3 beyond 3σ", "two of three beyond 3 standard deviations", lambda z: beyond(z, 2, 3, 3.0))
BEYOND_4 = Rule("1 beyond 4σ", "one reading beyond 4 standard deviations", lambda z: beyond(z, 1, 1, 4.0))
BEYOND_5 = Rule("1 beyond 5σ", "one reading beyond 5 standard deviations", lambda z: beyond(z, 1, 1, 5.0))

WESTERN_ELECTRIC: tuple[Rule, ...] = (BEYOND_3, TWO_OF_3, FOUR_OF_5, EIGHT)
NELSON: tuple[Rule, ...] = (BEYOND_3, NINE, SIX_TREND, FOURTEEN, TWO_OF_3, FOUR_OF_5, FIFTEEN, EIGHT_OUT)
RULES: MappingProxyType[str, Rule] = MappingProxyType(
    {rule.name: rule for rule in (*NELSON, EIGHT, TWO_OF_3_FAR, BEYOND_4, BEYOND_5)},
)
