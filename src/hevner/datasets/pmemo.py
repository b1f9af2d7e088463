"""PMEmo: choruses of pop songs of 2016 and 2017 (Zhang et al., 2018)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from hevner.datasets.card import read_card
from hevner.datasets.curves import read_long
from hevner.datasets.emomusic import artist_key
from hevner.datasets.findings import Findings
from hevner.datasets.media import Media
from hevner.datasets.rows import Row, read_rows, unique
from hevner.datasets.track import Curve, Track
from hevner.emotion import Scale
from hevner.errors import DataError

CARD = read_card("pmemo")
SCALE = CARD.scale("valence")
RATED_SCALE = Scale(1, 9)
"""Scale of the raters' answers, and of copies that went back to it."""

AXES = ("Valence", "Arousal")
METADATA = ("musicId", "title", "artist", "album", "duration", "chorus_start_time")


@dataclasses.dataclass(frozen=True)
class _Rated:
    """Static ratings of a song, on the unit scale."""

    where: str
    file: Path | None
    valence: float
    arousal: float
    valence_std: float
    arousal_std: float


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`."""
    place = folder / "annotations" if (folder / "annotations").is_dir() else folder
    media = Media(CARD, folder, ("chorus", "audio"), findings)
    songs = _static(place, media, findings, labels)
    media.report_unlabelled()
    curves: dict[str, Curve] = {}
    if (place / "dynamic_annotations.csv").is_file():
        std = place / "dynamic_annotations_std.csv"
        curves = read_long(
            place / "dynamic_annotations.csv", SCALE, findings, std if std.is_file() else None
        )
    missing = sum(song not in curves for song in songs)
    if missing:
        findings.note("no-curve", "songs without ratings over time", tracks=missing)
    rows = read_rows(folder / "metadata.csv", METADATA)
    metadata = {row.values["musicId"]: row for row in unique(rows, "musicId", findings)}
    first: dict[tuple[str, ...], str] = {}
    for song, row in metadata.items():
        first.setdefault(_chorus(row), song)
    tracks = []
    for song, rated in songs.items():
        with findings.skipping():
            if song not in metadata:
                raise DataError(
                    f"song {song} has no row in metadata.csv",
                    subject=rated.where,
                    remedy="Add its artist or remove the row",
                    code="row_missing",
                )
            row = metadata[song]
            tracks.append(_track(row, rated, curves.get(song), first[_chorus(row)]))
    return tracks


def _track(row: Row, rated: _Rated, curve: Curve | None, twin: str) -> Track:
    return Track(
        "pmemo",
        row.text("musicId"),
        rated.file,
        group=artist_key(row.text("artist")),
        recording=f"pmemo/{twin}",
        title=row.values["title"],
        artist=row.text("artist"),
        album=row.values["album"],
        valence=rated.valence,
        arousal=rated.arousal,
        valence_std=rated.valence_std,
        arousal_std=rated.arousal_std,
        curve=curve,
    )


def _chorus(row: Row) -> tuple[str, ...]:
    """What two songs share if they are the same recording."""
    return tuple(row.values[name].lower() for name in METADATA if name not in ("musicId", "album"))


def _static(place: Path, media: Media, findings: Findings, labels: str) -> dict[str, _Rated]:
    """Ratings of the archive, on 0..1 with the deviations in a file of their own, or of a copy.

    The copy brought the means to 1..9 and may have forgotten the deviations.
    """
    path = place / "static_annotations.csv"
    official = "musicId" in read_rows(path, ())[0].values
    key, scale = ("musicId", SCALE) if official else ("song_id", RATED_SCALE)
    means, stds = (
        [f"{axis}({kind})" if official else f"{axis.lower()}_{kind}" for axis in AXES]
        for kind in ("mean", "std")
    )
    deviations: dict[str, Row] = {}
    if official:
        rows = read_rows(path.with_name("static_annotations_std.csv"), (key, *stds))
        deviations = {row.values[key]: row for row in unique(rows, key, findings)}
    columns = means if official else [means[0], stds[0], means[1], stds[1]]
    songs = {}
    for row in unique(read_rows(path, (key, *columns)), key, findings):
        with findings.skipping():
            song = row.text(key)
            file = media.find(song, row.where)
            if official and song not in deviations:
                raise row.fault(
                    "row_missing",
                    f"song {song} has no row in static_annotations_std.csv",
                    "Fetch the file again or remove the row",
                )
            ratings = [row.rating(column, scale) for column in means]
            spreads = [deviations.get(song, row).spread(column, scale) for column in stds]
            songs[song] = _Rated(row.where, file, *ratings, *spreads)
    return songs if official or labels != "repaired" else _in_own_unit(songs, findings, path)


def _in_own_unit(songs: dict[str, _Rated], findings: Findings, path: Path) -> dict[str, _Rated]:
    """The songs, their deviations taken for such on 0..1 if none is too large for that."""
    factor = (RATED_SCALE.high - RATED_SCALE.low) / (SCALE.high - SCALE.low)
    largest = max((max(r.valence_std, r.arousal_std) for r in songs.values()), default=1.0)
    if largest * factor > 1:  # half the width of the unit scale: ratings cannot spread more
        return songs
    findings.repair(
        "std-units",
        f"standard deviations, at most {RATED_SCALE.from_unit(largest) - RATED_SCALE.neutral:.3f}, "
        "read as on 0..1 beside means on 1..9",
        len(songs),
        str(path),
    )
    return {
        song: dataclasses.replace(
            rated, valence_std=rated.valence_std * factor, arousal_std=rated.arousal_std * factor
        )
        for song, rated in songs.items()
    }
