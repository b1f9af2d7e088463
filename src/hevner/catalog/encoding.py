"""Pieces of a catalogue heard by an encoder that knows texts, so that texts find them.

Conventions
-----------
This comes after the analysis (`hevner.catalog.indexing`) and fills what is empty: pieces that
were analysed and that the encoder has not heard, whenever they came. Files of one content are heard
once. What was heard is written every half minute, since a write looks through the ids of all
pieces; a run that was stopped, however, goes on from there.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hevner.audio.decode import open_audio
from hevner.audio.windows import Windower
from hevner.batch import AHEAD
from hevner.catalog.catalog import Catalog
from hevner.catalog.file_identity import listen_steadily
from hevner.catalog.filters import SOUNDS, UNHEARD
from hevner.catalog.indexing import SECONDS_AT_ONCE, Options, key
from hevner.catalog.tables import ENCODED
from hevner.catalog.texts import TextEncoder
from hevner.errors import HevnerError, MissingDependencyError, ModelError
from hevner.files import Found, display_name
from hevner.result import Failure

TOGETHER = 8
"""Windows that the encoder is handed at a time."""

Array = NDArray[np.float32]


@dataclass
class Encoded:
    """What a run did, in numbers of pieces; files of one content are one."""

    heard: int = 0
    failed: int = 0


def encode(
    found: Iterable[Found], catalog: Catalog, encoder: TextEncoder, options: Options
) -> Encoded:
    """Let an encoder hear the pieces of a catalogue that it has not heard.

    Parameters
    ----------
    found
        The files; those that the catalogue does not hold are passed over.
    catalog
        To be written to.
    encoder
        Runs in one thread at a time; ``options.jobs`` threads decode.
    options
        ``retry`` and ``prune`` have no meaning here: what failed is tried each time.

    Raises
    ------
    CatalogError
        If another process is writing, the catalogue is damaged, or another encoder has heard it.
    ModelError, MissingDependencyError
        If the encoder cannot be used.
    OutputError
        If the catalogue cannot be written; what was written before stays.
    """
    told = Encoded()
    files = due(found, catalog)
    if files:
        # One that makes nothing of texts is refused now, not when all has been heard.
        encoder.text(["music"])
    with catalog.writing() as writer:
        writer.note_encoder(encoder.card)
        vectors: dict[str, Array] = {}
        written = time.monotonic()
        for file, id, outcome in _outcomes(files, _Ear(encoder), options):
            if isinstance(outcome, Failure):
                told.failed += 1
                options.tell(file, outcome)
                continue
            told.heard += 1
            vectors[id] = outcome
            options.tell(file, None)
            if time.monotonic() - written >= SECONDS_AT_ONCE:
                writer.put_encoded(vectors)
                vectors, written = {}, time.monotonic()
        writer.put_encoded(vectors)
        if not options.stop.is_set():
            writer.tidy()
    return told


def due(found: Iterable[Found], catalog: Catalog) -> dict[str, Found]:
    """By id, a file of each content that was analysed and that no encoder has heard."""
    where = UNHEARD if ENCODED in catalog.pieces.schema.names else SOUNDS
    ids = {row["path"]: row["id"] for row in catalog.listing(["path", "id"], where)}
    files = ((key(file.path), file) for file in found)
    return {ids[path]: file for path, file in files if path in ids}


class _Ear:
    """Hears files through an encoder that is used by one thread at a time.

    A network uses all cores by itself, and its memory should be needed once.
    """

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._turn = threading.Lock()

    def hear(self, file: Found, id: str) -> Array | Failure:
        """The vector of a file that has the content of this id, or why there is none."""
        name = display_name(file.path)
        try:
            _content, outcome = listen_steadily(file.path, self._vector, lambda now: now == id)
        except HevnerError as error:
            return Failure.of(name, error)
        except MemoryError:
            return Failure(name, "encode", "out of memory", "Use fewer --jobs, or free memory")
        if outcome is None:
            remedy = "Run the same command again"
            return Failure(name, "encode", "it has changed since it was analysed", remedy)
        if isinstance(outcome, ModelError | MissingDependencyError):
            # Every file would fail like this.
            raise outcome
        return Failure.of(name, outcome) if isinstance(outcome, HevnerError) else outcome

    def _vector(self, path: Path) -> Array:
        """The mean over all windows, brought to length 1."""
        total = np.zeros(self._encoder.card.dimension)
        for windows in self._windows(path):
            with self._turn:
                total += self._encoder.encode(windows).sum(axis=0, dtype=np.float64)
        return np.asarray(total / np.linalg.norm(total), np.float32)

    def _windows(self, path: Path) -> Iterator[Array]:
        card = self._encoder.card
        windower = Windower(card.window_samples, card.hop_samples, card.shortest)
        waiting: list[Array] = []
        for block in open_audio(path, card.sample_rate).blocks:
            waiting.extend(windower.push(block))
            while len(waiting) >= TOGETHER:
                yield np.stack(waiting[:TOGETHER])
                waiting = waiting[TOGETHER:]
        waiting.extend(windower.finish())
        if waiting:
            yield np.stack(waiting)


def _outcomes(
    files: dict[str, Found], ear: _Ear, options: Options
) -> Iterator[tuple[Found, str, Array | Failure]]:
    """Hear files in several threads, in their order."""
    waiting: deque[tuple[Found, str, Future[Array | Failure]]] = deque()
    pool = ThreadPoolExecutor(options.jobs, thread_name_prefix="hevner")
    try:
        for id, file in files.items():
            if options.stop.is_set():
                break
            waiting.append((file, id, pool.submit(ear.hear, file, id)))
            if len(waiting) >= AHEAD * options.jobs:
                file, id, first = waiting.popleft()
                yield file, id, first.result()
        for file, id, first in waiting:
            if not (options.stop.is_set() and first.cancel()):
                yield file, id, first.result()
    finally:
        pool.shutdown(cancel_futures=True)
