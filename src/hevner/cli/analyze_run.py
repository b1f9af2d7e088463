"""The work behind ``hevner analyze``."""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from hevner import extras
from hevner.batch import SupportsAnalyze, analyze_many, usable_cores
from hevner.cache import Cache
from hevner.cli.progress import (
    FAILED,
    FINE,
    INTERRUPTED,
    USAGE,
    Reporter,
    say,
    stopping_cleanly,
    without_decoder_notes,
)
from hevner.defaults import identity
from hevner.emotion import Scale
from hevner.errors import HevnerError, ModelError, OutputError
from hevner.files import Found, OutputFile, cannot_write, display_name, find_audio
from hevner.result import Analysis, Failure

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from hevner.model.personal import Personal
    from hevner.output import Options, Writer

    Results = Generator[Analysis | Failure, None, None]

PLOT_ENDINGS = (".png", ".svg", ".pdf")
"""Endings that make the argument of ``--plot`` a file."""


@dataclass(frozen=True)
class Request:
    """What was asked for; the fields are the options of the command."""

    paths: list[Path]
    form: str
    output: Path | None
    plot: Path | None
    scale: Scale
    personal: Path | None
    all_tags: bool
    window: float | None
    jobs: int | None
    cache: bool
    quiet: bool


def run(request: Request) -> int:
    """Analyse, write, plot; return the exit status."""
    found, problems = find_audio(request.paths)
    if not found and not problems:
        endings = "such as .wav, .flac, .mp3, .ogg or .m4a"
        say(f"Error: no audio files found; names must end in one of the usual ways, {endings}.")
        return USAGE
    if request.plot is not None:
        extras.require("plot", "'hevner analyze --plot'", "matplotlib")
    try:
        plots = None if request.plot is None else Plots(request.plot, found)
        analyzer, cache = _prepare(request)
        personal = None if request.personal is None else _load(request.personal)
        destination = StandardOutput() if request.output is None else OutputFile(request.output)
    except HevnerError as error:
        say(f"Error: {error}")
        return USAGE
    session = Session(request, destination, plots)
    results = analyze_many((f.path for f in found), analyzer, request.jobs or usable_cores(), cache)
    if personal is not None:
        results = _personalised(results, personal)
    with ExitStack() as stack:
        stack.callback(_warn_of, cache)
        stack.enter_context(without_decoder_notes())
        stack.enter_context(stopping_cleanly())
        stack.enter_context(closing(destination))
        stack.enter_context(closing(results))
        try:
            session.go(found, results, problems, cache)
        except (OutputError, ModelError) as error:
            say(f"Error: {error}")
            return FAILED
        except BrokenPipeError:
            return FAILED
        except KeyboardInterrupt:
            results.close()
            kept = "nothing was kept" if cache is None else "the same command goes on from here"
            say(f"Stopped; {kept}.")
            return INTERRUPTED
    return session.status


def _prepare(request: Request) -> tuple[SupportsAnalyze, Cache | None]:
    name = identity(request.window)
    return LateAnalyzer(request.window), Cache(name) if request.cache else None


def _load(path: Path) -> Personal:
    from hevner.model import personal

    return personal.load(path)


def _personalised(results: Results, personal: Personal) -> Results:
    """Correct results after the cache, which keeps those of the model alone.

    So no entry depends on a correction, and a new correction needs no new analysis.
    """
    with closing(results):
        for result in results:
            yield personal.apply(result) if isinstance(result, Analysis) else result


class LateAnalyzer:
    """A `hevner.Analyzer` that is imported and made when a file needs it.

    That is never, if the cache knows them all.
    """

    def __init__(self, window: float | None) -> None:
        self._window = window
        self._lock = Lock()
        self._analyzer: SupportsAnalyze | None = None

    def analyze(self, source: Path, /) -> Analysis:
        """The emotion of a file; see `hevner.Analyzer`."""
        with self._lock:
            if self._analyzer is None:
                from hevner.analysis import Analyzer

                self._analyzer = Analyzer(window=self._window)
        return self._analyzer.analyze(source)


def _warn_of(cache: Cache | None) -> None:
    if cache is not None and cache.problem:
        say(f"Warning: results are not kept for the next run: {cache.problem}.")


class StandardOutput:
    """The standard output, flushed at once so that a reader sees each result when it is known."""

    def write(self, text: str) -> None:
        """Add text; raises `OutputError` or `BrokenPipeError`."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            # Python would try once more when it exits, and complain.
            with open(os.devnull, "w") as nowhere:  # noqa: PTH123
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            if isinstance(error, BrokenPipeError):
                raise
            raise cannot_write(Path("standard output"), error) from error

    def commit(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """It is not ours to close."""


class Plots:
    """Where each plot goes.

    Parameters
    ----------
    place
        A folder, or for a single piece a file.
    found
        All files.
    """

    def __init__(self, place: Path, found: list[Found]) -> None:
        self._taken: set[str] = set()
        self._file: Path | None = None
        self._folder = place
        if place.suffix.lower() in PLOT_ENDINGS and not place.is_dir():
            if len(found) > 1:
                raise OutputError(
                    f"one file cannot hold the plots of {len(found)} pieces",
                    subject=display_name(place),
                    remedy="Name a folder after --plot",
                )
            self._file = place

    def draw(self, analysis: Analysis, found: Found) -> None:
        """Draw an analysis; raises `OutputError`."""
        from hevner.output import plot

        target = self._file or self._target(found.name)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(target.parent, error) from error
        plot.save(analysis, target)

    def _target(self, name: Path) -> Path:
        """``folder/sub/song.mp3.png``; pieces of the same name get numbers."""
        number, target = 1, f"{name}.png"
        while target.casefold() in self._taken:
            number += 1
            target = f"{name}-{number}.png"
        self._taken.add(target.casefold())
        return self._folder / target


class Session:
    """One run over the files: writes, plots, counts."""

    def __init__(
        self, request: Request, destination: StandardOutput | OutputFile, plots: Plots | None
    ) -> None:
        self.request = request
        self.destination = destination
        self.plots = plots
        self.status = FINE
        self.count = {"ok": 0, "silent": 0, "failed": 0}
        # Lines that come one by one would tear a bar on the same terminal apart.
        torn = request.output is None and request.form != "table" and sys.stdout.isatty()
        self.bar = not request.quiet and not torn

    def go(
        self,
        found: list[Found],
        results: Iterator[Analysis | Failure],
        problems: list[Failure],
        cache: Cache | None,
    ) -> None:
        """Work through the results as they come."""
        from hevner import output

        start = time.perf_counter()
        writer = output.create(self.request.form, self.destination, self._table_options())
        with Reporter(len(found), self.bar) as reporter:
            for file, record in zip(found, results, strict=True):
                self._take(record, writer, reporter)
                if isinstance(record, Analysis) and self.plots is not None:
                    self._draw(record, file, reporter)
                reporter.advance()
            for problem in problems:
                self._take(problem, writer, reporter)
        writer.finish()
        self.destination.commit()
        self._conclude(time.perf_counter() - start, cache)

    def _take(self, record: Analysis | Failure, writer: Writer, reporter: Reporter) -> None:
        self.count[record.status] += 1
        if isinstance(record, Analysis):
            writer.write(record.on(self.request.scale))
            return
        writer.write(record)
        self.status = FAILED
        if self.request.form != "table" and not self.request.quiet:
            reporter.say(f"Failed: {record.path}: {record.cause}. {record.remedy}".rstrip())

    def _draw(self, record: Analysis, file: Found, reporter: Reporter) -> None:
        assert self.plots is not None
        try:
            self.plots.draw(record.on(self.request.scale), file)
        except OutputError as error:
            self.status = FAILED
            reporter.say(f"Error: {error}")

    def _table_options(self) -> Options:
        from hevner.output import Options

        if self.request.output is None and sys.stdout.isatty():
            colour = "NO_COLOR" not in os.environ
            width = shutil.get_terminal_size().columns
            return Options(width=width, colour=colour, all_tags=self.request.all_tags)
        return Options(all_tags=self.request.all_tags)

    def _conclude(self, seconds: float, cache: Cache | None) -> None:
        if self.request.quiet:
            return
        parts = [f"{self.count['ok']} analysed"]
        parts += [f"{n} {what}" for what, n in self.count.items() if what != "ok" and n]
        if cache is not None and cache.hits:
            parts.append(f"{cache.hits} of them known from before")
        total = sum(self.count.values())
        say(f"{total} file{'s' if total != 1 else ''} in {seconds:.1f} s: {', '.join(parts)}.")
