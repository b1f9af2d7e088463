"""Emotify: one-minute clips in four genres with nine induced emotions (Aljanaki et al., 2016)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from hevner.datasets.card import read_card
from hevner.datasets.findings import Findings
from hevner.datasets.media import Media
from hevner.datasets.rows import Row, read_rows
from hevner.datasets.track import Track
from hevner.emotion import GEMS

CARD = read_card("emotify")
COLUMNS = tuple(name.replace(" ", "_") for name in GEMS)

GENRES = ("classical", "rock", "electronic", "pop")
"""In the order of the track ids: a hundred each, from 1."""

REPEATED = {80: 54, 166: 163, 176: 170, 366: 359}
"""Track numbers that repeat the recording of another number, found by fingerprint."""


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`. There is nothing to repair in the labels."""
    official = folder / "data.csv"
    path = official if official.is_file() else folder / "ratings.csv"
    if (folder / "info.csv").is_file():
        findings.note(
            "genre-order", "its track numbers are not those of the ratings; not read", "info.csv"
        )
    votes: dict[int, list[tuple[float, ...]]] = defaultdict(list)
    first: dict[int, Row] = {}
    for row in read_rows(path, ("track id", "genre", *COLUMNS)):
        with findings.skipping():
            number = _number(row)
            votes[number].append(tuple(_vote(row, column) for column in COLUMNS))
            first.setdefault(number, row)
    by_number = (folder / "audio").is_dir()
    places = ("audio",) if by_number else _genre_folders(folder)
    media = Media(CARD, folder, places, findings)
    tracks = []
    for number in sorted(first):
        with findings.skipping():
            tracks.append(_track(number, first[number], votes[number], media, by_number))
    media.report_unlabelled()
    return tracks


def _genre_folders(folder: Path) -> tuple[str, ...]:
    """Where the folders of the genres lie."""
    inside = any((folder / genre).is_dir() for genre in GENRES)
    return (".",) if inside else ("emotifymusic",)


def _number(row: Row) -> int:
    number, genre = row.integer("track id"), row.text("genre")
    if not 1 <= number <= 400:
        raise row.fault(
            "unknown_id", f"track {number} does not exist", "Expected ids from 1 to 400"
        )
    expected = GENRES[(number - 1) // 100]
    if genre != expected:
        raise row.fault(
            "contradiction",
            f"track {number} is {expected}, not {genre}",
            "Use the authors' data.csv; other lists number the genres differently",
        )
    return number


def _vote(row: Row, column: str) -> float:
    vote = row.number(column)
    if vote not in (0, 1):
        raise row.fault("off_scale", f"{vote:g} in column {column} is neither 0 nor 1")
    return vote


def _track(
    number: int, row: Row, votes: list[tuple[float, ...]], media: Media, by_number: bool
) -> Track:
    name, genre = f"{number:03d}", row.text("genre")
    first = f"{REPEATED.get(number, number):03d}"
    stem = name if by_number else f"{genre}/{(number - 1) % 100 + 1}"
    return Track(
        "emotify",
        name,
        media.find(stem, row.where),
        group=first,
        recording=f"emotify/{first}",
        genre=genre,
        raters=len(votes),
        gems=tuple(float(share) for share in np.mean(votes, axis=0)),
        gems_by_rater=tuple(votes),
    )
