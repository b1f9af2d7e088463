"""A worker: a child process (`hevner.child_process`) that decodes, analyses and draws uploads.

Its arguments are the most memory it may use, in bytes, the longest audio it takes, in seconds, and
the graph of the model.

Conventions
-----------
A task is ``{"do": "analyse", "audio", "name", "result", "words", "course"}`` or ``{"do": "draw",
"result", "picture", "scale"}``, all paths but the name and the scale. Answers are
``{"progress": 0.4}``, and ``{"error": {...}}`` as the last if it failed. Files are written in one
step.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hevner.audio.decode import Audio, open_audio
from hevner.audio.mixdown import Samples
from hevner.child_process import Send, Task, limit, work
from hevner.errors import AudioError, HevnerError
from hevner.files import replace_file
from hevner.result import Analysis, clock

if TYPE_CHECKING:
    from hevner.hits import EmotionWord
    from hevner.serve.course import Course

DECODED = 0.2
"""Progress when the last sample has been decoded."""

ENCODED = 0.9
"""Progress when the last sample has been encoded; harmony and the model come after."""

STEP = 0.01
"""Least progress that is reported."""

WORDS = 12
"""Number of words for a piece."""

Analyze = Callable[[Audio], "tuple[Analysis, list[EmotionWord], Course]"]
"""Analyses a recording, finds words for it, and reads its moments; raises `HevnerError`."""


def main(model: Callable[[], Analyze] | None = None) -> None:
    """Run tasks until there are no more; ``model`` returns the function that analyses."""
    memory, duration = int(sys.argv[1]), float(sys.argv[2])
    if sys.platform != "win32":
        os.nice(10)
    limit(memory)
    graph = Path(sys.argv[3])
    work(lambda: TaskRunner(model() if model else analyzer_of(graph), duration).run)


def analyzer_of(graph: Path) -> Analyze:
    """An emotion model, and the common space for words."""
    from hevner.analysis import Analyzer
    from hevner.catalog.analyze_file import FileAnalyzer
    from hevner.catalog.describe import emotions_of
    from hevner.model import space
    from hevner.position import Position
    from hevner.serve.course import course_of

    analyzer, common = Analyzer(model=graph), space.load()
    files = FileAnalyzer(analyzer, common)
    _ = analyzer.model  # loaded before the first task comes

    def analyze(audio: Audio) -> tuple[Analysis, list[EmotionWord], Course]:
        reading = analyzer.read(audio)
        if reading.whole is None:
            return reading.analysis, [], {}
        analysis = reading.analysis
        assert analysis.valence is not None
        assert analysis.arousal is not None
        position = Position.of(analysis.valence, analysis.arousal)
        words = emotions_of(common, files.point(reading), position, WORDS)
        return analysis, words, course_of(analysis, reading.moments)

    return analyze


class TaskRunner:
    """Runs tasks one after the other, with audio up to a duration in seconds."""

    def __init__(self, analyze: Analyze, duration: float) -> None:
        self._model = analyze
        self._duration = duration
        self._shown = 0.0

    def run(self, task: Task, send: Send) -> None:
        """Run a task and answer with its outcome."""
        self._send = send
        send(progress=0.0)
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
            send(last=True)

    def _fail(self, kind: str, message: str, remedy: str, trace: str = "") -> None:
        error = {"kind": kind, "message": message, "remedy": remedy}
        self._send(last=True, error=error, trace=trace)

    def _analyse(self, task: Task) -> None:
        path = Path(task["audio"])
        audio = open_audio(path)
        if audio.promised > self._duration:
            raise too_long(self._duration)
        self._shown = 0.0
        blocks = self._watched(audio.blocks, audio.sample_rate, audio.promised)
        watched = dataclasses.replace(audio, blocks=blocks, progress=self._encoded)
        analysis, words, course = self._model(watched)
        named = dataclasses.replace(analysis, path=task["name"])
        replace_file(Path(task["words"]), _json([one.to_dict() for one in words]))
        replace_file(Path(task["course"]), _json(course))
        replace_file(Path(task["result"]), _json(named.to_dict()))

    def _watched(self, blocks: Iterator[Samples], rate: int, promised: float) -> Iterator[Samples]:
        """Pass samples on, report progress, and raise where there are too many."""
        seconds = 0.0
        for block in blocks:
            seconds += len(block) / rate
            if seconds > self._duration:
                raise too_long(self._duration)
            if promised:
                self._show(DECODED * min(seconds / promised, 1))
            yield block

    def _encoded(self, share: float) -> None:
        self._show(DECODED + (ENCODED - DECODED) * share)

    def _show(self, progress: float) -> None:
        if progress - self._shown >= STEP:
            self._shown = progress
            self._send(progress=round(progress, 3))

    def _draw(self, task: Task) -> None:
        from hevner.emotion import Scale
        from hevner.output import plot

        analysis = Analysis.from_dict(json.loads(Path(task["result"]).read_bytes()))
        plot.save(analysis.on(Scale.parse(task["scale"])), Path(task["picture"]))


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
