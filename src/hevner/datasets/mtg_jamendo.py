"""MTG-Jamendo mood and theme: full tracks with tags by their artists (Bogdanov et al., 2019)."""

from __future__ import annotations

from pathlib import Path

from hevner.datasets.card import read_card
from hevner.datasets.findings import Findings
from hevner.datasets.media import Media
from hevner.datasets.rows import Row, each, read_rows, unique
from hevner.datasets.track import Track
from hevner.emotion import MOOD_TAGS

CARD = read_card("mtg_jamendo")
PARTS = ("train", "validation", "test")
COLUMNS = ("TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS")
PREFIX = "mood/theme---"


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of split 0 of a folder; see `hevner.datasets.load`. There is nothing to repair."""
    rows, parts = _rows(folder, 0)
    media = Media(
        CARD,
        folder,
        [
            f"{place}audio{low}"
            for place in ("", "raw_30s/", "autotagging_moodtheme/")
            for low in ("", "-low")
        ],
        findings,
    )
    tracks = each(rows, "TRACK_ID", findings, lambda row: _track(row, parts[row.where], media))
    media.report_unlabelled()
    return tracks


def split(folder: Path, number: int) -> dict[str, str]:
    """The part of one of the five official splits that each track belongs to.

    Returns
    -------
    dict
        By track id, such as ``track_0000948``: train, validation or test.

    Raises
    ------
    DataError
        If a file cannot be read, or a track is in two parts.
    """
    rows, parts = _rows(folder, number)
    return {row.text("TRACK_ID"): parts[row.where] for row in unique(rows, "TRACK_ID", Findings())}


def _rows(folder: Path, number: int) -> tuple[list[Row], dict[str, str]]:
    """The rows of a split, and the part of each by where it stands."""
    place = folder / "data" / "splits" if (folder / "data" / "splits").is_dir() else folder
    rows: list[Row] = []
    parts: dict[str, str] = {}
    for part in PARTS:
        path = place / f"split-{number}" / f"autotagging_moodtheme-{part}.tsv"
        own = read_rows(path, COLUMNS, delimiter="\t")
        rows += own
        parts.update((row.where, part) for row in own)
    return rows, parts


def _track(row: Row, part: str, media: Media) -> Track:
    name = row.text("TRACK_ID")
    stem = row.text("PATH").removesuffix(".mp3")
    file = media.find(stem, row.where)
    tags = [tag.removeprefix(PREFIX) for tag in (row.text("TAGS"), *row.extra) if tag]
    for tag in tags:
        if tag not in MOOD_TAGS:
            raise row.fault(
                "unknown_tag",
                f"unknown tag '{tag}'",
                "Use the official files of the mood/theme splits",
            )
    return Track(
        "mtg_jamendo",
        name,
        file,
        group=row.text("ARTIST_ID"),
        recording=f"jamendo/{Path(stem).name}",
        artist=row.text("ARTIST_ID"),
        album=row.text("ALBUM_ID"),
        tags=tuple(tags),
        official_split=part,
    )
