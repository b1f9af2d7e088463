"""Whether files and objects that are not found are gone, or lie on a drive that is not mounted.

Conventions
-----------
A drive is known by the number of its device, at the folder where it begins. The header of a
catalogue keeps each as a text, the number and the path. Numbers may change when a drive is mounted
again: then it is the same one if files on it are as they were.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from hevner.files import file_named, is_audio_name
from hevner.object_path import ObjectPath


def mounts(texts: Iterable[str]) -> dict[str, int]:
    """Numbers of devices by path, from the texts in a header."""
    pairs = (text.partition(" ") for text in texts)
    return {path: int(number) for number, _, path in pairs if number.isdecimal()}


def texts(mounts: Mapping[str, int]) -> tuple[str, ...]:
    """Texts for a header."""
    return tuple(f"{mounts[path]} {path}" for path in sorted(mounts))


def mounted(folders: Iterable[str]) -> dict[str, int]:
    """Where the drives begin that hold these folders, as rows write paths; not that of the root."""
    devices: dict[str, int] = {}
    begins = {}
    for folder in folders:
        here, device = folder, _device(folder, devices)
        while (above := str(Path(here).parent)) != here and _device(above, devices) == device:
            here = above
        if above != here and device >= 0:
            begins[here] = device
    return begins


def away(known: Mapping[str, int], familiar: Mapping[str, int]) -> tuple[str, ...]:
    """Where drives that are known are not mounted now.

    ``familiar`` are drives with files that are as they were.
    """
    return tuple(
        os.path.join(path, "")  # noqa: PTH118 - of what lies below
        for path, device in known.items()
        if path not in familiar and _device(path, {}) != device
    )


def is_gone(path: str) -> bool:
    """Whether a file is surely not there; one behind a closed door may be."""
    try:
        file_named(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def is_filled(path: str) -> bool:
    """Whether the folder of a file holds music or folders.

    What is there of a drive that is not mounted holds neither, at most a note that it is none.
    """
    folder = file_named(path).parent
    try:
        if isinstance(folder, ObjectPath):
            return folder.is_dir()
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if entry.name[0] != "."]
            return any(is_audio_name(entry.name) or entry.is_dir() for entry in shown)
    except OSError:
        return False


def _device(folder: str, known: dict[str, int]) -> int:
    if folder not in known:
        place = file_named(folder)
        try:
            known[folder] = -1 if isinstance(place, ObjectPath) else place.stat().st_dev
        except OSError:
            known[folder] = -1
    return known[folder]
