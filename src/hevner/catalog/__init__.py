"""Catalogues of music, searched by emotion.

Modules import each other in one direction only, from bottom to top:

1. records: ``seal``, ``header``, ``course``, ``query``;
2. storage: ``packages``, ``checksums``, ``columns``, ``row_keys``, ``faults``, ``tables``,
   ``kept_features``, ``index_cache``, ``index_layout``, ``search_index``, ``index_building``,
   ``catalog``, ``object_catalog``, ``writer``;
3. filling: ``file_identity``, ``sources``, ``presence``, ``analyze_file``, ``texts``,
   ``index_rows``, ``examine``, ``index_options``, ``indexing``, ``encoding``, and mending:
   ``sound_rows``, ``renewal``;
4. searching: ``browse``, ``scoring``, ``search``, ``tour``, ``playlist``, ``describe``.

Importing this package loads nothing; LanceDB is loaded when a search index cannot answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hevner.catalog.search import SearchableCatalog
    from hevner.object_path import Location

__all__ = ["open_catalog"]


def open_catalog(folder: str | Location) -> SearchableCatalog:
    """Open a catalogue that ``hevner index`` made, for `SearchableCatalog.search`.

    ``folder`` is a folder, or ``s3://BUCKET/FOLDER``.

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
