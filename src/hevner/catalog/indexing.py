"""Folders into a catalogue: only what is new or changed is listened to.

Conventions
-----------
A file whose path, size and time of change are known is not even opened. Otherwise its content
decides: content that is known, under any path, is not listened to again, so a file that was moved,
copied or touched costs a look at its bytes. Rows of files that have gone stay until they are
pruned, unless the same content was found elsewhere: then the file has moved. Silent files and
those that failed have a row too, so that they are not tried again until they change; files that
cannot be read, or change while they are, are tried again each time.

What was heard is written every few pieces; a run that was stopped, however, goes on from there.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hevner.batch import AHEAD
from hevner.catalog.analyze_file import Heard, SupportsListen
from hevner.catalog.catalog import Catalog
from hevner.catalog.file_identity import Content, Stamp, listen_steadily
from hevner.catalog.tables import in_lists
from hevner.catalog.writer import Writer
from hevner.errors import HevnerError, ModelError
from hevner.files import Found, display_name
from hevner.result import Failure

PIECES_AT_ONCE = 32
COPIES_AT_ONCE = 1000
SECONDS_AT_ONCE = 30.0
"""What was heard is written when there is so much of it, or after so long."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Known:
    """A row of the catalogue, as far as a run needs it."""

    id: str
    stamp: Stamp
    status: str


@dataclass(frozen=True)
class Work:
    """What became of a file that had to be looked into.

    Attributes
    ----------
    file
        Which.
    content
        What it held; None if it could not be read.
    heard
        None if it failed, or the same content is known or in work under another path.
    failure
        Why it could not be heard.
    """

    file: Found
    content: Content | None
    heard: Heard | None = None
    failure: Failure | None = None


@dataclass
class Summary:
    """What a run did, in numbers of files.

    Attributes
    ----------
    unchanged, failed_before
        Not opened; and of them, those that failed once.
    added, changed
        Listened to, as new or in the place of what they held before.
    copied, moved
        Known content under a new path; and of them, those whose old path was left.
    silent, failed
        Of all that was looked into, those without a place in the space.
    vanished, removed
        Gone, and still in the catalogue or removed.
    """

    unchanged: int = 0
    failed_before: int = 0
    added: int = 0
    changed: int = 0
    copied: int = 0
    moved: int = 0
    silent: int = 0
    failed: int = 0
    vanished: int = 0
    removed: int = 0


@dataclass
class Options:
    """How to index.

    Attributes
    ----------
    jobs
        Number of threads.
    retry
        Whether to try again what failed before.
    prune
        Whether to remove what has vanished.
    tell
        Called with each file that is done, and why it failed if it did.
    stop
        When set, files in work are finished and written, and no others are begun.
    """

    jobs: int = 1
    retry: bool = False
    prune: bool = False
    tell: Callable[[Found, Failure | None], None] = lambda _file, _failure: None
    stop: threading.Event = field(default_factory=threading.Event)


def index(
    found: Iterable[Found],
    folders: Iterable[Path],
    catalog: Catalog,
    listener: SupportsListen,
    options: Options,
) -> Summary:
    """Bring a catalogue up to date.

    Parameters
    ----------
    found
        The files, as `hevner.files.find_audio` finds them.
    folders
        Where they were looked for; a file that the catalogue has from there and that is not found
        any more has vanished.
    catalog
        To be written to.
    listener
        Hears what is new; used from several threads.
    options
        How.

    Raises
    ------
    CatalogError
        If another process is writing, or the catalogue is damaged.
    ModelError
        If the model cannot be used.
    OutputError
        If the catalogue cannot be written; what was written before stays.
    """
    below = [key(folder) for folder in folders]
    with catalog.writing() as writer:
        writer.note(below)
        run = _Run(catalog, writer, listener, options)
        for work in run.results(found):
            run.take(work)
        run.finish(below)
        if not options.stop.is_set():
            writer.tidy()
    return run.summary


def key(path: Path) -> str:
    """The path of a row: absolute, and valid Unicode."""
    return display_name(os.path.abspath(path))  # noqa: PTH100 - links are not resolved


class _Run:
    def __init__(
        self, catalog: Catalog, writer: Writer, listener: SupportsListen, options: Options
    ) -> None:
        self.summary = Summary()
        self._catalog = catalog
        self._writer = writer
        self._listener = listener
        self._options = options
        self._known = {
            row["path"]: Known(row["id"], Stamp(row["size"], row["mtime"]), row["status"])
            for row in catalog.listing(["path", "id", "size", "mtime", "status"])
        }
        self._seen: set[str] = set()
        self._claimed = {known.id for known in self._known.values() if not self._is_due(known)}
        self._claiming = threading.Lock()
        self._rows: list[Row] = []
        self._moments: list[Row] = []
        self._copies: list[Work] = []
        self._written = time.monotonic()

    # --- in several threads ---

    def results(self, found: Iterable[Found]) -> Iterator[Work]:
        """Look into all files that are not as they were."""
        jobs, stop = self._options.jobs, self._options.stop
        waiting: deque[Future[Work]] = deque()
        pool = ThreadPoolExecutor(jobs, thread_name_prefix="hevner")
        try:
            for file in found:
                if stop.is_set():
                    break
                if self._is_unchanged(file):
                    self._options.tell(file, None)
                    continue
                waiting.append(pool.submit(self._examine, file))
                if len(waiting) >= AHEAD * jobs:
                    yield waiting.popleft().result()
            while waiting:
                first = waiting.popleft()
                if not (stop.is_set() and first.cancel()):
                    yield first.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _is_unchanged(self, file: Found) -> bool:
        path = key(file.path)
        self._seen.add(path)
        known = self._known.get(path)
        if known is None or self._is_due(known):
            return False
        try:
            unchanged = Stamp.of(file.path) == known.stamp
        except OSError:
            return False
        self.summary.unchanged += unchanged
        self.summary.failed_before += unchanged and known.status == "failed"
        return unchanged

    def _is_due(self, known: Known) -> bool:
        return self._options.retry and known.status == "failed"

    def _claim(self, id: str) -> bool:
        """Whether content is new; from then on it is not."""
        with self._claiming:
            is_new = id not in self._claimed
            self._claimed.add(id)
        return is_new

    def _examine(self, file: Found) -> Work:
        name = display_name(file.path)
        try:
            content, outcome = listen_steadily(file.path, self._listen, self._claim)
        except HevnerError as error:
            return Work(file, None, failure=Failure.of(name, error))
        except MemoryError:
            remedy = "Use fewer --jobs, or free memory"
            return Work(file, None, failure=Failure(name, "analyse", "out of memory", remedy))
        if isinstance(outcome, ModelError):
            # Every file would fail like this.
            raise outcome
        if isinstance(outcome, HevnerError):
            return Work(file, content, failure=Failure.of(name, outcome))
        return Work(file, content, outcome)

    def _listen(self, path: Path) -> Heard:
        try:
            return self._listener.listen(path)
        except (HevnerError, MemoryError):
            raise
        # Whatever a file provokes, the others go on.
        except Exception as error:
            raise HevnerError(
                display_name(f"{type(error).__name__}: {error}"),
                remedy="Convert the file to WAV or FLAC and try again",
                stage="analyse",
            ) from error

    # --- in one ---

    def take(self, work: Work) -> None:
        """Note what became of a file, and write when there is enough."""
        if work.failure is not None:
            self.summary.failed += 1
        if work.content is not None:
            if work.heard is None and work.failure is None:
                self._copies.append(work)
            else:
                self._hold(work, work.content)
        self._options.tell(work.file, work.failure)
        if (
            len(self._rows) >= PIECES_AT_ONCE
            or len(self._copies) >= COPIES_AT_ONCE
            or time.monotonic() - self._written > SECONDS_AT_ONCE
        ):
            self._write()

    def _hold(self, work: Work, content: Content) -> None:
        row = _located(work.file, content)
        if work.heard is not None:
            row.update(work.heard.piece)
            self._moments += [{"piece": content.id, **moment} for moment in work.heard.moments]
            self.summary.silent += row["status"] == "silent"
            self.summary.changed += row["path"] in self._known
            self.summary.added += row["path"] not in self._known
        elif work.failure is not None:
            row["status"] = "failed"
            row["cause"] = f"{work.failure.cause}. {work.failure.remedy}".removesuffix(". ")
        self._rows.append(row)

    def _write(self) -> None:
        rows = [*self._rows, *self._copied()]
        old = [self._known[row["path"]].id for row in rows if row["path"] in self._known]
        self._writer.put(rows, self._moments, old)
        for row in rows:
            stamp = Stamp(row["size"], row["mtime"])
            self._known[row["path"]] = Known(row["id"], stamp, row["status"])
        self._rows, self._moments = [], []
        self._written = time.monotonic()

    def _copied(self) -> Iterator[Row]:
        """Rows of known content under new paths; what is still in work waits."""
        sources = {row["id"]: row for row in self._rows}
        ids = {work.content.id for work in self._copies if work.content} - set(sources)
        columns = self._catalog.pieces.schema.names
        for some in in_lists("id", sorted(ids)):
            sources.update((row["id"], row) for row in self._catalog.listing(columns, some))
        waiting = []
        for work in self._copies:
            if work.content is not None and work.content.id in sources:
                self._count_copy(key(work.file.path), work.content.id)
                yield {**sources[work.content.id], **_located(work.file, work.content)}
            else:
                waiting.append(work)
        self._copies = waiting

    def _count_copy(self, path: str, id: str) -> None:
        known = self._known.get(path)
        self.summary.copied += known is None
        self.summary.unchanged += known is not None and known.id == id
        self.summary.changed += known is not None and known.id != id

    def finish(self, folders: list[str]) -> None:
        """Write what is left, and see to what has vanished."""
        self._write()
        # The first to have this content changed before it was heard.
        orphans, self._copies = self._copies, []
        for work in orphans:
            self._claimed.discard(work.content.id if work.content else "")
            self.take(self._examine(work.file))
        self._write()
        if self._options.stop.is_set():
            return
        vanished = {path for path in self._suspects(folders) if _is_gone(path)}
        present = {known.id for path, known in self._known.items() if path not in vanished}
        moved = {path for path in vanished if self._known[path].id in present}
        removed = vanished if self._options.prune else moved
        self._writer.remove((path, self._known[path].id) for path in removed)
        self.summary.moved = len(moved)
        self.summary.vanished = len(vanished - removed)
        self.summary.removed = len(removed - moved)

    def _suspects(self, folders: list[str]) -> Iterator[str]:
        """Rows not found where they should be, and those whose content turned up elsewhere."""
        present = {self._known[path].id for path in self._seen if path in self._known}
        below = tuple(os.path.join(folder, "") for folder in folders)  # noqa: PTH118
        for path, known in self._known.items():
            if path not in self._seen and (path.startswith(below) or known.id in present):
                yield path


def _located(file: Found, content: Content) -> Row:
    return {
        "id": content.id,
        "path": key(file.path),
        "name": display_name(file.name),
        "size": content.stamp.size,
        "mtime": content.stamp.mtime,
    }


def _is_gone(path: str) -> bool:
    """Whether a file is surely not there; one behind a closed door may be."""
    try:
        os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
