"""Worker processes of long runs: they leave Ctrl-C to the parent, and die with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Protocol

from hevner.files import cannot_write


class Worker(Protocol):
    """Does cells of a study, each on its own, and keeps what came of them."""

    folder: Path

    def do(self, cell: Any, /) -> None:
        """Do a cell and keep it in the folder."""
        ...


def work(
    worker: Worker,
    waiting: Mapping[Path, Any],
    jobs: int,
    prepare: Callable[[], None] | None = None,
) -> Iterator[Path]:
    """Do cells in processes; yield where each is kept as soon as it is.

    Parameters
    ----------
    worker
        Handed to every process once.
    waiting
        Cells by the place where each is kept.
    jobs
        How many processes; with one, everything is done here.
    prepare
        Called in each process before anything else.

    Raises
    ------
    OutputError
        If the worker's folder cannot be made.
    """
    try:
        worker.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(worker.folder, error) from error
    if jobs == 1:
        for path, cell in waiting.items():
            worker.do(cell)
            yield path
        return
    with pool(jobs, _hand_over, worker, prepare) as processes:
        futures = {processes.submit(_do, cell): path for path, cell in waiting.items()}
        try:
            for future in as_completed(futures):
                future.result()
                yield futures[future]
        finally:
            processes.shutdown(cancel_futures=True)


_worker: Worker | None = None


def _hand_over(worker: Worker, prepare: Callable[[], None] | None) -> None:
    """Give a process what all cells share, once."""
    global _worker
    _worker = worker
    if prepare is not None:
        prepare()


def _do(cell: Any) -> None:
    if _worker is None:
        raise RuntimeError("the process was not given its worker")
    _worker.do(cell)


def pool(
    jobs: int, prepare: Callable[..., None] | None = None, *arguments: Any
) -> ProcessPoolExecutor:
    """A pool of processes.

    Parameters
    ----------
    jobs
        How many.
    prepare, arguments
        Called in each of them before anything else.
    """
    context = multiprocessing.get_context("spawn")  # a fork would copy locks of other threads
    return ProcessPoolExecutor(jobs, context, _start, (prepare, arguments))


def _start(prepare: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if prepare is not None:
        prepare(*arguments)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
