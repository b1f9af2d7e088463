"""The content of files, and results that surely belong to that content."""

from __future__ import annotations

import errno
import hashlib
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hevner.errors import AudioError, HevnerError, ModelError
from hevner.files import display_name
from hevner.object_path import Location, StoredObject
from hevner.result import Failure

Result = TypeVar("Result")

ATTEMPTS = 2
"""How often a file is tried that changes while it is read."""


def row_path(path: Location) -> str:
    """The path of a file as catalogues write it: absolute, and valid Unicode."""
    if not isinstance(path, Path):
        return str(path)
    return display_name(os.path.abspath(path))  # noqa: PTH100 - links are not resolved


def part_of(path: Location, count: int) -> int:
    """Which of so many parts of all files a file is in, by its path alone."""
    return zlib.crc32(row_path(path).encode()) % count


@dataclass(frozen=True)
class Stamp:
    """What the system says about a file: while it stays, so does the content.

    Attributes
    ----------
    size
        Bytes.
    mtime
        Time of the content in nanoseconds; programs can set it.
    changed
        Time in nanoseconds at which anything about the file was changed last, that time too; None
        where nobody noted it.
    """

    size: int
    mtime: int
    changed: int | None = field(default=None, compare=False)

    @classmethod
    def of(cls, path: Location) -> Stamp:
        """The stamp of a file; raises OSError."""
        return cls.of_status(path.stat())

    @classmethod
    def of_status(cls, status: os.stat_result | StoredObject) -> Stamp:
        """The stamp from what a system or an object store says about a file."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def is_like(self, found: Stamp) -> bool:
        """Whether a file that has the other stamp now has not changed."""
        return self == found and self.changed in (None, found.changed)

    def still_holds(self, path: Location) -> bool:
        """Whether a file has not changed since; one that is gone counts as unchanged."""
        try:
            return self.is_like(Stamp.of(path))
        except OSError:
            return True


@dataclass(frozen=True)
class Content:
    """The content of a file at one time: its stamp from before it was read, and its digest.

    The digest is of all bytes and has 40 hexadecimal digits.
    """

    stamp: Stamp
    id: str

    @classmethod
    def of(cls, path: Path) -> Content:
        """Read a file; raises `AudioError` if it cannot be read."""
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
                code="unreadable",
            ) from error
        return cls(stamp, found.hexdigest())


def read_steadily(
    path: Path,
    read: Callable[[Path, str], Result],
    is_new: Callable[[str], bool],
    stage: str,
    fatal: tuple[type[HevnerError], ...] = (ModelError,),
) -> tuple[Content | None, Result | Failure | None]:
    """Read a file and make sure that the result belongs to its content.

    ``read`` is given the path and the id of its content.

    Returns
    -------
    Content or None
        The content of the file; None if it cannot be read, changes each time, or is not to blame.
    Result, Failure or None
        The result of ``read`` for just that content, or why there is none; None if content of that
        id is not new.

    Raises
    ------
    HevnerError
        If ``read`` raises one of the ``fatal`` kinds: every file would fail like this.
    """
    name = display_name(path)
    try:
        content = Content.of(path)
        for _ in range(ATTEMPTS):
            if not is_new(content.id):
                return content, None
            outcome: Result | Failure
            try:
                outcome = read(path, content.id)
            except fatal:
                raise
            except HevnerError as error:
                outcome = Failure.of(name, error)
                if error.stage == "setup":  # any file would fail now, and not always
                    return None, outcome
            before, content = content, Content.of(path)
            if content == before:
                return content, outcome
    except AudioError as error:
        return None, Failure.of(name, error)
    except MemoryError:
        return None, Failure(name, stage, "out of memory", "Use fewer --jobs, or free memory")
    remedy = "Run the same command again when it is complete"
    cause = "the file changes while it is read"
    return None, Failure(name, AudioError.stage, cause, remedy, code="file_changing")
