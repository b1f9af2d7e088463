"""A journal of written tags, from which the bytes of each file come back.

A journal is a file of lines in JSON, one for each file, which is on the disk before the file is
replaced: digests of the content before and after, what was changed, and the difference of the two
(`hevner.tags.difference`), a few hundred bytes for most files.

Conventions
-----------
A path is absolute, with bytes that are not UTF-8 as lone surrogates, which JSON escapes. A line
that is not whole was cut off before its file was replaced, and is passed over.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import zlib
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from hevner.encoders.weights.record import home
from hevner.errors import DataError, OutputError
from hevner.files import cannot_write, display_name
from hevner.tags.difference import Pieces

FOLDER = "tags"
"""Folder of the journals in that for what hevner keeps for its user."""

SUFFIX = ".jsonl"


@dataclass(frozen=True)
class Entry:
    """A file whose tags were written.

    Attributes
    ----------
    path
        The file.
    before, after
        Digests of its content.
    modified
        Its time of modification before, in nanoseconds.
    pieces, kept
        What makes the old content from the new one; ``kept`` is compressed, in base 64.
    changes
        Values of fields before and after, by the name of the field in the file.
    """

    path: str
    before: str
    after: str
    modified: int
    pieces: Pieces
    kept: str
    changes: dict[str, list[list[str]]] = field(default_factory=dict)

    @property
    def bytes_kept(self) -> bytes:
        """The bytes that are only in the old content."""
        return zlib.decompress(base64.b64decode(self.kept))


def packed(kept: bytes) -> str:
    """Bytes as `Entry.kept` has them."""
    return base64.b64encode(zlib.compress(kept, 9)).decode("ascii")


def content_digest(path: Path) -> str:
    """The digest of a file's content; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).hexdigest()


class Journal:
    """A journal that is written; it is made with its first entry.

    Parameters
    ----------
    path
        The file, which is added to if it is there; a new one in the folder of journals if None.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or _next()

    def add(self, entry: Entry) -> None:
        """Write an entry; it is on the disk when this returns. Raises `OutputError`."""
        line = (json.dumps(asdict(entry)) + "\n").encode("ascii")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                # What a full disk or a kill left of a line ends here.
                start = b"\n" if _is_cut(self.path) else b""
                file.write(start + line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            failed = cannot_write(self.path, error)
            raise OutputError(
                f"the journal {failed.cause}, so no tags are written",
                subject=failed.subject,
                remedy="Free some space there, or name another place with --journal",
                code=failed.code,
            ) from error


def entries(path: Path) -> list[Entry]:
    """The entries of a journal in their order; raises `DataError` if it cannot be read."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(
            f"the journal cannot be read ({error.strerror or error})",
            subject=display_name(path),
            remedy="Name the one that 'hevner tag' named",
            code="journal_missing",
        ) from error
    return [entry for line in lines if (entry := _parsed(line)) is not None]


def newest() -> Path:
    """The newest journal in the folder of journals; raises `DataError` if there is none."""
    folder = home() / FOLDER
    found = _last(folder)
    if found is None:
        raise DataError(
            "there is no journal, so nothing can be undone",
            subject=display_name(folder),
            remedy="Name one with --journal",
            code="journal_missing",
        )
    return found


def _next() -> Path:
    """A new journal, the newest of all also after a clock was put back, as it is in autumn."""
    folder = home() / FOLDER
    begin, last = datetime.now().strftime("%Y-%m-%dT%H-%M-%S.%f"), _last(folder)
    if last is not None:
        begin = max(begin, last.stem)
    return folder / f"{begin}-{secrets.token_hex(2)}{SUFFIX}"


def _last(folder: Path) -> Path | None:
    return max(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stem, default=None)


def _parsed(line: bytes) -> Entry | None:
    try:
        record: dict[str, Any] = json.loads(line)
        pieces = [(int(offset), int(length)) for offset, length in record["pieces"]]
        return Entry(**{**record, "pieces": pieces})
    except (ValueError, TypeError, KeyError):
        return None


def _is_cut(path: Path) -> bool:
    """Whether a file ends within a line."""
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return False
        file.seek(-1, 2)
        return file.read() != b"\n"
