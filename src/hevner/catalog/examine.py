"""What indexing does for one file, in this process or on a machine of a cluster."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hevner.analysis import Analyzer
from hevner.audio import isolated
from hevner.catalog import header
from hevner.catalog.analyze_file import AnalyzedFile, FileAnalyzer
from hevner.catalog.columns import SOUND, SOURCE, Row
from hevner.catalog.header import Header
from hevner.catalog.index_rows import FileOutcome, located
from hevner.catalog.kept_features import KeptFeatures
from hevner.catalog.sources import Source, read_source
from hevner.errors import HevnerError, ModelError
from hevner.files import Found, display_name
from hevner.model import space
from hevner.object_path import Location, ObjectPath
from hevner.result import Failure

Due = tuple[Source, bool]
"""A file to read, and whether it is as it was, so that only its tags are wanted."""


@dataclass(frozen=True)
class Examiner:
    """Reads files and analyses those of new content; may be used from several threads."""

    analyzer: FileAnalyzer
    kept: KeptFeatures
    about: Callable[[Path, str], Row]
    same: Callable[[str | None], AnalyzedFile | None] = lambda _sound: None
    """What is known of a sound, by its digest."""

    def examine(self, due: Due, is_new: Callable[[str], bool]) -> FileOutcome:
        """Read a file, and analyse it if ``is_new`` says so of the id of its content."""
        file, unchanged = due
        about: Row = {}

        def look(path: Path) -> None:
            about.update(self.about(path, display_name(file.name)))

        def analyze(path: Path, id: str) -> AnalyzedFile:
            return self._analyze(path, id, about[SOUND])

        if unchanged and isinstance(file, Found):
            look(file.path)
            return FileOutcome(file, None, about=about)
        wanted = (lambda _id: False) if unchanged else is_new
        content, outcome = read_source(file, analyze, wanted, "analyse", first=look)
        if isinstance(outcome, Failure):
            return FileOutcome(file, content, failure=outcome, about=about)
        return FileOutcome(file, None if unchanged else content, outcome, about=about)

    def _analyze(self, path: Path, id: str, sound: str | None) -> AnalyzedFile:
        try:
            kept = self.kept.get(id)
            if kept is not None:
                return self.analyzer.again(kept.pooled)
            if (same := self.same(sound)) is not None:
                return same
            return self.analyzer.analyze(path)
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


@dataclass(frozen=True, eq=False)
class Task:
    """What a machine of a cluster is given to examine files.

    Attributes
    ----------
    model
        Graph of the emotion model; lies at the same path on all machines.
    header
        What the rows must be made with.
    features
        Folder of kept features.
    known
        Ids of the contents that need not be analysed, in order.
    """

    model: Path
    header: Header
    features: Location
    known: NDArray[np.bytes_]

    def __call__(self, due: Due) -> FileOutcome:
        """Examine a file; features that are kept where all machines can write are kept at once."""
        examiner = _examiner(self.model, self.header, self.features)
        outcome = examiner.examine(due, self._is_new)
        analyzed = outcome.analyzed
        if (
            outcome.content
            and analyzed
            and analyzed.pooled
            and isinstance(self.features, ObjectPath)
        ):
            row = located(outcome.file, outcome.content)
            examiner.kept.put(row | {SOURCE: row["path"]}, analyzed.pooled)
            outcome = replace(outcome, analyzed=replace(analyzed, pooled=None))
        return outcome

    def _is_new(self, id: str) -> bool:
        at = int(np.searchsorted(self.known, id.encode()))
        return at == len(self.known) or self.known[at].decode() != id


@lru_cache(maxsize=1)
def _examiner(model: Path, made_with: Header, features: Location) -> Examiner:
    """What a process of a cluster keeps for the next file."""
    common = space.load()
    here = header.current(common, model)
    if here != made_with:
        raise ModelError(
            "another hevner or model is installed on this machine of the cluster",
            subject=socket.gethostname(),
            remedy="Install the same hevner on all machines, and a model at the same path",
            code="other_model",
        )
    analyzer = FileAnalyzer(Analyzer(model, open_audio=isolated.open_audio), common)
    return Examiner(analyzer, KeptFeatures(features), isolated.about)
