"""Published weights as a table of tensors that are read one at a time.

Conventions
-----------
`Checkpoint` opens safetensors files, sharded sets by their index, and both formats of PyTorch
(the zip of today and the pickle of 1.x). Nothing that a file brings is executed: pickles go
through an unpickler that knows state dictionaries and nothing else
(`hevner.encoders.weights.pickled`). A tensor is read when it is asked for, into memory of its own,
so that a table of many gigabytes costs no more than its largest tensor.
"""

from __future__ import annotations

from pathlib import Path

import torch

from hevner.encoders.weights.pickled import open_pickled
from hevner.encoders.weights.stored import Stored, damaged, open_safetensors, write_safetensors
from hevner.errors import ModelError
from hevner.text_file import read_json

__all__ = ["Checkpoint", "Stored", "write_safetensors"]


class Checkpoint:
    """The tensors of one published model.

    Parameters
    ----------
    path
        A ``.safetensors`` file, an index of shards (``*.index.json``), or a file of ``torch.save``
        of any release since 1.0, whatever its name ends in. The state dictionary may lie under
        the name ``model`` or ``state_dict``.

    Raises
    ------
    ModelError
        If the file is missing, damaged, of another kind, or holds anything but plain data.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._stored = _open(path)
        except OSError as error:
            raise ModelError(
                f"cannot be read ({error.strerror or error})",
                subject=str(path),
                remedy="Check the path and its permissions",
                code="unreadable",
            ) from error

    def names(self) -> list[str]:
        """Names of all tensors, in the order of the file."""
        return list(self._stored)

    def stored(self, name: str) -> Stored:
        """A tensor that is not read yet.

        Raises
        ------
        ModelError
            If there is none of that name.
        """
        if name not in self._stored:
            raise damaged(self.path, f"holds no tensor {name!r}", "tensor_missing")
        return self._stored[name]

    def read(self, name: str) -> torch.Tensor:
        """Read a tensor, contiguous, in its stored type.

        Raises
        ------
        ModelError
            If there is none of that name, or the file ends too early.
        """
        return self.stored(name).read()


def _open(path: Path) -> dict[str, Stored]:
    if path.name.endswith(".index.json"):
        return _open_shards(path)
    if path.suffix == ".safetensors":
        return open_safetensors(path)
    return open_pickled(path)


def _open_shards(path: Path) -> dict[str, Stored]:
    try:
        places = dict(read_json(path)["weight_map"])
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, f"is not an index of shards ({error})") from error
    shards: dict[str, dict[str, Stored]] = {}
    for file in sorted(set(places.values())):
        if Path(file).name != file:
            raise damaged(path, f"names a shard outside its folder, {file!r}")
        shards[file] = _open(path.parent / file)
    missing = [name for name, file in places.items() if name not in shards[file]]
    if missing:
        raise damaged(path, f"names {missing[0]!r}, which {places[missing[0]]} does not hold")
    return {name: shards[file][name] for name, file in places.items()}
