"""Fit at which multiple of a pulse the beat is counted: `hevner.music.tempo_level` holds it.

    python benchmarks/tempo_level.py DATA STORE

DATA is the folder of the datasets: cuts of 6 seconds in ``musemo`` with tempi in
``gtzan_labels/songs.csv``, and ``pop909``, of which pieces are rendered into STORE beside composed
ones, as for training the rhythm network but with another seed. The script prints the arrays, and
how many cuts are right by a preference that was not fitted to them: ten folds of blocks of ten
songs of a genre, drawn four times. `benchmarks/tempo.py` reports the first drawing.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import key_cuts
import numpy as np
import scipy.optimize

from hevner.audio.decode import open_audio
from hevner.lab.music.fitting import kept
from hevner.lab.music.rhythm_examples import Example, inputs_of, rendered
from hevner.music import rhythm, rhythm_network
from hevner.music.tempo_level import SHAPES, Preference, describe

FOLDS, DRAWINGS = 10, 4
PIECES, SEED = 300, 2
PENALTY = 0.03
LEVELS = np.log2(rhythm_network.TEMPI)


class Case(NamedTuple):
    """Input of the rhythm network, log-odds of tempi ``(103,)``, tempo, block of songs."""

    inputs: np.ndarray
    odds: np.ndarray
    tempo: float
    block: str = ""


def case(inputs: np.ndarray, tempo: float, block: str = "") -> Case:
    """What the network says of a piece."""
    model = rhythm_network.load()
    return Case(inputs, rhythm.whole(inputs, model.steps(inputs), model)[0], tempo, block)


def songs(data: Path) -> Iterator[tuple[Path, str, float]]:
    """Cuts of songs with a tempo, in the order of their names: file, song, tempo."""
    with (data / "gtzan_labels" / "songs.csv").open(encoding="utf-8") as stream:
        labels = {row["song"]: row["tempo"] for row in csv.DictReader(stream)}
    for path in sorted((data / "musemo" / "audio").glob("*")):
        song = path.stem.removeprefix("out_")
        if labels.get(song):
            yield path, song, float(labels[song])


def cuts(data: Path) -> Iterator[Case]:
    """What the network says of these cuts."""
    for path, song, tempo in songs(data):
        sound = np.concatenate(list(open_audio(path).blocks))
        yield case(inputs_of(sound).astype(np.float32), tempo, key_cuts.block(song))


def pieces(data: Path, store: Path, count: int = PIECES) -> Iterator[Case]:
    """Pieces with a pulse."""
    for k in range(count):
        make = partial(rendered, k, data / "pop909", SEED)
        one = kept(store / f"{SEED}-{k:06d}.npz", Example, make)
        if one.tempo:
            yield case(one.inputs.astype(np.float32), one.tempo)


def fit(recordings: list[Case], rendered: list[Case]) -> Preference:
    """The likeliest tempi of both, which weigh the same."""
    known = [*recordings, *rendered]
    described = np.stack([describe(one.inputs) for one in known])
    share = np.repeat([1 / len(recordings), 1 / len(rendered)], [len(recordings), len(rendered)])
    mean = np.average(described, axis=0, weights=share)
    spread = np.sqrt(np.average((described - mean) ** 2, axis=0, weights=share))
    seen = np.clip((described - mean) / spread, -2.5, 2.5)
    seen = np.concatenate([np.ones((len(known), 1)), seen], axis=1)
    odds = np.stack([one.odds for one in known])
    step = (LEVELS[1] - LEVELS[0]) * 1.2
    distance = (LEVELS - np.log2([[one.tempo] for one in known])) / step
    right = np.exp(-0.5 * distance**2)
    right /= right.sum(axis=1, keepdims=True)
    # The constants are hardly held back, the trust in the network is 1 unless shown otherwise.
    held = PENALTY * np.array([1, *([0.1] + [1] * 6) * 3])
    usual = np.array([1.0] + [0.0] * 21)

    def cost(values: np.ndarray) -> tuple[float, np.ndarray]:
        slopes = values[1:].reshape(3, 7)
        found = values[0] * odds + seen @ slopes.T @ SHAPES
        found -= np.logaddexp.reduce(found, axis=1, keepdims=True)
        excess = (np.exp(found) - right) * share[:, None]
        slope = np.append((excess * odds).sum(), ((excess @ SHAPES.T).T @ seen).ravel())
        away = values - usual
        likely = (right * found).sum(axis=1) @ share
        return float((held * away**2).sum() - likely), slope + 2 * held * away

    best = scipy.optimize.minimize(cost, usual, jac=True, method="L-BFGS-B").x
    slopes = best[1:].reshape(3, 7).round(2).astype(np.float32)
    rounded = (one.round(3).astype(np.float32) for one in (mean, spread))
    return Preference(*rounded, slopes, round(float(best[0]), 2))  # type: ignore[call-arg]


def out_of_fold(recordings: list[Case], rendered: list[Case], seed: int) -> list[Preference]:
    """For every cut the preference that was fitted to cuts of other blocks."""
    found: dict[int, Preference] = {}
    for held in key_cuts.folds(np.array([one.block for one in recordings]), FOLDS, seed):
        others = [one for one, out in zip(recordings, held, strict=True) if not out]
        found |= dict.fromkeys(np.flatnonzero(held).tolist(), fit(others, rendered))
    return [found[k] for k in range(len(recordings))]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="Folder of the datasets.")
    parser.add_argument("store", type=Path, help="Keeps the rendered pieces.")
    options = parser.parse_args()
    recordings = list(cuts(options.data))
    rendered = list(pieces(options.data, options.store))
    for seed in range(DRAWINGS):
        right = []
        for one, by in zip(recordings, out_of_fold(recordings, rendered, seed), strict=True):
            found = rhythm.analyse(one.inputs, preference=by).tempo
            right.append(found is not None and abs(found / one.tempo - 1) <= 0.04)
        print(f"drawing {seed}: within 4 % {np.mean(right):.4f}", flush=True)
    print(fit(recordings, rendered))


if __name__ == "__main__":
    main()
