"""Tensors in files: read one at a time, written one at a time, as safetensors.

Conventions
-----------
A `Stored` is a tensor that has not been read. Reading gives memory of its own, not a view of a
mapped file, so that what is released is really gone. The safetensors format: the length of a
header (8 bytes, little endian), the header (JSON: type, shape, first and last byte of every
tensor), then raw values.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch

from hevner.errors import ModelError
from hevner.files import cannot_write

Shape = tuple[int, ...]

MAX_HEADER = 2**27
"""Longest header of a safetensors file that is believed, in bytes."""

TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""Names of types in a safetensors header."""


@dataclass(frozen=True)
class Stored:
    """A tensor that has not been read: its shape, its type, and how to read it."""

    shape: Shape
    dtype: torch.dtype
    read: Callable[[], torch.Tensor]


def damaged(path: Path, cause: str) -> ModelError:
    """The error to raise when a file of weights is not what it should be."""
    return ModelError(
        cause, subject=str(path), remedy="Fetch the file again, or check that it is the right one"
    )


def read_values(path: Path, offset: int, count: int, dtype: torch.dtype) -> torch.Tensor:
    """Read ``count`` values that start at a byte offset of a file.

    Raises
    ------
    ModelError
        If the file ends before.
    """
    values = torch.empty(count, dtype=dtype)
    view = _raw(values)
    with path.open("rb") as file:
        file.seek(offset)
        # One call may return less than asked for; only an end of the file returns nothing.
        done = 0
        while done < len(view):
            step = file.readinto(view[done:])
            if not step:
                raise damaged(path, "ends before its last tensor")
            done += step
    return values


def _raw(tensor: torch.Tensor) -> memoryview:
    """The bytes of a contiguous tensor, shared with it."""
    return tensor.view(-1).view(torch.uint8).numpy().data


def open_safetensors(path: Path) -> dict[str, Stored]:
    """The tensors of a safetensors file, by name.

    Raises
    ------
    ModelError
        If its header makes no sense, or it is shorter than the header says.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, MAX_HEADER):
            raise damaged(path, "is not a safetensors file, or only its beginning")
        text = file.read(length)
    start = 8 + length
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        return {name: _entry(path, start, size, fact) for name, fact in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(path, f"has a header that makes no sense ({error})") from error


def _entry(path: Path, start: int, size: int, fact: dict[str, Any]) -> Stored:
    dtype = TYPES[fact["dtype"]]
    shape = tuple(int(length) for length in fact["shape"])
    first, last = fact["data_offsets"]
    count = math.prod(shape)
    if not 0 <= first <= last or last - first != count * dtype.itemsize:
        raise ValueError(f"offsets {first}-{last} for {count} values of {dtype}")
    if start + last > size:
        raise damaged(path, "ends before its last tensor")
    return Stored(shape, dtype, lambda: read_values(path, start + first, count, dtype).view(shape))


def write_safetensors(
    path: Path, entries: Iterable[tuple[str, Stored]], progress: Callable[[int, int], None]
) -> None:
    """Write tensors into one file, each read only when its turn comes.

    Parameters
    ----------
    path
        The file; it appears under its name when it is complete.
    entries
        Names and tensors. The same entries give the same bytes.
    progress
        Called with the bytes written so far and their total.

    Raises
    ------
    OutputError
        If the file cannot be written.
    ModelError
        If a tensor cannot be read, or is not what its entry says.
    """
    table = list(entries)
    kinds = {dtype: kind for kind, dtype in TYPES.items()}
    header: dict[str, dict[str, object]] = {}
    total = 0
    for name, stored in table:
        end = total + math.prod(stored.shape) * stored.dtype.itemsize
        header[name] = {
            "dtype": kinds[stored.dtype],
            "shape": list(stored.shape),
            "data_offsets": [total, end],
        }
        total = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            done = 0
            for name, stored in table:
                done += _write_tensor(file, name, stored)
                progress(done, total)
        os.replace(part, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def _write_tensor(file: IO[bytes], name: str, stored: Stored) -> int:
    tensor = stored.read()
    if tuple(tensor.shape) != stored.shape or tensor.dtype != stored.dtype:
        raise ModelError(
            f"{name} is {tensor.dtype} of shape {tuple(tensor.shape)}, "
            f"not {stored.dtype} of shape {stored.shape}"
        )
    raw = _raw(tensor.contiguous())
    file.write(raw)
    return len(raw)
