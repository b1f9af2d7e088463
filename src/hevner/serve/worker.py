"""A worker: a separate process that decodes, analyses and draws uploaded files.

``python -m hevner.serve.worker MEMORY DURATION`` limits its own memory, in bytes, and refuses audio
longer than a duration, in seconds. It reads tasks from its standard input, one JSON object per
line, and answers each with lines on its standard output: some of ``{"progress": 0.4}``, then
``{"done": true}`` or ``{"error": {...}}``.

Conventions
-----------
A task is ``{"do": "analyse", "audio", "name", "result", "words"}`` or ``{"do": "draw", "result",
"picture", "scale"}``, all paths but the name and the scale. Files are written in one step. The
process ends when its standard input does, since the server that started it is gone then.
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
from typing import IO, TYPE_CHECKING, Any

import soundfile

from hevner.audio.decode import Audio, open_audio
from hevner.audio.mixdown import Samples
from hevner.errors import AudioError, HevnerError
from hevner.files import replace_file
from hevner.result import Analysis, clock

if TYPE_CHECKING:
    from hevner.hits import EmotionWord

ENCODED = 0.9
"""Progress when the last sample has been encoded; harmony and the model come after."""

STEP = 0.01
"""Least progress that is reported."""

WORDS = 12
"""Number of words for a piece."""

Task = dict[str, Any]
Analyze = Callable[[Audio], "tuple[Analysis, list[EmotionWord]]"]
"""Analyses a recording and finds words for it; raises `HevnerError`."""


def main(model: Callable[[], Analyze]) -> None:
    """Run tasks until there are no more; ``model`` returns the function that analyses."""
    memory, duration = int(sys.argv[1]), float(sys.argv[2])
    _limit(memory)
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin, tasks), daemon=True).start()
    runner = TaskRunner(model(), duration, answers)
    # What a decoder prints must not be read as an answer, and decoders written in C comment on
    # every damaged file; errors before this line go to the server's log.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    while True:
        runner.run(tasks.get())


def _limit(memory: int) -> None:
    """Limit memory, write no core files, and lower the priority."""
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


def shipped_model() -> Analyze:
    """The model that ships with hevner, and the common space for words."""
    from hevner.analysis import Analyzer
    from hevner.catalog.analyze_file import FileAnalyzer
    from hevner.catalog.describe import emotions_of
    from hevner.model import space
    from hevner.position import Position

    analyzer, common = Analyzer(), space.load()
    files = FileAnalyzer(analyzer, common)
    _ = analyzer.model  # loaded before the first task comes

    def analyze(audio: Audio) -> tuple[Analysis, list[EmotionWord]]:
        reading = analyzer.read(audio)
        if reading.whole is None:
            return reading.analysis, []
        analysis = reading.analysis
        assert analysis.valence is not None
        assert analysis.arousal is not None
        position = Position.of(analysis.valence, analysis.arousal)
        return analysis, emotions_of(common, files.point(reading), position, WORDS)

    return analyze


class TaskRunner:
    """Runs tasks one after the other, with audio up to a duration in seconds."""

    def __init__(self, analyze: Analyze, duration: float, answers: IO[str]) -> None:
        self._model = analyze
        self._duration = duration
        self._answers = answers

    def run(self, task: Task) -> None:
        """Run a task and answer with its outcome."""
        self._send(progress=0.0)
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
            self._send(done=True)

    def _fail(self, kind: str, message: str, remedy: str, trace: str = "") -> None:
        self._send(error={"kind": kind, "message": message, "remedy": remedy}, trace=trace)

    def _send(self, **what: object) -> None:
        self._answers.write(json.dumps(what) + "\n")

    def _analyse(self, task: Task) -> None:
        path = Path(task["audio"])
        audio = open_audio(path)
        promised = promised_seconds(path)
        if promised > self._duration:
            raise too_long(self._duration)
        blocks = self._watched(audio.blocks, audio.sample_rate, promised)
        analysis, words = self._model(dataclasses.replace(audio, blocks=blocks))
        named = dataclasses.replace(analysis, path=task["name"])
        replace_file(Path(task["words"]), _json([one.to_dict() for one in words]))
        replace_file(Path(task["result"]), _json(named.to_dict()))

    def _watched(self, blocks: Iterator[Samples], rate: int, promised: float) -> Iterator[Samples]:
        """Pass samples on, report progress, and raise where there are too many."""
        seconds, shown = 0.0, 0.0
        for block in blocks:
            seconds += len(block) / rate
            if seconds > self._duration:
                raise too_long(self._duration)
            progress = ENCODED * min(seconds / promised, 1) if promised else 0.0
            if progress - shown >= STEP:
                shown = progress
                self._send(progress=round(progress, 3))
            yield block

    def _draw(self, task: Task) -> None:
        from hevner.emotion import Scale
        from hevner.output import plot

        analysis = Analysis.from_dict(json.loads(Path(task["result"]).read_bytes()))
        plot.save(analysis.on(Scale.parse(task["scale"])), Path(task["picture"]))


def promised_seconds(path: Path) -> float:
    """Length in seconds according to the header of a file; 0 if it has none."""
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
    """Error for audio longer than ``duration`` seconds."""
    return AudioError(
        f"it is longer than this server takes, {clock(duration)}",
        remedy="Send a part of it",
        code="too_long",
    )


def _json(value: object) -> bytes:
    # NaN and infinity have no place in a result.
    return json.dumps(value, allow_nan=False).encode()


if __name__ == "__main__":
    main(shipped_model)
