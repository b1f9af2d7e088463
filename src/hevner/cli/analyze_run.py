"""The work behind ``hevner analyze``."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hevner import extras
from hevner.batch import analyze_many, usable_cores
from hevner.cache import Cache
from hevner.cli.piece_files import Annotations, PieceFiles, Plots
from hevner.cli.pipes import Pipes
from hevner.cli.progress import (
    FAILED,
    FINE,
    INTERRUPTED,
    USAGE,
    Reporter,
    failure_line,
    say,
    stopping_cleanly,
    without_decoder_notes,
)
from hevner.defaults import explanation_of, identity
from hevner.emotion import Scale
from hevner.errors import HevnerError, ModelError, OutputError
from hevner.files import Found, OutputFile, find_audio
from hevner.folders import LateAnalyzer
from hevner.model import registry
from hevner.output.annotations import PER_PIECE
from hevner.result import Analysis, Failure

if TYPE_CHECKING:
    from collections.abc import Generator

    from hevner.output import Options, Writer

    Results = Generator[Analysis | Failure, None, None]


@dataclass
class Session:
    """One run over files: analyses, writes, plots, counts."""

    form: str
    output: Path | None
    scale: Scale
    all_tags: bool
    beats: bool
    explain: bool
    quiet: bool
    per_piece: list[PieceFiles] = field(default_factory=list)
    status: int = FINE
    count: Counter[str] = field(default_factory=Counter)

    def run(
        self,
        paths: list[Path],
        *,
        plot: Path | None,
        to: Path | None,
        window: float | None,
        model: str,
        jobs: int | None,
        cached: bool,
    ) -> int:
        """Analyse files and folders; return the exit status. The options are those of the verb."""
        found, problems = find_audio(paths)
        if not found and not problems:
            endings = "such as .wav, .flac, .mp3, .ogg or .m4a"
            say(f"Error: no audio files found; names must end in one of the usual ways, {endings}.")
            return USAGE
        if plot is not None:
            extras.require("plot", "'hevner analyze --plot'", "matplotlib")
        pipes = Pipes()
        try:
            if plot is not None:
                self.per_piece.append(Plots(plot, found))
            if to is not None:
                self.per_piece.append(Annotations(to, self.form))
            path = registry.path_of(model)
            if self.explain or self.form == "explanation":
                _check_explained(path, model)
            cache = Cache(identity(window, path)) if cached else None
            files, analyzer = pipes.files(found), LateAnalyzer(window, path)
            results = analyze_many(files, analyzer, jobs or usable_cores(), cache)
            results = pipes.named(found, results)
            destination = StandardOutput() if self.output is None else OutputFile(self.output)
        except HevnerError as error:
            say(f"Error: {error}")
            return USAGE
        with ExitStack() as stack:
            stack.enter_context(pipes)
            stack.callback(_warn_of, cache)
            stack.enter_context(without_decoder_notes())
            stack.enter_context(stopping_cleanly())
            stack.enter_context(closing(destination))
            stack.enter_context(closing(results))
            try:
                self._go(found, results, problems, destination, cache)
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
        return self.status

    def _go(
        self,
        found: list[Found],
        results: Results,
        problems: list[Failure],
        destination: StandardOutput | OutputFile,
        cache: Cache | None,
    ) -> None:
        """Work through the results as they come."""
        from hevner import output

        start = time.perf_counter()
        options = self._table_options()
        if self.form in PER_PIECE:  # all is in the files of each piece
            writer = output.Writer(destination, options)
        else:
            writer = output.create(self.form, destination, options)
        # Lines that come one by one would tear a bar on the same terminal apart.
        torn = self.output is None and self.form != "table" and sys.stdout.isatty()
        with Reporter(len(found), not self.quiet and not torn) as reporter:
            for file, record in zip(found, results, strict=True):
                self._take(record, writer, reporter)
                if isinstance(record, Analysis):
                    self._write_files(record.on(self.scale), file, reporter)
                reporter.advance()
            for problem in problems:
                self._take(problem, writer, reporter)
        writer.finish()
        destination.commit()
        if not self.quiet:
            say(self._summary(time.perf_counter() - start, cache))

    def _write_files(self, analysis: Analysis, file: Found, reporter: Reporter) -> None:
        """Write plots and annotations of a piece; what cannot be written is reported."""
        for made in self.per_piece:
            try:
                made.write(analysis, file)
            except OutputError as error:
                self.status = FAILED
                reporter.say(f"Error: {error}")

    def _take(self, record: Analysis | Failure, writer: Writer, reporter: Reporter) -> None:
        self.count[record.status] += 1
        if isinstance(record, Analysis):
            writer.write(record.on(self.scale))
            return
        writer.write(record)
        self.status = FAILED
        if self.form != "table" and not self.quiet:
            reporter.say(failure_line(record))

    def _table_options(self) -> Options:
        from hevner.output import Options

        if self.output is None and sys.stdout.isatty():
            colour = "NO_COLOR" not in os.environ
            width = shutil.get_terminal_size().columns
            return Options(width=width, colour=colour, all_tags=self.all_tags)
        return Options(all_tags=self.all_tags, beats=self.beats, explain=self.explain)

    def _summary(self, seconds: float, cache: Cache | None) -> str:
        parts = [f"{self.count['ok']} analysed"]
        names = {"silent": "silent", "no_music": "no music", "failed": "failed"}
        parts += [f"{self.count[one]} {name}" for one, name in names.items() if self.count[one]]
        if cache is not None and cache.hits:
            parts.append(f"{cache.hits} of them known from before")
        total = self.count.total()
        return f"{total} file{'s' if total != 1 else ''} in {seconds:.1f} s: {', '.join(parts)}."


def _check_explained(path: Path, name: str) -> None:
    """Refuse to explain the readings of a model that has no explanation."""
    if not explanation_of(path).is_file():
        raise ModelError(
            f"the model {name} has no explanation, so why it reads a piece as it does is not known",
            remedy="Leave out --model for the readings of the one that comes with hevner, and why",
            code="no_explanation",
        )


def _warn_of(cache: Cache | None) -> None:
    if cache is not None and cache.problem:
        say(f"Warning: results are not kept for the next run: {cache.problem}.")


class StandardOutput:
    """The standard output, flushed at once so that a reader sees each result when it is known."""

    def write(self, text: str) -> None:
        """Add text; raises `OutputError` or `BrokenPipeError` (`hevner.cli.streams`)."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def commit(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """It is not ours to close."""
