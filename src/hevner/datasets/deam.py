"""DEAM: the MediaEval songs of 2013 to 2015 (Aljanaki, Yang and Soleymani, 2017).

Valence and arousal of the songs of 2013 are exchanged in the archive. That is tested against the
ratings over time or EmoMusic, never assumed; see `hevner.datasets.axis_swap`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from hevner.arrays import Doubles
from hevner.datasets import emomusic
from hevner.datasets.axis_swap import Ratings, compare
from hevner.datasets.card import read_card
from hevner.datasets.curves import read_long, read_raters, read_wide, wide_curve
from hevner.datasets.findings import Findings
from hevner.datasets.media import Media
from hevner.datasets.rows import read_rows, unique
from hevner.datasets.track import Curve, Track
from hevner.emotion import Scale
from hevner.errors import DataError

CARD = read_card("deam")
SCALE = CARD.scale("valence")
PARTS = {
    "development": range(1, 1001),
    "evaluation 2014": range(1001, 2001),
    "evaluation 2015": range(2001, 2059),
}
"""Song ids of each part of the set."""

METADATA = {
    "2013": {"song": "song_id", "artist": "Artist", "title": "Song title", "genre": "Genre"},
    "2014": {"song": "Id", "artist": "Artist", "title": "Track", "genre": "Genre"},
    "2015": {"song": "id", "artist": "artist", "title": "title", "genre": "genre"},
}
"""Columns of the metadata of each year."""

STATIC = ("song_id", "valence_mean", "valence_std", "arousal_mean", "arousal_std")


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`."""
    media = Media(CARD, folder, ("MEMD_audio", "DEAM_audio/MEMD_audio", "audio"), findings)
    songs = _static(folder, media, findings)
    media.report_unlabelled()
    curves = _curves(folder, songs, findings)
    raters = _raters(folder, findings)
    if labels == "repaired":
        songs = _repaired(folder, songs, curves, findings)
        raters = _repaired_raters(raters, songs, findings)
    metadata = _metadata(folder, findings)
    inside = sum(song in PARTS["development"] for song in songs)
    if inside:
        findings.note("emomusic-inside", "songs that are also in EmoMusic", tracks=inside)
    return [
        _completed(song, track, curves.get(song), raters.get(song), metadata.get(song, {}))
        for song, track in songs.items()
    ]


def _completed(
    song: int, track: Track, curve: Curve | None, raters: Doubles | None, known: dict[str, str]
) -> Track:
    """A song with all that is known besides its static ratings."""
    artist = known.get("artist", "")
    valence, arousal = (None, None) if raters is None else map(tuple, raters.tolist())
    return replace(
        track,
        group=emomusic.artist_key(artist) if artist else track.id,
        title=known.get("title", ""),
        artist=artist,
        genre=known.get("genre", ""),
        raters=None if raters is None else raters.shape[1],
        valence_by_rater=valence,
        arousal_by_rater=arousal,
        curve=curve,
        official_split=next((part for part, ids in PARTS.items() if song in ids), ""),
    )


def _found(folder: Path, name: str) -> Path | None:
    """A file of that name at any depth: copies of the archive spell its folders differently."""
    return next(iter(sorted(folder.rglob(name))), None)


def _static(folder: Path, media: Media, findings: Findings) -> dict[int, Track]:
    """Songs with their static ratings."""
    first = _found(folder, "static_annotations_averaged_songs_1_2000.csv")
    if first is None:
        rows = read_rows(folder / "static_annotations.csv", STATIC)
    else:
        rows = read_rows(first, STATIC)
        rows += read_rows(
            first.with_name("static_annotations_averaged_songs_2000_2058.csv"), STATIC
        )
    songs = {}
    for row in unique(rows, "song_id", findings):
        with findings.skipping():
            song = row.integer("song_id")
            songs[song] = Track(
                "deam",
                str(song),
                media.find(str(song), row.where),
                group=str(song),
                recording=f"mediaeval/{song}",
                valence=row.rating("valence_mean", SCALE),
                arousal=row.rating("arousal_mean", SCALE),
                valence_std=row.spread("valence_std", SCALE),
                arousal_std=row.spread("arousal_std", SCALE),
            )
    return songs


def _curves(folder: Path, songs: dict[int, Track], findings: Findings) -> dict[int, Curve]:
    """Ratings over time by song, with single raters if their files are there."""
    arousal, long = _found(folder, "arousal.csv"), folder / "dynamic_annotations.csv"
    curves: dict[int, Curve] = {}
    if arousal is not None:
        wide = [
            read_wide(arousal.with_name(f"{axis}.csv"), findings) for axis in ("valence", "arousal")
        ]
        found = {song: wide_curve(str(song), *wide) for song in songs}
        curves = {song: curve for song, curve in found.items() if curve is not None}
    elif long.is_file():
        by_song = read_long(long, Scale(0, 1), findings)
        curves = {song: by_song[str(song)] for song in songs if str(song) in by_song}
    if len(curves) < len(songs):
        findings.note(
            "no-curve", "songs without ratings over time", tracks=len(songs) - len(curves)
        )
    single = next((p for p in sorted(folder.rglob("arousal")) if p.is_dir()), None)
    if single is None:
        return curves
    for song, curve in curves.items():
        with findings.skipping("bad-rater-file"):
            curves[song] = replace(
                curve,
                valence_by_rater=read_raters(
                    single.with_name("valence") / f"{song}.csv", curve.times
                ),
                arousal_by_rater=read_raters(single / f"{song}.csv", curve.times),
            )
    return curves


def _evidence(folder: Path, curves: dict[int, Curve]) -> tuple[Ratings, str]:
    """Other ratings to test the static ones against, and their name."""
    if curves:
        return {
            song: (float(curve.valence.mean()), float(curve.arousal.mean()))
            for song, curve in curves.items()
        }, "the ratings over time"
    beside = folder.resolve().parent / "emomusic"
    if not beside.is_dir():
        return {}, ""
    return _ratings(emomusic.read(beside, Findings(None), "repaired")), "EmoMusic"


def _ratings(tracks: Iterable[Track]) -> Ratings:
    """Static ratings by song."""
    rated = {int(track.id): (track.valence, track.arousal) for track in tracks}
    return {s: (v, a) for s, (v, a) in rated.items() if v is not None and a is not None}


def _repaired(
    folder: Path, songs: dict[int, Track], curves: dict[int, Curve], findings: Findings
) -> dict[int, Track]:
    """The songs, with valence and arousal exchanged back in each part that shows an exchange."""
    others, name = _evidence(folder, curves)
    repaired = dict(songs)
    for part, ids in PARTS.items():
        own = {song: track for song, track in songs.items() if song in ids}
        found = compare(_ratings(own.values()), others)
        comparison = f"part {part} against {name}: {found}"
        if found.verdict == "exchanged":
            findings.repair("exchanged-axes", comparison, len(own))
            for song, track in own.items():
                repaired[song] = replace(
                    track,
                    valence=track.arousal,
                    arousal=track.valence,
                    valence_std=track.arousal_std,
                    arousal_std=track.valence_std,
                )
        elif own and part == "development" and found.verdict == "right":
            findings.note("exchanged-axes", f"nothing to exchange in {comparison}", tracks=len(own))
        elif own and part == "development":
            findings.problem(
                "untested-exchange",
                DataError(
                    "it is unknown whether static valence and arousal of songs 1 to 1000 are "
                    f"exchanged ({comparison if name else 'there are no other ratings'})",
                    subject=str(folder),
                    remedy="Add the ratings over time (arousal.csv and valence.csv), put EmoMusic "
                    "beside this folder as 'emomusic', or load the labels as_published",
                    code="untested_exchange",
                ),
            )
    return repaired


def _raters(folder: Path, findings: Findings) -> dict[int, Doubles]:
    """Static ratings of single raters by song, valence and arousal, shape ``(2, raters)``."""
    ratings: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for name, ending in (("1_2000", ""), ("2000_2058", "_Average")):
        path = _found(folder, f"static_annotations_songs_{name}.csv")
        columns = (f"Valence{ending}", f"Arousal{ending}")
        for row in [] if path is None else read_rows(path, ("SongId", *columns)):
            with findings.skipping():
                valence, arousal = (row.rating(column, SCALE) for column in columns)
                ratings[row.integer("SongId")].append((valence, arousal))
    return {song: np.array(rows).T for song, rows in ratings.items()}


def _repaired_raters(
    raters: dict[int, Doubles], songs: dict[int, Track], findings: Findings
) -> dict[int, Doubles]:
    """The raters, exchanged where their means agree crosswise with the repaired songs."""
    repaired = dict(raters)
    for part, ids in PARTS.items():
        own = {song: ratings for song, ratings in raters.items() if song in ids}
        means = {song: tuple(ratings.mean(axis=1)) for song, ratings in own.items()}
        found = compare(means, _ratings(songs.values()))
        if found.verdict == "exchanged":
            comparison = f"single raters of part {part} against their repaired means: {found}"
            findings.repair("exchanged-axes", comparison, len(own))
            repaired.update((song, ratings[::-1]) for song, ratings in own.items())
    return repaired


def _metadata(folder: Path, findings: Findings) -> dict[int, dict[str, str]]:
    """Artist, title and genre by song, as far as their files are there."""
    metadata = {}
    for year, columns in METADATA.items():
        path = _found(folder, f"metadata_{year}.csv")
        for row in [] if path is None else read_rows(path, list(columns.values())):
            with findings.skipping():
                metadata[row.integer(columns["song"])] = {
                    field: row.values[column].replace("n/a", "")
                    for field, column in columns.items()
                }
    return metadata
