"""Pools of worker processes for long runs: they leave Ctrl-C to the parent, and end with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def pool(
    jobs: int, prepare: Callable[..., None] | None = None, *arguments: Any
) -> ProcessPoolExecutor:
    """A pool of processes.

    Parameters
    ----------
    jobs
        Number of processes.
    prepare, arguments
        Function, with its arguments, that each process calls before anything else.
    """
    context = multiprocessing.get_context("spawn")  # a fork would copy locks of other threads
    return ProcessPoolExecutor(jobs, context, _start, (prepare, arguments))


def _start(prepare: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if prepare is not None:
        prepare(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
