"""Folders of music from Python: the analyses of all files, or a catalogue of them.

Conventions
-----------
Files fail one at a time: whatever is wrong with one becomes its `Failure`, and the others go on.
Files are decoded in processes of their own, so that not even one that crashes its decoder ends the
program. Errors about what was asked for are raised at once, before the first file.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from hevner import batch
from hevner.batch import SupportsAnalyze, usable_cores
from hevner.cache import Cache
from hevner.defaults import identity
from hevner.emotion import Scale
from hevner.errors import HevnerError
from hevner.files import find_audio
from hevner.model import registry
from hevner.object_path import Location, location
from hevner.result import Analysis, Failure

if TYPE_CHECKING:
    from hevner.catalog.search import SearchableCatalog

Paths = str | Path | Iterable[str | Path]


class LateAnalyzer:
    """A `hevner.Analyzer` that is imported and made when a file needs it.

    That is never, if the cache knows them all. ``model`` is its graph, the default one if None.
    """

    def __init__(self, window: float | None, model: Path | None = None) -> None:
        self._options: dict[str, Any] = {"window": window, "model": model}
        self._lock = Lock()
        self._analyzer: SupportsAnalyze | None = None

    def analyze(self, source: Path, /) -> Analysis:
        """The emotion of a file; see `hevner.Analyzer`."""
        with self._lock:
            if self._analyzer is None:
                from hevner.audio import isolated

                isolated.shared.start()  # while the rest is imported
                from hevner.analysis import Analyzer

                self._analyzer = Analyzer(**self._options, open_audio=isolated.open_audio)
        return self._analyzer.analyze(source)


def analyze_many(
    paths: Paths,
    *,
    scale: str = "-1..1",
    window: float | None = None,
    model: str | Path | None = None,
    jobs: int | None = None,
    cache: bool = True,
) -> Generator[Analysis | Failure, None, None]:
    """Analyse files and folders in parallel.

    Parameters
    ----------
    paths
        Audio files, and folders to search for them.
    scale
        Scale of valence, arousal and tension, ``LOW..HIGH``.
    window
        Seconds of music around each moment of the timeline that its values are computed from.
    model
        Name or path of a model, as for `hevner.Analyzer`.
    jobs
        Number of files at the same time; one per processor core if None.
    cache
        Whether to use and keep results in the cache of ``hevner analyze``, found by the content of
        the files, so that a second run is instant.

    Returns
    -------
    generator of Analysis or Failure
        One per file, in order, each as soon as it is known; then the folders that could not be
        read.

    Raises
    ------
    HevnerError
        If an option makes no sense or the model is not there.
    """
    target = Scale.parse(scale)
    graph = registry.path_of(model)
    kept = Cache(identity(window, graph)) if cache else None
    found, problems = find_audio([paths] if isinstance(paths, str | Path) else paths)
    results = batch.analyze_many(
        [one.path for one in found], LateAnalyzer(window, graph), jobs or usable_cores(), kept
    )

    def generate() -> Generator[Analysis | Failure, None, None]:
        for result in results:
            yield result.on(target) if isinstance(result, Analysis) else result
        yield from problems

    return generate()


def build_catalog(
    paths: Paths,
    into: str | Path,
    *,
    model: str | Path | None = None,
    jobs: int | None = None,
    prune: bool = False,
    retry: bool = False,
    report: Callable[[Location, Failure | None], None] | None = None,
) -> SearchableCatalog:
    """Make a catalogue of folders of music, or bring it up to date, as ``hevner index`` does.

    Only what is new or changed is analysed. A run that was stopped goes on where it was.

    Parameters
    ----------
    paths
        Folders of music, and single files; also ``s3://BUCKET/FOLDER``.
    into
        Folder of the catalogue, made if it does not exist; also ``s3://BUCKET/FOLDER``.
    model
        Name or path of the model for a new catalogue, as for `hevner.Analyzer`; an existing one
        remembers its own.
    jobs
        Number of files at the same time; one per processor core if None.
    prune
        Whether to remove files that are gone from these folders.
    retry
        Whether to try again what failed before.
    report
        Called with each file that is done, and why it failed if it did. Files that failed are in
        the catalogue too, with the reason; searches never find them.

    Raises
    ------
    HevnerError
        If there is no audio file, the catalogue is damaged, of another model, cannot be written or
        is being written by another process.
    """
    from hevner.catalog import sources

    folders = [location(one) for one in ([paths] if isinstance(paths, str | Path) else paths)]
    found, problems = sources.find(folders)
    if not found:
        raise HevnerError(
            problems[0].cause if problems else "there are no audio files",
            subject=", ".join(map(str, folders)),
            remedy="Name files, or folders with files whose names end as those of audio, as .mp3",
            stage="find",
            code="no_audio",
        )
    from hevner.audio import isolated

    isolated.shared.start()  # while the rest is imported
    from hevner.analysis import Analyzer
    from hevner.catalog import index_options, indexing, open_catalog, writer
    from hevner.catalog.analyze_file import FileAnalyzer
    from hevner.model import space

    common = space.load()
    catalog = writer.open_or_create(into, common, registry.path_of(model) if model else None)
    analyzer = FileAnalyzer(Analyzer(catalog.model, open_audio=isolated.open_audio), common)
    options = index_options.Options(jobs or usable_cores(), retry, prune, about=isolated.about)
    if report is not None:
        options.report = lambda file, failure: report(file.path, failure)
        for problem in problems:
            report(Path(problem.path), problem)
    indexing.index(found, folders, catalog, analyzer, options)
    return open_catalog(into)
