"""How many threads a training step is fastest with: on a busy machine two threads wait for each other."""

import time
from statistics import median

import torch

_TRIALS = 4  # steps with each number of threads; the first of them is not counted


class Threads:
    """Tries one thread and all threads in the first steps of an epoch, then keeps what was faster.

    The steps are those of the training, so nothing is lost; the order of sums changes, so that a fit with a time budget
    is not repeatable to the last bit.
    """

    def __init__(self) -> None:
        self._all = torch.get_num_threads()
        self._seconds: dict[int, list[float]] = {}
        self._pending: list[int] = []
        self._last: tuple[int, float] | None = None

    def again(self) -> None:
        """Call at the start of an epoch: the machine may have become busy or free."""
        self._seconds = {number: [] for number in {1, self._all}}
        self._pending = [number for number in sorted(self._seconds, reverse=True) for _ in range(_TRIALS)]
        self._last = None

    def tick(self) -> None:
        """Call before each step."""
        now = time.monotonic()
        if self._last is not None:
            self._seconds[self._last[0]].append(now - self._last[1])
            self._last = None
        if self._pending:
            number = self._pending.pop(0)
            torch.set_num_threads(number)
            self._last = (number, now)
        elif len(self._seconds) > 1:
            best = min(self._seconds, key=lambda number: median(self._seconds[number][1:]))
            torch.set_num_threads(best)
            self._seconds = {best: []}

    def restore(self) -> None:
        """Call when training ends."""
        torch.set_num_threads(self._all)
