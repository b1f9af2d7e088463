"""Decoding in a process of its own, so that a file that kills its decoder costs one file.

`open_audio` does what `hevner.audio.decode.open_audio` does, elsewhere: four libraries written in C
read what strangers send, and one that crashes, hangs or asks for all memory would take the whole
run with it, again in every run.

Conventions
-----------
A process decodes one file at a time and is kept for the next; as many are started as files are read
at once. Samples come through a pipe, a few seconds ahead. All errors appear while the blocks are
read. Where memory cannot be limited (Windows, macOS), the rest holds.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np

from hevner import errors, metadata
from hevner.audio import about_file, decode
from hevner.audio.decode import SAMPLE_RATE, Audio
from hevner.audio.mixdown import Samples
from hevner.child_process import (
    Answer,
    ChildProcess,
    ProcessEndedError,
    Send,
    Task,
    limit,
    python,
    work,
)
from hevner.errors import AudioError, HevnerError

SILENCE_S = 60.0
"""Seconds for which a decoder may yield nothing; decoding a block takes milliseconds."""

ABOUT_S = 600.0
"""Seconds for reading the tags and the packets of a file, perhaps over a slow network."""

MEMORY_BYTES = 2 * 2**30
"""Address space of a decoding process; of a usual file it needs a fifth."""

MESSAGE = 2**15
"""Samples sent at a time; memory for larger ones would be got from the system each time."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Environment of a decoding process, which does no linear algebra: it starts sooner."""

CONVERT = "Check that other programs play it, or convert it to WAV or FLAC"

FIELDS = ("cause", "remedy", "subject", "stage", "code")
"""What an error says besides its kind."""

OpenAudio = Callable[[Path, int], Audio]


class Decoders:
    """Processes that decode; may be used from several threads.

    Parameters
    ----------
    module
        Its ``main`` is run in the processes, with `MEMORY_BYTES`.
    silence_s
        Seconds for which a decoder may yield nothing.
    memory_bytes
        Address space of a process.
    """

    def __init__(
        self,
        module: str = __name__,
        silence_s: float = SILENCE_S,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._module = module
        self._silence_s = silence_s
        self._memory_bytes = memory_bytes
        self._idle: list[ChildProcess] = []
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start a process for the first file, which then need not wait for it."""
        child = self._take()
        try:
            child.start()
        except OSError:  # the first file reports it
            return
        self._give_back(child)

    def close(self) -> None:
        """End the processes that decode nothing."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.close()

    def open_audio(self, path: str | Path, sample_rate: int = SAMPLE_RATE) -> Audio:
        """Open a file for reading; parameters and errors are those of `decode.open_audio`.

        Besides, an `AudioError` says that the decoder crashed (``decoder_crashed``), yielded
        nothing for too long (``decoder_timeout``) or needed too much memory (``decoder_memory``).
        """
        warnings: list[str] = []
        folder = "" if Path(path).is_absolute() else os.getcwd()  # noqa: PTH109 - it is sent
        task = {"path": str(path), "folder": folder, "rate": sample_rate}
        return Audio(str(path), self._blocks(task, warnings), warnings, sample_rate)

    def about(self, path: Path, name: str) -> dict[str, Any]:
        """What a catalogue notes of a file besides its analysis (`hevner.audio.about_file.about`).

        Of a file that breaks its reader, what its path says.
        """
        fields, _ = self._asked(path, about=name)
        return fields.get("about") or about_file.of_path(path, name)

    def cover(self, path: Path) -> tuple[str, bytes] | None:
        """The embedded picture of a file; see `hevner.metadata.cover`."""
        fields, data = self._asked(path, cover=True)
        return (fields["kind"], bytes(data)) if fields.get("kind") else None

    def _asked(self, path: Path, **task: Any) -> Answer:
        """The answer to a task that has one; empty if the file broke the process."""
        task |= {"path": str(path), "folder": "" if path.is_absolute() else os.getcwd()}  # noqa: PTH109 - it is sent
        child = self._take()
        try:
            with closing(child.run(task, ABOUT_S)) as answers:
                return next(answers)
        except (ProcessEndedError, OSError):
            return {}, bytearray()
        finally:
            self._give_back(child)

    def _blocks(self, task: Task, warnings: list[str]) -> Iterator[Samples]:
        """Blocks of a file, from a new process if an old one ends in the middle.

        What broke an old one may have been a file before, so a file is to blame only for the end
        of a process that decoded nothing else.
        """
        delivered, path = 0, task["path"]
        while True:
            child = self._take()
            try:
                with closing(self._decoded(child, task, warnings)) as blocks:
                    for block in islice(blocks, delivered, None):
                        delivered += 1
                        yield block
            except ProcessEndedError as end:
                if end.late or end.tasks <= 1:
                    raise _refused(path, end, self._silence_s) from end
            except OSError as error:
                raise _not_started(path, str(error)) from error
            else:
                return
            finally:
                self._give_back(child)

    def _decoded(self, child: ChildProcess, task: Task, warnings: list[str]) -> Generator[Samples]:
        """Blocks of a file as they come from a process."""
        with closing(child.run(task, self._silence_s, renewed=True)) as answers:
            for fields, data in answers:
                if "error" in fields:
                    raise _error(**fields["error"])
                warnings.extend(fields.get("warnings", ()))
                if data:
                    yield np.frombuffer(data, np.float32)

    def _take(self) -> ChildProcess:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return ChildProcess(python(self._module, self._memory_bytes), **ONE_THREAD)

    def _give_back(self, child: ChildProcess) -> None:
        with self._lock:
            self._idle.append(child)


def _error(kind: str, cause: str, **named: str) -> HevnerError:
    """An error as the decoder raised it."""
    return cast(HevnerError, getattr(errors, kind, HevnerError)(cause, **named))


def _refused(path: str, end: ProcessEndedError, silence_s: float) -> HevnerError:
    """The error for a file that ended its process."""
    if not end.tasks:
        return _not_started(path, f"it ended with status {end.status}")
    stage = AudioError.stage
    if end.late:
        cause, code = f"its decoder yielded nothing for {silence_s:g} s", "decoder_timeout"
    elif end.status == -9:  # the system does that, short of memory, perhaps for other processes
        cause, code = "its decoder was ended by the system, short of memory", "decoder_memory"
        stage = "setup"
    else:
        name = signal.strsignal(-end.status) if end.status < 0 else None
        died = (name or f"status {end.status}").lower()
        cause, code = f"it crashes its decoder ({died})", "decoder_crashed"
    return AudioError(cause, subject=path, remedy=CONVERT, stage=stage, code=code)


def _not_started(path: str, why: str) -> HevnerError:
    return HevnerError(
        f"no process can be started to decode it ({why})",
        subject=path,
        remedy="Free memory, or allow this user more processes",
        stage="setup",
        code="decoder_missing",
    )


shared = Decoders()
"""The processes of this one."""

atexit.register(lambda: shared.close())  # whichever it is by then


def open_audio(path: str | Path, sample_rate: int = SAMPLE_RATE) -> Audio:
    """Open a file for reading; see `Decoders.open_audio`."""
    return shared.open_audio(path, sample_rate)


def about(path: Path, name: str) -> dict[str, Any]:
    """Read tags and packets of a file; see `Decoders.about`."""
    return shared.about(path, name)


def main(open_here: OpenAudio = decode.open_audio) -> None:
    """Decode files for another process; what opens them can be replaced."""
    limit(int(sys.argv[1]))
    work(lambda: partial(_decode, open_here))


def _decode(open_here: OpenAudio, task: Task, send: Send) -> None:
    try:
        if task["folder"]:
            os.chdir(task["folder"])
        if "about" in task:
            send(last=True, about=about_file.about(Path(task["path"]), task["about"]))
            return
        if "cover" in task:
            kind, picture = metadata.cover(Path(task["path"])) or ("", b"")
            send(picture, last=True, kind=kind)
            return
        audio = open_here(Path(task["path"]), task["rate"])
        for block in audio.blocks:
            for start in range(0, len(block), MESSAGE):
                send(np.ascontiguousarray(block[start : start + MESSAGE], np.float32))
    # Whatever a file provokes, the next one comes.
    except Exception as error:  # noqa: BLE001
        raised = error if isinstance(error, HevnerError) else _unexpected(error, task["path"])
        fields = {name: getattr(raised, name) for name in FIELDS}
        send(last=True, error={"kind": type(raised).__name__, **fields})
    else:
        send(last=True, warnings=audio.warnings)


def _unexpected(error: Exception, path: str) -> AudioError:
    cause, code = f"{type(error).__name__}: {error}", "unexpected"
    if isinstance(error, MemoryError):
        cause, code = "its decoder needs more memory than it may have", "decoder_memory"
    return AudioError(cause, subject=path, remedy=CONVERT, code=code)
