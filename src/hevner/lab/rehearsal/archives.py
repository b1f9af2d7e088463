"""Small datasets in the layouts of their archives: file names, columns, scales, known defects.

Ids are those of the published sets, so that committed splits apply. Ratings are made up, and the
music, a few seconds a piece, carries them a little (`hevner.lab.rehearsal.music`).

    python -m hevner.lab.rehearsal.archives 15 4.0 DATA FEATURES emomusic deam pmemo
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from hevner.datasets import emotify, mtg_jamendo, splits
from hevner.emotion import Scale
from hevner.lab.music.render import Instrument, write_midi
from hevner.lab.rehearsal.music import RATE, Piece, bands
from hevner.moods import TAGS

MOMENTS = [15 + k / 2 for k in range(60)]
"""Times of ratings over time, in seconds."""

GENRES = ("Blues", "Rock", "Jazz", "Folk")
PIANISTS = ("Gould", "Hewitt", "Schiff")
CLIPS = "{}.mp3"
Songs = dict[str, Piece]
"""Pieces by id."""

Rows = Iterable[Sequence[object]]


def write(name: str, folder: Path, count: int, seconds: float) -> None:
    """Write an archive of ``count`` pieces or more, of so many seconds; what is there stays."""
    if not folder.is_dir():
        part = folder.with_name(f"{folder.name}.part")
        part.mkdir(parents=True, exist_ok=True)
        MAKERS[name](part, count, seconds)
        part.rename(folder)


def _table(path: Path, header: Sequence[object], rows: Rows, delimiter: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])


def _sounds(folder: Path, songs: Songs, seconds: float, name: str = CLIPS) -> None:
    for song, piece in songs.items():
        path = folder / name.format(song)
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, piece.sound(seconds), RATE)


def _midi(folder: Path, songs: Songs, seconds: float) -> None:
    folder.mkdir(parents=True)
    for song, piece in songs.items():
        write_midi([Instrument("chords", 0, piece.notes(seconds))], folder / f"{song}.mid")


def _rated(songs: Songs, valence: Scale, arousal: Scale | None = None) -> dict[str, list[float]]:
    """Valence and arousal by id, on scales of their own."""
    scales = (valence, arousal or valence)
    return {
        song: [round(scale.from_unit(x), 4) for scale, x in zip(scales, piece.emotion, strict=True)]
        for song, piece in songs.items()
    }


def _artist(song: str, what: str = "Singer") -> str:
    """An artist for each song, in letters, as digits do not part artists."""
    return f"{what} " + "".join("abcdefghij"[int(digit)] for digit in song)


def _some(dataset: str, count: int, first: int = 0) -> list[str]:
    """Ids of a published set, from a number on, of all parts of its splits alike."""
    parts = [splits.load(dataset, name).parts.items() for name in ("random", "common")]
    part_of = [{one: part for part, ids in own for one in ids} for own in parts]
    lots: dict[tuple[str, ...], list[str]] = {}
    for one in sorted(part_of[0], key=int):
        if int(one) >= first:
            lots.setdefault(tuple(part[one] for part in part_of), []).append(one)
    turns = chain.from_iterable(zip(*(cycle(lots[lot]) for lot in sorted(lots)), strict=True))
    return list(islice(dict.fromkeys(islice(turns, 9 * count)), count))


def mediaeval(dataset: str, count: int) -> Songs:
    """Songs of EmoMusic, or of DEAM: these and as many others."""
    songs = _some("emomusic", count)
    if dataset == "deam":
        songs += _some("deam", count - 2, 1001) + _some("deam", 2, 2001)
    return {song: Piece(f"mediaeval/{song}") for song in songs}


def _over_time(path: Path, songs: Songs, axis: int, spread: bool = False) -> None:
    header = ["song_id", *(f"sample_{int(1000 * time)}ms" for time in MOMENTS)]
    curves = {song: piece.curve(len(MOMENTS))[:, axis] for song, piece in songs.items()}
    values = {s: np.full(len(c), 0.2) if spread else c for s, c in curves.items()}
    _table(path, header, [[song, *own.tolist()] for song, own in values.items()])


def _emomusic(folder: Path, count: int, seconds: float) -> None:
    songs, place = mediaeval("emomusic", count), folder / "annotations"
    header = ("song_id", "mean_arousal", "std_arousal", "mean_valence", "std_valence")
    static = [[s, a, 1, v, 1] for s, (v, a) in _rated(songs, Scale(1, 9)).items()]
    _table(place / "static_annotations.csv", header, static)
    columns = (
        "song_id", "file_name", "Artist", "Song title", "start of the segment (min.sec)",
        "end of the segment (min.sec)", "Genre", "Mediaeval 2013 set",
    )  # fmt: skip
    info = [
        [s, f"\t{s}.mp3", f"{_artist(s)}\t", f"\tSong {s}\t", "\t0.48\t", "\t1.33\t",
         f"\t{GENRES[k % len(GENRES)]}\t", "evaluation" if k % 6 == 0 else "development"]
        for k, s in enumerate(songs)
    ]  # fmt: skip
    _table(place / "songs_info.csv", columns, info)
    for axis, name in enumerate(("valence", "arousal")):
        _over_time(place / f"{name}_cont_average.csv", songs, axis)
        _over_time(place / f"{name}_cont_std.csv", songs, axis, spread=True)
    _sounds(folder / "clips_45seconds", songs, seconds)


def _deam(folder: Path, count: int, seconds: float) -> None:
    """Static axes of the songs of EmoMusic are exchanged, as in the archive."""
    songs = mediaeval("deam", count)
    place = folder / "annotations" / "annotations averaged per song"
    static = {
        int(song): values[:: -1 if int(song) <= 1000 else 1]
        for song, values in _rated(songs, Scale(1, 9)).items()
    }
    for name, low in (("1_2000", 0), ("2000_2058", 2000)):
        own = [[s, v, 1, a, 1] for s, (v, a) in static.items() if low < s <= low + 2000]
        header = ("song_id", " valence_mean", " valence_std", " arousal_mean", " arousal_std")
        _table(place / "song_level" / f"static_annotations_averaged_songs_{name}.csv", header, own)
    for axis, name in enumerate(("valence", "arousal")):
        _over_time(place / "dynamic (per second annotations)" / f"{name}.csv", songs, axis)
    _sounds(folder / "MEMD_audio", songs, seconds)


def _pmemo(folder: Path, count: int, seconds: float) -> None:
    songs = {song: Piece(f"pmemo/{song}") for song in _some("pmemo", 2 * count)}
    rated, place = _rated(songs, Scale(0, 1)), folder / "annotations"
    for ending, kind in (("", "mean"), ("_std", "std")):
        columns = ["musicId", f"Arousal({kind})", f"Valence({kind})"]
        static = [[s, a, v] if kind == "mean" else [s, 0.1, 0.1] for s, (v, a) in rated.items()]
        _table(place / f"static_annotations{ending}.csv", columns, static)
        moments = [
            [s, time + 0.5, *([0.1, 0.1] if ending else ((row[::-1] + 1) / 2).round(4).tolist())]
            for s, piece in songs.items()
            for time, row in zip(MOMENTS, piece.curve(len(MOMENTS)), strict=True)
        ]
        path = place / f"dynamic_annotations{ending}.csv"
        _table(path, ["musicId", "frameTime", *columns[1:]], moments)
    header = (
        "musicId", "fileName", "title", "artist", "album", "duration", "chorus_start_time",
        "chorus_end_time",
    )  # fmt: skip
    info = [
        [s, f"{s}.mp3", f"Hit {s}", _artist(s, "Star"), "", 45.0, "00:41", "01:26"] for s in songs
    ]
    _table(folder / "metadata.csv", header, info)
    _sounds(folder / "chorus", songs, seconds)


def _wtc(folder: Path, count: int, seconds: float) -> None:
    """Each piece by three pianists, who differ a little."""
    clips = [
        (f"prelude{number}_{pianist}", f"prelude{number}", pianist)
        for number in range(1, max(count // len(PIANISTS), 6) + 1)
        for pianist in PIANISTS
    ]
    songs = {clip: Piece(f"wtc/{clip}") for clip, *_ in clips}
    rated = _rated(songs, Scale(-5, 5), Scale(0, 100))
    header = ("id", "piece", "pianist", "valence", "arousal")
    _table(folder / "annotations.csv", header, [[*one, *rated[one[0]]] for one in clips])
    _sounds(folder / "audio", songs, seconds, "{}.wav")


def _plain(folder: Path, count: int, seconds: float) -> None:
    """WCMED and CCMED."""
    songs = {f"{folder.stem}_{k}": Piece(f"{folder.stem}/{k}") for k in range(count)}
    rows = [[s, *va] for s, va in _rated(songs, Scale(-1, 1)).items()]
    _table(folder / "annotations.csv", ("id", "valence", "arousal"), rows)
    _sounds(folder / "audio", songs, seconds, "{}.wav")


def _jamendo(folder: Path, count: int, seconds: float) -> None:
    """Three tags whose words lie nearest to the piece, and one by turns."""
    songs = {str(7 * k + 201): Piece(f"jamendo/{k}") for k in range(2 * count)}
    words = np.array([[tag.valence, tag.arousal] for tag in TAGS])
    parts: dict[str, list[list[object]]] = {part: [] for part in mtg_jamendo.PARTS}
    for k, (song, piece) in enumerate(songs.items()):
        near = np.argsort(((words - piece.emotion) ** 2).sum(axis=1))[:3]
        tags = sorted({TAGS[int(n)].name for n in (*near, k % len(TAGS))})
        part = mtg_jamendo.PARTS[(0, 0, 1, 2)[k % 4]]
        ids = [f"track_{int(song):07}", f"artist_{k:06}", f"album_{k:06}"]
        name = f"{int(song) % 100:02}/{song}.mp3"
        parts[part].append([*ids, name, seconds, *(mtg_jamendo.PREFIX + tag for tag in tags)])
    for part, rows in parts.items():
        path = folder / "data" / "splits" / "split-0" / f"autotagging_moodtheme-{part}.tsv"
        _table(path, mtg_jamendo.COLUMNS, rows, "\t")
    paths = {f"{int(song) % 100:02}/{song}": piece for song, piece in songs.items()}
    _sounds(folder / "audio", paths, seconds)


def _musemo(folder: Path, count: int, seconds: float) -> None:
    names = [(GENRES[k % 4].lower(), 10 * (k // 4) + 2) for k in range(count)]
    songs = {f"out_{genre}.{n:05}": Piece(f"gtzan/{genre}.{n:05}") for genre, n in names}
    rows = [
        [100 + k, f"{s}.wav", a, v, _quadrant(v, a).replace("Q", "e")]
        for k, (s, (v, a)) in enumerate(_rated(songs, Scale(-10, 10)).items())
    ]
    _table(folder / "annotations.csv", ("Id", "Name", "Arousal", "Valence", "EmoCat"), rows)
    _sounds(folder / "audio", songs, seconds, "{}.wav")


def _quadrant(valence: float, arousal: float) -> str:
    return f"Q{(1 if valence > 0 else 2) if arousal > 0 else (4 if valence > 0 else 3)}"


def _in_turns(name: str, count: int) -> list[Piece]:
    """Pieces of a set; any two in a row lie on both sides of both axes."""
    numbered = (Piece(f"{name}/{k}") for k in range(20 * count))
    lots: dict[str, list[Piece]] = {}
    for piece in numbered:
        lots.setdefault(_quadrant(*piece.emotion), []).append(piece)
    turns = chain.from_iterable(zip(*(lots[f"Q{n}"] for n in (1, 3, 2, 4)), strict=False))
    return list(islice(turns, count))


def _vgmidi(folder: Path, count: int, seconds: float) -> None:
    """Six listeners, a value for each of eight measures."""
    names = [f"Series{k % 4}_NES_Game{k % 8}_Piece{k}" for k in range(count)]
    songs = {name: Piece(f"vgmidi/{name}") for name in names}
    pieces: dict[str, Any] = {}
    annotations = {}
    for number, (name, piece) in enumerate(songs.items()):
        pieces[f"piece{number}"] = {"midi": f"{name}.mid", "measures": 8, "duration": seconds}
        for rater in range(1, 7):
            moved = piece.curve(8) + np.random.default_rng(rater).normal(0, 0.1, (8, 2))
            valence, arousal = np.clip(moved, -1, 1).round(3).T.tolist()
            annotations[f"piece{number}_{rater}"] = {"valence": valence, "arousal": arousal}
    _midi(folder / "labelled" / "midi", songs, seconds)
    path = folder / "labelled" / "annotations" / "vgmidi_raw_1.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"pieces": pieces, "annotations": annotations}), encoding="utf-8")


def _emopia(folder: Path, count: int, seconds: float) -> None:
    """Two clips of each song."""
    songs = {
        f"{_quadrant(*p.emotion)}_song{k // 2:07}_{k % 2}": p
        for k, p in enumerate(_in_turns("emopia", count))
    }
    _table(folder / "label.csv", ("ID", "4Q", "annotator"), [[s, s[1], "A"] for s in songs])
    _midi(folder / "midis", songs, seconds)


def _emotify(folder: Path, count: int, seconds: float) -> None:
    """Eight votes on each track; each emotion lies somewhere in the plane."""
    numbers = [100 * (k % 4) + k // 4 + 1 for k in range(count)]
    angles = np.linspace(0, 2 * np.pi, len(emotify.COLUMNS), endpoint=False)
    songs, rows = {}, []
    for number in sorted(numbers):
        genre = emotify.GENRES[(number - 1) // 100]
        piece = songs[f"{genre}/{(number - 1) % 100 + 1}"] = Piece(f"emotify/{number}")
        valence, arousal = piece.emotion
        share = np.clip(0.4 + 0.4 * (valence * np.cos(angles) + arousal * np.sin(angles)), 0, 1)
        votes = piece.rng.random((8, len(angles))) < share
        rows += [[number, genre, *vote] for vote in votes.astype(int).tolist()]
    _table(folder / "data.csv", ("track id", " genre", *(f" {c}" for c in emotify.COLUMNS)), rows)
    _sounds(folder / "emotifymusic", songs, seconds)


def _film(folder: Path, count: int, seconds: float) -> None:
    """Two excerpts of each album."""
    songs = {f"{k + 1:03}": Piece(f"film/{k}") for k in range(count)}
    names = ("valence", "energy", "tension", "anger", "fear", "happy", "sad", "tender")
    header = ("id", *(f"{one}_set1" for one in names), "album", "track")
    places = np.array([[1, 0], [0, 1], [-1, 0.3], [-1, 1], [-1, 0.6], [1, 1], [-1, -1], [1, -1]])
    rows = [
        [s, *np.clip(5 + 3 * places @ p.emotion, 1, 9).round(2).tolist(), f"Score {k // 2}", k]
        for k, (s, p) in enumerate(songs.items())
    ]
    _table(folder / "ratings.csv", header, rows)
    _sounds(folder / "audio", songs, seconds)


def _musifeast(folder: Path, count: int, seconds: float) -> None:
    songs = {f"60s_HIGH_{k + 1:02}": Piece(f"musifeast/{k}") for k in range(count)}
    header = (
        "id", "GENRE", "TRACK_TITLE", "ARTIST", "valence", "valence_SD", "arousal", "arousal_SD",
    )  # fmt: skip
    rows = [
        [s, GENRES[k % 4], f"Song {k}", f"Band {k}", v, 0.5, a, 0.5]
        for k, (s, (v, a)) in enumerate(_rated(songs, Scale(1, 5)).items())
    ]
    _table(folder / "ratings.csv", header, rows)
    _sounds(folder / "audio", songs, seconds)


def _quadrants4q(folder: Path, count: int, seconds: float) -> None:
    songs = {f"MT{k:010}": p for k, p in enumerate(_in_turns("quadrants4q", count))}
    header = ("id", "quadrant", "artist", "title", "moods", "genres")
    rows = [
        [s, _quadrant(*p.emotion), f"Group {k}", f"Song {k}", "Happy; Calm", GENRES[k % 4]]
        for k, (s, p) in enumerate(songs.items())
    ]
    _table(folder / "songs.csv", header, rows)
    _sounds(folder / "audio", songs, seconds)


def _mirex(folder: Path, count: int, seconds: float) -> None:
    songs = {f"{k + 1:03}": Piece(f"mirex/{k}") for k in range(count)}
    # Clusters 1 to 5 around the plane, each as far from neutral.
    angles = np.radians([60, 20, 225, 340, 135])
    places = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rows = [[s, int(np.argmax(places @ p.emotion)) + 1] for s, p in songs.items()]
    _table(folder / "clusters.csv", ("id", "cluster"), rows)
    _sounds(folder / "audio", songs, seconds)


MAKERS: dict[str, Callable[[Path, int, float], None]] = {
    "emomusic": _emomusic,
    "deam": _deam,
    "pmemo": _pmemo,
    "wtc": _wtc,
    "wcmed": _plain,
    "mtg_jamendo": _jamendo,
    "musemo": _musemo,
    "vgmidi": _vgmidi,
    "emopia": _emopia,
    "emotify": _emotify,
    "film": _film,
    "musifeast": _musifeast,
    "quadrants4q": _quadrants4q,
    "mirex": _mirex,
}


def write_features(data: Path, folder: Path) -> None:
    """Vectors that other programs make of the archives there: of a convnet, YAMNet and VGGish.

    Beside those of the convnet lie cepstra, and a table of some numbers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = ("emomusic", "deam", "pmemo", "musemo", "mtg_jamendo")
    sets = {one: _media(data / one) for one in names if (data / one).is_dir()}
    means = {
        name: {song: bands(sound, 160).mean(axis=0) for song, sound in own.items()}
        for name, own in sets.items()
    }
    table = np.stack(list(means["emomusic"].values()))
    np.savez(folder / "choi_convnet_emomusic.npz", song_id=np.array(list(means["emomusic"])),
             embedding=table, mfcc=table[:, :120])  # fmt: skip
    np.savez(folder / "choi_convnet_gtzan.npz", embedding=np.stack(list(means["musemo"].values())),
             name=np.array([one.removeprefix("out_") for one in means["musemo"]]))  # fmt: skip
    numbers = ("rms", "spectral", "rolloff", "MFCC", "Chromatic scale", "key_correlation",
               "scale_correlation")  # fmt: skip
    rows = [
        [song, *own[10:24:2].round(4).tolist(), "CG"[k % 2], ("major", "minor")[k % 3 % 2]]
        for k, (song, own) in enumerate((means["emomusic"] | means["deam"]).items())
    ]
    _table(folder / "deam_tonality.csv", ("track_id", *numbers, "key", "mode"), rows)
    if jamendo := means.get("mtg_jamendo"):
        rng = np.random.default_rng(11)
        np.savez(folder / "yamnet_mean_mtg_jamendo.npz", components=np.stack([*jamendo.values()]),
                 name=np.array([f"{int(song) % 100:02}/{song}" for song in jamendo]),
                 mean=np.zeros(1024), spread=np.ones(1024),
                 axes=rng.normal(size=(1024, 160)) / 32)  # fmt: skip
    for name in ("deam", "pmemo"):
        for song, sound in sets[name].items():
            (folder / "vggish" / name).mkdir(parents=True, exist_ok=True)
            np.save(folder / "vggish" / name / f"{song}.npy", bands(sound, 128))


def _media(folder: Path) -> dict[str, Any]:
    """Samples by the name of the file."""
    files = sorted(one for one in folder.rglob("*") if one.suffix in (".mp3", ".wav"))
    return {one.stem: soundfile.read(one, dtype="float32")[0] for one in files}


def main(count: str, seconds: str, data: str, features: str, *names: str) -> None:
    """Write archives of these names, each of ``count`` pieces, and vectors of them."""
    for name in names:
        write(name, Path(data, name), int(count), float(seconds))
    write_features(Path(data), Path(features))


if __name__ == "__main__":
    main(*sys.argv[1:])
