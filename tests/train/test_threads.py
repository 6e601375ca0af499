"""The number of threads is tried out and put back."""

import time

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'mammoqa[train]'")

from mammoqa.train.threads import Threads  # noqa: E402


def test_the_faster_number_of_threads_is_kept():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        threads = Threads()
        threads.again()
        for _ in range(9):
            threads.tick()
            time.sleep(0.02 if torch.get_num_threads() == 2 else 0.001)  # two threads in each other's way
        assert torch.get_num_threads() == 1
        threads.restore()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
