"""Tempo, meter and beats beside librosa and Essentia, on the same audio.

    python benchmarks/tempo.py --data DIR --store STORE --out CSV [--parts loops ...]
    python benchmarks/tempo.py ... --systems essentia --essentia PYTHON

Rows of the table that a run does not measure are kept.

Four sets, none of which the rhythm network learned from:

- ``loops``: rhythms of this script, 12 s, 50 to 200 bpm, with a soundfont not used in training;
- ``pop909``: 30 s of the songs whose id ends in 9, arranged and rendered;
- ``gtzan``: the cuts of 6 s in ``DIR/musemo`` with a tempo in ``DIR/gtzan_labels/songs.csv``; which
  multiple of a pulse is preferred is fitted to other songs (`tempo_level.py`, which uses STORE);
- ``examples``: the four pieces of one tempo in ``examples/``;
- ``nothing``: noise, tones, hum and syllables of noise, which have no tempo.

A tempo is right within 4 %; ``any octave`` also allows 2, 3, 1/2 and 1/3 of it. Beats and
downbeats are scored by mir_eval (70 ms, the first 5 s left out, as is usual). Intervals are
bootstraps over files.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import librosa
import mir_eval
import music_essentia
import numpy as np
import soundfile
import tempo_level
from numpy.typing import NDArray

from hevner.audio.decode import from_array, open_audio
from hevner.lab.metrics.statistics import bootstrap
from hevner.lab.music import pieces, render
from hevner.lab.music.render import SOUNDFONTS, Instrument
from hevner.lab.music.rhythm_examples import inputs_of
from hevner.music import rhythm
from hevner.output.spreadsheet import csv_text

RATE = 22_050
SOUNDFONT = "MuseScore_General_Full"
TEMPI = (50, 60, 72, 85, 100, 115, 130, 150, 174, 200)
SYSTEMS = ("hevner", "librosa", "essentia")
OCTAVES = (1, 2, 3, 1 / 2, 1 / 3)
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
METERS = {2: "2/4", 3: "3/4", 4: "4/4", 5: "5/4"}


@dataclass
class Clip:
    """Sound and what is known of it; tempo 0 for none."""

    name: str
    sound: NDArray[np.float32]
    tempo: float
    meter: str = ""
    beats: list[float] = field(default_factory=list)
    downbeats: list[float] = field(default_factory=list)
    path: Path | None = None


# Kick, snare, hi-hat: places in a bar in beats.
RHYTHMS: dict[str, tuple[float, list[float], list[float], list[float]]] = {
    "rock": (4, [0, 2, 2.5], [1, 3], [k / 2 for k in range(8)]),
    "straight": (4, [0, 2], [1, 3], [0, 1, 2, 3]),
    "disco": (4, [0, 1, 2, 3], [1, 3], [0.5, 1.5, 2.5, 3.5]),
    "breakbeat": (4, [0, 0.5, 2.5, 3.5], [1, 3], [k / 2 for k in range(8)]),
    "swing": (4, [0, 2], [1, 3], [0, 1, 5 / 3, 2, 3, 11 / 3]),
    "polka": (2, [0], [1], [0.5, 1.5]),
    "waltz": (3, [0], [1, 2], [0, 1, 2]),
    "slow_waltz": (3, [0, 2.5], [1, 2], [k / 2 for k in range(6)]),
    "five": (5, [0, 3], [2, 4], [k / 2 for k in range(10)]),
    "six8": (2, [0, 2 / 3], [1], [k / 3 for k in range(6)]),
    "seven8": (3.5, [0, 2], [1, 2.5], [k / 2 for k in range(7)]),
    "seven8_322": (3.5, [0], [1.5, 2.5], [k / 2 for k in range(7)]),
}
DRUMLESS = ("pianoarp", "alberti", "pulse", "fingers", "oompah")
NARROW = {"dnb": (160, 168, 174, 180), "halftime": (120, 130, 140, 150)}


def loops() -> Iterator[Clip]:
    """The rhythms of this script."""
    wanted = [(name, bpm) for name in (*RHYTHMS, *DRUMLESS) for bpm in TEMPI]
    wanted += [(name, bpm) for name, tempi in NARROW.items() for bpm in tempi]
    for number, (name, bpm) in enumerate(wanted):
        parts, bar, meter = _loop(name, number)
        second = 60 / bpm
        played = []
        for one in parts:
            notes = one.notes.copy()
            notes[:, :2] *= second
            played.append(
                Instrument(one.role, one.program, notes[notes[:, 0] < 11.5], one.loudness)
            )
        sound = render.render(played, 12.0, SOUNDFONT, rate=RATE)
        down = [float(t) for t in np.arange(0, 11.5, bar * second)]
        yield Clip(f"{name}_{bpm}", sound, bpm, meter, [], down)


def _loop(name: str, number: int) -> tuple[list[Instrument], float, str]:
    """Parts in beats, the length of a bar, the meter."""
    roots = [(0, 5, 7, 0), (0, 9, 5, 7), (9, 5, 0, 7)][number % 3]
    rows: dict[str, list[tuple[float, float, float, float]]] = {
        "chords": [],
        "bass": [],
        "drums": [],
    }
    if name in RHYTHMS or name in NARROW:
        if name == "dnb":
            bar, kick, snare, hat = 4.0, [0.0, 2.5], [1.0, 3.0], [k / 2 for k in range(8)]
        elif name == "halftime":
            bar, kick, snare, hat = 4.0, [0.0, 1.5], [2.0], [float(k) for k in range(4)]
        else:
            bar, kick, snare, hat = RHYTHMS[name]
        for k in range(60):
            for pitch, places, loud in ((35, kick, 110), (40, snare, 100), (44, hat, 75)):
                rows["drums"] += [(k * bar + p, k * bar + p + 0.2, pitch, loud) for p in places]
            root = 36 + roots[k % 4]
            rows["bass"] += [(k * bar + p, k * bar + p + 0.4, root, 90) for p in kick]
            if number % 2:
                rows["chords"] += [(k * bar, (k + 1) * bar, root + 24 + i, 60) for i in (0, 4, 7)]
        programs = {"drums": 0, "bass": 34, "chords": (4, 18, 49)[number % 3]}
    else:
        bar = 3.0 if name == "oompah" or (name == "fingers" and number % 2) else 4.0
        for k in range(60):
            root = 48 + roots[k % 4]
            chord = [root, root + 4, root + 7, root + 12]
            steps = int(bar * 2)
            order = {
                "pianoarp": [0, 1, 2, 3, 2, 1, 2, 1],
                "alberti": [0, 2, 1, 2] * 2,
                "fingers": [0, 2, 1, 3, 2, 1, 0, 2],
            }.get(name, [])
            for j in range(steps if order else 0):
                at = k * bar + j / 2
                rows["chords"].append((at, at + 0.6, chord[order[j]], 80))
            if name == "pulse":
                rows["chords"] += [
                    (k * bar + j, k * bar + j + 0.8, p + 12, 75) for j in range(4) for p in chord
                ]
            if name == "oompah":
                rows["bass"].append((k * bar, k * bar + 0.8, root - 12, 90))
                rows["chords"] += [
                    (k * bar + j, k * bar + j + 0.5, p + 12, 70) for j in (1, 2) for p in chord[:3]
                ]
        programs = {"chords": {"pulse": 51, "fingers": 25}.get(name, 1), "bass": 43, "drums": 0}
    meter = "7/8" if bar == 3.5 else "6/8" if name == "six8" else METERS[int(bar)]
    parts = [
        Instrument(role, programs[role], np.array(notes, float))
        for role, notes in rows.items()
        if notes
    ]
    return parts, bar, meter


def pop909(data: Path) -> Iterator[Clip]:
    """Half a minute of the songs that nothing is learned from."""
    for number, song in enumerate(pieces.song_ids(data / "pop909", "test")):
        rng = np.random.default_rng([909, number])
        piece = pieces.draw_pop909(data / "pop909" / song, 30.0, rng)
        parts, sung = render.drawn(piece, rng, 0.3)
        sound = render.render(parts, 30.0, SOUNDFONTS[number % 3], rate=RATE)
        if len(sung):
            sound = render.mix(sound, render.sing(sung, 30.0, rng, rate=RATE), rng)
        yield Clip(song, sound, piece.tempo, piece.meter, list(piece.beats), list(piece.downbeats))


def gtzan(data: Path) -> Iterator[Clip]:
    """Cuts of real songs."""
    for path, _, tempo in tempo_level.songs(data):
        yield Clip(path.stem, _read(path), tempo, path=path)


def examples() -> Iterator[Clip]:
    """The pieces that come with hevner, those of one tempo."""
    known = json.loads((EXAMPLES / "annotations.json").read_text(encoding="utf-8"))
    for name, piece in known.items():
        if len(piece["sections"]) == 1:
            tempo = piece["sections"][0]["tempo_bpm"]
            path = EXAMPLES / piece["audio"]
            yield Clip(name, _read(path), tempo, piece["metre"], path=path)


def nothing() -> Iterator[Clip]:
    """Sounds without a pulse."""
    time = np.arange(12 * RATE) / RATE
    for seed in range(8):
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal(len(time))
        syllables = np.interp(time, np.cumsum(rng.gamma(2.0, 0.09, 200)), rng.random(200) ** 2)
        mains = float(rng.choice([50, 60]))
        hum = sum(np.sin(2 * np.pi * mains * k * time) / k for k in (1, 2, 3, 5))
        sounds = {
            "noise": noise,
            "tone": np.sin(2 * np.pi * rng.uniform(80, 2000) * time),
            "hum": hum + 0.01 * noise * (seed % 2),
            "syllables": noise * syllables,
        }
        for name, sound in sounds.items():
            yield Clip(f"{name}_{seed}", np.asarray(0.1 * sound, np.float32), 0.0)


def _read(path: Path) -> NDArray[np.float32]:
    mono = np.concatenate(list(open_audio(path).blocks))
    return np.asarray(librosa.resample(mono, orig_sr=16_000, target_sr=RATE), np.float32)


Answer = dict[str, Any]


def by_hevner(clip: Clip) -> Answer:
    """Tempo, meter, beats and downbeats, as `hevner.analyze` finds them."""
    audio = open_audio(clip.path) if clip.path else from_array(clip.sound, RATE)
    samples = np.concatenate(list(audio.blocks))
    return _answer(rhythm.analyse(inputs_of(samples).astype(np.float32)))


def out_of_fold(data: Path, store: Path) -> list[Answer]:
    """The same of all clips of `gtzan`, with preferences that were fitted to others."""
    cases = list(tempo_level.cuts(data))
    by = tempo_level.out_of_fold(cases, list(tempo_level.pieces(data, store)), seed=0)
    return [
        _answer(rhythm.analyse(case.inputs, preference=one))
        for case, one in zip(cases, by, strict=True)
    ]


def _answer(found: rhythm.Rhythm) -> Answer:
    return {name: getattr(found, name) for name in ("tempo", "meter", "beats", "downbeats")}


def by_librosa(clip: Clip) -> Answer:
    """Tempo and beats."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tempo, beats = librosa.beat.beat_track(y=clip.sound, sr=RATE, units="time")
    return {"tempo": float(np.atleast_1d(tempo)[0]), "beats": beats}


def by_essentia(python: str, clips: list[Clip]) -> list[Answer]:
    """The same, by another Python."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{k}.wav" for k in range(len(clips))]
        for path, clip in zip(paths, clips, strict=True):
            soundfile.write(path, clip.sound, RATE)
        found = music_essentia.ask(python, paths, "--beats")
    return [found[str(path)] for path in paths]


def right(found: float | None, true: float, factors: tuple[float, ...] = (1,)) -> bool:
    """Whether a tempo is within 4 % of a multiple of the true one."""
    return found is not None and any(abs(found / (true * one) - 1) <= 0.04 for one in factors)


def score(clip: Clip, found: Answer) -> dict[str, float]:
    """Scores of one clip, those that apply."""
    if not clip.tempo:
        return {"no tempo": float(found["tempo"] is None)}
    scores = {
        "tempo": float(right(found["tempo"], clip.tempo)),
        "any octave": float(right(found["tempo"], clip.tempo, OCTAVES)),
    }
    if clip.meter and "meter" in found:
        scores["meter"] = float(found["meter"] == clip.meter)
    for name in ("beats", "downbeats"):
        true = np.array(getattr(clip, name))
        if len(true) and name in found:
            pair = (mir_eval.beat.trim_beats(np.array(one, float)) for one in (true, found[name]))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scores[name] = float(mir_eval.beat.f_measure(*pair))
    return scores


def _others(options: argparse.Namespace) -> list[list[Any]]:
    """Rows of the table that this run does not measure anew."""
    if not options.out.exists():
        return []
    with options.out.open(encoding="utf-8") as stream:
        rows = list(csv.reader(stream))[1:]
    return [r for r in rows if r[0] not in options.parts or r[1] not in options.systems]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Tempo and beats beside librosa and Essentia.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--store", type=Path, help="keeps pieces that gtzan needs")
    parser.add_argument("--essentia", metavar="PYTHON", help="a Python that has Essentia, for it")
    parser.add_argument("--limit", type=int, help="clips of each set")
    sets = ("loops", "pop909", "gtzan", "examples", "nothing")
    parser.add_argument("--parts", nargs="+", choices=sets, default=sets)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS[:2])
    options = parser.parse_args()
    rows = _others(options)
    for part in options.parts:
        make = {"loops": loops, "examples": examples, "nothing": nothing}.get(part)
        clips = list(make() if make else {"pop909": pop909, "gtzan": gtzan}[part](options.data))[
            : options.limit
        ]
        answers: dict[str, list[Answer]] = {}
        if "hevner" in options.systems:
            answers["hevner"] = (
                out_of_fold(options.data, options.store)[: options.limit]
                if part == "gtzan"
                else [by_hevner(clip) for clip in clips]
            )
        if "librosa" in options.systems and part != "nothing":
            answers["librosa"] = [by_librosa(clip) for clip in clips]
        if "essentia" in options.systems and part != "nothing":
            answers["essentia"] = by_essentia(options.essentia, clips)
        for system, found in answers.items():
            scores = [score(clip, one) for clip, one in zip(clips, found, strict=True)]
            for name in sorted({key for one in scores for key in one}):
                values = np.array([one[name] for one in scores if name in one])
                low, high = bootstrap(
                    lambda k, v=values: float(v[k].mean()), np.arange(len(values))
                )
                rows.append(
                    [
                        part,
                        system,
                        name,
                        *(f"{x:.4f}" for x in (values.mean(), low, high)),
                        len(values),
                    ]
                )
                print(*rows[-1], flush=True)
            wrong = [
                f"{clip.name} {one['tempo'] or 0:.0f}"
                for clip, one in zip(clips, found, strict=True)
                if clip.tempo and not right(one["tempo"], clip.tempo)
            ]
            print(f"{part}, {system}, wrong:", "; ".join(wrong[:40]), flush=True)
    columns = ("set", "system", "score", "mean", "low", "high", "n")
    options.out.write_text(csv_text(columns, sorted(rows)), "utf-8", newline="")


if __name__ == "__main__":
    main()
