"""The standard streams of a process: closed, full, or whose reader has gone.

Conventions
-----------
What cannot be written to the standard output is an error that commands report in one line; if the
reader has gone they end silently. Messages that cannot be written are lost, and nothing else. Who
starts a command with a closed output wants none: what is written there is lost.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from hevner.files import cannot_write


class Messages(io.TextIOWrapper):
    """A stream for messages: what cannot be written is lost.

    After a failure nothing is written any more, since Python would try again when it ends.
    """

    def write(self, text: str, /) -> int:
        """Write text."""
        with self._guarded():
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is held back."""
        with self._guarded():
            super().flush()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            _lead_nowhere(self.fileno())
            self.report(error)

    def report(self, error: OSError) -> None:
        """Do nothing about an error."""


class Results(Messages):
    """The standard output: what cannot be written is an `OutputError`, or `BrokenPipeError`."""

    def report(self, error: OSError) -> None:
        """Raise the error."""
        if isinstance(error, BrokenPipeError):
            raise error
        if error.errno == errno.EBADF:
            error = OSError(errno.EBADF, "it cannot be written to")
        raise cannot_write(Path("standard output"), error) from error


def mend() -> None:
    """Make the standard streams of this process usable, whatever it was started with.

    A closed one gets its file descriptor back, so that no file that is opened later is taken for
    it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            _lead_nowhere(number)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = _mended(sys.stdout, 1, Results)
    sys.stderr = _mended(sys.stderr, 2, Messages)


def _mended(stream: TextIO | None, number: int, kind: Callable[..., TextIO]) -> TextIO:
    if stream is not None and not isinstance(stream, io.TextIOWrapper):
        return stream  # put there by somebody else
    return kind(
        io.BufferedWriter(io.FileIO(number, "w", closefd=False)),
        encoding=stream.encoding if stream else "utf-8",
        errors="backslashreplace",  # A terminal that lacks a character gets an escape.
        line_buffering=bool(stream and stream.line_buffering),
    )


def _lead_nowhere(number: int) -> None:
    """Let a file descriptor lead nowhere: reading fails, what is written is lost."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)
