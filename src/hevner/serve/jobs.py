"""An analysis that was asked for, and its folder on disk.

Conventions
-----------
A job is a folder named by its id::

    job.json     what is asked and how it stands, written in one step
    audio.*      the upload; gone as soon as there is a result, or none to come
    result.json  the analysis, as `hevner.Analysis.to_dict` tells it
    words.json   words for it, as `hevner.catalog.hits.Told.to_dict` tells them

On disk a job that is being worked on is still queued: so whatever ends the server, the next one
begins it again. Times are seconds since 1970.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from hevner.files import SUFFIXES, printable, replace_file

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
FINAL = (DONE, FAILED, CANCELLED)

RECORD, RESULT, WORDS = "job.json", "result.json", "words.json"

NAME_LENGTH = 200
"""Characters kept of a file's name."""

KEPT = ("id", "name", "bytes", "created", "finished", "state", "attempts", "error")
"""Fields that are on disk."""


@dataclass(eq=False)
class Job:
    """An analysis that was asked for.

    Attributes
    ----------
    folder
        Its folder.
    id
        Not to be guessed.
    name
        Of the file, without folders.
    bytes
        Size of the upload.
    created, finished
        When; ``finished`` is None before.
    state
        `QUEUED`, `RUNNING` or one of `FINAL`.
    attempts
        How often it was begun.
    error
        ``kind``, ``message`` and ``remedy`` if it failed.
    progress
        In [0, 1].
    ending
        Whether its end is being written to disk. Until that is done, `state` stays what it was:
        whoever sees a final state finds the record written and the upload deleted.
    changed
        Set, and replaced by a new one, whenever anything above changes.
    """

    folder: Path
    id: str
    name: str
    bytes: int
    created: float
    finished: float | None = None
    state: str = QUEUED
    attempts: int = 0
    error: dict[str, str] | None = None
    progress: float = 0.0
    ending: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in FINAL

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or its end is being written."""
        return self.ending or self.is_final

    @property
    def audio(self) -> Path | None:
        """The upload, as long as it is there."""
        return next(self.folder.glob("audio*"), None)

    @property
    def result(self) -> Path:
        """Where the analysis is, or will be."""
        return self.folder / RESULT

    @property
    def words(self) -> Path:
        """Where the words for it are, or will be."""
        return self.folder / WORDS

    def tell(self) -> None:
        """Wake those who wait for a change."""
        self.changed.set()
        self.changed = asyncio.Event()

    def write(self) -> None:
        """Write how it stands; raises `OSError`."""
        state = self.state if self.is_final else QUEUED
        kept = {name: getattr(self, name) for name in KEPT} | {"state": state}
        replace_file(self.folder / RECORD, json.dumps(kept).encode())

    def drop_audio(self) -> None:
        """Delete the upload."""
        if (audio := self.audio) is not None:
            audio.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.folder, ignore_errors=True)


def new_id() -> str:
    """An id that nobody guesses."""
    return secrets.token_hex(12)


def read(folder: Path) -> Job | None:
    """The job in a folder; None if an upload was not finished or the folder is damaged."""
    try:
        kept: dict[str, Any] = json.loads((folder / RECORD).read_bytes())
        job = Job(folder, **{name: kept[name] for name in KEPT})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    sound = job.id == folder.name and (
        job.result.is_file() if job.state == DONE else job.is_final or job.audio is not None
    )
    if sound and job.state == DONE:
        job.progress = 1.0
    return job if sound else None


def bare_name(sent: str) -> str:
    """What a browser calls a file, without folders and without what cannot be shown."""
    name = PurePosixPath(PureWindowsPath(sent).name).name
    shown = printable(name).strip()[-NAME_LENGTH:]
    return "upload" if shown in ("", ".", "..") else shown


def ending(name: str) -> str:
    """The ending to store an upload under: one that is usual for audio, else none."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix in SUFFIXES else ""
