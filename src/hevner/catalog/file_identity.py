"""Files as they stand: their content, and what is heard in it, both of the same moment."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hevner.errors import AudioError, HevnerError
from hevner.files import display_name

Heard = TypeVar("Heard")

ATTEMPTS = 2
"""Times that a file which changes while it is listened to is tried."""


@dataclass(frozen=True)
class Stamp:
    """What tells, without reading it, that a file is as it was.

    Attributes
    ----------
    size
        Bytes.
    mtime
        Time of the last change, nanoseconds.
    """

    size: int
    mtime: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Of a file; raises OSError."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class Content:
    """A file's content at a moment.

    Attributes
    ----------
    stamp
        Of the file, from before it was read.
    id
        Digest of all bytes, 40 hexadecimal digits.
    """

    stamp: Stamp
    id: str

    @classmethod
    def of(cls, path: Path) -> Content:
        """Read a file.

        Raises
        ------
        AudioError
            If it cannot be read.
        """
        try:
            if not path.is_file():  # Opening a pipe would wait for ever.
                path.stat()
                raise OSError(errno.EINVAL, "not a regular file")
            stamp = Stamp.of(path)
            with path.open("rb") as file:
                found = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20))
        except OSError as error:
            raise AudioError(
                f"the file cannot be read ({error.strerror or error})",
                subject=display_name(path),
                remedy="Check that it exists and its permissions",
            ) from error
        return cls(stamp, found.hexdigest())


class ChangingError(AudioError):
    """A file changes whenever it is listened to."""


def listen_steadily(
    path: Path, listen: Callable[[Path], Heard], is_new: Callable[[str], bool]
) -> tuple[Content, Heard | HevnerError | None]:
    """Listen to a file and make sure that what was heard belongs to its content.

    Parameters
    ----------
    path
        The file.
    listen
        Hears it.
    is_new
        Whether the content of this id needs to be heard at all.

    Returns
    -------
    Content
        Of the file.
    What ``listen`` returns, HevnerError or None
        What was heard in just that content, or why nothing could be; None if it is not new.

    Raises
    ------
    AudioError
        If the file cannot be read, or changes each time (`ChangingError`).
    """
    content = Content.of(path)
    for _ in range(ATTEMPTS):
        if not is_new(content.id):
            return content, None
        outcome: Heard | HevnerError
        try:
            outcome = listen(path)
        except HevnerError as error:
            outcome = error
        before, content = content, Content.of(path)
        if content == before:
            return content, outcome
    raise ChangingError(
        "the file changes while it is read",
        subject=display_name(path),
        remedy="Run the same command again when it is complete",
    )
