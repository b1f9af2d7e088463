"""Pieces that come through pipes, as files for the time of a run.

Conventions
-----------
``-`` is the standard input. A pipe is copied to a temporary file before its piece is analysed, so
that all that is true of files is true of it; results name what the user named.
"""

from __future__ import annotations

import dataclasses
import stat
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import BinaryIO

from hevner.errors import AudioError, HevnerError
from hevner.files import Found, display_name
from hevner.result import Analysis, Failure

INPUT = Path("-")

Results = Generator[Analysis | Failure, None, None]


class Pipes:
    """Temporary files, for as long as this is entered."""

    def __init__(self) -> None:
        self._folder: TemporaryDirectory[str] | None = None
        self._problems: dict[Path, Failure] = {}
        self._count = 0

    def __enter__(self) -> Pipes:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._folder is not None:
            self._folder.cleanup()

    def file(self, path: Path) -> Path:
        """The file to analyse for a path: itself, or a copy of what comes through the pipe.

        Raises `AudioError` if that cannot be read.
        """
        if not is_pipe(path):
            return path
        # Only here: it would be long to import before anything is shown.
        from hevner.audio.sources import copy

        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="hevner-")
        self._count += 1
        place = Path(self._folder.name) / str(self._count)
        name = display_name(path)
        if path != INPUT:
            with path.open("rb") as pipe, place.open("wb") as file:
                copy(pipe, file, name)
        else:
            with place.open("wb") as file:
                copy(standard_input("hevner analyze - < song.mp3"), file, name)
        return place

    def files(self, found: Iterable[Found]) -> Iterator[Path]:
        """A file for each that was found; for what cannot be read, one that cannot be either."""
        for one in found:
            try:
                yield self.file(one.path)
            except HevnerError as error:
                self._problems[one.path] = Failure.of(display_name(one.path), error)
                yield INPUT / "unread"

    def named(self, found: Sequence[Found], results: Results) -> Results:
        """Results of `files` under the names that the user gave."""
        with closing(results):
            for one, result in zip(found, results, strict=True):
                if one.path in self._problems:
                    yield self._problems[one.path]
                elif is_pipe(one.path):
                    yield dataclasses.replace(result, path=display_name(one.path))
                else:
                    yield result


def standard_input(example: str) -> BinaryIO:
    """The standard input.

    Raises `AudioError` if it is a terminal; ``example`` is a command that sends audio to it.
    """
    if sys.stdin.isatty():
        raise AudioError(
            "the standard input is a terminal",
            subject=display_name(INPUT),
            remedy=f"Send audio to it, as in '{example}'",
            code="not_a_file",
        )
    return sys.stdin.buffer


def is_pipe(path: Path) -> bool:
    """Whether a path is the standard input or a pipe."""
    try:
        return path == INPUT or stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False
