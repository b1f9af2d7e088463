"""Arrays with a card: how models are kept on disk.

Conventions
-----------
A model is two files: arrays in ``NAME.npz``, and the card, plain JSON, in ``NAME.json`` beside it.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.defaults import DEFAULT_MODEL
from hevner.errors import ModelError
from hevner.files import write_file
from hevner.text_file import read_json

_DAMAGE = (
    *(OSError, ValueError, LookupError, TypeError, EOFError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)
"""Raised by reading a damaged ``.npz`` or ``.json``, depending on where the damage is."""


def write(path: Path, arrays: Mapping[str, NDArray[Any]], card: Mapping[str, Any]) -> None:
    """Write arrays by name, and the card of JSON values beside them, each in one step."""
    content = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(content, **named)
    write_file(path, content.getvalue())
    write_card(path, card)


def write_card(path: Path, card: Mapping[str, Any]) -> None:
    """Write the card of a model beside its weights."""
    text = json.dumps(card, indent=2) + "\n"
    write_file(path.with_suffix(".json"), text.encode("utf-8"))


def read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and card; raises what `damage_is_refused` turns into an error."""
    card = read_json(path.with_suffix(".json"))
    # numpy would leave a damaged file open.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}, card


@contextmanager
def damage_is_refused(path: Path, what: str = "the model") -> Iterator[None]:
    """Turn what a missing or damaged file raises into a `ModelError` with code ``unreadable``."""
    try:
        yield
    except _DAMAGE as error:
        raise ModelError(
            f"{what} cannot be read ({error})",
            subject=str(path),
            remedy="Install hevner again"
            if path.parent == DEFAULT_MODEL.parent
            else "Check its path, or make it again",
            code="unreadable",
        ) from error
