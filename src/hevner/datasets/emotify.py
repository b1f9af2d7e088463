"""Emotify: one-minute clips in four genres with nine induced emotions (Aljanaki et al., 2016)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from hevner.datasets.card import Card, Defect
from hevner.datasets.findings import Findings
from hevner.datasets.media import Media
from hevner.datasets.rows import Row, read_rows
from hevner.datasets.track import Track

COLUMNS = (
    "amazement",
    "solemnity",
    "tenderness",
    "nostalgia",
    "calmness",
    "power",
    "joyful_activation",
    "tension",
    "sadness",
)
"""In the order of `hevner.emotion.GEMS`."""

GENRES = ("classical", "rock", "electronic", "pop")
"""In the order of the track ids: a hundred each, from 1."""

REPEATED = {80: 54, 166: 163, 176: 170, 366: 359}
"""Track numbers that repeat the recording of another number, found by fingerprint."""

CARD = Card(
    name="emotify",
    title="Emotify",
    what="400 one-minute clips from a record label, 100 each of classical, rock, electronic and "
    "pop.",
    tracks=400,
    labels=("gems",),
    emotion="induced",
    raters="11 to 59 players of an online game per clip, median 14; each marks up to three of nine "
    "emotions of the Geneva Emotional Music Scale",
    group="the track: artists are not known, so only leave-one-genre-out is free of their leak",
    licence="research use; cite the paper",
    source="https://www2.projects.science.uu.nl/memotion/emotifydata/",
    layout=(
        "data.csv and <genre>/<1..100>.mp3, as the archive unpacks (also in emotifymusic/)",
        "or ratings.csv and audio/<001..400>.*",
    ),
    citation="""@article{aljanaki2016emotify,
  author = {Aljanaki, Anna and Wiering, Frans and Veltkamp, Remco C.},
  title = {Studying emotion induced by music through a crowdsourcing game},
  journal = {Information Processing and Management},
  volume = {52}, number = {1}, pages = {115--128}, year = {2016}
}""",
    defects=(
        Defect(
            "genre-order",
            "A track list in circulation (info.csv) numbers the genres alphabetically, the "
            "ratings do not; joining by it shuffles three of four genres.",
            "It is never read, and a rating whose genre does not fit its number is an error.",
        ),
        Defect(
            "unreliable-emotions",
            "Split-half reliability (Spearman-Brown) falls from .81 for joyful activation to .28 "
            "for amazement.",
            "None; the votes of each listener are kept.",
        ),
        Defect(
            "repeated-recording",
            "Four recordings occur twice, rated by different listeners: 054/080, 163/166, 170/176, "
            "359/366.",
            "Both stay; they share group and recording.",
        ),
    ),
)


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
