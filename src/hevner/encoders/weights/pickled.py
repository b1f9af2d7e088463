"""State dictionaries in files of ``torch.save``: the zip of today and the pickle of 1.x.

Conventions
-----------
The zip holds one pickle (``*/data.pkl``) and a member of raw values per storage. The old format is
four pickles (magic number, protocol, system, content), the list of storages, then each storage as
its length (int64) and raw values. Pickles of both are read by an unpickler that knows state
dictionaries and nothing else: what a file names is looked up in `ALLOWED` and never imported.
Tensors stay in the file until they are asked for.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch

from hevner.encoders.weights.stored import Shape, Stored, damaged, raw

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
HEAD = pickle.dumps(MAGIC, protocol=2)
"""First bytes of every file of the old format."""

NESTS = ("model", "state_dict")
"""Names under which training scripts put the weights beside other things."""

STORAGE_TYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}

MALFORMED = (
    pickle.UnpicklingError, zipfile.BadZipFile, EOFError, ValueError, TypeError, LookupError,
    AttributeError, NotImplementedError,
)  # fmt: skip
"""What reading a file of another kind, or a damaged one, may raise."""


class _Tensor(NamedTuple):
    """A tensor in a file: a view of a storage, offset and strides in values."""

    key: str
    dtype: torch.dtype
    offset: int
    shape: Shape
    strides: Shape


class _Storage(NamedTuple):
    """A run of values in a file, by its key."""

    key: str
    dtype: torch.dtype
    offset: int


class _Place(NamedTuple):
    """Where a storage lies: first byte, and length in bytes."""

    start: int
    length: int


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: Shape, strides: Shape, *_rest: object
) -> _Tensor:
    key, dtype, shift = storage
    return _Tensor(key, dtype, shift + offset, tuple(shape), tuple(strides))


def _rebuild_parameter(data: _Tensor, *_rest: object) -> _Tensor:
    return data


class _NumPyValue:
    """Stands for a number of NumPy beside the weights, which is of no interest."""

    def __init__(self, *_arguments: object) -> None: ...

    def __setstate__(self, _state: object) -> None: ...


def _text_to_bytes(text: str, _encoding: str) -> bytes:
    return text.encode("latin1")


ALLOWED: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("numpy.core.multiarray", "scalar"): _NumPyValue,
    ("numpy._core.multiarray", "scalar"): _NumPyValue,
    ("numpy", "dtype"): _NumPyValue,
    ("_codecs", "encode"): _text_to_bytes,
    **{("torch", name): dtype for name, dtype in STORAGE_TYPES.items()},
}
"""All that a pickle may name, and what takes its place."""


class _Unpickler(pickle.Unpickler):
    """Storages become keys, tensors become views of them; ``types`` says what storages hold."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, encoding="utf-8")
        self.types: dict[str, torch.dtype] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no weights need")
        return ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        # The old format has a sixth entry, None or a view of a longer storage.
        _, dtype, key, _, _, *view = pid
        self.types[key] = dtype
        return _Storage(key, dtype, view[0][1] if view and view[0] else 0)


def open_pickled(path: Path) -> dict[str, Stored]:
    """The tensors of a file of ``torch.save``, by name.

    The state dictionary is the content itself or lies under one of `NESTS`.

    Raises
    ------
    ModelError
        If the file is damaged, of another kind, or names anything that weights do not need.
    """
    try:
        with path.open("rb") as file:
            old = file.read(len(HEAD)) == HEAD
            file.seek(0)
            content, places = _read_old(file) if old else _read_zip(file)
        state = _state_dictionary(content)
        return {name: _stored(path, tensor, places) for name, tensor in state.items()}
    except MALFORMED as error:
        raise damaged(path, f"cannot be read as plain weights ({error})") from error


def _read_old(file: IO[bytes]) -> tuple[object, dict[str, _Place]]:
    magic, protocol, system = (_Unpickler(file).load() for _ in range(3))
    if magic != MAGIC or protocol != PROTOCOL or not system["little_endian"]:
        raise ValueError("a variant of the old format that is not read")
    unpickler = _Unpickler(file)
    content = unpickler.load()
    places = {}
    for key in _Unpickler(file).load():
        count = int.from_bytes(file.read(8), "little")
        places[key] = _Place(file.tell(), count * unpickler.types[key].itemsize)
        end = file.seek(places[key].length, os.SEEK_CUR)
        if end > os.fstat(file.fileno()).st_size:
            raise EOFError("it ends before its last tensor")
    return content, places


def _read_zip(file: IO[bytes]) -> tuple[object, dict[str, _Place]]:
    with zipfile.ZipFile(file) as archive:
        members = {member.filename: member for member in archive.infolist()}
        root = next(name for name in [*members, "/"] if name.endswith("/data.pkl"))[:-8]
        order = members.get(f"{root}byteorder")
        if order is not None and archive.read(order) != b"little":
            raise ValueError("values in big-endian order are not read")
        with archive.open(f"{root}data.pkl") as data:
            unpickler = _Unpickler(data)
            content = unpickler.load()
        keys = {key: members[f"{root}data/{key}"] for key in unpickler.types}
    return content, {key: _place(file, member) for key, member in keys.items()}


def _place(file: IO[bytes], member: zipfile.ZipInfo) -> _Place:
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError("its values are compressed")
    # Behind the local header of 30 bytes come a name and an extra field, whose lengths it ends in.
    file.seek(member.header_offset + 26)
    lengths = file.read(4)
    name, extra = int.from_bytes(lengths[:2], "little"), int.from_bytes(lengths[2:], "little")
    return _Place(member.header_offset + 30 + name + extra, member.file_size)


def _state_dictionary(content: object) -> dict[str, _Tensor]:
    if isinstance(content, dict):
        for candidate in (content, *(content.get(nest) for nest in NESTS)):
            if isinstance(candidate, dict):
                tensors = {k: v for k, v in candidate.items() if isinstance(v, _Tensor)}
                if tensors:
                    return tensors
    raise ValueError("it holds no state dictionary")


def _stored(path: Path, tensor: _Tensor, places: dict[str, _Place]) -> Stored:
    key, dtype, offset, shape, strides = tensor
    place = places[key]
    reach = sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    count = 0 if 0 in shape else 1 + reach
    fits = (offset + count) * dtype.itemsize <= place.length
    if offset < 0 or min((*shape, *strides), default=0) < 0 or not fits:
        raise ValueError("a tensor reaches beyond its values")

    def read() -> torch.Tensor:
        block = _read_values(path, place.start + offset * dtype.itemsize, count, dtype)
        return block.as_strided(shape, strides).contiguous()

    return Stored(shape, dtype, read)


def _read_values(path: Path, offset: int, count: int, dtype: torch.dtype) -> torch.Tensor:
    """Read values that start at a byte offset of a file."""
    values = torch.empty(count, dtype=dtype)
    view = raw(values)
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
