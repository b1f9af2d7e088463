"""The work behind ``hevner tag``."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hevner.batch import SupportsAnalyze, analyze_many, usable_cores
from hevner.cache import Cache
from hevner.cli.analyze_run import StandardOutput
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
from hevner.defaults import identity
from hevner.emotion import Scale
from hevner.errors import HevnerError
from hevner.files import Found, display_name, find_audio, printable, sweep_parts
from hevner.folders import LateAnalyzer
from hevner.model import registry
from hevner.result import Analysis, Failure
from hevner.tags import journal as journals
from hevner.tags import writing
from hevner.tags.values import values_of

LEFT_S = 3600.0
"""Age from which a copy beside a file was left by a killed run; seconds."""


@dataclass
class Tagging:
    """One run over files: analyses, writes tags, counts."""

    fields: tuple[str, ...]
    scale: Scale
    sure: float
    overwrite: bool
    dry_run: bool
    keep_times: bool
    quiet: bool
    journal: Path | None
    count: Counter[str] = field(default_factory=Counter)
    changed: list[Found] = field(default_factory=list)

    def run(self, paths: list[Path], model: str, jobs: int | None, *, cached: bool) -> int:
        """Tag files and folders, or the pieces of a catalogue; return the exit status."""
        catalog, analyzer, graph = None, None, registry.path_of(model)
        problems: list[Failure] = []
        if len(paths) == 1 and (paths[0] / "catalog.json").is_file():
            from hevner.tags.catalog_files import CatalogFiles

            if model:
                say("Error: a catalogue has its own model. Leave out --model.")
                return USAGE
            catalog = analyzer = CatalogFiles(paths[0])
            graph, found = catalog.model, catalog.found
        else:
            found, problems = find_audio(paths)
        if not found and not problems:
            say("Error: no audio files found.")
            return USAGE
        for problem in problems:
            self._fail(say, problem)
        self._log = journals.Journal(self.journal)
        cache = Cache(identity(model=graph)) if cached else None
        self._swept: set[Path] = set()
        status = FINE
        try:
            self._go(found, analyzer or LateAnalyzer(None, graph), jobs or usable_cores(), cache)
        except KeyboardInterrupt:
            say("Stopped; no file is half written.")
            status = INTERRUPTED
        except BrokenPipeError:
            status = FAILED
        if catalog is not None and self.changed:
            _renew(catalog, self.changed)
        if not self.quiet:
            say(self._summary(len(found)))
        return status or (FAILED if self.count["failed"] else FINE)

    def _go(
        self, found: list[Found], analyzer: SupportsAnalyze, jobs: int, cache: Cache | None
    ) -> None:
        results = analyze_many([one.path for one in found], analyzer, jobs, cache)
        bar = not self.quiet and not (self.dry_run and sys.stdout.isatty())
        with (
            without_decoder_notes(),
            stopping_cleanly(),
            Reporter(len(found), bar, "Tagging") as reporter,
            closing(results),
        ):
            for file, result in zip(found, results, strict=True):
                if isinstance(result, Failure):
                    self._fail(reporter.say, result)
                else:
                    self._take(file, result, cache, reporter)
                reporter.advance()

    def _take(
        self, file: Found, analysis: Analysis, cache: Cache | None, reporter: Reporter
    ) -> None:
        """Write the tags of a file, or show them."""
        name = display_name(file.path)
        try:
            values = values_of(analysis, self.fields, self.scale, self.sure)
            wanted = writing.changes(file.path, values, self.overwrite)
            if not wanted:
                self.count["unchanged"] += 1
                return
            if self.dry_run:
                lines = [name, *(line for change in wanted for line in change.lines)]
                StandardOutput().write("".join(f"{printable(line)}\n" for line in lines))
            else:
                self._write(file, wanted, analysis, cache)
            self.count["tagged"] += 1
        except HevnerError as error:
            if error.subject == display_name(self._log.path):  # no file could be undone
                raise
            self._fail(reporter.say, Failure.of(name, error))
        except (KeyboardInterrupt, BrokenPipeError):
            raise
        # Whatever the tags of a file provoke, the others go on.
        except Exception as error:  # noqa: BLE001
            cause = f"its tags cannot be read ({type(error).__name__}: {error})"
            failure = Failure(name, "write", display_name(cause), "", code="unexpected")
            self._fail(reporter.say, failure)

    def _write(
        self, file: Found, wanted: list[writing.Change], analysis: Analysis, cache: Cache | None
    ) -> None:
        folder = Path(file.path).resolve().parent
        if folder not in self._swept:
            self._swept.add(folder)
            sweep_parts(folder, LEFT_S)
        writing.write(file.path, wanted, self._log, self.keep_times)
        self.changed.append(file)
        # The next analysis finds what it looks for by the content, which is another now.
        if cache is not None and (key := cache.key(file.path)) is not None:
            cache.store(key, analysis)

    def _fail(self, show: Any, failure: Failure) -> None:
        self.count["failed"] += 1
        show(failure_line(failure))

    def _summary(self, total: int) -> str:
        done = "would change" if self.dry_run else "tagged"
        parts = [f"{self.count['tagged']} {done}", f"{self.count['unchanged']} unchanged"]
        if self.count["failed"]:
            parts.append(f"{self.count['failed']} failed")
        text = f"{total} file{'s' if total != 1 else ''}: {', '.join(parts)}."
        if self.changed:
            named = f" --journal {self._log.path}" if self.journal else ""
            text += f" 'hevner tag --undo{named}' restores them."
        return text


def restore(paths: list[Path], journal: Path | None, *, quiet: bool) -> int:
    """Undo a run; return the exit status.

    Parameters
    ----------
    paths
        A catalogue to bring up to date, or none.
    journal
        The journal; the newest one if None.
    quiet
        Whether only errors are shown.
    """
    catalog = None
    if paths:
        from hevner.tags.catalog_files import CatalogFiles

        catalog = CatalogFiles(paths[0])
    path = journal or journals.newest()
    count: Counter[str] = Counter()
    restored: set[str] = set()
    with stopping_cleanly():
        for entry in reversed(journals.entries(path)):
            try:
                is_changed = writing.undo(entry)
            except HevnerError as error:
                count["failed"] += 1
                say(f"Failed: {error}")
                continue
            count["restored" if is_changed else "as before"] += 1
            restored.add(entry.path)
    if catalog is not None:
        _renew(catalog, [one for one in catalog.found if str(one.path.resolve()) in restored])
    if not count["failed"] and journal is None:
        with suppress(OSError):
            path.rename(path.with_suffix(".undone"))
    if not quiet:
        names = ("restored", "as before", "failed")
        parts = [f"{count[name]} {name}" for name in names if count[name] or name == "restored"]
        say(f"{display_name(path)}: {', '.join(parts)}.")
    return FAILED if count["failed"] else FINE


def _renew(catalog: Any, changed: list[Found]) -> None:
    """Bring a catalogue up to date; if it cannot be, the next ``hevner index`` does it."""
    try:
        catalog.renew(changed)
    except HevnerError as error:
        say(f"Note: {error} The catalogue is brought up to date by the next 'hevner index'.")
