"""The entries of a store, and the kind of their numbers."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.errors import DataError

Array = NDArray[Any]

_FLOATS = ("float16", "float32", "float64")
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = _FLOATS + _INTEGERS
"""Types of number that can be stored."""

LARGEST_BYTES = 900_000_000
"""Size of the largest entry: a value in SQLite holds at most 1,000,000,000 bytes."""

_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*", re.ASCII)
_CONTENT = re.compile(r"[0-9a-f]{16,128}")


def digest(*parts: bytes | str) -> str:
    """Digest of the parts that something is made from: 40 hexadecimal digits."""
    result = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        result.update(len(data).to_bytes(8, "little") + data)
    return result.hexdigest()


def check_name(name: str, what: str) -> None:
    """Raise `DataError` if a name cannot be that of a file."""
    if not _NAME.fullmatch(name):
        raise DataError(
            f"'{name}' cannot be the name of a file",
            subject=what,
            remedy="Use letters, digits, '.', '_', '+' and '-', a letter or digit first",
            code="bad_name",
        )


@dataclass(frozen=True)
class Kind:
    """Encoder and format of the features in a file.

    Attributes
    ----------
    encoder
        Name of the encoder.
    version
        Version of the encoder; it changes whenever the same audio gives other numbers.
    dimension
        Length of a vector.
    dtype
        Type of the numbers, one of `DTYPES`.
    parameters
        Settings of the encoder that change the numbers.
    """

    encoder: str
    version: str
    dimension: int
    dtype: str = "float32"
    parameters: Mapping[str, str | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.encoder, "encoder")
        check_name(self.version, "version")
        if self.dimension < 1 or self.dtype not in DTYPES:
            raise DataError(
                f"vectors of {self.dimension} numbers of type {self.dtype} cannot be stored",
                subject=self.encoder,
                remedy=f"Use a positive dimension and one of {', '.join(DTYPES)}",
                code="wrong_type",
            )

    @property
    def name(self) -> str:
        """Name of the file, without ending."""
        if not self.parameters:
            return f"{self.encoder}-{self.version}"
        text = json.dumps(dict(self.parameters), sort_keys=True)
        return f"{self.encoder}-{self.version}-{digest(text)[:12]}"

    @property
    def description(self) -> str:
        """Encoder and format in words, for messages."""
        more = f", {dict(self.parameters)}" if self.parameters else ""
        return f"{self.encoder} {self.version} ({self.dimension} numbers of {self.dtype}{more})"


@dataclass(frozen=True, eq=False)
class Entry:
    """The vectors of one piece of audio.

    Attributes
    ----------
    content
        Digest of the source of the vectors, such as the bytes of the audio file.
    rows
        One vector per window, shape ``(n_windows, dimension)``.
    starts
        Start of every window in seconds, shape ``(n_windows,)``; None if they follow each other
        at the encoder's hop, or are unknown.
    duration
        Seconds of audio; None if unknown.
    """

    content: str
    rows: Array
    starts: NDArray[np.float64] | None = None
    duration: float | None = None

    def problem(self, kind: Kind) -> str:
        """The reason why it cannot be stored in a file of that kind; empty if it can."""
        rows, starts, duration = self.rows, self.starts, self.duration
        if rows.ndim != 2 or rows.shape[1] != kind.dimension or rows.dtype != kind.dtype:
            expected = f"(n, {kind.dimension}) of {kind.dtype}"
            return f"vectors of shape {rows.shape} of {rows.dtype}, expected {expected}"
        if rows.nbytes > LARGEST_BYTES:
            return f"{rows.nbytes / 1e6:.0f} MB of vectors, at most {LARGEST_BYTES / 1e6:.0f} fit"
        if not np.isfinite(rows).all():
            row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            return f"the vector of window {row} holds a number that is not finite"
        if starts is not None:
            if starts.shape != rows.shape[:1]:
                return f"starts of shape {starts.shape} for {len(rows)} windows"
            if not np.isfinite(starts).all():
                return "a start that is not finite"
        if duration is not None and not 0 < duration < math.inf:
            return f"a duration of {duration} s"
        if not _CONTENT.fullmatch(self.content):
            return f"'{self.content}' is no digest of a content"
        return ""


@dataclass(frozen=True)
class Dropped:
    """A damaged entry that `hevner.store.FeatureFile.verify` took out.

    Attributes
    ----------
    content
        Content of the entry.
    tracks
        Tracks and variants that referred to the entry.
    """

    content: str
    tracks: tuple[tuple[str, str], ...]
