"""Read the variables of a TensorFlow checkpoint ("tensor bundle") without TensorFlow.

A bundle is two files. The index is an uncompressed LevelDB table whose keys are variable names
and whose values are small protocol-buffer records: type, shape, offset and size. The data file
is the variables one after the other, raw and little-endian.

Conventions: one data file ("shard"), float32 variables only. The checksums inside the bundle are
not evaluated; whoever opens a bundle has checked the archive it came in.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Tensors = dict[str, npt.NDArray[np.float32]]

TABLE_MAGIC = 0xDB4775248B80FB57  # last eight bytes of every LevelDB table
FOOTER_BYTES = 48  # two block handles, padding, magic
UNCOMPRESSED = 0
DTYPE_FLOAT32 = 1

# Wire types of the protocol-buffer encoding.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class BundleError(ValueError):
    """The bytes are not a bundle this reader understands."""


class Entry(NamedTuple):
    """Where one variable lies in the data file: type code, shape, and byte range."""

    dtype: int
    shape: tuple[int, ...]
    offset: int
    size: int


def read_bundle(index: bytes, data: bytes) -> Tensors:
    """Return all float32 variables of a bundle by name.

    Parameters
    ----------
    index, data
        Contents of the ``.index`` and the ``.data-00000-of-00001`` file.

    Raises
    ------
    BundleError
        If the index is damaged, or an entry does not fit its shape or the data.
    """
    tensors: Tensors = {}
    for name, value in read_table(index):
        if not name:
            continue  # the empty key holds the header, which says nothing we need
        entry = _parse_entry(value)
        if entry.dtype != DTYPE_FLOAT32:
            continue
        if entry.size != 4 * math.prod(entry.shape):
            raise BundleError(f"{name}: {entry.size} bytes do not fill shape {entry.shape}")
        raw = data[entry.offset : entry.offset + entry.size]
        if len(raw) != entry.size:
            raise BundleError(f"{name}: the data file ends too early")
        tensors[name] = np.frombuffer(raw, dtype="<f4").reshape(entry.shape)
    return tensors


def read_table(table: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the (key, value) pairs of an uncompressed LevelDB table in order."""
    footer = table[-FOOTER_BYTES:]
    if len(footer) < FOOTER_BYTES or struct.unpack("<Q", footer[-8:])[0] != TABLE_MAGIC:
        raise BundleError("the index does not end as a LevelDB table does")
    _, position = _read_handle(footer, 0)  # of the meta-index, unused
    index_handle, _ = _read_handle(footer, position)
    for _, handle in _read_block(table, *index_handle):
        for key, value in _read_block(table, *_read_handle(handle, 0)[0]):
            yield key.decode("utf-8"), value


def _read_block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the pairs of one block; keys are stored without the prefix shared with the last."""
    block = table[offset : offset + size]
    if len(block) != size or size < 4 or len(table) <= offset + size:
        raise BundleError("a block of the index lies outside the file")
    if table[offset + size] != UNCOMPRESSED:
        raise BundleError("the index is compressed")
    (restarts,) = struct.unpack("<I", block[-4:])
    end = size - 4 - 4 * restarts
    position, key = 0, b""
    while position < end:
        shared, position = _read_varint(block, position)
        fresh, position = _read_varint(block, position)
        length, position = _read_varint(block, position)
        key = key[:shared] + block[position : position + fresh]
        position += fresh
        yield key, block[position : position + length]
        position += length


def _read_handle(buffer: bytes, position: int) -> tuple[tuple[int, int], int]:
    """Return the (offset, size) of a block and the position behind the handle."""
    offset, position = _read_varint(buffer, position)
    size, position = _read_varint(buffer, position)
    return (offset, size), position


def _read_varint(buffer: bytes, position: int) -> tuple[int, int]:
    """Return a little-endian base-128 integer and the position behind it."""
    value = shift = 0
    while position < len(buffer):
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise BundleError("a number in the index is cut off")


def _parse_entry(record: bytes) -> Entry:
    """Read a variable's record: type (1), shape (2), offset (4, absent at 0), size (5)."""
    numbers = {1: 0, 4: 0, 5: 0}
    shape: tuple[int, ...] = ()
    for field, value in read_record(record):
        if field in numbers and isinstance(value, int):
            numbers[field] = value
        elif field == 2 and isinstance(value, bytes):
            shape = tuple(_dimension(dim) for number, dim in read_record(value) if number == 2)
    return Entry(numbers[1], shape, numbers[4], numbers[5])


def _dimension(record: int | bytes) -> int:
    """Read one dimension of a shape: its size is field 1."""
    if not isinstance(record, bytes):
        raise BundleError("a shape in the index is malformed")
    return next((v for field, v in read_record(record) if field == 1 and isinstance(v, int)), 0)


def read_record(record: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (field number, value) for the fields of a protocol-buffer record."""
    position = 0
    while position < len(record):
        tag, position = _read_varint(record, position)
        field, wire = tag >> 3, tag & 7
        value: int | bytes
        if wire == _VARINT:
            value, position = _read_varint(record, position)
        elif wire == _BYTES:
            length, position = _read_varint(record, position)
            value = record[position : position + length]
            position += length
        elif wire in (_FIXED32, _FIXED64):
            width = 4 if wire == _FIXED32 else 8
            value = record[position : position + width]
            position += width
        else:
            raise BundleError(f"a record in the index has the unknown wire type {wire}")
        yield field, value
