"""Checksums of rows: a bit that changes on the disk is noticed before its value is shown.

Conventions
-----------
The checksum of a row is a sum of its values as 64-bit words, each times an odd number of its column
and place, modulo 2 to the 64. As the numbers are odd, no single changed bit leaves the sum as it
was. Nulls add nothing, so a column that is added later, and null, changes no checksum.
"""

from __future__ import annotations

import hashlib
import zlib

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Integers, Mask
from hevner.catalog.packages import pa

CHECKSUM = "checksum"
"""Column of the checksums; null for rows of catalogues from before there were any."""

NOT_COVERED = (CHECKSUM, "encoded", "row_key", "_rowid")
"""Columns without a part in it: vectors for texts are added to rows that are there already, and
are covered by the digests of files (`hevner.catalog.seal`); keys are derived from the row."""

_STEP = np.uint64(0x9E3779B97F4A7C15)


def checksums(rows: pa.Table) -> Integers:
    """The checksum of each row, shape ``(n,)``; the order of the columns plays no part."""
    total = np.zeros(len(rows), np.uint64)
    for name in rows.column_names:
        if name in NOT_COVERED or pa.types.is_null(rows.schema.field(name).type):
            continue
        column = rows[name].combine_chunks()
        there = column.is_valid().to_numpy(zero_copy_only=False)
        if not there.any():
            continue
        words = _words(column.drop_null())
        first = np.uint64(zlib.crc32(name.encode()) << 1 | 1)
        numbers = np.cumprod(np.concatenate([[first], np.full(words.shape[1], _STEP)]))
        total[there] += numbers[0] + (words * numbers[1:]).sum(axis=1, dtype=np.uint64)
    return total.view(np.int64)


def unsound(rows: pa.Table) -> Mask:
    """Which rows are not as they were written; those without a checksum pass, shape ``(n,)``."""
    if CHECKSUM not in rows.column_names:
        return np.zeros(len(rows), bool)
    column = rows[CHECKSUM].combine_chunks()
    there = column.is_valid().to_numpy(zero_copy_only=False)
    return np.asarray(there & (column.fill_null(0).to_numpy() != checksums(rows)))


def _words(column: pa.Array) -> NDArray[np.uint64]:
    """Values of a column without nulls as words, shape ``(n, words of a value)``."""
    if pa.types.is_fixed_size_list(column.type):
        numbers = column.flatten().to_numpy(zero_copy_only=False)
        return _bits(numbers).reshape(len(column), -1)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _bits(column.to_numpy(zero_copy_only=False))[:, None]
    texts = (repr(value).encode("utf-8", "surrogatepass") for value in column.to_pylist())
    digests = b"".join(hashlib.blake2b(text, digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, np.uint64)[:, None]


def _bits(numbers: NDArray[np.generic]) -> NDArray[np.uint64]:
    unsigned = np.ascontiguousarray(numbers).view(f"u{numbers.dtype.itemsize}")
    return unsigned.astype(np.uint64)
