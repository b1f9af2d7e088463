"""The seal of a catalogue: digests of the files of its tables, so that no damage passes for data.

Conventions
-----------
``seal.json`` lies beside the tables and is written after each change, in one step, with a digest of
itself. LanceDB never changes a file once it is written, so a file is digested once. A change that
was cut off leaves a seal of the version before; what is newer than the seal is not compared. Small
files without data, such as the lists of files, are kept in the seal as they are.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hevner.files import cannot_write, replace_file
from hevner.text_file import read_json

NAME = "seal.json"

WHOLE = 2**25
"""Bytes of tables up to which a catalogue is compared in full whenever it is opened; that takes
some 40 ms. In larger ones, the lists of files, and each row that is shown."""

LARGE = (".lance", ".idx")
"""Endings of files of data and indices."""

COPIED = 2**16
"""Bytes up to which a file without data is kept in the seal."""


@dataclass(frozen=True)
class Seal:
    """What is known of the tables in a folder.

    Attributes
    ----------
    files
        Size and digest of each file by its path below the folder.
    copies
        Small files, packed.
    versions
        Versions of the tables.
    header
        A copy of the header.
    """

    files: dict[str, tuple[int, str]]
    copies: dict[str, str]
    versions: dict[str, int]
    header: dict[str, Any]


def write(home: Path, versions: dict[str, int], header: dict[str, Any]) -> None:
    """Seal the tables in a folder as they are, with a copy of the header.

    Files that the seal before knows keep their digests. Raises `OutputError` if that is not
    possible.
    """
    try:
        known = read(home)
    except ValueError:
        known = None
    old = known.files if known is not None else {}
    try:
        files = {name: old.get(name) or _digest(home / name) for name in _names(home, versions)}
        small = [name for name in files if not name.endswith(LARGE) and files[name][0] <= COPIED]
        copies = known.copies if known is not None else {}
        copies = {name: copies.get(name) or _packed(home / name) for name in small}
        record = {"header": header, "versions": versions, "files": files, "copies": copies}
        replace_file(home / NAME, json.dumps({**record, "digest": digest_of(record)}).encode())
    except OSError as error:
        raise cannot_write(home / NAME, error) from error


def read(home: Path) -> Seal | None:
    """The seal of the tables in a folder, None if there is none; a ValueError if it is damaged."""
    try:
        record = read_json(home / NAME)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if not isinstance(record, dict) or record.pop("digest", "") != digest_of(record):
        raise ValueError("it is not as it was written")
    files = {name: (size, digest) for name, (size, digest) in record["files"].items()}
    return Seal(files, record["copies"], record["versions"], record["header"])


def damaged_file(home: Path, most: int | None = WHOLE) -> str:
    """The first file of the tables in a folder that is not as it was sealed; empty if none is.

    Parameters
    ----------
    most
        Bytes up to which all files are compared; of more, data and indices are not. None for all.
    """
    while True:
        try:
            seal = read(home)
        except ValueError:
            return NAME
        if seal is None:
            return ""
        whole = most is None or sum(size for size, _ in seal.files.values()) <= most
        names = [name for name in seal.files if whole or not name.endswith(LARGE)]
        wrong = next((name for name in names if _differs(home / name, seal.files[name])), "")
        # Another process may have put a new catalogue in the place of this one.
        if not wrong or _is_same(home, seal):
            return wrong


def restore(home: Path) -> int:
    """Put small files that are damaged or missing back as they were; return how many.

    Raises a ValueError if the seal is damaged, and OSError.
    """
    seal = read(home)
    count = 0
    for name, copy in seal.copies.items() if seal is not None else ():
        assert seal is not None
        path = home / name
        if not path.exists() or _differs(path, seal.files[name]):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, zlib.decompress(base64.b64decode(copy)))
            count += 1
    return count


def digest_of(record: dict[str, Any]) -> str:
    """A digest of JSON values."""
    text = json.dumps(record, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _is_same(home: Path, seal: Seal) -> bool:
    try:
        return read(home) == seal
    except ValueError:
        return True


def _names(home: Path, tables: Iterable[str]) -> Iterator[str]:
    """Paths of files of tables: all data and indices, and the newest list of files."""
    for table in tables:
        folder = home / f"{table}.lance"
        for part in ("data", "_deletions", "_indices"):
            for path in sorted((folder / part).rglob("*")):
                if path.is_file():
                    yield path.relative_to(home).as_posix()
        # The newest version has the smallest number.
        for path in sorted((folder / "_versions").glob("*.manifest"))[:1]:
            yield path.relative_to(home).as_posix()


def _packed(path: Path) -> str:
    return base64.b64encode(zlib.compress(path.read_bytes())).decode()


def _digest(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8))
        return file.tell(), found.hexdigest()


def _differs(path: Path, sealed: tuple[int, str]) -> bool:
    try:
        return _digest(path) != sealed
    except FileNotFoundError:
        # Old versions are removed after a while; LanceDB reports what it needs and does not find.
        return False
