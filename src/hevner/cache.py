"""Results kept between runs, so that a second run is instant and a killed one resumes.

Conventions
-----------
A result is found by the content of the audio file, the identity of the analysis (model, version
and options) and the version of hevner; names and dates of files play no part. Each result is one
small JSON file on the unit scale, written in one step, with a checksum: a damaged one is ignored
and made again. The folder may be deleted at any time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
import threading
from pathlib import Path

from hevner import __version__
from hevner.emotion import UNIT
from hevner.files import display_name, expanded, replace_file, sweep_parts
from hevner.result import Analysis
from hevner.text_file import read_json

ENVIRONMENT = "HEVNER_CACHE"
"""Environment variable naming a folder to use instead of the usual one."""


LEFT_S = 86_400.0
"""Age from which an unfinished entry was left by a killed process; seconds."""


def default_folder() -> Path:
    """The folder for hevner's cache on this system.

    Raises
    ------
    RuntimeError
        If there is no home directory.
    """
    if named := os.environ.get(ENVIRONMENT):
        return expanded(named)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData/Local") / "hevner" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "hevner"
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "hevner"


class Cache:
    """Analyses on disk.

    Parameters
    ----------
    identity
        Names the model, its version and every option that changes a result.
    folder
        Folder of the stored results; `default_folder` if None.

    Attributes
    ----------
    problem
        Reason why nothing is stored any more; empty as long as storing works. A cache that cannot
        be written is no reason to fail: from then on it is only read.
    hits
        Number of results served.
    """

    def __init__(self, identity: str, folder: Path | None = None) -> None:
        self.identity = identity
        self.problem = ""
        self.hits = 0
        self._lock = threading.Lock()
        self._folder: Path | None = folder
        if folder is None:
            try:
                self._folder = default_folder()
            except RuntimeError as error:
                self.problem = str(error)

    def key(self, path: Path) -> str | None:
        """The name that a file's result is stored under, or None if the file cannot be read."""
        digest = hashlib.blake2b(digest_size=20)
        digest.update(json.dumps([__version__, self.identity]).encode())
        try:
            if not path.is_file():  # Opening a pipe would wait for ever.
                return None
            with path.open("rb") as file:
                hashlib.file_digest(file, lambda: digest)
        except OSError:
            return None
        return digest.hexdigest()

    def load(self, key: str, path: str) -> Analysis | None:
        """The stored result as that of ``path``, or None if there is none that is sound."""
        if self._folder is None:
            return None
        try:
            entry = read_json(self._file(key))
            if entry["checksum"] != _checksum(entry["analysis"]):
                return None
            analysis = Analysis.from_dict({**entry["analysis"], "path": path})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        with self._lock:
            self.hits += 1
        return analysis

    def store(self, key: str, analysis: Analysis) -> None:
        """Keep a result."""
        if self.problem or self._folder is None:
            return
        record = dataclasses.replace(analysis.on(UNIT), path="").to_dict()
        entry = {"checksum": _checksum(record), "analysis": record}
        try:
            file = self._file(key)
            file.parent.mkdir(parents=True, exist_ok=True)
            sweep_parts(file.parent, LEFT_S)
            replace_file(file, json.dumps(entry).encode())
        except OSError as error:
            where = display_name(self._folder)
            self.problem = f"cannot write to {where} ({error.strerror or error})"

    def _file(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / "analyses" / key[:2] / f"{key[2:]}.json"


def _checksum(record: object) -> str:
    text = json.dumps(record, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
