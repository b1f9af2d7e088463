"""Ratings as a dataset of one's own (`hevner.datasets.own`), and how far raters agree.

Conventions
-----------
A piece has its id for a name, and its audio lies in ``audio`` under it. A continuous rating is in
``moments.csv``, and its mean over time is the rating of the whole. ``trials.csv`` has all trials,
those that were skipped too, in the order of each rater; it is not read by `hevner.datasets`.
"""

from __future__ import annotations

import io
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hevner.arrays import Doubles
from hevner.datasets.layout import FILE
from hevner.datasets.reliability import Course, Figures, table
from hevner.datasets.table import scale_name
from hevner.datasets.track import Given, Track
from hevner.emotion import AXES
from hevner.object_path import Location
from hevner.output.spreadsheet import csv_text
from hevner.serve.rating_store import Rating
from hevner.serve.rating_study import Study

PART = 2**20
"""Bytes of audio that are copied at a time."""

ABOUT = ("title", "artist", "album", "genre")
TRIALS = ("heard_s", "pauses", "seeked", "skipped")

_csv = partial(csv_text, line_end="\r\n")

Facts = Mapping[str, Mapping[str, Any]]
"""What a catalogue holds of each piece by its id."""


def values(study: Study, rating: Rating) -> dict[str, float]:
    """The rating of the whole piece by label, on the scale of the study; empty if it was skipped.

    That of a continuous one is the mean of its moments.
    """
    given, moments = rating.given, rating.given["moments"]
    if given["skipped"] or study.when == "end":
        return {} if given["skipped"] else {name: given["values"][name] for name in study.asked}
    return {
        axis: round(sum(moment[k] for moment in moments) / len(moments), 6)
        for k, axis in enumerate(AXES, 1)
    }


def agreement(study: Study, ratings: Iterable[Rating], facts: Facts) -> list[Figures]:
    """How far the raters agree: what ``hevner datasets check`` says of the exported dataset.

    That one has other scales, which agreement does not depend on.
    """
    votes: dict[str, dict[str, dict[str, Given]]] = defaultdict(dict)
    moments: dict[str, list[Doubles]] = defaultdict(list)
    for rating in sorted(ratings, key=_place):
        if found := values(study, rating):
            votes[rating.piece][rating.rater] = dict(found)
            if study.when == "continuous":
                moments[rating.piece].append(np.array(rating.given["moments"], float).T)
    tracks = [
        Track(
            "own",
            id,
            None,
            group=str(facts.get(id, {}).get("artist") or id),
            recording=f"own/{id}",
            by_rater=by_rater,
        )
        for id, by_rater in votes.items()
    ]

    def courses(track: Track, axis: str) -> list[Course]:
        return [(rows[0], rows[1 + AXES.index(axis)]) for rows in moments[track.id]]

    return table(tracks, courses)


def tables(study: Study, ratings: list[Rating], facts: Facts) -> dict[str, str]:
    """The files of the dataset but for its audio, by name."""
    ordered = sorted(ratings, key=_place)
    rated = [(one, values(study, one)) for one in ordered]
    whole = [
        [one.piece, one.rater, *found.values(), *(_about(facts, one.piece, name) for name in ABOUT)]
        for one, found in rated
        if found
    ]
    moments = [[one.piece, one.rater, *row] for one in ordered for row in one.given["moments"]]
    turn: dict[str, int] = defaultdict(int)
    trials = []
    for one in ratings:
        turn[one.rater] += 1
        when = datetime.fromtimestamp(one.at, UTC).isoformat(timespec="seconds")
        trials.append([one.rater, turn[one.rater], one.piece, when, *map(one.given.get, TRIALS)])
    files = {
        FILE: _layout(study),
        "annotations.csv": _csv(["id", "rater", *study.asked, *ABOUT], whole),
        "trials.csv": _csv(["rater", "turn", "id", "time", *TRIALS], trials),
    }
    return files | (
        {"moments.csv": _csv(["id", "rater", "time", *AXES], moments)} if moments else {}
    )


def archive(files: Mapping[str, str], audio: Iterable[tuple[str, Location]]) -> Iterator[bytes]:
    """A ZIP file of texts and of audio, by name, part by part; nothing is compressed."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)
        for name, path in audio:
            # Sizes are not known beforehand to an archive that is sent while it is made.
            with packed.open(name, "w", force_zip64=True) as into:
                for part in _parts(path):
                    into.write(part)
                    yield sink.take()
    yield sink.take()


def audio_of(
    ratings: Iterable[Rating], file: Callable[[str], Location | None]
) -> list[tuple[str, Location]]:
    """Files of all pieces that were rated, by name in an archive; ``file`` finds one by its id."""
    ids = sorted({one.piece for one in ratings if not one.given["skipped"]})
    found = [(id, file(id)) for id in ids]
    return [(f"audio/{id}{path.suffix.lower()}", path) for id, path in found if path is not None]


class _Sink(io.RawIOBase):
    """Takes what a ZIP file writes; it cannot go back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken, self._parts = b"".join(self._parts), []
        return taken


def _parts(path: Location) -> Iterator[bytes]:
    if not isinstance(path, Path):
        yield path.read_bytes()
        return
    with path.open("rb") as file:
        yield from iter(lambda: file.read(PART), b"")


def _place(rating: Rating) -> tuple[str, str]:
    return rating.piece, rating.rater


def _about(facts: Facts, id: str, name: str) -> object:
    found = facts.get(id, {})
    return found.get(name) or (found.get("name", "") if name == "title" else "")


def _layout(study: Study) -> str:
    scales = dict.fromkeys(scale_name(name) for name in study.asked)
    lines = [f'{name} = "{study.numbers.name}"' for name in scales]
    return "\n".join(
        [f"# Ratings of the study {study.name}, a row per rater.", "[scales]", *lines, ""]
    )
