"""A requested analysis, and its folder on disk.

Conventions
-----------
A job is a folder named by its id::

    job.json     the request and its state, written in one step
    audio.*      the upload; deleted as soon as the job has ended
    result.json  the analysis, as `hevner.Analysis.to_dict` returns it
    words.json   words for it, as `hevner.hits.EmotionWord.to_dict` returns them
    course.json  basic emotions and moods of its moments (`hevner.serve.course`)

On disk a running job is still queued, so that the next server starts it again however this one
ends. Times are seconds since 1970.

A job goes from `QUEUED`, often by way of `RUNNING`, to one of `FINAL`, and whoever has taken it is
the only one who ends it: the loop of the worker that runs it, or the request that cancels it while
it waits. All others set `Job.cancelled` and wait.
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
from hevner.text_file import read_json

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
FINAL = (DONE, FAILED, CANCELLED)

RECORD = "job.json"

NAME_LENGTH = 200
"""Characters kept of a file's name."""

KEPT = ("id", "name", "bytes", "created", "finished", "state", "attempts", "error")
"""Fields that are on disk."""


@dataclass(eq=False)
class Job:
    """A requested analysis.

    Attributes
    ----------
    name, bytes
        Name of the file, without folders, and its size.
    state
        `QUEUED`, `RUNNING` or one of `FINAL`.
    attempts
        How often it was started.
    error
        ``kind``, ``message`` and ``remedy`` if it failed.
    progress
        Share that is done, in [0, 1].
    cancelled
        Whether somebody wants it to end.
    changed
        Event that is set, and replaced by a new one, whenever a field changes.
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
    cancelled: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _taken: bool = False

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self.state in FINAL

    @property
    def audio(self) -> Path | None:
        """Path of the upload; None once it is deleted."""
        return next(self.folder.glob("audio*"), None)

    @property
    def result(self) -> Path:
        """Path of the analysis."""
        return self.folder / "result.json"

    @property
    def words(self) -> Path:
        """Path of the words for it."""
        return self.folder / "words.json"

    @property
    def course(self) -> Path:
        """Path of the basic emotions and moods of its moments."""
        return self.folder / "course.json"

    def take(self) -> bool:
        """Become its owner; return whether nobody was before."""
        free, self._taken = not self._taken, True
        return free

    def show(self, state: str, error: dict[str, str] | None = None) -> None:
        """Enter a state, with its error, and wake the tasks that wait for a change."""
        self.state, self.error = state, error
        self.notify()

    def notify(self) -> None:
        """Wake the tasks that wait for a change."""
        self.changed.set()
        self.changed = asyncio.Event()

    def write(self) -> None:
        """Write the record; raises `OSError`."""
        state = self.state if self.is_final else QUEUED
        kept = {name: getattr(self, name) for name in KEPT} | {"state": state}
        replace_file(self.folder / RECORD, json.dumps(kept).encode())

    def drop_audio(self) -> None:
        """Delete the upload."""
        if (audio := self.audio) is not None:
            audio.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Delete the folder of a job."""
    shutil.rmtree(folder, ignore_errors=True)


def new_id() -> str:
    """A random id that cannot be guessed."""
    return secrets.token_hex(12)


def read(folder: Path) -> Job | None:
    """Read a job from its folder; None for an unfinished upload or a damaged folder."""
    try:
        kept: dict[str, Any] = read_json(folder / RECORD)
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
    """File name sent by a browser, without folders and unprintable characters."""
    name = PurePosixPath(PureWindowsPath(sent).name).name
    shown = printable(name).strip()[-NAME_LENGTH:]
    return "upload" if shown in ("", ".", "..") else shown


def ending(name: str) -> str:
    """Suffix of a stored upload: a usual one of audio, else empty."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix in SUFFIXES else ""
