"""EmoMusic: 45-second clips of songs in eight genres (Soleymani et al., 2013)."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from hevner.datasets.card import read_card
from hevner.datasets.curves import Wide, read_wide, wide_curve
from hevner.datasets.findings import Findings
from hevner.datasets.media import Media
from hevner.datasets.rows import Row, each, read_rows, unique
from hevner.datasets.track import Track

CARD = read_card("emomusic")
SCALE = CARD.scale("valence")
CLIP_S = 45

STATIC = ("song_id", "mean_arousal", "std_arousal", "mean_valence", "std_valence")
START, END = "start of the segment (min.sec)", "end of the segment (min.sec)"
CURVES = ("valence_cont_average", "arousal_cont_average", "valence_cont_std", "arousal_cont_std")
INFO = ("song_id", "Artist", "Song title", START, END, "Genre", "Mediaeval 2013 set")


def artist_key(name: str) -> str:
    """An artist's name without what spellings differ in.

    Lower case letters a-z and single spaces, as the artist-stratified split has it (Castellon,
    Donahue and Liang, 2021); a name without such letters only in lower case.
    """
    letters = (c for c in name.lower() if c.isascii() and (c.isalpha() or c.isspace()))
    return " ".join("".join(letters).split()) or name.strip().lower()


def artist_stratified(track: Track) -> str:
    """The part of the artist-stratified split that a clip belongs to: train, valid or test.

    The official evaluation set is the test part; the rest is divided by the SHA-1 hash of the
    artist, two tenths for validation (Castellon, Donahue and Liang, 2021).
    """
    if track.official_split == "evaluation":
        return "test"
    digest = hashlib.sha1(track.group.encode(), usedforsecurity=False).hexdigest()
    return "train" if int(digest, 16) % 10 < 8 else "valid"


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`. There is nothing to repair in the labels."""
    place = folder / "annotations" if (folder / "annotations").is_dir() else folder
    static = read_rows(place / "static_annotations.csv", STATIC)
    songs = unique(read_rows(place / "songs_info.csv", INFO), "song_id", findings)
    info = {row.values["song_id"]: row for row in songs}
    curves = [
        read_wide(place / f"{name}.csv", findings, spread=name.endswith("std")) for name in CURVES
    ]
    media = Media(CARD, folder, ("clips_45seconds", "audio"), findings)
    tracks = each(static, "song_id", findings, lambda row: _track(row, info, curves, media))
    rated = {row.values["song_id"] for row in static}
    for song, row in info.items():
        if song not in rated:
            findings.problem(
                "unlabelled-song",
                row.fault(
                    "row_missing",
                    f"song {song} has no row in static_annotations.csv",
                    "Add its ratings or remove the row",
                ),
            )
    media.report_unlabelled()
    return tracks


def _track(row: Row, infos: dict[str, Row], curves: list[Wide], media: Media) -> Track:
    song = row.text("song_id")
    file = media.find(song, row.where)
    if song not in infos:
        raise row.fault(
            "row_missing",
            f"song {song} has no row in songs_info.csv",
            "Add its artist and genre or remove the row",
        )
    info = infos[song]
    _check_segment(info)
    curve = wide_curve(song, *curves)
    if curve is None:
        raise row.fault(
            "row_missing",
            f"song {song} has no ratings over time",
            "Add its rows to the files *_cont_average.csv or remove the row",
        )
    return Track(
        "emomusic",
        song,
        file,
        group=artist_key(info.text("Artist")),
        recording=f"mediaeval/{song}",
        title=info.values["Song title"],
        artist=info.text("Artist"),
        genre=info.text("Genre"),
        valence=row.rating("mean_valence", SCALE),
        arousal=row.rating("mean_arousal", SCALE),
        valence_std=row.spread("std_valence", SCALE),
        arousal_std=row.spread("std_arousal", SCALE),
        curve=curve,
        official_split=info.text("Mediaeval 2013 set"),
    )


def seconds(text: str) -> int:
    """A time written ``min.sec`` without trailing zeros: 80 for ``1.2``.

    Raises
    ------
    ValueError
        If it is not of that form.
    """
    found = re.fullmatch(r"(\d+)(?:\.([0-5]\d?))?", text)
    if found is None:
        raise ValueError(text)
    return int(found[1]) * 60 + int((found[2] or "0").ljust(2, "0"))


def _check_segment(info: Row) -> None:
    start, end = info.text(START), info.text(END)
    try:
        length = seconds(end) - seconds(start)
    except ValueError as error:
        raise info.fault(
            "not_a_time",
            f"'{error}' is not a time such as 1.05 or 1.2",
            "Write minutes, a point and seconds",
        ) from error
    if length != CLIP_S:
        raise info.fault(
            "wrong_length",
            f"segment {start} to {end} lasts {length} s instead of {CLIP_S}",
            "Correct its start or end",
        )
