"""Scores of recognised chords and keys, on songs that no parameter was fitted to.

    python benchmarks/harmony.py FOLDER --data POP909 [--songs 32] [--essentia-python PYTHON]

The songs are those of POP909 whose id ends in 9, ``--songs`` of them, evenly spread.
A minute of each is rendered as a piano piece (FluidR3_GM) and with other instruments, drums and
sung lines (MuseScore_General_Full), both clean and with a room and pink noise 15 dB below the
music; FOLDER keeps the sound. Scores are those of mir_eval, the mean over songs, with a 95 %
bootstrap interval over songs. A Python that has Essentia runs it on the same files.

Chord scores are duration-weighted agreement with the annotation by root, major or minor, sevenths
and the MIREX rule (three notes in common), and the mean of over- and under-segmentation. The key
score is the MIREX weighting; ``mode`` is the share of songs with the right mode.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import key_cuts
import mir_eval
import music_essentia
import numpy as np
import soundfile

from hevner.lab.metrics.report import write
from hevner.lab.music import pieces, render
from hevner.lab.music.pieces import UNKNOWN, Piece
from hevner.music import Harmony, analyse, chord_labels

RESULTS = Path(__file__).parent / "results" / "harmony.csv"
RENDER_RATE = 44_100
LENGTH_S = 60.0
CHORD_SCORES = ("root", "majmin", "sevenths", "mirex", "seg")
Chords = list[tuple[float, float, str]]


@dataclass(frozen=True)
class Condition:
    """Rendering of a song."""

    name: str
    soundfont: str
    band: bool
    rough: bool


CONDITIONS = (
    Condition("piano clean", "FluidR3_GM", band=False, rough=False),
    Condition("piano rough", "FluidR3_GM", band=False, rough=True),
    Condition("band clean", "MuseScore_General_Full", band=True, rough=False),
    Condition("band rough", "MuseScore_General_Full", band=True, rough=True),
)


def load_reference(data: Path, song_id: str) -> tuple[Piece, Chords, str | None]:
    """A minute from the first quarter of a song on, its chords in Harte notation, and its key."""
    folder = data / song_id
    song, keys = pieces.load_pop909(folder)
    start = min(song.duration / 4, max(song.duration - LENGTH_S, 0))
    cut = pieces.excerpt(song, keys, start, LENGTH_S)
    chords: Chords = []
    named = pieces.read_rows(folder / "chord_midi.txt")
    for (begin, end, name), (_, _, number) in zip(named, song.chords, strict=True):
        first, last = max(begin - start, 0.0), min(end - start, LENGTH_S)
        if last - first > 1e-3:
            chords.append((first, last, "X" if number == UNKNOWN else name))
    key = None if cut.key == UNKNOWN else chord_labels.key_label(cut.key)
    return cut, chords, key


def write_song(song: Piece, condition: Condition, seed: int, path: Path) -> None:
    """Write one rendered song as 16 bit WAV."""
    rng = np.random.default_rng(seed)
    if condition.band:
        parts, sung = render.arrange(song, rng)
    else:
        parts, sung = render.piano(song), np.zeros((0, 4))
    sound = render.render(parts, LENGTH_S, condition.soundfont, rate=RENDER_RATE)
    voice = render.sing(sung, LENGTH_S, rng, rate=RENDER_RATE)
    sound = render.mix(sound, voice, rng)
    if condition.rough:
        sound = render.add_reverb(sound, 1.2, 0.5, RENDER_RATE, rng)
        sound = render.add_noise(sound, 15.0, rng, pink=True)
    soundfile.write(path, 0.7 * sound / (np.abs(sound).max() + 1e-9), RENDER_RATE)


def analyse_file(path: Path) -> Harmony:
    """Harmony of a sound file."""
    return analyse(*key_cuts.spectrum(path))


def score_chords(reference: Chords, estimate: Chords) -> dict[str, float]:
    """mir_eval's scores of one song, 0..1."""
    intervals, names = _split(reference)
    found, found_names = _split(estimate)
    scores = mir_eval.chord.evaluate(intervals, names, found, found_names)
    return {name: float(scores[name]) for name in CHORD_SCORES}


def score_key(reference: str, estimate: str | None) -> dict[str, float]:
    """MIREX-weighted key score and whether the mode is right, 0..1."""
    if estimate is None:
        return {"key": 0.0, "mode": 0.0}
    return {
        "key": float(mir_eval.key.weighted_score(reference, estimate)),
        "mode": float(reference.split()[1] == estimate.split()[1]),
    }


def interval(values: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Mean and 95 % bootstrap interval over songs."""
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(values), size=(2000, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


def _split(chords: Chords) -> tuple[np.ndarray, list[str]]:
    return np.array([row[:2] for row in chords]), [row[2] for row in chords]


def evaluate(data: Path, count: int, folder: Path, peer: Path | None) -> list[dict[str, object]]:
    """Measure ``count`` songs; rows are condition, system, score, mean, low, high, songs."""
    available = pieces.song_ids(data, "test")
    chosen = np.unique(np.linspace(0, len(available) - 1, count).astype(int))
    folder.mkdir(parents=True, exist_ok=True)
    references = {available[k]: load_reference(data, available[k]) for k in chosen}
    collected: dict[tuple[str, str, str], list[float]] = {}

    def add(condition: str, system: str, scores: dict[str, float]) -> None:
        for name, value in scores.items():
            collected.setdefault((condition, system, name), []).append(value)

    for condition in CONDITIONS:
        paths = {song_id: folder / f"{condition.name}-{song_id}.wav" for song_id in references}
        for song_id, (song, *_) in references.items():
            if not paths[song_id].exists():
                write_song(song, condition, int(song_id), paths[song_id])
        peers = music_essentia.ask(peer, paths.values()) if peer else {}
        for song_id, (_, chords, key) in references.items():
            harmony = analyse_file(paths[song_id])
            own = [(c.start, c.end, c.label) for c in harmony.chords]
            add(condition.name, "hevner", score_chords(chords, own))
            if key:
                found = harmony.key.label if harmony.key else None
                add(condition.name, "hevner", score_key(key, found))
            other = peers.get(str(paths[song_id]), {"chords": {}, "keys": {}})
            for window, rows in other["chords"].items():
                estimate = [(a, b, name) for a, b, name in rows]
                system = f"essentia chords {window} s"
                add(condition.name, system, score_chords(chords, estimate))
            for profile, name in other["keys"].items():
                if key:
                    add(condition.name, f"essentia {profile}", score_key(key, name))
    return [_row(key, np.array(values)) for key, values in collected.items()]


def _row(key: tuple[str, str, str], values: np.ndarray) -> dict[str, object]:
    mean, low, high = (f"{value:.4f}" for value in interval(values))
    return dict(
        zip(("condition", "system", "score"), key, strict=True), mean=mean, low=low, high=high,
        songs=len(values),
    )  # fmt: skip


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="Keeps the rendered songs.")
    parser.add_argument("--data", type=Path, required=True, help="Folder of POP909.")
    parser.add_argument("--songs", type=int, default=32, help="Number of songs.")
    parser.add_argument("--essentia-python", type=Path, help="A Python that has Essentia.")
    parser.add_argument("--out", type=Path, default=RESULTS, help="The table.")
    options = parser.parse_args()
    rows = evaluate(options.data, options.songs, options.folder, options.essentia_python)
    write(rows, options.out)


if __name__ == "__main__":
    main()
