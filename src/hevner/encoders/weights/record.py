"""The files of an encoder's weights on disk, and the record that describes them.

Conventions
-----------
The weights of an encoder have a folder, its *place*, in `home`. ``weights.json`` there is the
record: it names the folder beside it with the converted files, their sizes and SHA-256, and where
they come from. It is written last and in one step, so weights are there as a whole or not at all;
any other folder was left by a run that was stopped, and the next one removes it. The lock is the
operating system's, so it ends with the process that holds it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hevner import __version__
from hevner.encoders.weights.devices import size_text
from hevner.errors import ModelError, OutputError
from hevner.files import cannot_write, display_name, expanded, replace_file, sweep_parts
from hevner.text_file import read_json

ENVIRONMENT = "HEVNER_HOME"
"""Environment variable naming a folder to use instead of the usual one."""

RECORD, LOCK = "weights.json", "lock"

MAIN = "weights.safetensors"
"""The file whose digest stands for the weights."""

SCHEMA = 1

Progress = Callable[[str, int, int], None]
"""Called with what is being done, the amount done and the total."""


@dataclass(frozen=True)
class Weights:
    """Weights that have been added.

    Attributes
    ----------
    encoder
        Name of the encoder, without states.
    version
        Version in the encoder's card when they were made, without digest.
    folder
        Folder of the converted files.
    parts
        Size in bytes and SHA-256 of each of them.
    source, revision
        Folder or name on the hub that they were made from; there also the commit.
    files
        SHA-256 of each file that they were made from.
    licence, licence_accepted
        Terms of the weights, and whether they were accepted explicitly.
    added
        Date and time, ISO 8601.
    """

    encoder: str
    version: str
    folder: Path
    parts: Mapping[str, tuple[int, str]]
    source: str
    revision: str
    files: Mapping[str, str]
    licence: str
    licence_accepted: bool
    added: str

    @property
    def digest(self) -> str:
        """SHA-256 of ``weights.safetensors``."""
        return self.parts[MAIN][1]

    @property
    def size(self) -> int:
        """Bytes of the converted files."""
        return sum(size for size, _digest in self.parts.values())


@dataclass(frozen=True)
class Published:
    """Published files of an encoder.

    Attributes
    ----------
    source, revision
        As in `Weights`.
    sizes
        Bytes by name of file.
    digests
        SHA-256 by name of file, where the hub states it.
    """

    source: str
    revision: str
    sizes: Mapping[str, int]
    digests: Mapping[str, str]


def home() -> Path:
    """The folder for what hevner keeps for its user.

    Raises
    ------
    ModelError
        If there is no home directory.
    """
    if named := os.environ.get(ENVIRONMENT):
        return expanded(named)
    try:
        if sys.platform == "win32":
            local = os.environ.get("LOCALAPPDATA")
            return (Path(local) if local else Path.home() / "AppData/Local") / "hevner" / "Data"
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Application Support" / "hevner"
        xdg = Path(os.environ.get("XDG_DATA_HOME", ""))
        return (xdg if xdg.is_absolute() else Path.home() / ".local" / "share") / "hevner"
    except RuntimeError as error:
        raise ModelError(
            str(error), remedy=f"Set {ENVIRONMENT} to a folder", code="no_home"
        ) from error


def place_of(encoder: str) -> Path:
    """The folder of an encoder's weights, which may not exist."""
    return home() / "encoders" / encoder


def read(place: Path) -> Weights:
    """Read the record in a place.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ModelError
        If it is damaged.
    """
    try:
        record = read_json(place / RECORD)
        if record.pop("schema") != SCHEMA:
            raise ValueError("its schema is not known")
        del record["hevner"]
        parts = {name: (one["size"], one["sha256"]) for name, one in record.pop("parts").items()}
        parts[MAIN]  # without this file there are no weights
        return Weights(**{**record, "folder": place / record["folder"], "parts": parts})
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"the record of weights cannot be read ({error})",
            subject=display_name(place / RECORD),
            code="weights_damaged",
        ) from error


def write(place: Path, weights: Weights) -> None:
    """Write the record: from then on these are the weights."""
    facts = dict(vars(weights))
    facts["folder"] = weights.folder.name
    facts["parts"] = {
        name: {"size": size, "sha256": digest} for name, (size, digest) in weights.parts.items()
    }
    record = {"schema": SCHEMA, "hevner": __version__, **facts}
    replace_file(place / RECORD, json.dumps(record, indent=2).encode())


def clear(place: Path, keep: Iterable[str] = ()) -> None:
    """Remove the folders in a place that the record does not name, but for those to keep."""
    try:
        current = read_json(place / RECORD)["folder"]
    except (OSError, ValueError, TypeError, KeyError):
        current = ""
    for path in place.iterdir():
        if path.is_dir() and path.name not in (current, *keep):
            shutil.rmtree(path)


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Make a place and hold its lock.

    Raises
    ------
    ModelError
        At once, if another process holds it.
    OutputError
        If the folder cannot be written.
    """
    import filelock

    lock = filelock.FileLock(place / LOCK, timeout=0)
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout as error:
        raise ModelError(
            f"another process is changing the weights of {place.name}",
            subject=display_name(place),
            remedy="Wait until it is done",
            code="busy",
        ) from error
    except OSError as error:
        raise cannot_write(place, error) from error
    try:
        sweep_parts(place)
        yield
    finally:
        lock.release()


def digests(files: Mapping[str, Path], verb: str, progress: Progress) -> dict[str, str]:
    """SHA-256 of files, by name.

    Raises
    ------
    ModelError
        If one cannot be read.
    """
    done, found = 0, {}
    try:
        total = sum(file.stat().st_size for file in files.values())
        for name, path in files.items():
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while block := file.read(2**22):
                    digest.update(block)
                    done += len(block)
                    progress(verb, done, total)
            found[name] = digest.hexdigest()
    except OSError as error:
        raise ModelError(
            f"cannot be read ({error.strerror or error})",
            subject=display_name(error.filename or next(iter(files.values())).parent),
            remedy="Check the file and its permissions",
            code="unreadable",
        ) from error
    return found


def check_room(place: Path, needed: int) -> None:
    """Make sure that a place has room for so many bytes.

    Raises
    ------
    OutputError
        If it has not.
    """
    free = shutil.disk_usage(place).free
    if needed > free:
        raise OutputError(
            f"up to {size_text(needed)} are needed there and {size_text(free)} are free",
            subject=display_name(place),
            remedy=f"Free some space, or set {ENVIRONMENT} to a folder on a larger disk",
            code="no_room",
        )
