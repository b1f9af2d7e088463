"""Find audio files, show their names safely, and write files that are complete or not there.

Conventions
-----------
A file named by the user is always tried; a folder is searched for regular files whose ending is
in `SUFFIXES`, in sorted order, files before sub-folders, without hidden ones. Links
are followed, but no file or folder is visited twice. Names that are not valid UTF-8 are legal on
many systems; Python holds them with lone surrogates, which must not reach JSON or a terminal.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hevner.errors import OutputError
from hevner.object_path import SCHEME, Location, ObjectPath
from hevner.result import Failure

SUFFIXES = frozenset(
    ".wav .wave .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .snd .caf .w64 .rf64 "  # noqa: SIM905
    ".m4a .m4b .mp4 .aac .wma .webm .mka .ape .wv .ac3 .mpc .mp2 .mpga .spx .tta .tak .shn .dsf "
    ".dts .amr".split()
)
"""File name endings taken for audio when a folder is searched."""

SPOOL_BYTES = 2**23
"""An output up to this size waits in memory, a larger one in an unnamed file."""


PART = ".hevner-{}.part"
"""Name of a file that is being written."""


@dataclass(frozen=True)
class Found:
    """An audio file to analyse.

    Attributes
    ----------
    path
        Path of the file.
    name
        Its path below the folder that was searched; the bare file name if it was named itself.
    """

    path: Path
    name: Path


def find_audio(paths: Iterable[str | Path]) -> tuple[list[Found], list[Failure]]:
    """Expand files and folders into audio files.

    Parameters
    ----------
    paths
        Files, which are taken as they are, and folders, which are searched.

    Returns
    -------
    list of Found
        Each file once, in the order of the arguments.
    list of Failure
        Folders that could not be read.
    """
    found: list[Found] = []
    problems: list[Failure] = []
    seen: set[str] = set()
    folders: set[tuple[int, int]] = set()
    for path in map(Path, paths):
        inside = os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises on names too long
        for file in _search(path, folders, problems) if inside else [path]:
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                found.append(Found(file, file.relative_to(path) if inside else Path(file.name)))
    return found, problems


def _search(root: Path, visited: set[tuple[int, int]], problems: list[Failure]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        problems.append(
            Failure(
                display_name(error.filename),
                "find",
                f"the folder cannot be read ({error.strerror})",
                "Check its permissions",
                code="folder_unreadable",
            )
        )

    def is_new(folder: Path) -> bool:
        try:
            status = folder.stat()
        except OSError as error:
            unreadable(error)
            return False
        known = (status.st_dev, status.st_ino) in visited
        visited.add((status.st_dev, status.st_ino))
        return not known

    if not is_new(root):
        return
    for folder, names, files in os.walk(root, onerror=unreadable, followlinks=True):
        here = Path(folder)
        names[:] = [n for n in sorted(names) if not n.startswith(".") and is_new(here / n)]
        for name in sorted(files):
            file = here / name
            if name[0] != "." and is_audio_name(name) and file.is_file():
                yield file


def is_audio_name(name: str) -> bool:
    """Whether a name ends as those of audio files do."""
    return Path(name).suffix.lower() in SUFFIXES


def display_name(path: str | Location) -> str:
    r"""The path as valid Unicode: bytes that are not UTF-8 are written as ``\xNN``."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def file_named(text: str) -> Location:
    r"""The file that a text of `display_name` stands for; one of just that name counts first."""
    if text.startswith(SCHEME):
        return ObjectPath(text)
    if "\\x" in text and not os.path.lexists(text):
        text = re.sub(r"\\x([89a-f][0-9a-f])", lambda byte: chr(0xDC00 + int(byte[1], 16)), text)
    return Path(text)


def expanded(text: str | Path) -> Path:
    """A path in which ``~`` stands for a home directory, as a shell writes it where it can."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # no such user, or no home
        return Path(text)


def printable(text: str) -> str:
    """The text without what would steer a terminal: control characters become escapes."""
    unsafe = {"Cc", "Cs", "Zl", "Zp"}
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in unsafe else c
        for c in display_name(text)
    )


def replace_file(path: Location, data: bytes | IO[bytes]) -> None:
    """Write a file beside its final place, then move it there in one step.

    Parameters
    ----------
    path
        The file to make or replace. A link is followed. A device or pipe is written to directly;
        so is an object in a store, which does it in one step.
    data
        Its content.

    Raises
    ------
    OSError
        If it cannot be written; then nothing is left behind and an old file is untouched.
    """
    if not isinstance(path, Path):
        path.write(data if isinstance(data, bytes) else data.read())
        return
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            _fill(file, data)
        return
    part = target.parent / PART.format(secrets.token_hex(6))
    try:
        with part.open("xb") as file:
            _fill(file, data)
        if target.exists():
            part.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, where they are missing; raises `OutputError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def write_file(path: Location, data: bytes) -> None:
    """Write a file as `replace_file` does; raises `OutputError` if that is not possible."""
    try:
        replace_file(path, data)
    except OSError as error:
        raise cannot_write(path, error) from error


def sweep_parts(folder: Path, older_than: float = 0.0) -> None:
    """Remove what killed processes left of `replace_file` in a folder, if it is so many s old.

    With no age, no other process may be writing there.
    """
    for part in folder.glob(PART.format("*")):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime >= older_than:
                part.unlink()


def _fill(file: IO[bytes], data: bytes | IO[bytes]) -> None:
    if isinstance(data, bytes):
        file.write(data)
    else:
        shutil.copyfileobj(data, file)


def cannot_write(path: Location, error: OSError) -> OutputError:
    """The error to raise when a file cannot be written."""
    code, remedy = _FAULTS.get(error.errno or 0, ("cannot_write", "Write to another place"))
    return OutputError(
        f"cannot be written ({error.strerror or error})",
        subject=display_name(path),
        remedy=remedy,
        code=code,
    )


_FULL = ("no_space", "Free some space there, or write to another place")
_CLOSED = ("no_permission", "Check the permissions of the folder, or write to another place")
_FAULTS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _CLOSED),
    errno.ENOENT: ("folder_missing", "Create the folder first"),
}
"""Code and remedy by what the system reports."""


class OutputFile:
    """A text file that appears under its name only when it is complete.

    Until then the text waits in memory or in an unnamed file in the same folder, so that even a
    killed process leaves nothing behind.

    Parameters
    ----------
    path
        The file to make or replace.

    Raises
    ------
    OutputError
        If the folder is missing or closed to writing. The methods raise it too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        folder = Path(os.path.realpath(path)).parent
        problem = (
            errno.EISDIR
            if path.is_dir()
            else errno.ENOENT
            if not folder.is_dir()
            else errno.EACCES
            if not os.access(folder, os.W_OK) and not path.exists()
            else None
        )
        if problem is not None:
            raise cannot_write(path, OSError(problem, os.strerror(problem)))
        # Closed by `close`, not by a `with` here.
        self._spool = tempfile.SpooledTemporaryFile(SPOOL_BYTES, dir=str(folder))  # noqa: SIM115

    def write(self, text: str | bytes) -> None:
        """Add text, or bytes."""
        try:
            self._spool.write(text.encode("utf-8") if isinstance(text, str) else text)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def commit(self) -> None:
        """Put the file in its place."""
        try:
            self._spool.seek(0)
            replace_file(self.path, self._spool)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def close(self) -> None:
        """Drop what has not been committed; to be called in any case."""
        self._spool.close()
