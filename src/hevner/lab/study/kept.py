"""Files of a study: results of cells, and tables.

A cell's file is named by a digest of all that decides its result. The names must not change: cells
that an earlier version kept are found by them.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.errors import DataError
from hevner.files import write_file
from hevner.lab.recipe_types import plain
from hevner.output.spreadsheet import csv_text

Arrays = dict[str, NDArray[Any]]


def file_name(about: Any, more: bytes = b"") -> str:
    """Name of the file of a cell, from all that decides the result.

    That is plain values, with parts of recipes anywhere in them, and bytes, such as those of row
    numbers.
    """
    text = json.dumps(plain(about), sort_keys=True).encode()
    return f"{hashlib.blake2b(text + more, digest_size=16).hexdigest()}.npz"


def digest(*arrays: ArrayLike) -> str:
    """Digest of the shapes, types and numbers of arrays."""
    found = hashlib.blake2b(digest_size=16)
    for array in map(np.asarray, arrays):
        found.update(f"{array.shape}{array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def row_bytes(*numbers: NDArray[np.intp] | None) -> bytes:
    """Row numbers as bytes, each array after its length; None counts as no row."""
    arrays = [np.zeros(0, np.int64) if one is None else one.astype(np.int64) for one in numbers]
    return b"".join(np.int64(len(one)).tobytes() + one.tobytes() for one in arrays)


def write(path: Path, arrays: Mapping[str, ArrayLike]) -> None:
    """Keep the result of a cell; raise `OutputError` if the file cannot be written."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    write_file(path, content.getvalue())


def read(path: Path) -> Arrays:
    """Read what `write` kept; raise `DataError` (``damaged_cell``) if that fails."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"the result of a finished cell cannot be read ({error})",
            subject=str(path),
            remedy="Remove the file; the same command makes it again",
            code="damaged_cell",
        ) from error


Row = dict[str, Any]
"""Values by the name of their column; columns without a value may be missing."""


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write rows as CSV under the names of their columns; raise `OutputError` if that fails.

    Numbers have four decimals; values that are not defined leave their field empty.
    """
    text = csv_text(columns, ([_field(row.get(name, "")) for name in columns] for row in rows))
    write_file(path, text.encode())


def _field(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4f}"
    return str(value)
