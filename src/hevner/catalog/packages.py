"""The packages of the extra ``catalog``: no other module imports them, so this one can refuse.

Importing a module that stores or searches catalogues raises `MissingDependencyError` where one of
the packages is missing; `hevner.catalog` itself can always be imported. The packages are loaded
when they are first used, which takes over a second: most searches use none (`search_index`).
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from hevner import extras

# LanceDB reads these when it is imported: its notes do not belong in the output of a command.
os.environ.setdefault("LANCEDB_LOG", "error")
os.environ.setdefault("LANCE_INCLUDE_VECTOR_CENTROIDS", "false")

extras.require("catalog", "a catalogue")

if TYPE_CHECKING:
    import lancedb
    import pyarrow as pa
else:

    class _Package:
        """A module that is imported when something in it is asked for."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, name: str) -> Any:
            with extras.required("a catalogue", "catalog"):
                return getattr(importlib.import_module(self._name), name)

    lancedb, pa = _Package("lancedb"), _Package("pyarrow")

__all__ = ["lancedb", "pa"]
