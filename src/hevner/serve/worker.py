"""A worker: a process of its own that decodes, analyses and draws what strangers have sent.

``python -m hevner.serve.worker MEMORY DURATION`` limits its own memory to so many bytes and takes
no audio longer than so many seconds. It reads tasks from its standard input, one JSON object per
line, and answers each with lines on its standard output: some of ``{"progress": 0.4}``, then
``{"done": true}`` or ``{"error": {...}}``.

Conventions
-----------
A task is ``{"do": "analyse", "audio", "name", "result", "words"}`` or ``{"do": "draw", "result",
"picture", "scale"}``, all paths but the name and the scale. Files are written in one step. The
process ends when its standard input does: whoever started it is gone then, and with it the reason
to go on.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import soundfile

from hevner.audio.decode import Audio, Samples, open_audio
from hevner.errors import AudioError, HevnerError
from hevner.files import replace_file
from hevner.result import Analysis, clock

if TYPE_CHECKING:
    from hevner.hits import EmotionWord

HEARD = 0.9
"""Progress when the last sample has been heard; harmony and the model come after."""

STEP = 0.01
"""Least progress that is told."""

WORDS = 12
"""Words that are told of a piece."""

Task = dict[str, Any]


def main(ear: Callable[[], Ear]) -> None:
    """Work through tasks until there are no more; ``ear`` makes what hears."""
    memory, duration = int(sys.argv[1]), float(sys.argv[2])
    _limit(memory)
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin, tasks), daemon=True).start()
    workshop = Workshop(ear(), duration, answers)
    # Nothing that a decoder prints shall be taken for an answer, and decoders written in C comment
    # on every damaged file; what goes wrong until here is for the server's log.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    while True:
        workshop.do(tasks.get())


def _limit(memory: int) -> None:
    """Take no more memory than that, leave no core files, and let others go first."""
    if sys.platform == "win32":
        return
    import resource

    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # elsewhere address space is not limited, or not in this way
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _read(source: IO[str], tasks: queue.SimpleQueue[Task]) -> None:
    for line in source:
        tasks.put(json.loads(line))
    os._exit(0)


class Ear(Protocol):
    """Anything that tells what a recording feels like, such as `Model`."""

    def hear(self, audio: Audio) -> tuple[Analysis, list[EmotionWord]]:
        """The analysis of a recording and words for it; raises `HevnerError`."""
        ...


class Model:
    """The model that ships with hevner, and the common space for words."""

    def __init__(self) -> None:
        from hevner.analysis import Analyzer
        from hevner.catalog.analyze_file import FileAnalyzer
        from hevner.model import space

        self._analyzer = Analyzer()
        self._space = space.load()
        self._files = FileAnalyzer(self._analyzer, self._space)
        _ = self._analyzer.model  # loaded before the first task comes

    def hear(self, audio: Audio) -> tuple[Analysis, list[EmotionWord]]:
        """The analysis of a recording and words for it; raises `HevnerError`."""
        from hevner.catalog.describe import emotions_of

        reading = self._analyzer.read(audio)
        if reading.whole is None:
            return reading.analysis, []
        return reading.analysis, emotions_of(self._space, self._files.point(reading), WORDS)


class Workshop:
    """Does tasks one after the other.

    Parameters
    ----------
    ear
        What hears.
    duration
        Longest audio in seconds.
    answers
        Where to tell how it goes.
    """

    def __init__(self, ear: Ear, duration: float, answers: IO[str]) -> None:
        self._ear = ear
        self._duration = duration
        self._answers = answers

    def do(self, task: Task) -> None:
        """Do a task and say how it went."""
        self._tell(progress=0.0)
        try:
            (self._draw if task["do"] == "draw" else self._analyse)(task)
        except HevnerError as error:
            self._fail(error.stage, error.cause, error.remedy)
        except MemoryError:
            self._fail("memory", "there is not enough memory for this", "Send a shorter piece")
        # The one place where everything is caught: whatever a file provokes, the next one comes.
        except Exception:  # noqa: BLE001
            trace = traceback.format_exc()
            self._fail("analyse", "the analysis failed", "Convert it to WAV or FLAC", trace)
        else:
            self._tell(done=True)

    def _fail(self, kind: str, message: str, remedy: str, trace: str = "") -> None:
        self._tell(error={"kind": kind, "message": message, "remedy": remedy}, trace=trace)

    def _tell(self, **what: object) -> None:
        self._answers.write(json.dumps(what) + "\n")

    def _analyse(self, task: Task) -> None:
        path = Path(task["audio"])
        audio = open_audio(path)
        promised = promised_seconds(path)
        if promised > self._duration:
            raise too_long(self._duration)
        blocks = self._watched(audio.blocks, audio.sample_rate, promised)
        analysis, told = self._ear.hear(dataclasses.replace(audio, blocks=blocks))
        named = dataclasses.replace(analysis, path=task["name"])
        replace_file(Path(task["words"]), _json([one.to_dict() for one in told]))
        replace_file(Path(task["result"]), _json(named.to_dict()))

    def _watched(self, blocks: Iterator[Samples], rate: int, promised: float) -> Iterator[Samples]:
        """Pass samples on, tell how far they have come, and stop where they go on too long."""
        heard, shown = 0.0, 0.0
        for block in blocks:
            heard += len(block) / rate
            if heard > self._duration:
                raise too_long(self._duration)
            progress = HEARD * min(heard / promised, 1) if promised else 0.0
            if progress - shown >= STEP:
                shown = progress
                self._tell(progress=round(progress, 3))
            yield block

    def _draw(self, task: Task) -> None:
        from hevner.emotion import Scale
        from hevner.output import plot

        analysis = Analysis.from_dict(json.loads(Path(task["result"]).read_bytes()))
        plot.save(analysis.on(Scale.parse(task["scale"])), Path(task["picture"]))


def promised_seconds(path: Path) -> float:
    """The length that a file's header tells, 0 if it tells none."""
    try:
        header = soundfile.info(str(path))
    except (soundfile.LibsndfileError, TypeError):
        return _promised_to_av(path)
    # Formats without a length in their header claim an arbitrarily large one.
    return header.duration if 0 < header.frames < 2**62 else 0.0


def _promised_to_av(path: Path) -> float:
    try:
        import av
    except ImportError:
        return 0.0
    try:
        with av.open(str(path)) as file:
            return float(file.duration or 0) / 1e6
    except (av.FFmpegError, ValueError):
        return 0.0


def too_long(duration: float) -> AudioError:
    """What to say of audio that goes on longer than so many seconds."""
    return AudioError(
        f"it is longer than this server takes, {clock(duration)}", remedy="Send a part of it"
    )


def _json(value: object) -> bytes:
    # NaN and infinity have no place in a result.
    return json.dumps(value, allow_nan=False).encode()


if __name__ == "__main__":
    main(Model)
