"""Store features that another program computed: .npy, .npz and .csv, by id.

Conventions
-----------
A vector of shape ``(dimension,)`` is that of the only window of its track, a matrix has one row
per window. float16 stays what it is, all other numbers become float32. The content of an entry is
the digest of its vectors.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hevner.datasets.rows import read_rows
from hevner.errors import DataError
from hevner.files import display_name
from hevner.store import FeatureFile, FeatureStore
from hevner.store.entry import Array, Entry, Kind, digest
from hevner.text_file import read_text


@dataclass(frozen=True)
class Source:
    """A file of vectors and their ids.

    Attributes
    ----------
    path
        A .npz or .csv file, a matrix in a .npy file, or a folder with ``<id>.npy`` for each track.
    array, ids
        For .npz: names of a matrix and of the ids of its rows; without them, the name of every
        array is the id of its track. For a .npy file, ``ids`` is the path of a text file with one
        id per line.
    id_column, columns
        For .csv: names of the column of ids and of those with the numbers; without the latter,
        all others.
    """

    path: Path
    array: str = ""
    ids: str = ""
    id_column: str = ""
    columns: tuple[str, ...] = ()


def import_features(
    source: Source,
    store: FeatureStore,
    dataset: str,
    encoder: str,
    version: str,
    known: Collection[str] | None = None,
) -> FeatureFile:
    """Store all vectors of a source, or none if anything is wrong with one of them.

    Parameters
    ----------
    source, store, dataset
        File of vectors, the store that takes them, and the dataset of their tracks.
    encoder, version
        Name and version of the encoder that computed the vectors.
    known
        Ids of the dataset; None allows any id.

    Raises
    ------
    DataError
        If the source cannot be read, a vector is of another length than the first or not finite,
        or an id is repeated, unknown, or stored with other vectors.
    OutputError
        If the store cannot be written.
    """
    additions: dict[str, Entry] = {}
    kind = None
    for where, track, vectors in _read(source):
        rows = np.atleast_2d(vectors)
        entry = Entry(digest(str(rows.shape), rows.tobytes()), rows)
        code, cause = "unknown_id", _id_problem(track, additions, known)
        if not cause and not (vectors.ndim and vectors.size):
            code, cause = "wrong_features", f"an array of shape {vectors.shape}"
        if not cause:
            kind = kind or Kind(encoder, version, rows.shape[-1], rows.dtype.name)
            code, cause = "wrong_features", entry.problem(kind)
        if cause:
            raise DataError(
                cause,
                subject=f"{display_name(source.path)}, {where}",
                remedy="Correct the file; nothing was imported",
                code=code,
            )
        additions[track] = entry
    if kind is None:
        raise _fault(source.path, "empty_features", "holds no features", "Check it")
    file = store.open(dataset, kind)
    for track, entry in additions.items():
        if file.content(track) not in (None, entry.content):
            raise _fault(
                file.path,
                "other_features",
                f"track '{track}' is stored with other {file.kind.name} features",
                "Give these another --version; nothing was imported",
            )
    file.add_many([(track, "", entry) for track, entry in additions.items()])
    return file


def _id_problem(track: str, before: Collection[str], known: Collection[str] | None) -> str:
    """The fault of an id; empty if there is none."""
    if not track:
        return "an empty id"
    if track in before:
        return f"id '{track}' occurs twice"
    return "" if known is None or track in known else f"id '{track}' is not in the dataset"


Found = Iterator[tuple[str, str, Array]]
"""Place in the file, id and vectors of each track."""


def _read(source: Source) -> Found:
    path = source.path
    if path.is_dir():
        return _read_folder(path)
    readers = {".npy": _read_npy, ".npz": _read_npz, ".csv": _read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise _fault(
            path,
            "unknown_format",
            "features come from .npy, .npz and .csv files, or a folder of .npy files",
            "Convert it to one of them",
        )
    return reader(source)


def _read_folder(folder: Path) -> Found:
    for file in sorted(folder.glob("*.npy")):
        with _readable(file):
            vectors = _numbers(np.load(file, allow_pickle=False), file.name)
        yield file.name, file.stem, vectors


def _read_npy(source: Source) -> Found:
    if not source.ids:
        raise _fault(
            source.path,
            "id_missing",
            "has no ids of its rows",
            "Name a text file with one id per line after --ids",
        )
    with _readable(source.path):
        matrix = _numbers(np.load(source.path, allow_pickle=False), "the array")
    with _readable(Path(source.ids)):
        ids = read_text(Path(source.ids)).splitlines()
    yield from _rows(source.path, ids, matrix)


def _read_npz(source: Source) -> Found:
    # numpy would leave a damaged file open.
    with _readable(source.path), source.path.open("rb") as file, np.load(file) as arrays:
        if bool(source.array) != bool(source.ids) or not set(arrays) >= {
            name for name in (source.array, source.ids) if name
        }:
            raise _fault(
                source.path,
                "array_missing",
                f"no pair of arrays '{source.array}' and '{source.ids}' among "
                f"{', '.join(arrays) or 'none'}",
                "Name the matrix after --array and the ids of its rows after --ids",
            )
        if not source.array:
            for name in arrays:
                yield f"array {name}", name, _numbers(arrays[name], f"array {name}")
            return
        ids, matrix = arrays[source.ids], _numbers(arrays[source.array], f"array {source.array}")
    yield from _rows(source.path, [str(one) for one in ids.ravel()], matrix)


def _rows(path: Path, ids: Sequence[str], matrix: Array) -> Found:
    if matrix.ndim not in (2, 3) or len(ids) != len(matrix):
        raise _fault(
            path,
            "id_missing",
            f"{len(ids)} ids for an array of shape {matrix.shape}",
            "Give one id for each row of the array",
        )
    for row, (track, vectors) in enumerate(zip(ids, matrix, strict=True)):
        yield f"row {row}", track.strip(), vectors


def _read_csv(source: Source) -> Found:
    if not source.id_column:
        raise _fault(
            source.path, "id_missing", "the column of ids is not named", "Name it after --id-column"
        )
    rows = read_rows(source.path, (source.id_column, *source.columns))
    columns: Iterable[str] = source.columns or [
        name for name in rows[0].values if name != source.id_column
    ]
    for row in rows:
        numbers = [row.number(column) for column in columns]
        line = row.where.rpartition(", ")[2]
        yield line, row.text(source.id_column), np.array(numbers, np.float32)


def _numbers(array: Array, what: str) -> Array:
    if array.dtype.kind not in "fiu":
        raise DataError(
            f"{what} holds {array.dtype}, not numbers",
            remedy="Name another array",
            code="not_a_number",
        )
    return array if array.dtype == np.float16 else array.astype(np.float32)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _fault(
            path,
            "unreadable_file",
            f"cannot be read ({error})",
            "Check the file; arrays of Python objects are not accepted",
        ) from error


def _fault(path: Path, code: str, cause: str, remedy: str) -> DataError:
    return DataError(cause, subject=display_name(path), remedy=remedy, code=code)
