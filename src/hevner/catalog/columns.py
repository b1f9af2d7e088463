"""The columns of the tables of a catalogue, and filters on them."""

from __future__ import annotations

from typing import Any, Final

from hevner.catalog.checksums import CHECKSUM
from hevner.catalog.header import Header
from hevner.catalog.packages import pa
from hevner.heads import ESTIMATE_COLUMNS, ESTIMATES
from hevner.metadata import FIELDS
from hevner.metadata import NUMBERS as FIELD_NUMBERS

PIECES: Final = "pieces"

MOMENTS: Final = "moments"

TABLES: Final = (PIECES, MOMENTS)

ROW, DISTANCE = "_rowid", "_distance"

ENCODED = "encoded"
"""Column of the vectors of the encoder that the header names; absent while no piece is encoded."""

CHANGED = "changed"
"""Column of `hevner.catalog.file_identity.Stamp.changed`; absent from older catalogues until they
are written to, and null for their rows."""

MODEL, VERSION, WRITTEN, SOURCE, COUNT = "model", "hevner", "written", "source", "moments"
"""Columns on where the row of a piece comes from: name and version of the model, version of hevner,
time in seconds since 1970, path of the file that was analysed, and its number of moments."""

SOUND, READ_FROM = "sound", "metadata"
"""Columns of the digest of a file's audio without its tags, and of where its metadata was looked
for, ``tags`` or ``path``; null where nobody looked."""

ABOUT = (*FIELDS, SOUND, READ_FROM)
"""Columns that `hevner.audio.about_file.about` fills."""

SOUNDS = "status = 'ok'"
"""Filter: pieces that have an emotion."""

WITH_VECTOR = f"{SOUNDS} AND {ENCODED} IS NOT NULL"

WITHOUT_VECTOR = f"{SOUNDS} AND {ENCODED} IS NULL"
"""Filters, if the column exists: pieces that can be compared with a text, and those that cannot."""

Row = dict[str, Any]


def schema(table: str, header: Header) -> pa.Schema:
    """The columns of a table.

    Those of a piece are: ``id``, the digest of the file's content; ``path``, absolute; ``name``,
    the path below the folder that was indexed; ``size`` in bytes and ``mtime`` in nanoseconds;
    ``duration`` in seconds; ``valence``, ``arousal``, ``tension`` and the ends of their intervals
    on the unit scale, and ``emotion_anger`` and the other basic emotions likewise in [0, 1];
    ``quadrant``, Q1 to Q4; ``key`` such as ``A minor``, ``key_mode``, ``major`` or ``minor``,
    ``mode`` such as ``dorian``, and ``key_candidates``, the keys that it may be in, the most
    probable first; ``tempo`` in beats per minute; ``familiarity`` in [0, 1]; ``sounds_like``, the
    most likely kind of music; ``tags``, those present, the strongest first; ``status``, ``ok``,
    ``silent``, ``no_music`` or ``failed``, and ``cause`` of the last two; ``vector`` for the first
    stage of a search and ``place``, the three arrays of the space's points one after the other, for
    the second; ``curve``, the course of valence, then of arousal. What is not known is null. A
    moment has the ``piece`` it belongs to, ``start`` and ``end`` in seconds.

    Older catalogues get the columns of `noted` when they are written to, null for their rows (those
    of `ABOUT` are filled by the next indexing); until then they are read as null.
    `ENCODED`, once pieces are encoded for searches by text (`Table.add_encoded`), is the mean of
    the vectors of their windows, brought to length 1.
    """
    number, text = pa.float32(), pa.string()
    vector = pa.list_(pa.float32(), header.vector)
    place = pa.list_(pa.float32(), header.correlated + 2 * header.gaussian)
    if table == MOMENTS:
        numbers = [(name, number) for name in ("start", "end", *ESTIMATES)]
        return pa.schema([("piece", text), *numbers, ("vector", vector), ("place", place)])
    return pa.schema(
        [
            *((name, text) for name in ("id", "path", "name")),
            *((name, pa.int64()) for name in ("size", "mtime")),
            *((name, number) for name in ("duration", *ESTIMATE_COLUMNS)),
            *((name, text) for name in ("quadrant", "key", "key_mode", "mode", "sounds_like")),
            *((name, number) for name in ("tempo", "familiarity")),
            *((name, pa.list_(text)) for name in ("tags", "key_candidates")),
            *((name, text) for name in ("status", "cause")),
            ("vector", vector),
            ("place", place),
            ("curve", pa.list_(pa.float16(), 16)),
        ]
    )


def noted(table: str) -> pa.Schema:
    """The columns of a table about its rows themselves, which early catalogues do not have."""
    number, text = pa.int64(), pa.string()
    if table == MOMENTS:
        return pa.schema([(CHECKSUM, number)])
    texts = ((name, text) for name in (MODEL, VERSION, SOURCE))
    about = ((name, number if name in FIELD_NUMBERS else text) for name in ABOUT)
    counts = ((name, number) for name in (WRITTEN, COUNT, CHECKSUM))
    return pa.schema([(CHANGED, number), *texts, *counts, *about])
