"""What a model reads of each piece, kept beside the tables of a catalogue.

With it another model, or a table that was damaged, needs no audio: a piece is read again in some
hundredths of a second. A minute of music takes 42 kB, some 2 % of the file.

Conventions
-----------
One file per content, ``XX/ID.features``: a digest of 16 bytes, then an NPZ archive. It also has the
row's place in the catalogue, from which the row can be made again. Files are replaced in one step;
one that is damaged, or of other features, counts as missing.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hevner.files import cannot_write, replace_file, sweep_parts
from hevner.object_path import Location

if TYPE_CHECKING:
    from hevner.features import Pooled

FEATURES = "features"
"""Name of the folder."""

PLACE = ("id", "path", "name", "size", "mtime", "changed", "source")
"""Columns of a piece that do not come from the sound."""

SUFFIX = ".features"

_PARSING = threading.Lock()
"""Held while arrays are read: numpy parses their headers as Python text, and two threads that do so
at once may end in a SystemError before Python 3.13."""

_ARRAYS = ("vector", "vectors", "starts", "sounding", "lengths")


@dataclass(frozen=True, eq=False)
class Kept:
    """Features of a piece, and its place in the catalogue: the columns `PLACE`."""

    place: dict[str, Any]
    pooled: Pooled


class KeptFeatures:
    """A folder of kept features; only the process that holds the catalogue's lock writes there."""

    def __init__(self, folder: Location) -> None:
        self.folder = folder

    def put(self, row: dict[str, Any], pooled: Pooled) -> None:
        """Keep the features of a piece; raises `OutputError`."""
        from hevner.blocks import vector_id

        place = {name: row.get(name) for name in PLACE}
        facts = {"vector": vector_id(), "place": place, "analysis": pooled.facts.to_dict()}
        arrays: dict[str, Any] = {
            "vector": pooled.vector,
            "vectors": pooled.vectors,
            "starts": pooled.starts,
            "sounding": pooled.sounding,
            "lengths": np.array([pooled.duration, pooled.begin, pooled.recording]),
            "facts": np.frombuffer(json.dumps(facts).encode(), np.uint8),
        }
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=False, **arrays)
        path = self._file(row["id"])
        try:
            if isinstance(path, Path):
                path.parent.mkdir(parents=True, exist_ok=True)
                sweep_parts(path.parent)
            replace_file(path, _digest(packed.getvalue()) + packed.getvalue())
        except OSError as error:
            raise cannot_write(path, error) from error

    def get(self, id: str) -> Kept | None:
        """The features of a piece by its id; None if they are not there and sound."""
        try:
            content = self._read(id)
            if content is None:
                return None
            # Searching a catalogue needs nothing of the analysis.
            from hevner.blocks import vector_id
            from hevner.features import Pooled
            from hevner.result import Analysis

            with _PARSING, np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                facts = json.loads(arrays["facts"].tobytes())
                vector, vectors, starts, sounding, lengths = (arrays[name] for name in _ARRAYS)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None
        if facts["vector"] != vector_id():
            return None
        analysis = Analysis.from_dict(facts["analysis"])
        duration, begin, recording = map(float, lengths)
        pooled = Pooled(analysis, duration, begin, recording, starts, sounding, vector, vectors)
        return Kept(facts["place"], pooled)

    def ids(self) -> Iterator[str]:
        """Ids of the pieces whose features are there."""
        return (path.stem for path in self.folder.glob(f"*/*{SUFFIX}"))

    def remove_damaged(self) -> int:
        """Remove files that are not as they were written; return how many."""
        count = 0
        for id in list(self.ids()):
            if self._read(id) is None:
                self._file(id).unlink()
                count += 1
        return count

    def remove(self, ids: Iterable[str]) -> None:
        """Forget the features of pieces."""
        for id in ids:
            self._file(id).unlink(missing_ok=True)

    def _read(self, id: str) -> bytes | None:
        """The archive of a piece; None if it is not as it was written."""
        content = self._file(id).read_bytes()
        return content[16:] if content[:16] == _digest(content[16:]) else None

    def _file(self, id: str) -> Location:
        return self.folder / id[:2] / f"{id}{SUFFIX}"


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
