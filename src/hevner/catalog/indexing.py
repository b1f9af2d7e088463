"""Bringing a catalogue up to date with folders of music: only what is new or changed is analysed.

Conventions
-----------
A file whose path, size and times are known is not even opened. Otherwise its content decides:
content that is known, under any path, is not analysed again, so a file that was moved, copied or
touched is only read. Nor is sound that is known, whatever the tags of its file: they alone are read
again (a cluster analyses such a file). Rows of files that have gone stay until they are pruned,
unless the same content was found elsewhere: then the file has moved. Files that have gone with
their folder, or where another drive was mounted before, may be on one that is not mounted, so their
rows stay even then. Files without emotion and those that failed have a row too, so that they are
not tried again until they change; files that cannot be read, or change while they are read, are
tried again each time.

Results are written every few pieces; a run that was stopped, however, goes on from there.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from hevner import metadata
from hevner.batch import in_threads
from hevner.catalog import header, presence
from hevner.catalog.analyze_file import AnalyzedFile, FileAnalyzer
from hevner.catalog.catalog import Catalog
from hevner.catalog.columns import CHANGED, READ_FROM, SOUND, Row
from hevner.catalog.examine import Due, Examiner, Task
from hevner.catalog.file_identity import Content, row_path
from hevner.catalog.index_options import Options, Summary
from hevner.catalog.index_rows import (
    FileOutcome,
    KnownFile,
    known_file,
    located,
    made_by,
    same_sound,
)
from hevner.catalog.sources import Source, absolute, stamp_of
from hevner.catalog.tables import in_lists
from hevner.catalog.writer import Writer, writing
from hevner.errors import HevnerError
from hevner.features import Pooled
from hevner.files import display_name
from hevner.object_path import Location, ObjectPath
from hevner.result import Failure

PIECES_AT_ONCE = 32
COPIES_AT_ONCE = 1000
SECONDS_AT_ONCE = 30.0
"""Results are written when there are so many, or after so long; more at once in a large cluster."""

_KNOWN = ("path", "id", "size", "mtime", CHANGED, "status", READ_FROM)


def index(
    found: Iterable[Source],
    folders: Iterable[Location],
    catalog: Catalog,
    analyzer: FileAnalyzer,
    options: Options,
) -> Summary:
    """Bring a catalogue up to date.

    Parameters
    ----------
    found
        The files, as `hevner.catalog.sources.find` finds them.
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
        for outcome in run.outcomes(found):
            run.take(outcome)
        run.finish(below)
        if options.whole and not options.stop.is_set():
            writer.tidy()
    return run.summary


def remove_missing(catalog: Catalog, missing: Iterable[str]) -> int:
    """Remove files that are gone with their folder, by path; return how many are still gone."""
    with writing(catalog) as writer:
        gone = [path for path in missing if presence.is_gone(path)]
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
        self._options = options
        self._known = {row["path"]: known_file(row) for row in catalog.listing(_KNOWN)}
        where = f"{SOUND} IS NOT NULL AND status != 'failed'"
        self._ids = {row[SOUND]: row["id"] for row in catalog.listing([SOUND, "id"], where)}
        self._examiner = Examiner(analyzer, catalog.kept, options.about, self._same)
        self._seen, self._folders, self._familiar = set[str](), set[str](), set[str]()
        self._claimed = {known.id for known in self._known.values() if not self._is_due(known)}
        self._claiming = threading.Lock()
        self._rows: list[Row] = []
        self._moments: list[Row] = []
        self._features: dict[str, Pooled] = {}
        self._copies: list[FileOutcome] = []
        self._about: dict[str, Row] = {}
        self._written = time.monotonic()
        cores = 1 if options.cluster is None else options.cluster.slots()
        self._at_once = PIECES_AT_ONCE * max(1, cores // 2)

    def due(self, found: Iterable[Source]) -> Iterator[Due]:
        """Files to read, and whether only their tags; those that are as they were are reported."""
        for file in found:
            if self._options.stop.is_set():
                return
            unchanged = self._is_unchanged(file)
            if unchanged and self._is_described(self._known[row_path(file.path)]):
                self._options.report(file, None)
            else:
                yield file, unchanged

    def _is_described(self, known: KnownFile) -> bool:
        """Whether the tags of a file have been looked for."""
        return known.status == "failed" or known.read_from in ("tags", metadata.source())

    def _is_unchanged(self, file: Source) -> bool:
        path = row_path(file.path)
        self._seen.add(path)
        self._folders.add(str(Path(path).parent))
        known = self._known.get(path)
        if known is None or self._is_due(known):
            return False
        try:
            unchanged = known.stamp.is_like(stamp_of(file))
        except OSError:
            return False
        if unchanged:
            self._familiar.add(str(Path(path).parent))
        self.summary.unchanged += unchanged
        self.summary.failed_before += unchanged and known.status == "failed"
        return unchanged

    def _is_due(self, known: KnownFile) -> bool:
        return self._options.retry and known.status == "failed"

    def _claim(self, id: str) -> bool:
        """Whether content is new; from then on it is not."""
        with self._claiming:
            is_new = id not in self._claimed
            self._claimed.add(id)
        return is_new

    def outcomes(self, found: Iterable[Source]) -> Iterator[FileOutcome]:
        """Read the files that are due, here or in a cluster."""
        options, due = self._options, islice(self.due(found), self._options.limit)
        if options.cluster is None:
            yield from in_threads(self._examine, due, options.jobs, options.stop)
            return
        known = np.array(sorted(self._claimed), "S")
        made_with = header.current(self._catalog.space, self._catalog.model)
        task = Task(self._catalog.model, made_with, self._catalog.kept.folder, known)
        items = ((absolute(file), unchanged) for file, unchanged in due)
        for outcome in options.cluster.each(task, items, _lost, options.stop):
            # Machines do not know what others have in work.
            if outcome.analyzed and outcome.content and not self._claim(outcome.content.id):
                outcome = replace(outcome, analyzed=None)
            yield outcome

    def _examine(self, due: Due) -> FileOutcome:
        return self._examiner.examine(due, self._claim)

    def _same(self, sound: str | None) -> AnalyzedFile | None:
        """The rows of the piece with a sound; None if there is none."""
        return same_sound(self._catalog, self._ids[sound]) if sound in self._ids else None

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
            len(self._rows) >= self._at_once
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
            self.take(self._examine((orphan.file, False)))
        self._write()
        if self._options.stop.is_set() or not self._options.whole:
            return
        vanished = {path for path in self._suspects(folders) if presence.is_gone(path)}
        present = {known.id for path, known in self._known.items() if path not in vanished}
        moved = {path for path in vanished if self._known[path].id in present}
        away = self._note_mounts()
        left = {
            path
            for path in vanished - moved
            if path.startswith(away) or not presence.is_filled(path)
        }
        removed = vanished - left if self._options.prune else moved
        self._writer.remove((path, self._known[path].id) for path in removed)
        self.summary.moved = len(moved)
        self.summary.vanished = len(vanished - removed - left)
        self.summary.removed = len(removed - moved)
        self.summary.missing = tuple(sorted(left))

    def _note_mounts(self) -> tuple[str, ...]:
        """Note where drives are mounted; return where some are not that were there once.

        A catalogue in an object store is written by several machines, each with its own drives.
        """
        if isinstance(self._catalog.folder, ObjectPath):
            return ()
        known = presence.mounts(self._catalog.header.mounts)
        familiar = presence.mounted(self._familiar)
        away = presence.away(known, familiar)
        self._writer.note_mounts(presence.texts(presence.mounted(self._folders) | known | familiar))
        return away

    def _suspects(self, folders: list[str]) -> Iterator[str]:
        """Rows not found where they should be, and those whose content turned up elsewhere."""
        present = {self._known[path].id for path in self._seen if path in self._known}
        below = tuple(os.path.join(folder, "") for folder in folders)  # noqa: PTH118
        for path, known in self._known.items():
            if path not in self._seen and (path.startswith(below) or known.id in present):
                yield path


def _lost(due: Due, error: HevnerError) -> FileOutcome:
    """The outcome of a file that no machine could examine; it is tried again each time."""
    file, _ = due
    return FileOutcome(file, None, failure=Failure.of(display_name(file.path), error))
