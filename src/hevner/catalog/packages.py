"""The packages of the extra ``catalog``: no other module imports them, so this one can refuse.

Importing a module that stores or searches catalogues raises `MissingDependencyError` where one of
the packages is missing; `hevner.catalog` itself can always be imported.
"""

from __future__ import annotations

import os

from hevner.errors import MissingDependencyError

# LanceDB reads these when it is imported: its notes do not belong in the output of a command.
os.environ.setdefault("LANCEDB_LOG", "error")
os.environ.setdefault("LANCE_INCLUDE_VECTOR_CENTROIDS", "false")

try:
    import lancedb
    import pyarrow as pa
    from lancedb.index import IvfFlat
    from lancedb.query import LanceVectorQueryBuilder
except ModuleNotFoundError as error:
    raise MissingDependencyError(
        f"catalogues need the package {error.name}, which is not installed",
        remedy="Install it with: pip install 'hevner[catalog]'",
    ) from error

__all__ = ["IvfFlat", "LanceVectorQueryBuilder", "lancedb", "pa"]
