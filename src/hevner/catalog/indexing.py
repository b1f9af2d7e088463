"""Bringing a catalogue up to date with folders of music: only what is new or changed is analysed.

Conventions
-----------
A file whose path, size and times are known is not even opened. Otherwise its content decides:
content that is known, under any path, is not analysed again, so a file that was moved, copied or
touched is only read. Nor is sound that is known, whatever the tags of its file: they alone are read
again. Rows of files that have gone stay until they are pruned, unless the same content was found
elsewhere: then the file has moved. Files that have gone with their folder may be on a drive that is
not mounted, so their rows stay even then. Files without emotion and those that failed have a row
too, so that they are not tried again until they change; files that cannot be read, or change while
they are read, are tried again each time.

Results are written every few pieces; a run that was stopped, however, goes on from there.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hevner import metadata
from hevner.batch import in_threads
from hevner.catalog.analyze_file import AnalyzedFile, FileAnalyzer
from hevner.catalog.catalog import Catalog
from hevner.catalog.file_identity import Content, read_steadily, row_path
from hevner.catalog.index_rows import (
    FileOutcome,
    KnownFile,
    known_file,
    located,
    made_by,
    same_sound,
)
from hevner.catalog.tables import CHANGED, READ_FROM, SOUND, Row, in_lists
from hevner.catalog.writer import Writer, writing
from hevner.errors import HevnerError
from hevner.features import Pooled
from hevner.files import Found, display_name, file_named, is_audio_name
from hevner.result import Failure

PIECES_AT_ONCE = 32
COPIES_AT_ONCE = 1000
SECONDS_AT_ONCE = 30.0
"""Results are written when there are so many, or after so long."""

KNOWN = ("path", "id", "size", "mtime", CHANGED, "status", READ_FROM)


@dataclass
class Summary:
    """Numbers of files of a run.

    Attributes
    ----------
    unchanged, failed_before
        Files that were not opened, and those among them that failed once.
    added, changed
        Files that were analysed because they are new, or because their content has changed.
    copied, moved
        Files of known content under a new path, and those among them whose old path is gone.
    retagged
        Files in which nothing but the tags has changed.
    described
        Files that were known and whose tags were read for the first time.
    silent, no_music, failed
        Files that were read and have no place in the space.
    vanished, removed
        Files that are gone, and still in the catalogue or removed from it.
    missing
        Paths of files that are gone with their folder, or of whose folder only the name is there;
        they are still in the catalogue.
    """

    unchanged: int = 0
    failed_before: int = 0
    added: int = 0
    changed: int = 0
    copied: int = 0
    moved: int = 0
    retagged: int = 0
    described: int = 0
    silent: int = 0
    no_music: int = 0
    failed: int = 0
    vanished: int = 0
    removed: int = 0
    missing: tuple[str, ...] = ()


@dataclass
class Options:
    """How to index, in so many threads.

    Attributes
    ----------
    retry
        Whether to try again what failed before.
    prune
        Whether to remove what has vanished.
    about
        Reads what is known of a file besides its analysis, as `hevner.metadata.about`.
    report
        Called with each file that is done, and why it failed if it did.
    stop
        When set, files in work are finished and written, and no others are begun.
    """

    jobs: int = 1
    retry: bool = False
    prune: bool = False
    about: Callable[[Path, str], Row] = metadata.about
    report: Callable[[Found, Failure | None], None] = lambda _file, _failure: None
    stop: threading.Event = field(default_factory=threading.Event)


def index(
    found: Iterable[Found],
    folders: Iterable[Path],
    catalog: Catalog,
    analyzer: FileAnalyzer,
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
    analyzer
        Analyses what is new; used from several threads.

    Raises
    ------
    CatalogError, ModelError, OutputError
        If another process is writing, the catalogue is damaged or cannot be written, or the model
        cannot be used; what was written before stays.
    """
    below = [row_path(folder) for folder in folders]
    with writing(catalog) as writer:
        writer.note_folders(below)
        run = _Run(catalog, writer, analyzer, options)
        for outcome in in_threads(run.examine, run.due(found), options.jobs, options.stop):
            run.take(outcome)
        run.finish(below)
        if not options.stop.is_set():
            writer.tidy()
    return run.summary


def remove_missing(catalog: Catalog, missing: Iterable[str]) -> int:
    """Remove files that are gone with their folder, by path; return how many are still gone."""
    with writing(catalog) as writer:
        gone = [path for path in missing if _is_gone(path)]
        ids = {
            row["path"]: row["id"]
            for some in in_lists("path", gone)
            for row in catalog.listing(["path", "id"], some)
        }
        writer.remove(ids.items())
        writer.tidy()
    return len(ids)


class _Run:
    def __init__(
        self, catalog: Catalog, writer: Writer, analyzer: FileAnalyzer, options: Options
    ) -> None:
        self.summary = Summary()
        self._catalog = catalog
        self._writer = writer
        self._analyzer = analyzer
        self._options = options
        self._known = {row["path"]: known_file(row) for row in catalog.listing(KNOWN)}
        where = f"{SOUND} IS NOT NULL AND status != 'failed'"
        self._ids = {row[SOUND]: row["id"] for row in catalog.listing([SOUND, "id"], where)}
        self._seen: set[str] = set()
        self._undescribed: set[str] = set()
        self._claimed = {known.id for known in self._known.values() if not self._is_due(known)}
        self._claiming = threading.Lock()
        self._rows: list[Row] = []
        self._moments: list[Row] = []
        self._features: dict[str, Pooled] = {}
        self._copies: list[FileOutcome] = []
        self._about: dict[str, Row] = {}
        self._written = time.monotonic()

    def due(self, found: Iterable[Found]) -> Iterator[Found]:
        """Files that are not as they were; the others are reported."""
        for file in found:
            if self._options.stop.is_set():
                return
            if self._is_unchanged(file) and not self._is_undescribed(row_path(file.path)):
                self._options.report(file, None)
            else:
                yield file

    def _is_unchanged(self, file: Found) -> bool:
        path = row_path(file.path)
        self._seen.add(path)
        known = self._known.get(path)
        if known is None or self._is_due(known):
            return False
        try:
            unchanged = known.stamp.is_of(file.path)
        except OSError:
            return False
        self.summary.unchanged += unchanged
        self.summary.failed_before += unchanged and known.status == "failed"
        return unchanged

    def _is_undescribed(self, path: str) -> bool:
        """Note, and return, whether the tags of a file that is as it was were never looked for."""
        known = self._known[path]
        if known.status == "failed" or known.read_from in ("tags", metadata.source()):
            return False
        self._undescribed.add(path)
        return True

    def _is_due(self, known: KnownFile) -> bool:
        return self._options.retry and known.status == "failed"

    def _claim(self, id: str) -> bool:
        """Whether content is new; from then on it is not."""
        with self._claiming:
            is_new = id not in self._claimed
            self._claimed.add(id)
        return is_new

    def examine(self, file: Found) -> FileOutcome:
        """Read a file, and analyse it if its content is new; called from several threads."""
        about = self._options.about(file.path, display_name(file.name))
        if row_path(file.path) in self._undescribed:
            return FileOutcome(file, None, about=about)
        analyze = partial(self._analyze, sound=about[SOUND])
        content, outcome = read_steadily(file.path, analyze, self._claim, "analyse")
        if isinstance(outcome, Failure):
            return FileOutcome(file, content, failure=outcome, about=about)
        return FileOutcome(file, content, outcome, about=about)

    def _analyze(self, path: Path, id: str, sound: str | None) -> AnalyzedFile:
        try:
            kept = self._catalog.kept.get(id)
            if kept is not None:
                return self._analyzer.again(kept.pooled)
            if sound in self._ids and (same := same_sound(self._catalog, self._ids[sound])):
                return same
            return self._analyzer.analyze(path)
        except (HevnerError, MemoryError):
            raise
        # Whatever a file provokes, the others go on.
        except Exception as error:
            raise HevnerError(
                display_name(f"{type(error).__name__}: {error}"),
                remedy="Convert the file to WAV or FLAC and try again",
                stage="analyse",
                code="unexpected",
            ) from error

    def take(self, outcome: FileOutcome) -> None:
        """Note the outcome of a file, and write when there is enough."""
        if outcome.failure is not None:
            self.summary.failed += 1
        if outcome.content is not None:
            if outcome.analyzed is None and outcome.failure is None:
                self._copies.append(outcome)
            else:
                self._add_row(outcome, outcome.content)
        elif outcome.failure is None:
            self._about[row_path(outcome.file.path)] = outcome.about
        self._options.report(outcome.file, outcome.failure)
        if (
            len(self._rows) >= PIECES_AT_ONCE
            or len(self._copies) + len(self._about) >= COPIES_AT_ONCE
            or time.monotonic() - self._written > SECONDS_AT_ONCE
        ):
            self._write()

    def _add_row(self, outcome: FileOutcome, content: Content) -> None:
        row = here = located(outcome.file, content) | outcome.about
        if outcome.analyzed is not None:
            moments = outcome.analyzed.moments
            # A piece of known sound says itself what it was made by.
            row = made_by(here["path"], len(moments)) | outcome.analyzed.piece | here
            self._moments += [{"piece": content.id, **moment} for moment in moments]
            if outcome.analyzed.pooled is not None:
                self._features[content.id] = outcome.analyzed.pooled
            self.summary.silent += row["status"] == "silent"
            self.summary.no_music += row["status"] == "no_music"
            is_known = row["path"] in self._known
            self.summary.retagged += is_known and "id" in outcome.analyzed.piece
            self.summary.changed += is_known and "id" not in outcome.analyzed.piece
            self.summary.added += not is_known
        elif outcome.failure is not None:
            row["status"] = "failed"
            cause, remedy = outcome.failure.cause, outcome.failure.remedy
            row["cause"] = f"{cause}. {remedy}".removesuffix(". ")
        self._rows.append(row)

    def _write(self) -> None:
        rows = [*self._rows, *self._copied(), *self._described()]
        old = [self._known[row["path"]].id for row in rows if row["path"] in self._known]
        self._writer.put(rows, self._moments, old, self._features)
        for row in rows:
            self._known[row["path"]] = known_file(row)
            if row.get(SOUND) and row["status"] != "failed":
                self._ids[row[SOUND]] = row["id"]
        self._rows, self._moments, self._features = [], [], {}
        self._written = time.monotonic()

    def _described(self) -> Iterator[Row]:
        """Rows of files that are as they were, with what their tags say."""
        for some in in_lists("path", list(self._about)):
            rows = self._catalog.pieces.records(some)
            yield from (row | self._about.pop(row["path"]) for row in rows)
            self.summary.described += len(rows)

    def _copied(self) -> Iterator[Row]:
        """Rows of known content under new paths; what is still in work waits."""
        sources = {row["id"]: row for row in self._rows}
        ids = {copy.content.id for copy in self._copies if copy.content} - set(sources)
        for some in in_lists("id", sorted(ids)):
            sources.update((row["id"], row) for row in self._catalog.pieces.records(some))
        waiting = []
        for copy in self._copies:
            if copy.content is not None and copy.content.id in sources:
                self._count_copy(row_path(copy.file.path), copy.content.id)
                row = {**sources[copy.content.id], **located(copy.file, copy.content)}
                yield row | copy.about
            else:
                waiting.append(copy)
        self._copies = waiting

    def _count_copy(self, path: str, id: str) -> None:
        known = self._known.get(path)
        self.summary.copied += known is None
        self.summary.unchanged += known is not None and known.id == id
        self.summary.changed += known is not None and known.id != id

    def finish(self, folders: list[str]) -> None:
        """Write what is left, and remove rows of files that have moved or are to be pruned."""
        self._write()
        # Copies of content whose first file changed before it was analysed.
        orphans, self._copies = self._copies, []
        for orphan in orphans:
            self._claimed.discard(orphan.content.id if orphan.content else "")
            self.take(self.examine(orphan.file))
        self._write()
        if self._options.stop.is_set():
            return
        vanished = {path for path in self._suspects(folders) if _is_gone(path)}
        present = {known.id for path, known in self._known.items() if path not in vanished}
        moved = {path for path in vanished if self._known[path].id in present}
        left = {path for path in vanished - moved if not _is_filled(file_named(path).parent)}
        removed = vanished - left if self._options.prune else moved
        self._writer.remove((path, self._known[path].id) for path in removed)
        self.summary.moved = len(moved)
        self.summary.vanished = len(vanished - removed - left)
        self.summary.removed = len(removed - moved)
        self.summary.missing = tuple(sorted(left))

    def _suspects(self, folders: list[str]) -> Iterator[str]:
        """Rows not found where they should be, and those whose content turned up elsewhere."""
        present = {self._known[path].id for path in self._seen if path in self._known}
        below = tuple(os.path.join(folder, "") for folder in folders)  # noqa: PTH118
        for path, known in self._known.items():
            if path not in self._seen and (path.startswith(below) or known.id in present):
                yield path


def _is_gone(path: str) -> bool:
    """Whether a file is surely not there; one behind a closed door may be."""
    try:
        file_named(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _is_filled(folder: Path) -> bool:
    """Whether a folder holds music or folders.

    What is there of a drive that is not mounted holds neither, at most a note that it is none.
    """
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if entry.name[0] != "."]
            return any(is_audio_name(entry.name) or entry.is_dir() for entry in shown)
    except OSError:
        return False
