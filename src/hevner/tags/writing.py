"""Tags written into files so that nothing can be lost, and taken back.

A file is copied beside itself, the copy gets the tags and is compared with the file: the tags that
were written, all others, and the audio. Then the journal notes how to make the old bytes from the
new ones, and the copy takes the place of the file in one step.

Conventions
-----------
A link is followed and stays a link. Permissions, owner and extended attributes stay. A file with
several names is left alone, since the others would keep the old tags, and so is one that is
write-protected. Whatever fails is an error about that one file, which is then as it was.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hevner.audio.packets import packet_digest
from hevner.errors import AudioError, OutputError
from hevner.files import PART, cannot_write, display_name
from hevner.tags.containers import TaggedFile
from hevner.tags.difference import difference, patched
from hevner.tags.journal import Entry, Journal, content_digest, packed
from hevner.tags.values import Values


@dataclass(frozen=True)
class Change:
    """A field of tags, its name in the file, and its values as they are and as they shall be."""

    field: str
    name: str
    old: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """The change as a diff shows it."""
        both = (("-", self.old), ("+", self.new))
        return [f"  {sign} {self.name}: {'; '.join(texts)}" for sign, texts in both if texts]


def changes(path: Path, values: Values, overwrite: bool = False) -> list[Change]:
    """The fields that a file lacks, or that are other there if they may be overwritten.

    Raises
    ------
    AudioError
        If its tags cannot be read or written.
    """
    file = TaggedFile(path)
    found = [Change(f, file.name(f), file.values(f), new) for f, new in values.items()]
    return [one for one in found if one.old != one.new and (overwrite or not one.old)]


def write(path: Path, wanted: list[Change], journal: Journal, keep_times: bool = False) -> None:
    """Write changes of `changes` to a file.

    Parameters
    ----------
    path
        The file.
    wanted
        What to change.
    journal
        Journal from which the file can be restored.
    keep_times
        Whether the file keeps its time of modification.

    Raises
    ------
    HevnerError
        If that is not possible; then the file is as it was.
    """
    import mutagen

    with _replaced(path) as (target, part):
        before = TaggedFile(target)
        try:
            TaggedFile(part, before).put({one.field: one.new for one in wanted})
            after = TaggedFile(part, before)
        except (mutagen.MutagenError, struct.error) as error:  # sizes that the format cannot hold
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise _refused(path, f"its tags cannot be written ({error})", "bad_tags") from error
        _compare(path, before, after, wanted)
        if _sound(target) != _sound(part):
            raise _refused(path, "its audio would change", "audio_changes")
        journal.add(_entry(target, part, wanted))
        if keep_times:
            os.utime(part, ns=(target.stat().st_atime_ns, target.stat().st_mtime_ns))


def undo(entry: Entry) -> bool:
    """Bring back a file as it was before its tags were written.

    Returns
    -------
    bool
        False if it is so already.

    Raises
    ------
    HevnerError
        If that is not possible; then the file stays as it is.
    """
    path = Path(entry.path)
    try:
        found = content_digest(path)
    except OSError as error:
        raise AudioError(
            f"the file cannot be read ({error.strerror or error}), so it is not restored",
            subject=display_name(path),
            remedy="If it was moved, move it back and undo again",
            code="unreadable",
        ) from error
    if found == entry.before:
        return False
    if found != entry.after:
        remedy = "Undo later runs first, or take its tags away with a program that edits tags"
        raise OutputError(
            "the file has changed since, so it is not restored",
            subject=display_name(path), remedy=remedy, code="changed_since",
        )  # fmt: skip
    with _replaced(path) as (target, part):
        with target.open("rb") as new, part.open("wb") as old:
            old.writelines(patched(new, entry.pieces, entry.bytes_kept))
        if content_digest(part) != entry.before:
            raise _refused(path, "the journal does not give its old bytes", "journal_damaged")
        os.utime(part, ns=(target.stat().st_atime_ns, entry.modified))
    return True


def _entry(target: Path, part: Path, wanted: list[Change]) -> Entry:
    """What the journal notes; the difference is tried out."""
    pieces, kept = difference(target, part)
    before, after = content_digest(target), content_digest(part)
    found = hashlib.blake2b(digest_size=20)
    with part.open("rb") as new:
        for content in patched(new, pieces, kept):
            found.update(content)
    if found.hexdigest() != before:
        raise _refused(target, "the file changes while it is read", "file_changing")
    written = {one.name: [list(one.old), list(one.new)] for one in wanted}
    modified = target.stat().st_mtime_ns
    return Entry(str(target), before, after, modified, pieces, packed(kept), written)


def _compare(path: Path, before: TaggedFile, after: TaggedFile, wanted: list[Change]) -> None:
    """Refuse a copy whose tags are not what was written and, besides, what was there."""
    for one in wanted:
        if "; ".join(after.values(one.field)) != "; ".join(one.new):
            raise _refused(path, f"{one.name} does not read as it was written", "not_verified")
    fields = [one.field for one in wanted]
    if before.rest(fields) != after.rest(fields):
        raise _refused(path, "other tags would change", "other_tags")


@contextmanager
def _replaced(path: Path) -> Iterator[tuple[Path, Path]]:
    """A file and a copy beside it, which takes its place at the end unless something fails."""
    target = Path(os.path.realpath(path))
    part = target.parent / PART.format(secrets.token_hex(6))
    try:
        status = target.stat()
        _check(path, target, status)
        shutil.copyfile(target, part)
        shutil.copystat(target, part)
        owner = (status.st_uid, status.st_gid)
        if hasattr(os, "chown") and (part.stat().st_uid, part.stat().st_gid) != owner:
            os.chown(part, *owner)
        os.utime(part)  # a part that looks old would be swept away
        yield target, part
        _to_disk(part)
        if _stamp(target.stat()) != _stamp(status):
            raise _refused(path, "the file changes while it is read", "file_changing")
        os.replace(part, target)
        _to_disk(target.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _check(path: Path, target: Path, status: os.stat_result) -> None:
    """Refuse what must not be replaced."""
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    if status.st_nlink > 1:
        raise OutputError(
            f"the file has {status.st_nlink} names (hard links), and only one would get the tags",
            subject=display_name(path),
            remedy="Put a copy of it in its place first",
            code="hard_links",
        )
    if not status.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise OutputError(
            "the file is write-protected",
            subject=display_name(path),
            remedy="Take the protection away if it shall have tags",
            code="no_permission",
        )


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk, where the system can do so."""
    if path.is_dir() and os.name == "nt":
        return
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _sound(path: Path) -> str:
    with path.open("rb") as file:
        return packet_digest(file, display_name(path))


def _refused(path: Path, cause: str, code: str) -> OutputError:
    remedy = "The file is as it was; write its tags with another program"
    return OutputError(cause, subject=display_name(path), remedy=remedy, code=code)
