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
from hevner.audio.isolated import open_audio
from hevner.catalog import header
from hevner.catalog.analyze_file import AnalyzedFile, FileAnalyzer
from hevner.catalog.file_identity import Content, row_path
from hevner.catalog.header import Header
from hevner.catalog.kept_features import KeptFeatures
from hevner.catalog.sources import Source, read_source
from hevner.catalog.tables import CHANGED, SOURCE, Row
from hevner.errors import HevnerError, ModelError
from hevner.files import display_name
from hevner.model import space
from hevner.object_path import Location, ObjectPath
from hevner.result import Failure


@dataclass(frozen=True)
class FileOutcome:
    """The outcome of a file that had to be read.

    It has no content if it could not be read, and no rows if it failed or the same content is known
    or in work under another path.
    """

    file: Source
    content: Content | None
    analyzed: AnalyzedFile | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class Examiner:
    """Reads files and analyses those of new content; may be used from several threads."""

    analyzer: FileAnalyzer
    kept: KeptFeatures

    def examine(self, file: Source, is_new: Callable[[str], bool]) -> FileOutcome:
        """Read a file, and analyse it if ``is_new`` says so of the id of its content."""
        content, outcome = read_source(file, self._analyze, is_new, "analyse")
        if isinstance(outcome, Failure):
            return FileOutcome(file, content, failure=outcome)
        return FileOutcome(file, content, outcome)

    def _analyze(self, path: Path, id: str) -> AnalyzedFile:
        try:
            kept = self.kept.get(id)
            if kept is not None:
                return self.analyzer.again(kept.pooled)
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

    def __call__(self, file: Source) -> FileOutcome:
        """Examine a file; features that are kept where all machines can write are kept at once."""
        examiner = _examiner(self.model, self.header, self.features)
        outcome = examiner.examine(file, self._is_new)
        analyzed = outcome.analyzed
        if (
            outcome.content
            and analyzed
            and analyzed.pooled
            and isinstance(self.features, ObjectPath)
        ):
            row = located(file, outcome.content)
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
    analyzer = FileAnalyzer(Analyzer(model, open_audio=open_audio), common)
    return Examiner(analyzer, KeptFeatures(features))


def located(file: Source, content: Content) -> Row:
    """The columns of a piece that do not come from its sound."""
    return {
        "id": content.id,
        "path": row_path(file.path),
        "name": display_name(file.name),
        "size": content.stamp.size,
        "mtime": content.stamp.mtime,
        CHANGED: content.stamp.changed,
    }
