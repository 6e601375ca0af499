"""How long each step took."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Stopwatch:
    """Adds up the seconds spent in named steps, in the order in which they were first begun."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Counts the time until the block ends, by an error too, towards `name`."""
        start = perf_counter()
        try:
            yield
        finally:
            self.add(name, perf_counter() - start)

    def add(self, name: str, seconds: float) -> None:
        """Counts seconds that were measured elsewhere towards `name`."""
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    def timings_s(self) -> tuple[tuple[str, float], ...]:
        """The steps and their seconds."""
        return tuple(self._seconds.items())

    def total_s(self) -> float:
        """The sum over all steps."""
        return sum(self._seconds.values())
