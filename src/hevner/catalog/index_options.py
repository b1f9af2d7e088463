"""How to index, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hevner.audio import about_file
from hevner.catalog.columns import Row
from hevner.catalog.sources import Source
from hevner.result import Failure

if TYPE_CHECKING:
    from hevner.cluster import Cluster


@dataclass
class Summary:
    """Numbers of files of a run.

    Attributes
    ----------
    unchanged, failed_before
        Files that were not opened, and those among them that failed once.
    added, changed
        Files that were analysed because they are new, or because their content has changed.
    copied, moved
        Files of known content under a new path, and those among them whose old path is gone.
    retagged
        Files in which nothing but the tags has changed.
    described
        Files that were known and whose tags were read for the first time.
    silent, no_music, failed
        Files that were read and have no place in the space.
    vanished, removed
        Files that are gone, and still in the catalogue or removed from it.
    missing
        Paths of files that are gone with their folder, of whose folder only the name is there, or
        whose drive is not mounted; they are still in the catalogue.
    """

    unchanged: int = 0
    failed_before: int = 0
    added: int = 0
    changed: int = 0
    copied: int = 0
    moved: int = 0
    retagged: int = 0
    described: int = 0
    silent: int = 0
    no_music: int = 0
    failed: int = 0
    vanished: int = 0
    removed: int = 0
    missing: tuple[str, ...] = ()


@dataclass
class Options:
    """How to index, in so many threads.

    Attributes
    ----------
    retry
        Whether to try again what failed before.
    prune
        Whether to remove what has vanished.
    about
        Reads what is known of a file besides its analysis, as `hevner.audio.about_file.about`; a
        cluster has its own way.
    report
        Called with each file that is done, and why it failed if it did.
    stop
        When set, files in work are finished and written, and no others are begun.
    cluster
        Machines that read and analyse, in place of threads; this process writes what comes back.
    limit
        Largest number of files that are read; None for all.
    whole
        Whether these are all files of the folders; else nothing has vanished, and the tables are
        left to be put in order by a run over all.
    """

    jobs: int = 1
    retry: bool = False
    prune: bool = False
    about: Callable[[Path, str], Row] = about_file.about
    report: Callable[[Source, Failure | None], None] = lambda _file, _failure: None
    stop: threading.Event = field(default_factory=threading.Event)
    cluster: Cluster | None = None
    limit: int | None = None
    whole: bool = True
