"""Encoding the pieces of a catalogue so that texts find them.

Conventions
-----------
This comes after the analysis (`hevner.catalog.indexing`) and fills what is empty: pieces that
were analysed and have no vector yet, whenever they came. Files of one content are encoded once.
Vectors are written every half minute, since a write looks through the ids of all pieces; a run that
was stopped, however, goes on from there.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hevner.arrays import Floats
from hevner.audio.isolated import open_audio
from hevner.audio.windows import Windower
from hevner.batch import in_threads
from hevner.catalog.catalog import Catalog
from hevner.catalog.columns import ENCODED, SOUNDS, WITHOUT_VECTOR
from hevner.catalog.file_identity import row_path
from hevner.catalog.header import weights_of
from hevner.catalog.index_options import Options
from hevner.catalog.indexing import SECONDS_AT_ONCE
from hevner.catalog.sources import Source, absolute, read_source
from hevner.catalog.texts import text_encoder
from hevner.catalog.writer import writing
from hevner.errors import HevnerError, MissingDependencyError, ModelError
from hevner.files import display_name
from hevner.result import Failure

if TYPE_CHECKING:
    from hevner.encoders.clap.encoder import Clap

TOGETHER = 8
"""Windows that are encoded at a time."""


@dataclass
class Encoded:
    """Numbers of pieces of a run; files of one content are one."""

    done: int = 0
    failed: int = 0


def encode(found: Iterable[Source], catalog: Catalog, encoder: Clap, options: Options) -> Encoded:
    """Encode the pieces of a catalogue that have no vector yet.

    Parameters
    ----------
    found
        The files; those that the catalogue does not hold are passed over.
    encoder
        Encoder of music and texts; runs in one thread at a time, while ``options.jobs`` threads
        decode.
    options
        ``retry`` and ``prune`` have no meaning here: what failed is tried each time.

    Raises
    ------
    CatalogError, OutputError
        If another process is writing, the catalogue is damaged or cannot be written, or it has
        vectors of another encoder; what was written before stays.
    ModelError, MissingDependencyError
        If the encoder cannot be used.
    """
    summary = Encoded()
    files = due(found, catalog)
    if files:
        # An encoder whose texts are useless is refused now, not when all pieces are encoded.
        encoder.text(["music"])
    work = _FileEncoder(encoder)
    with writing(catalog) as writer:
        writer.note_encoder(encoder.card)
        vectors: dict[str, Floats] = {}
        written = time.monotonic()
        if options.cluster is None:
            outcomes = in_threads(work.encode, files, options.jobs, options.stop)
        else:
            task = _Task(encoder.card.id, encoder.card.version)
            files = [(absolute(file), id) for file, id in files]
            outcomes = options.cluster.each(task, files, _lost, options.stop, large=True)
        for file, id, outcome in outcomes:
            if isinstance(outcome, Failure):
                summary.failed += 1
                options.report(file, outcome)
                continue
            summary.done += 1
            vectors[id] = outcome
            options.report(file, None)
            if time.monotonic() - written >= SECONDS_AT_ONCE:
                writer.put_encoded(vectors)
                vectors, written = {}, time.monotonic()
        writer.put_encoded(vectors)
        if not options.stop.is_set():
            writer.tidy()
    return summary


def due(found: Iterable[Source], catalog: Catalog) -> list[tuple[Source, str]]:
    """A file, and its id, of each content that was analysed and has no vector."""
    where = WITHOUT_VECTOR if ENCODED in catalog.pieces.schema.names else SOUNDS
    ids = {row["path"]: row["id"] for row in catalog.listing(["path", "id"], where)}
    paths = ((row_path(file.path), file) for file in found)
    files = {ids[path]: file for path, file in paths if path in ids}
    return [(file, id) for id, file in files.items()]


@dataclass(frozen=True)
class _Task:
    """What machines of a cluster are given to encode files: name and version of the encoder."""

    name: str
    version: str

    def __call__(self, item: tuple[Source, str]) -> tuple[Source, str, Floats | Failure]:
        return _file_encoder(self).encode(item)


@lru_cache(maxsize=1)
def _file_encoder(task: _Task) -> _FileEncoder:
    """What a process of a cluster keeps for the next file."""
    encoder = text_encoder(task.name)
    if weights_of(encoder.card.version) != weights_of(task.version):
        raise ModelError(
            f"this machine of the cluster has other weights of {task.name}",
            subject=socket.gethostname(),
            remedy="Add the same weights on all machines with 'hevner models add'",
            code="other_encoder",
        )
    return _FileEncoder(encoder)


def _lost(item: tuple[Source, str], error: HevnerError) -> tuple[Source, str, Floats | Failure]:
    return *item, Failure.of(display_name(item[0].path), error)


class _FileEncoder:
    """Encodes files through an encoder that is used by one thread at a time.

    A network uses all cores by itself, and its memory should be needed once.
    """

    def __init__(self, encoder: Clap) -> None:
        self._encoder = encoder
        self._turn = threading.Lock()

    def encode(self, item: tuple[Source, str]) -> tuple[Source, str, Floats | Failure]:
        """The vector of a file if it has the content of this id, or why there is none."""
        file, id = item
        fatal = (ModelError, MissingDependencyError)
        _content, outcome = read_source(file, self._vector, lambda now: now == id, "encode", fatal)
        if outcome is None:
            cause, remedy = "it has changed since it was analysed", "Run the same command again"
            outcome = Failure(display_name(file.path), "encode", cause, remedy)
        return file, id, outcome

    def _vector(self, path: Path, _id: str) -> Floats:
        """The mean over all windows, brought to length 1."""
        total = np.zeros(self._encoder.card.dimension)
        for windows in self._windows(path):
            with self._turn:
                total += self._encoder.encode(windows).sum(axis=0, dtype=np.float64)
        return np.asarray(total / np.linalg.norm(total), np.float32)

    def _windows(self, path: Path) -> Iterator[Floats]:
        card = self._encoder.card
        windower = Windower(card.window_samples, card.hop_samples, card.shortest)
        waiting: list[Floats] = []
        for block in open_audio(path, card.sample_rate).blocks:
            waiting.extend(windower.push(block))
            while len(waiting) >= TOGETHER:
                yield np.stack(waiting[:TOGETHER])
                waiting = waiting[TOGETHER:]
        waiting.extend(windower.finish())
        if waiting:
            yield np.stack(waiting)
