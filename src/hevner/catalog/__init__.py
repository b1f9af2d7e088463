"""Catalogues of music and searching them by emotion, both ways.

Nothing heavy is loaded until a catalogue is opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hevner.catalog.catalog import Catalog

__all__ = ["open_catalog"]


def open_catalog(folder: str | Path) -> Catalog:
    """Open a catalogue that ``hevner index`` made, for `Catalog.search`.

    Raises
    ------
    CatalogError
        If there is none, it is damaged, or it was made with another model.
    """
    from hevner.catalog import header
    from hevner.catalog.catalog import Catalog
    from hevner.model import space

    return Catalog(folder, header.current(space.load()))
