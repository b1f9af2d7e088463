"""MemoMusic 3.0: piano pieces in three styles with one valence and arousal each (Mou et al.)."""

from __future__ import annotations

import re
from pathlib import Path

from hevner.datasets.card import read_card
from hevner.datasets.findings import Findings
from hevner.datasets.media import Media
from hevner.datasets.rows import Row, read_rows
from hevner.datasets.track import Track
from hevner.errors import DataError

CARD = read_card("memomusic")
HEADER = ("title", "url", "type", "valence", "arousal")
STYLES = {1: "Classic", 2: "Pop", 3: "Yanni"}
"""Folders of the three types."""

WITHOUT_MIDI = "Yanni-48"
"""The one piece whose MIDI file was never published."""

SPELLINGS = {"Rachmaninov": "Rachmaninoff"}


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`. There is nothing to repair in the labels."""
    media = Media(CARD, folder, ("MIDI",), findings)
    stems = _stems(media)
    tracks: dict[str, Track] = {}
    for row in read_rows(_table(folder), (), header=HEADER):
        with findings.skipping():
            style, number = _style(row), _number(row)
            name = f"{style}-{number}"
            if name in tracks:
                raise row.fault(
                    "duplicate_id", f"piece {name} occurs before", "Keep one of the two rows"
                )
            if name == WITHOUT_MIDI and stems and name not in stems:
                findings.note("missing-midi", "has labels, but its MIDI file was never published")
                file = None
            else:
                file = media.find(stems.get(name, f"{style}/{number}"), row.where)
            tracks[name] = _track(row, name, style, file)
    media.report_unlabelled()
    return list(tracks.values())


def _table(folder: Path) -> Path:
    """The one CSV file of the dataset."""
    found = sorted([*folder.glob("*.csv"), *(folder / "File").glob("*.csv")])
    if len(found) != 1:
        raise DataError(
            f"{len(found)} CSV files, expected one",
            subject=str(folder),
            remedy="Put the table of labels, and no other, into the folder or into File below it",
            code="table_missing",
        )
    return found[0]


def _stems(media: Media) -> dict[str, str]:
    """Files by name of the piece, such as ``Yanni-1`` for ``Yanni/1 A Love For Life``."""
    found = {stem: re.fullmatch(r"(\w+)/(\d+)(?: .*)?", stem) for stem in media.stems}
    return {f"{match[1]}-{int(match[2])}": stem for stem, match in found.items() if match}


def _style(row: Row) -> str:
    kind = row.integer("type")
    if kind not in STYLES:
        raise row.fault(
            "unknown_style",
            f"{kind} in column type is no style",
            "Expected 1 (classic), 2 (pop) or 3 (Yanni)",
        )
    return STYLES[kind]


def _number(row: Row) -> int:
    """The number of a piece within its style, which only the address of its audio gives."""
    found = re.search(r"/(\d+)\.mp3$", row.text("url"))
    if found is None:
        raise row.fault(
            "unknown_name",
            f"'{row.text('url')}' does not end with a number",
            "Expected addresses that end with, say, /12.mp3",
        )
    return int(found[1])


def _track(row: Row, name: str, style: str, file: Path | None) -> Track:
    title = row.text("title")
    composer = "Yanni" if style == "Yanni" else _composer(title) if style == "Classic" else ""
    return Track(
        "memomusic",
        name,
        file,
        group=composer or title,
        recording=f"memomusic/{name}",
        title=title,
        artist=composer,
        genre=style.lower(),
        valence=row.rating("valence", CARD.scale("valence")),
        arousal=row.rating("arousal", CARD.scale("arousal")),
    )


def _composer(title: str) -> str:
    """Last name of the composer at the end of a title, the first of two; empty if none."""
    found = re.search(r"\(([^()]+)\)$", title)
    if found is None:
        return ""
    name = found[1].split("/")[0].split()[-1]
    return SPELLINGS.get(name, name)
