"""Analyse many files at once; one bad file never stops the others.

Conventions
-----------
Results come in the order of the files. Whatever goes wrong with a file becomes its `Failure`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from hevner.cache import Cache
from hevner.errors import HevnerError
from hevner.files import display_name
from hevner.result import Analysis, Failure

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 4
"""Files in work or waiting to be yielded, per job."""


class SupportsAnalyze(Protocol):
    """Anything that analyses a file, such as `hevner.Analyzer`."""

    def analyze(self, source: Path, /) -> Analysis:
        """Analyse a file; raises `HevnerError` if that is not possible."""
        ...


def usable_cores() -> int:
    """Number of processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    jobs: int,
    stop: threading.Event | None = None,
) -> Generator[Result, None, None]:
    """Do the same work for many items in parallel; results come in the order of the items.

    Parameters
    ----------
    work
        Called from several threads at once; what it raises ends the whole.
    items
        Read, in this thread, only as far as the work has come.
    jobs
        Number of threads.
    stop
        When set, no further items are begun, and those in work are finished.
    """

    def begin(item: Item) -> tuple[Result, ...]:
        # Items that wait when ``stop`` is set come here too: to cancel them one by one, in this
        # thread, would be too late for those after the first.
        return () if stop is not None and stop.is_set() else (work(item),)

    waiting: deque[Future[tuple[Result, ...]]] = deque()
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="hevner")
    try:
        for item in items:
            if stop is not None and stop.is_set():
                break
            waiting.append(pool.submit(begin, item))
            if len(waiting) >= AHEAD * jobs:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        # Items in work are finished, those that wait are dropped.
        pool.shutdown(cancel_futures=True)


def analyze_many(
    paths: Iterable[Path],
    analyzer: SupportsAnalyze,
    jobs: int = 1,
    cache: Cache | None = None,
) -> Generator[Analysis | Failure, None, None]:
    """Analyse files in parallel.

    Parameters
    ----------
    paths
        The files; consumed only as far as the work has come.
    analyzer
        Analyses the files, from several threads at once.
    jobs
        Number of threads.
    cache
        Results of earlier runs; each new result is stored as soon as it is known.

    Yields
    ------
    Analysis or Failure
        One per file, in order.
    """
    yield from in_threads(partial(analyze_one, analyzer=analyzer, cache=cache), paths, jobs)


def analyze_one(
    path: Path, analyzer: SupportsAnalyze, cache: Cache | None = None
) -> Analysis | Failure:
    """Analyse a file, or return the reason why that was not possible."""
    name = display_name(path)
    try:
        return _analyze(path, name, analyzer, cache)
    except HevnerError as error:
        failure = Failure.of(name, error)
    except MemoryError:
        remedy = "Use fewer --jobs, or free memory"
        failure = Failure(name, "analyse", "out of memory", remedy, code="out_of_memory")
    # The one place where everything is caught: whatever a file provokes, the others go on.
    except Exception as error:  # noqa: BLE001
        cause = f"{type(error).__name__}: {error}"
        remedy = "Convert the file to WAV or FLAC and try again"
        failure = Failure(name, "analyse", cause, remedy, code="unexpected")
    return dataclasses.replace(failure, cause=display_name(failure.cause))


def _analyze(path: Path, name: str, analyzer: SupportsAnalyze, cache: Cache | None) -> Analysis:
    key = None if cache is None else cache.key(path)
    if cache is not None and key is not None:
        known = cache.load(key, name)
        if known is not None:
            return known
    analysis = dataclasses.replace(analyzer.analyze(path), path=name)
    # NaN and infinity have no place in a result: here they cost one file, later the whole output.
    try:
        json.dumps(analysis.to_dict(), allow_nan=False)
    except ValueError as error:
        raise HevnerError(
            "its analysis holds numbers that are not finite",
            remedy="Export the audio again, as integer PCM",
            stage="analyse",
            code="not_finite",
        ) from error
    if cache is not None and key is not None:
        cache.store(key, analysis)
    return analysis
