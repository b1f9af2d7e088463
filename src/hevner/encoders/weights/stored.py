"""Safetensors files, read and written one tensor at a time.

Conventions
-----------
A `Stored` is a tensor that has not been read. Reading gives memory of its own, not a view of a
mapped file, so that a tensor that is released frees its memory. Files are written here, since the
library writes only tensors that are all in memory: the length of a header (8 bytes, little endian),
the header (JSON: type, shape, first and last byte of every tensor), then raw values.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import torch
from safetensors import SafetensorError, safe_open

from hevner.errors import ModelError
from hevner.files import cannot_write

Shape = tuple[int, ...]

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


def damaged(path: Path, cause: str, code: str = "weights_damaged") -> ModelError:
    """The error to raise for a damaged file of weights."""
    return ModelError(
        cause,
        subject=str(path),
        remedy="Fetch the file again, or check that it is the right one",
        code=code,
    )


def raw(tensor: torch.Tensor) -> memoryview:
    """The bytes of a contiguous tensor, shared with it."""
    return tensor.view(-1).view(torch.uint8).numpy().data


def open_safetensors(path: Path) -> dict[str, Stored]:
    """The tensors of a safetensors file, by name, in the order of the file.

    Raises
    ------
    ModelError
        If its header makes no sense, or it is shorter than the header says.
    """
    try:
        with safe_open(path, "pt") as file:
            return {name: _entry(path, name, file.get_slice(name)) for name in file.offset_keys()}
    except (SafetensorError, KeyError) as error:
        raise damaged(path, f"is no sound safetensors file ({error})") from error


def _entry(path: Path, name: str, tensor: Any) -> Stored:
    def read() -> torch.Tensor:
        try:
            with safe_open(path, "pt") as file:
                # The library gives a view of the mapped file, whose pages would stay in memory.
                return cast(torch.Tensor, file.get_tensor(name)).clone()
        except SafetensorError as error:
            raise damaged(path, f"has changed since it was opened ({error})") from error

    return Stored(tuple(tensor.get_shape()), TYPES[tensor.get_dtype()], read)


def write_safetensors(
    path: Path, entries: Iterable[tuple[str, Stored]], progress: Callable[[int, int], None]
) -> None:
    """Write tensors into one file, each read only when its turn comes.

    The file appears under its name when it is complete; the same entries give the same bytes.
    ``progress`` is called with the bytes written so far and their total.

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
            f"not {stored.dtype} of shape {stored.shape}",
            code="weights_damaged",
        )
    values = raw(tensor.contiguous())
    file.write(values)
    return len(values)
