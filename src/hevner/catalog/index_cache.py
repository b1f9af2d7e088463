"""Search indexes of catalogues in object stores, copied to this machine to be mapped into memory.

Conventions
-----------
They lie in the cache of hevner, in a folder for each place of tables. They keep their names, which
are those of one version, and appear under them when they are complete; several processes may fetch
the same one. Indexes of other versions of the table are removed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from hevner.files import PART, sweep_parts
from hevner.object_path import ObjectPath

LEFT_S = 86_400.0
"""Age from which an unfinished file was left by a killed process; seconds."""


def place_of(index: ObjectPath) -> Path:
    """Where the copy of an index is, or would be; its folder is made. Raises OSError."""
    # Readers of folders of this machine need nothing of the cache.
    from hevner.cache import default_folder

    try:
        root = default_folder()
    except RuntimeError as error:
        raise OSError(str(error)) from error
    digest = hashlib.blake2b(str(index.parent).encode(), digest_size=8).hexdigest()
    folder = root / "catalogs" / digest
    folder.mkdir(parents=True, exist_ok=True)
    return folder / index.name


def part_of(copy: Path) -> Path:
    """A new name for a copy that is being written."""
    sweep_parts(copy.parent, LEFT_S)
    return copy.parent / PART.format(secrets.token_hex(6))


def keep(part: Path, copy: Path) -> None:
    """Give a complete copy its name, and remove those of other versions."""
    os.replace(part, copy)
    for old in copy.parent.glob(f"{copy.name.partition('-')[0]}-*"):
        if old != copy:
            with suppress(OSError):  # where others hold it open and that hinders
                old.unlink()


def fetched(index: ObjectPath) -> Path:
    """The copy of an index, fetched unless it is there; raises OSError."""
    copy = place_of(index)
    if not copy.is_file():
        part = part_of(copy)
        try:
            index.download(part)
            keep(part, copy)
        finally:
            part.unlink(missing_ok=True)
    return copy
