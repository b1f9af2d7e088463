"""Everything that can be analysed: files, what comes through pipes, bytes, file objects, samples.

Conventions
-----------
What cannot be read twice is first copied to a temporary file, which stays in memory up to
`MEMORY_BYTES` and holds at most `MOST_BYTES`.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, cast

from numpy.typing import ArrayLike

from hevner.audio.decode import Audio, from_array, open_audio
from hevner.audio.mixdown import Samples
from hevner.errors import AudioError, HevnerError
from hevner.files import display_name

Source = str | os.PathLike[str] | bytes | IO[bytes] | ArrayLike | Audio
"""A path, a recording as bytes or file object, samples, or audio that is open already."""

MEMORY_BYTES = 2**24
MOST_BYTES = 2**32
"""More than six hours of a CD; a pipe may never end."""

BLOCK_BYTES = 2**20


def open_source(source: Any, sample_rate: Any, open_path: Callable[[Path], Audio]) -> Audio:
    """Open whatever can be analysed.

    Parameters
    ----------
    source
        A path, bytes, a binary file object, an array of samples, or audio that is open already. A
        file object that can seek is read from its beginning; another from where it is.
    sample_rate
        Hertz; needed for samples.
    open_path
        Opens files.

    Raises
    ------
    HevnerError
        If it is none of these, or cannot be read.
    """
    if isinstance(source, Audio):
        return source
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if not _is_open_pipe(path):
            return open_path(path)
        with path.open("rb") as pipe:
            return _open(_spooled(pipe, display_name(path)), str(path), owned=True)
    if isinstance(source, bytes | bytearray | memoryview):
        return _open(io.BytesIO(source), "bytes", owned=True)
    if hasattr(source, "read"):
        name = getattr(source, "name", "")
        name = name if isinstance(name, str) and name else "file object"
        file = _rewindable(source, name)
        return _open(file, name, owned=file is not source)
    if not (isinstance(source, list | tuple) or hasattr(source, "__array__")):
        raise HevnerError(
            f"an object of type {type(source).__name__} cannot be analysed",
            remedy="Give a path, bytes, a binary file object, or samples with their rate",
            stage="options",
            code="wrong_source",
        )
    if sample_rate is None:
        raise HevnerError(
            "samples were given without their sample rate",
            remedy="Call analyze(samples, sample_rate); files are analysed one at a time",
            stage="options",
            code="sample_rate_missing",
        )
    return from_array(source, sample_rate)


def copy(stream: IO[bytes], file: IO[bytes], name: str) -> int:
    """Copy a stream to a file; return the number of bytes.

    Raises
    ------
    AudioError
        If it cannot be read, is text, is larger than `MOST_BYTES`, or there is no room for it.
    """
    total = 0
    try:
        while block := stream.read(BLOCK_BYTES):
            if isinstance(block, str):
                remedy = "Open it with mode 'rb'"
                raise _refused(name, "it was opened as text", remedy, "not_binary")
            total += len(block)
            if total > MOST_BYTES:
                raise _refused(
                    name, f"more than {MOST_BYTES / 2**30:g} GiB come through it",
                    "Write it to a file and name that", "too_large",
                )  # fmt: skip
            file.write(block)
    except (OSError, ValueError) as error:  # ValueError: it is closed
        is_closed = isinstance(error, OSError) and error.errno == errno.EBADF
        why = "it is closed" if is_closed else getattr(error, "strerror", None) or error
        cause = f"cannot be read ({why})"
        raise _refused(name, cause, "Check where it comes from", "unreadable") from error
    return total


def _is_open_pipe(path: Path) -> bool:
    """Whether a path names a pipe that this process holds; to open any other may wait for ever."""
    try:
        return path.parts[1:2] in (("dev",), ("proc",)) and stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _rewindable(source: Any, name: str) -> BinaryIO:
    """A file object that can seek: the given one or a copy."""
    try:
        if source.seekable() and not isinstance(source.read(0), str):
            return cast(BinaryIO, source)
    except (AttributeError, OSError, ValueError):
        pass  # it cannot seek, or is closed, which reading will show
    return _spooled(source, name)


def _spooled(stream: IO[bytes], name: str) -> BinaryIO:
    file = cast(BinaryIO, SpooledTemporaryFile(MEMORY_BYTES))  # noqa: SIM115
    try:
        copy(stream, file, name)
    except BaseException:
        file.close()
        raise
    return file


def _open(file: BinaryIO, name: str, owned: bool) -> Audio:
    """Open the audio in a file, which is closed in the end if it is owned."""
    try:
        file.seek(0)
        if not file.read(1):
            raise _refused(name, "it is empty", "Check where it comes from", "empty_file")
        audio = open_audio(file, name=name)
    except BaseException:
        if owned:
            file.close()
        raise
    if owned:
        audio.blocks = _then_close(audio.blocks, file)
    return audio


def _then_close(blocks: Iterator[Samples], file: BinaryIO) -> Iterator[Samples]:
    try:
        yield from blocks
    finally:
        file.close()


def _refused(name: str, cause: str, remedy: str, code: str) -> AudioError:
    return AudioError(cause, subject=name, remedy=remedy, code=code)
