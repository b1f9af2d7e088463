"""The pieces of a catalogue as files to be tagged, analysed from what the catalogue keeps.

A file with other tags has other content, so that the next ``hevner index`` would analyse it anew;
therefore a catalogue is brought up to date with the files, from what it keeps of their old content.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hevner.analysis import Analyzer
from hevner.audio import isolated
from hevner.catalog import index_options, indexing, open_catalog
from hevner.catalog.analyze_file import AnalyzedFile, FileAnalyzer
from hevner.catalog.columns import SOUNDS
from hevner.catalog.file_identity import Stamp, row_path
from hevner.files import Found, file_named
from hevner.result import Analysis


class CatalogFiles:
    """The pieces of a catalogue that have an emotion.

    Attributes
    ----------
    model
        The graph of the model that the catalogue was made with.
    found
        The files, in the order of their paths; what lies in an object store is left alone.

    Raises
    ------
    CatalogError
        If the catalogue cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._catalog = open_catalog(folder)
        self.model = self._catalog.model
        columns = ["path", "name", "id", *self._catalog.pieces.stamp_columns]
        rows = sorted(self._catalog.listing(columns, SOUNDS), key=lambda row: str(row["path"]))
        self.found = [
            Found(path, Path(row["name"]))
            for row in rows
            if isinstance(path := file_named(row["path"]), Path)
        ]
        self._ids = {row["path"]: row["id"] for row in rows}
        self._stamps = {
            row["path"]: Stamp(row["size"], row["mtime"], row.get("changed")) for row in rows
        }
        self._analyzer = Analyzer(self.model, open_audio=isolated.open_audio)

    def analyze(self, source: Path, /) -> Analysis:
        """The emotion of a piece, from its features if they are kept and it has not changed."""
        path = row_path(source)
        if self._stamps[path].still_holds(source):
            kept = self._catalog.kept.get(self._ids[path])
            if kept is not None:
                return self._analyzer.read_pooled(kept.pooled).analysis
        return self._analyzer.analyze(source)

    def renew(self, changed: Iterable[Found]) -> None:
        """Bring the catalogue up to date with files whose tags have changed.

        Raises
        ------
        HevnerError
            If that is not possible, such as while another process writes.
        """
        analyzer = _Kept(self._analyzer, self)
        indexing.index(changed, [], self._catalog, analyzer, index_options.Options())

    def again(self, analyzer: FileAnalyzer, path: Path) -> AnalyzedFile | None:
        """The rows of a piece from the features of its content before; None if there are none."""
        kept = self._catalog.kept.get(self._ids.get(row_path(path), ""))
        return None if kept is None else analyzer.again(kept.pooled)


class _Kept(FileAnalyzer):
    """An analyzer for files of which nothing but the tags has changed."""

    def __init__(self, analyzer: Analyzer, files: CatalogFiles) -> None:
        super().__init__(analyzer, files._catalog.space)
        self._files = files

    def analyze(self, path: Path, /) -> AnalyzedFile:
        """The rows of a file."""
        return self._files.again(self, path) or super().analyze(path)
