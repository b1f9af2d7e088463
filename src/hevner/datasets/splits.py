"""Splits: the published ones, and repaired ones, as files with digests.

Conventions
-----------
A split names, for each part, the ids of one dataset. Its digest is the SHA-256 of the ids and parts
as CSV, so that a report can say which split it used. `hevner.datasets.folds` makes new ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hevner.datasets.leaks import name
from hevner.datasets.track import Track
from hevner.errors import DataError

FOLDER = Path(__file__).with_name("split_files")
MANIFEST = FOLDER / "manifest.json"


@dataclass(frozen=True)
class Split:
    """Ids of one dataset by part.

    Attributes
    ----------
    dataset, name
        Name of the dataset, and of the split among those of the dataset.
    parts
        Ids of each part.
    what, origin
        Description and author.
    leaks
        Known leaks between its parts.
    """

    dataset: str
    name: str
    parts: Mapping[str, tuple[str, ...]]
    what: str = ""
    origin: str = ""
    leaks: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of `as_csv`, 64 hexadecimal digits."""
        return digest(as_csv(self.parts))

    def apply(
        self, tracks: Iterable[Track], *, partial: bool = False
    ) -> dict[str, tuple[Track, ...]]:
        """The tracks of each part, in their own order.

        Parameters
        ----------
        tracks
            All tracks of the dataset.
        partial
            Accept ids of the split that have no track, for a part of the dataset.

        Raises
        ------
        DataError
            If a track is in no part, an id has no track, or a track is of another dataset.
        """
        part_of = {track: part for part, ids in self.parts.items() for track in ids}
        result: dict[str, list[Track]] = {part: [] for part in self.parts}
        strangers, seen = [], set()
        for track in tracks:
            if track.dataset != self.dataset:
                raise DataError(
                    f"{name(track)} is of another dataset",
                    subject=self._subject,
                    remedy=f"Apply it to the tracks of {self.dataset} alone",
                    code="other_dataset",
                )
            seen.add(track.id)
            if track.id in part_of:
                result[part_of[track.id]].append(track)
            else:
                strangers.append(track.id)
        if strangers:
            raise DataError(
                f"{len(strangers)} tracks are in no part: {_some(strangers)}",
                subject=self._subject,
                remedy="Leave them out, or choose a split that covers them",
                code="unknown_id",
            )
        missing = [track for track in part_of if track not in seen]
        if missing and not partial:
            raise DataError(
                f"{len(missing)} of its ids have no track: {_some(missing)}",
                subject=self._subject,
                remedy="Load the whole dataset, or pass partial=True to go without them",
                code="unknown_id",
            )
        return {part: tuple(own) for part, own in result.items()}

    @property
    def _subject(self) -> str:
        return f"split {self.name} of {self.dataset}"


def names(dataset: str) -> tuple[str, ...]:
    """The splits of a dataset that come as files."""
    return tuple(e["name"] for e in _manifest() if e["dataset"] == dataset and e["file"])


def load(dataset: str, split: str) -> Split:
    """Read a split.

    Raises
    ------
    DataError
        If there is none of that name, or its file is not the one in the manifest.
    """
    known = {e["name"]: e for e in _manifest() if e["dataset"] == dataset and e["file"]}
    if split not in known:
        raise DataError(
            f"no split '{split}' of {dataset}",
            remedy=f"Choose among {', '.join(known)}"
            if known
            else "Make folds with hevner.datasets.folds",
            code="unknown_split",
        )
    entry = known[split]
    path = FOLDER / entry["file"]
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _changed(path, f"cannot be read ({error})") from error
    if digest(text) != entry["sha256"]:
        raise _changed(path, "is not the file that was published: its SHA-256 differs")
    parts: dict[str, list[str]] = {part: [] for part in entry["counts"]}
    for line in text.splitlines()[1:]:
        track, _, part = line.rpartition(",")
        parts[part].append(track)
    ids = {part: tuple(own) for part, own in parts.items()}
    return Split(dataset, split, ids, entry["what"], entry["origin"], entry["leaks"])


def as_csv(parts: Mapping[str, Iterable[str]]) -> str:
    """Ids and parts as CSV with a header, in order of the ids; what a digest is made of."""
    rows = sorted(
        ((track, part) for part, ids in parts.items() for track in ids),
        key=lambda row: (len(row[0]), *row),  # numbers in their order
    )
    return "".join(f"{track},{part}\n" for track, part in (("id", "part"), *rows))


def digest(text: str) -> str:
    """SHA-256 of a text, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:3]) + (", ..." if len(ids) > 3 else "")


@cache
def _manifest() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return entries


def _changed(path: Path, cause: str) -> DataError:
    return DataError(cause, subject=str(path), remedy="Install hevner again", code="changed_file")
