"""Audio files that catalogues are made of, in folders and in object stores.

Conventions
-----------
An object is copied to a temporary file to be read, and known by the tag that it had before. If it
is replaced meanwhile, the next listing has another tag, so it is read again then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from hevner.catalog import header
from hevner.catalog.file_identity import Content, Stamp, read_steadily
from hevner.errors import AudioError, HevnerError, ModelError
from hevner.files import Found, find_audio, is_audio_name
from hevner.object_path import Location, ObjectPath, StoredObject
from hevner.result import Failure

Result = TypeVar("Result")


@dataclass(frozen=True)
class FoundObject:
    """An object to analyse, as its store listed it, and its name below what was searched."""

    stored: StoredObject
    name: Path

    @property
    def path(self) -> ObjectPath:
        """Its place."""
        return self.stored.path


Source = Found | FoundObject


def find(places: Iterable[Location]) -> tuple[list[Source], list[Failure]]:
    """Expand files, objects and folders as `hevner.files.find_audio` does.

    Raises
    ------
    CatalogError
        If a store cannot be reached.
    """
    objects: dict[ObjectPath, FoundObject] = {}
    folders = []
    for one in places:
        if isinstance(one, ObjectPath):
            objects |= {found.path: found for found in _listed(one) if found.path not in objects}
        else:
            folders.append(one)
    files, problems = find_audio(folders)
    return [*files, *objects.values()], problems


def _listed(folder: ObjectPath) -> list[FoundObject]:
    try:
        below = [(one, Path(one.path.uri[len(folder.uri) + 1 :])) for one in folder.objects()]
        if not below and folder.key and folder.exists():
            return [FoundObject(folder.stat(), Path(folder.name))]
    except OSError as error:
        raise header.unreachable(folder, error.strerror or str(error)) from error
    return [
        FoundObject(stored, name)
        for stored, name in below
        if is_audio_name(name.name) and not any(part[0] == "." for part in name.parts)
    ]


def absolute(file: Source) -> Source:
    """A file as machines name it that work in other folders."""
    return replace(file, path=file.path.absolute()) if isinstance(file, Found) else file


def stamp_of(source: Source) -> Stamp:
    """The stamp of a file, or of an object as it was listed; raises OSError."""
    return Stamp.of(source.path) if isinstance(source, Found) else Stamp.of_status(source.stored)


def read_source(
    source: Source,
    read: Callable[[Path, str], Result],
    is_new: Callable[[str], bool],
    stage: str,
    fatal: tuple[type[HevnerError], ...] = (ModelError,),
    first: Callable[[Path], None] = lambda _path: None,
) -> tuple[Content | None, Result | Failure | None]:
    """Read a file, or a copy of an object; the rest is that of `read_steadily`.

    Either is given to ``first`` before.
    """
    if isinstance(source, Found):
        first(source.path)
        return read_steadily(source.path, read, is_new, stage, fatal)
    name = str(source.path)
    with TemporaryDirectory(prefix="hevner-") as folder:
        copy = Path(folder) / f"audio{source.path.suffix}"
        try:
            stamp = Stamp.of_status(source.path.download(copy))
        except OSError as error:
            cause = f"the object cannot be read ({error.strerror or error})"
            remedy = "Run the same command again"
            return None, Failure(name, AudioError.stage, cause, remedy, code="unreadable")
        first(copy)
        content, outcome = read_steadily(copy, read, is_new, stage, fatal)
    if isinstance(outcome, Failure):
        outcome = replace(outcome, path=name)
    return content and replace(content, stamp=stamp), outcome
