"""Where predicted valence or arousal is most wrong, and what these clips have in common.

    python benchmarks/worst.py PREDICTIONS.csv --data DIR --store DIR --set musifeast --out CSV

Reads predictions as ``peers.py`` does (the first system counts) and the facts of each clip from a
store. Errors are predicted less rated, after the best line from predictions to ratings over the
set, so that the scale of a set is no error. Writes the clips with the largest errors: genre, key,
mode, tempo, attacks per second, brightness (spectral centroid in hertz), loudness range and chords
(share of minor triads), with rated and predicted values. Prints
them, mean and spread of the error by genre, and how each fact goes with ratings, predictions and
the error (Pearson's r, the last with a 95 % bootstrap interval over groups): a fact that the model
uses too little or too much.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peers import SETS, SOUNDFONTS, read_predictions, short

from hevner import datasets
from hevner.datasets.track import Track
from hevner.emotion import AXES
from hevner.encoders.handcrafted import NAMES as SOUND
from hevner.features import Features
from hevner.lab.data.extraction import read_features
from hevner.lab.metrics.regression import pearson
from hevner.lab.metrics.report import write
from hevner.lab.metrics.statistics import bootstrap
from hevner.music import analyse, descriptors, onsets, rhythm

Array = NDArray[np.float64]

FROM_SOUND = {
    "onsets_per_s": "onset_rate",
    "brightness_octaves": "centroid_mean",
    "level_range_db": "level_std_db",
    "percussive": "percussive_share",
    "noisiness": "flatness_mean",
}
FROM_HARMONY = {
    "major_less_minor": "mode_probability",
    "minor_chords": "share_minor",
    "sevenths": "share_dominant_seventh",
    "key_clarity": "key_clarity",
    "semitones": "interval_class_1",
    "chords_per_s": "chord_change_rate",
}


def facts(features: Features) -> dict[str, Any]:
    """Musical facts of a clip in few words and numbers."""
    harmony = analyse(features.spectrum.astype(np.float32), features.duration)
    pulse = rhythm.analyse(
        onsets.inputs(features.onsets, features.starts, features.spectrum, harmony)
    )
    sound = features.rows["handcrafted"][features.sounding].mean(axis=0)
    chords = descriptors.descriptors(harmony, 0.0, features.duration)
    key = harmony.key
    return {
        "key": key.label if key else "",
        "mode": (key.mode if key else None) or "",
        "tempo": pulse.tempo or np.nan,
        **{name: float(sound[SOUND.index(of)]) for name, of in FROM_SOUND.items()},
        **{name: float(chords[descriptors.NAMES.index(of)]) for name, of in FROM_HARMONY.items()},
    }


def straightened(rated: Array, guess: Array) -> Array:
    """Predictions on the best line to the ratings."""
    slope, offset = np.polyfit(guess, rated, 1)
    return np.asarray(offset + slope * guess)


def by_genre(tracks: Sequence[Track], rated: Array, guess: Array) -> list[list[str]]:
    """Lines of a table: genre, clips, mean rated and error, spread of the error, r inside."""
    genre = np.array([track.genre for track in tracks])
    lines = []
    for name in np.unique(genre):
        here = genre == name
        error = guess[here] - rated[here]
        inside = pearson(rated[here], guess[here]) if here.sum() > 4 else np.nan
        numbers = [rated[here].mean(), error.mean(), np.sqrt(np.mean(error**2)), inside]
        lines.append([str(name), str(here.sum()), *map(short, numbers)])
    return sorted(lines, key=lambda line: -float(line[4]))


def shared(
    told: Sequence[dict[str, Any]], rated: Array, guess: Array, group: NDArray[Any]
) -> list[list[str]]:
    """Lines of a table: fact, clips that have it, its r with rated, predicted and error."""
    lines = []
    for name in (n for n in told[0] if n not in ("key", "mode")):
        values = np.array([one[name] for one in told])
        known = np.isfinite(values)
        if known.sum() < 3:
            continue
        columns = [column[known] for column in (rated, guess, guess - rated)]
        r = [pearson(column, values[known]) for column in columns]

        def again(rows: NDArray[np.intp], v: Array = values[known], e: Array = columns[2]) -> float:
            return pearson(e[rows], v[rows])

        numbers = map(short, (*r, *bootstrap(again, group[known])))
        lines.append([name, str(known.sum()), *numbers])
    return sorted(lines, key=lambda line: -abs(float(line[4])))


def print_lines(head: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    """Print a table in Markdown."""
    print("\n| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for line in lines:
        print("| " + " | ".join(map(str, line)) + " |")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Describe the clips with the largest errors.")
    parser.add_argument("predictions", type=Path)
    for name in ("data", "store", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--set", default="musifeast", choices=SETS)
    parser.add_argument("--axis", default="valence", choices=AXES)
    parser.add_argument("--count", type=int, default=20)
    options = parser.parse_args()
    said = next(iter(read_predictions([options.predictions]).values()))
    tracks = [
        track
        for track in datasets.load(options.set, options.data / options.set)
        if f"{track.dataset}/{track.id}" in said
    ]
    axis = AXES.index(options.axis)
    rated = np.array([getattr(track, options.axis) for track in tracks], float)
    guess = np.array([said[f"{track.dataset}/{track.id}"][axis] for track in tracks])
    guess = straightened(rated, guess)
    error = guess - rated
    variant = f"{SOUNDFONTS.get(options.set, 'recorded')}-0"
    told = [
        facts(read_features(options.store, options.set, track.id, variant)[1]) for track in tracks
    ]
    rows: list[dict[str, object]] = []
    for k in np.argsort(-np.abs(error))[: options.count]:
        row: dict[str, object] = {
            "dataset": options.set,
            "id": tracks[k].id,
            "genre": tracks[k].genre,
        }
        row |= {"rated": f"{rated[k]:.2f}", "predicted": f"{guess[k]:.2f}"}
        numbers = {n: v if isinstance(v, str) else f"{v:.2f}" for n, v in told[k].items()}
        rows.append(row | numbers)
    write(rows, options.out)
    print_lines(list(rows[0]), [list(row.values()) for row in rows])
    print_lines(("genre", "n", "rated", "error", "rms error", "r"), by_genre(tracks, rated, guess))
    group = np.array([track.group for track in tracks])
    print_lines(
        ("fact", "n", "r with rated", "with predicted", "with the error", "low", "high"),
        shared(told, rated, guess, group),
    )


if __name__ == "__main__":
    main()
