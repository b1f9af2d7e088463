"""Catalogues of music, searched by emotion.

Modules import each other in one direction only, from bottom to top:

1. records: ``seal``, ``header``, ``course``, ``query``;
2. storage: ``packages``, ``checksums``, ``faults``, ``tables``, ``kept_features``,
   ``search_index``, ``index_building``, ``catalog``, ``writer``;
3. filling: ``file_identity``, ``analyze_file``, ``texts``, ``index_rows``, ``indexing``,
   ``encoding``, and mending: ``sound_rows``, ``renewal``;
4. searching: ``browse``, ``scoring``, ``search``, ``playlist``, ``describe``.

Importing this package loads nothing; LanceDB is loaded when a search index cannot answer.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hevner.catalog.search import SearchableCatalog

__all__ = ["open_catalog"]


def open_catalog(folder: str | Path) -> SearchableCatalog:
    """Open a catalogue that ``hevner index`` made, for `SearchableCatalog.search`.

    Raises
    ------
    CatalogError
        If there is none, it is damaged, or it was made with another model.
    MissingDependencyError
        If the extra ``catalog`` is not installed.
    """
    from hevner.catalog.search import SearchableCatalog
    from hevner.model import space

    return SearchableCatalog(folder, space.load())
