"""The packages of the extra ``catalog``: no other module imports them, so this one can refuse.

Importing a module that stores or searches catalogues raises `MissingDependencyError` where one of
the packages is missing; `hevner.catalog` itself can always be imported.
"""

from __future__ import annotations

import os

from hevner import extras

# LanceDB reads these when it is imported: its notes do not belong in the output of a command.
os.environ.setdefault("LANCEDB_LOG", "error")
os.environ.setdefault("LANCE_INCLUDE_VECTOR_CENTROIDS", "false")

with extras.required("a catalogue", "catalog"):
    import lancedb
    import pyarrow as pa
    from lancedb.index import IvfFlat
    from lancedb.query import LanceVectorQueryBuilder

__all__ = ["IvfFlat", "LanceVectorQueryBuilder", "lancedb", "pa"]
