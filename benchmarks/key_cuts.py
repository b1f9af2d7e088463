"""Fit the profile that helps with the key of a short cut: `hevner.music.modes` holds it.

    python benchmarks/key_cuts.py MUSEMO LABELS

MUSEMO holds 6-second cuts of GTZAN songs, LABELS is a CSV with the columns song and key. The
profile adds chroma, counted from each tonic, to the log-odds of major and minor: 24 numbers,
likeliest on the cuts, with a penalty. It prints them, and the weighted score of cuts that the
profile was not fitted to: ten folds of blocks of ten songs of a genre, drawn four times, each with
the penalty that five folds of its own training cuts prefer. `benchmarks/key.py` reports the first
drawing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.optimize
import soundfile
import soxr

from hevner.blocks import FRAMES
from hevner.datasets.musemo import ALIKE_METAL, REPEATED_JAZZ
from hevner.lab.music import render
from hevner.music import chord_decoder, chord_labels, harmony, modes, tuning
from hevner.music.network import FROM_TONIC
from hevner.music.records import Key
from hevner.music.spectrum import SAMPLE_RATE, HarmonySpectrum

FOLDS, INNER_FOLDS, DRAWINGS = 10, 5, 4
PENALTIES = (3.0, 5.0, 10.0, 20.0)
NO_PROFILE = np.zeros((2, 12), np.float32)


def spectrum(path: Path) -> tuple[np.ndarray, float]:
    """Frames of the harmony spectrum of a file, and its length in seconds."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    samples = np.asarray(soxr.resample(sound.mean(axis=1), rate, SAMPLE_RATE), np.float32)
    windows, _ = render.windows(samples, FRAMES)
    return HarmonySpectrum().encode(windows), len(samples) / SAMPLE_RATE


def features(path: Path) -> np.ndarray:
    """What `modes.estimate` is given for a file."""
    frames, _ = spectrum(path)
    chroma, low, posterior, evidence = harmony.classify(frames, tuning.estimate(frames))
    chords = chord_decoder.best_path(chord_decoder.scores(posterior))
    return modes.summarise(chroma, low, posterior, evidence, chords)


def fit(cuts: np.ndarray, keys: np.ndarray, penalty: float) -> np.ndarray:
    """Profile ``(2, 12)`` of cuts ``(n, 12, k)`` in known keys ``(n,)``, classes 0..23."""
    known = np.log(np.stack([Key(modes.estimate(cut, NO_PROFILE)).thirds for cut in cuts]) + 1e-6)
    chroma = cuts[:, FROM_TONIC, 0]
    spread = chroma.std()
    right = np.eye(24)[keys]

    def cost(values: np.ndarray) -> tuple[float, np.ndarray]:
        profile = values.reshape(2, 12)
        added = np.einsum("ntd,md->nmt", chroma / spread, profile).reshape(-1, 24)
        odds = known + added
        odds -= np.logaddexp.reduce(odds, axis=1, keepdims=True)
        excess = (np.exp(odds) - right).reshape(-1, 2, 12)
        slope = np.einsum("nmt,ntd->md", excess, chroma / spread) + 2 * penalty * profile
        return float(penalty * (profile**2).sum() - (right * odds).sum()), slope.ravel()

    found = scipy.optimize.minimize(cost, np.zeros(24), jac=True, method="L-BFGS-B").x
    return (found.reshape(2, 12) / spread).astype(np.float32)


def folds(blocks: np.ndarray, count: int, seed: int) -> Iterator[np.ndarray]:
    """Rows held out of every fold, ``(n,)`` booleans."""
    names = np.random.default_rng(seed).permutation(np.unique(blocks))
    for fold in range(count):
        yield np.isin(blocks, names[fold::count])


def choose_penalty(cuts: np.ndarray, keys: np.ndarray, blocks: np.ndarray) -> float:
    """The penalty with the likeliest keys of cuts held out."""
    costs = dict.fromkeys(PENALTIES, 0.0)
    for held in folds(blocks, INNER_FOLDS, 0):
        for penalty in PENALTIES:
            profile = fit(cuts[~held], keys[~held], penalty)
            told = [Key(modes.estimate(cut, profile)).thirds for cut in cuts[held]]
            costs[penalty] -= sum(
                np.log(thirds[key] + 1e-6) for thirds, key in zip(told, keys[held], strict=True)
            )
    return min(costs, key=costs.__getitem__)


def out_of_fold(cuts: np.ndarray, keys: np.ndarray, blocks: np.ndarray, seed: int) -> list[Key]:
    """Key of every cut by a profile fitted to cuts of other blocks."""
    found: dict[int, Key] = {}
    for held in folds(blocks, FOLDS, seed):
        penalty = choose_penalty(cuts[~held], keys[~held], blocks[~held])
        profile = fit(cuts[~held], keys[~held], penalty)
        found |= {k: Key(modes.estimate(cuts[k], profile)) for k in map(int, np.flatnonzero(held))}
    return [found[k] for k in range(len(cuts))]


def load(labels: dict[Path, str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, key classes and blocks of files whose key is known."""
    cuts = np.stack([features(path) for path in labels])
    keys = np.array([chord_labels.parse_key(key) for key in labels.values()])
    return cuts, keys, np.array([block(path.stem.removeprefix("out_")) for path in labels])


def block(song: str) -> str:
    """Genre and tens of a song's number; that of its twin, if it is the same recording."""
    genre, number = song.split(".")
    twins = {"jazz": REPEATED_JAZZ, "metal": ALIKE_METAL}.get(genre, {})
    return f"{genre}-{twins.get(int(number), int(number)) // 10}"


def main() -> None:
    """Print the scores out of fold and the profile of all cuts."""
    from key import recordings, weighted

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("musemo", type=Path)
    parser.add_argument("labels", type=Path)
    options = parser.parse_args()
    found = recordings(options.musemo, options.labels)
    labels = {case.path: str(case.key) for case in found}
    cuts, keys, blocks = load(labels)
    for seed in range(DRAWINGS):
        told = [key.label for key in out_of_fold(cuts, keys, blocks, seed)]
        pairs = list(zip(labels.values(), told, strict=True))
        both, above = (np.mean([weighted(*pair, below=b) for pair in pairs]) for b in (True, False))
        print(f"drawing {seed}: weighted {both:.4f}, fifths above only {above:.4f}", flush=True)
    penalty = choose_penalty(cuts, keys, blocks)
    print(penalty, np.array2string(fit(cuts, keys, penalty), precision=2, separator=", "))


if __name__ == "__main__":
    main()
