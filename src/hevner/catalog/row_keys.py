"""Keys of rows in object stores, where many processes write to a table at a time.

LanceDB compares what is committed at the same time only by keys that are declared, are texts, bytes
or integers, and have no index; without such a key, rows that two processes add come twice.
"""

from __future__ import annotations

from hashlib import blake2b

from hevner.catalog.packages import pa

KEY = "row_key"
"""Column of moments in an object store: a digest of piece and start."""

KEYS = {"pieces": "path", "moments": KEY}
"""The key of each table."""

DECLARED = {"lance-schema:unenforced-primary-key": "true"}
"""Metadata of the column of a key."""


def declared(table: str, columns: pa.Schema) -> pa.Schema:
    """The columns of a table with its key."""
    if KEYS[table] not in columns.names:
        columns = columns.append(pa.field(KEY, pa.binary()))
    at = columns.get_field_index(KEYS[table])
    return columns.set(at, columns.field(at).with_nullable(False).with_metadata(DECLARED))


def with_keys(moments: pa.Table) -> pa.Table:
    """Moments with the column `KEY` filled, if they have it."""
    if KEY not in moments.column_names:
        return moments
    starts = moments["start"].to_numpy().astype("<f4")
    pairs = zip(moments["piece"].to_pylist(), starts, strict=True)
    keys = (blake2b(f"{id} ".encode() + at.tobytes(), digest_size=16) for id, at in pairs)
    column = pa.array([key.digest() for key in keys], pa.binary())
    at = moments.schema.get_field_index(KEY)
    return moments.set_column(at, moments.schema.field(KEY), column)
