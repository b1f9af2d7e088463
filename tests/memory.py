"""How much the memory of this process grows while something long is done."""

from collections.abc import Callable

import psutil


def growth(step: Callable[[], object], count: int, after: int = 5) -> float:
    """Bytes by which the process is larger after ``count`` steps than after the first few.

    Only large growth says something: allocators and libraries keep some tens of megabytes as they
    please, more on a machine with more threads.
    """
    process = psutil.Process()
    for _ in range(after):
        step()
    before = process.memory_info().rss
    for _ in range(count - after):
        step()
    return process.memory_info().rss - before
